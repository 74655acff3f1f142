# SPDX-License-Identifier: MIT
"""Judge a learnt law: `python -m mlms_fenics.surrogate.evaluate MODEL DATA...`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.parallel import entry_point
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.metrics import exact_pressure, path_errors, summary, table
from mlms_fenics.surrogate.model_file import load_model
from mlms_fenics.surrogate.training_data import split_of
from mlms_fenics.tensors import from_components, to_components

COARSER = 4


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
    """Summaries of path errors: of the law step by step, on coarser steps, and of the baseline.

    Args:
        law: to be judged.
        U, sigma: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, GPa.
        time: uniform, *Shape* `(n_t + 1,)`, µs.

    Returns:
        `rows[name][measure][statistic]`; see `metrics.summary`.
    """
    horizon = float(time[-1])
    rows = {"law": summary(path_errors(predict(law, U, horizon)[0], sigma, time))}
    if hasattr(law, "stress_given_future"):
        whole = law.stress_given_future(from_components(np.asarray(U, np.float64)), horizon)
        rows["law, given the future"] = summary(path_errors(to_components(whole), sigma, time))
    if (len(time) - 1) % COARSER == 0 and len(time) > 2 * COARSER:
        coarse = predict(law, U[:, ::COARSER], horizon)[0]
        rows[f"law, {COARSER}x coarser steps"] = summary(
            path_errors(coarse, sigma[:, ::COARSER], time[::COARSER])
        )
    rows["zero deviator, exact pressure"] = summary(
        path_errors(exact_pressure(U, law.bulk_modulus), sigma, time)
    )
    return rows


def self_consistency(law: LearntLaw, U: np.ndarray, horizon: float) -> dict[str, float]:
    """Mean relative deviatoric difference of the law from itself on steps 4x finer and coarser."""
    time = np.linspace(0.0, horizon, U.shape[1])
    base = predict(law, U, horizon)[0]
    n_t = U.shape[1] - 1
    fine_time = np.arange(COARSER * n_t + 1) / COARSER
    low = np.minimum(fine_time.astype(int), n_t - 1)
    part = (fine_time - low)[:, None]
    fine = predict(law, U[:, low] * (1 - part) + U[:, low + 1] * part, horizon)[0][:, ::COARSER]
    result = {"finer": float(path_errors(fine, base, time)["deviatoric"].mean())}
    if n_t % COARSER == 0:
        # Against the law itself on the same, coarser polygon, so that only the steps differ.
        kept = np.arange(n_t + 1) / COARSER
        low = np.minimum(kept.astype(int), n_t // COARSER - 1)
        part = (kept - low)[:, None]
        polygon = U[:, ::COARSER][:, low] * (1 - part) + U[:, ::COARSER][:, low + 1] * part
        reference = predict(law, polygon, horizon)[0][:, ::COARSER]
        coarse = predict(law, U[:, ::COARSER], horizon)[0]
        difference = path_errors(coarse, reference, time[::COARSER])["deviatoric"]
        result["coarser"] = float(difference.mean())
    return result


def evaluate(law: LearntLaw, path: str | os.PathLike[str], limit: int = 500) -> dict[str, Any]:
    """Judge a law on a data set.

    Paths that the law may have been trained on are left out: of a data set with the seed of one of
    the training sets only the test part is used.

    Args:
        law: to be judged.
        path: of the data set.
        limit: use at most so many paths.

    Returns:
        JSON-able: file, protocol, number of paths, "errors" (see `errors_on`), self-consistency,
        distance from the training data and its rank correlation with the error.

    Raises:
        InputError: a data set of another law, other orientations or dimension.
    """
    from mlms_fenics.data import Dataset

    with Dataset(path) as data:
        for name, same in (
            ("dimension", data.law.dimension == law.dimension),
            ("law", json.dumps(data.law.to_dict()) == json.dumps(law.law.to_dict())),
            ("orientations", np.array_equal(data.orientations, law.orientations)),
        ):
            require(same, f"data set {path} and the model differ in their {name}")
        law.check_end_time(data.horizon)
        rows = np.arange(len(data))
        seeds = {file.get("seed") for file in law.report.get("data", [])}
        if int(data.attrs["seed"]) in seeds:
            rows = rows[split_of(int(data.attrs["seed"]), np.asarray(data.good)) == 2]
        rows = rows[:limit]
        require(len(rows) > 0, f"data set {path} holds no path that the model was not trained on")
        U, sigma, time = data.U[rows], data.sigma[rows], np.asarray(data.time)
        protocol, sampler = data.protocol, data.sampler
    stress, distance = predict(law, U, float(time[-1]))
    errors = path_errors(stress, sigma, time)
    end = np.linalg.norm(stress[:, -1] - sigma[:, -1], axis=-1)
    return {
        "file": os.path.basename(os.fspath(path)),
        "protocol": protocol,
        "sampler": sampler,
        "paths": len(rows),
        "errors": errors_on(law, U, sigma, time),
        "end_error_mpa": 1e3 * float(end.mean()),
        "self_consistency": self_consistency(law, U[:50], float(time[-1])),
        "distance": {
            "mean": float(distance.mean()),
            "max": float(distance.max()),
            "outside": float((distance > 1.0).mean()),
            "spearman_with_von_mises_error": _rank_correlation(distance, errors["von_mises_mpa"]),
        },
        "per_path": {
            "deviatoric": errors["deviatoric"].tolist(),
            "von_mises_mpa": errors["von_mises_mpa"].tolist(),
            "distance": distance.tolist(),
        },
    }


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    return float(spearmanr(a, b).statistic) if len(a) > 2 and np.ptp(a) > 0 else None


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.surrogate.evaluate", description=__doc__
    )
    parser.add_argument("model", type=Path, help="model file, or 'default' for the shipped one")
    parser.add_argument("data", nargs="+", type=Path, help="data sets of the model's unit cell")
    parser.add_argument("--out", type=Path, help="report to write (JSON; a picture goes beside)")
    parser.add_argument("--limit", type=int, default=500, help="paths per set (%(default)s)")
    arguments = parser.parse_args(argv)
    require(arguments.limit >= 1, f"--limit {arguments.limit}: must be at least 1")
    out = arguments.out or Path(f"{arguments.model.stem}-report.json")
    require(out.parent.is_dir(), f"--out {out}: the folder {out.parent} does not exist")
    law = load_model(None if str(arguments.model) == "default" else arguments.model)
    results = []
    for path in arguments.data:
        result = evaluate(law, path, arguments.limit)
        results.append(result)
        shown = ", ".join(f"{k} {v:.2%}" for k, v in result["self_consistency"].items())
        distance = result["distance"]
        print(f"{result['file']}: {result['protocol']}, {result['paths']} paths")
        print(table(result["errors"]))
        print(
            f"steps {COARSER} times finer or coarser change the deviator by: {shown}; "
            f"{distance['outside']:.1%} of the paths leave the training range "
            f"(largest distance {distance['max']:.2f})\n"
        )
    report = {"model": str(arguments.model), "training": law.report, "results": results}
    with replacing(out) as beside:
        beside.write_text(json.dumps(report, indent=1))
    from mlms_fenics.surrogate.figures import evaluation_page

    evaluation_page(law, results, arguments.data, out.with_suffix(".png"))
    print(f"report written to {out}, figures to {out.with_suffix('.png')}")


if __name__ == "__main__":
    sys.exit(main())
