# SPDX-License-Identifier: MIT
"""Judge a learnt law: `python -m mlms_fenics.surrogate.evaluate MODEL DATA... --out DIR`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics import __version__
from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.judge.baselines import ZERO
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.locking import Claim
from mlms_fenics.parallel import entry_point
from mlms_fenics.progress import say
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.histories import given_future
from mlms_fenics.surrogate.metrics import path_errors, summary, without_deviator
from mlms_fenics.surrogate.model_file import SHIPPED, load_model

EPILOG = """Each DATA file is one protocol and one row of the report. Of a data set that the model
was trained on, only the part kept back for testing is judged. DIR gets report.json with everything,
report.md and figures.png."""


def predict(law: LearntLaw, U: np.ndarray, horizon: float) -> tuple[np.ndarray, np.ndarray]:
    """Components of the law's stress, and its distance from the training data, for each path.

    Args:
        law: to be driven.
        U: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`.
        horizon: µs.

    Returns:
        Stress components in U's shape, GPa, and distances `(N,)`.
    """
    sigma, distance = law.stress_and_distance(from_components(np.asarray(U, np.float64)), horizon)
    return to_components(sigma), distance


def errors_on(
    law: LearntLaw, U: np.ndarray, sigma: np.ndarray, time: np.ndarray
) -> dict[str, dict[str, dict[str, float]]]:
    """Summaries of path errors: of the law step by step, given the future, and of the baseline.

    Other time steps are `consistency`'s: a coarser grid leaves corners out, which is another
    history with another stress, so that these stresses cannot judge it.

    Args:
        law: to be judged.
        U, sigma: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, GPa.
        time: uniform, *Shape* `(n_t + 1,)`, µs.

    Returns:
        `rows[name][measure][statistic]`; see `metrics.summary`.
    """
    horizon = float(time[-1])
    rows = {"law": summary(path_errors(predict(law, U, horizon)[0], sigma, time))}
    whole = given_future(law, U, horizon)
    if whole is not None:
        rows["law, given the future"] = summary(path_errors(whole, sigma, time))
    zero = without_deviator(U, law.bulk_modulus, law.shear_modulus)
    rows[ZERO] = summary(path_errors(zero, sigma, time))
    return rows


def evaluate(
    model: str | os.PathLike[str],
    data: Sequence[str | os.PathLike[str]],
    out: Path,
    paths: int = 200,
    beside: Sequence[str | os.PathLike[str]] = (),
) -> dict[str, Any]:
    """Judge a model on data sets and write `report.json`, `report.md` and `figures.png` to `out`.

    Args:
        model: file, or "default" for the shipped one.
        data: data sets, one protocol each.
        out: folder, made if need be.
        paths: judge at most so many of each data set.
        beside: other models, for the picture of error against cost.

    Returns:
        What is in report.json.

    Raises:
        InputError: a file that is not what it should be, data of another cell than the model's, or
            a folder that cannot be written or that another process writes to.
    """
    from mlms_fenics.judge.judged_data import load_judged
    from mlms_fenics.judge.judgement import judge, main_data
    from mlms_fenics.judge.missing_protocols import missing_commands
    from mlms_fenics.judge.report_figure import draw
    from mlms_fenics.judge.report_page import page

    law = _load(model)
    judged = [load_judged(law, path, paths) for path in data]
    main = Path(data[judged.index(main_data(judged))])
    others = {}
    for path in beside:
        other = _load(path)
        name = Path(path).stem
        others[name if name not in others else str(path)] = (other, load_judged(other, main, paths))
    with Claim(out):
        found, pictures = judge(law, judged, others, say)
        report = {
            "model": str(model),
            "package_version": __version__,
            "architecture": law.architecture,
            "parameters": sum(p.numel() for p in law.network.parameters()),
            "horizon": law.horizon,
            **found,
            "missing_protocols": missing_commands(law, judged, out),
            "training": law.report,
        }
        say("figures")
        draw(report, pictures, out / "figures.png")
        for name, text in (
            ("report.json", json.dumps(report, indent=1)),
            ("report.md", page(report, ["figures.png"])),
        ):
            with replacing(out / name) as file:
                file.write_text(text, encoding="utf-8")
    return report


def _load(model: str | os.PathLike[str]) -> LearntLaw:
    return load_model(model, device="cpu")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.surrogate.evaluate", description=__doc__, epilog=EPILOG
    )
    shipped = ", ".join(SHIPPED)
    parser.add_argument("model", type=Path, help=f"model file, or one shipped: {shipped}")
    parser.add_argument("data", nargs="+", type=Path, help="data sets of the model's unit cell")
    parser.add_argument("--out", type=Path, help="folder of the report (MODEL-report)")
    parser.add_argument("--paths", type=int, default=200, help="paths per set (%(default)s)")
    parser.add_argument(
        "--beside", nargs="+", type=Path, default=[], metavar="MODEL", help="laws to compare with"
    )
    arguments = parser.parse_args(argv)
    require(arguments.paths >= 1, f"--paths {arguments.paths}: must be at least 1")
    out = arguments.out or Path(f"{arguments.model.stem}-report")
    require(not out.exists() or out.is_dir(), f"--out {out} is a file: name a folder")
    report = evaluate(arguments.model, arguments.data, out, arguments.paths, arguments.beside)
    from mlms_fenics.judge.report_page import terminal

    print(terminal(report))
    print(f"\nreport: {out / 'report.md'}, {out / 'report.json'}, {out / 'figures.png'}")


if __name__ == "__main__":
    sys.exit(main())
