# SPDX-License-Identifier: MIT
"""A crystal's parameters from measured curves: `python -m mlms_fenics.calibrate`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mlms_fenics.calibrate.experiment import read_experiment
from mlms_fenics.calibrate.fit import fit
from mlms_fenics.calibrate.report import draw, report, write_json, write_law
from mlms_fenics.errors import require
from mlms_fenics.parallel import entry_point


@entry_point
def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see its `--help`."""
    options = _parser().parse_args(arguments)
    out = Path(options.out)
    require(
        out.suffix in (".yaml", ".yml"),
        f"--out is '{out}', but must end in .yaml: `--law` reads it by that",
    )
    require(out.absolute().parent.is_dir(), f"--out: there is no folder '{out.absolute().parent}'")
    experiment = read_experiment(options.experiment)
    found = fit(
        experiment,
        tolerance=options.tolerance,
        steps=options.steps,
        difference=options.difference,
        workers=options.workers,
        starts=options.starts,
        seed=options.seed,
        told=lambda line: print(line, flush=True),
    )
    print(f"{found.evaluations} simulations of all curves, {found.seconds:.1f} s")
    print("\n".join(report(found)))
    files = [out, out.with_suffix(".json"), out.with_suffix(".png")]
    for write, path in zip((write_law, write_json, draw), files, strict=True):
        write(found, path)
    print("wrote " + ", ".join(map(str, files)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.calibrate",
        description="Find the numbers of a crystal law with which it has measured curves, by least "
        "squares. Writes the law, OUT.json (numbers, standard errors, correlations) and OUT.png.",
    )
    new = parser.add_argument
    new("experiment", help="YAML file: law, free parameters with bounds, curves (see "
        "mlms_fenics/calibrate/experiment.py for its form)")  # fmt: skip
    new("--out", default="law.yaml", metavar="OUT.yaml", help="the law (law.yaml)")
    new("--tolerance", type=float, default=1e-3, help="relative, of the simulations (1e-3)")
    new("--steps", type=int, default=30, help="most steps of the search (30)")
    new("--difference", type=float, default=0.02, help="relative, of a parameter, for derivatives: "
        "larger where curves are not smooth in it (0.02)")  # fmt: skip
    new("--workers", type=int, default=os.cpu_count() or 1, help="simulations at the same time "
        "(all cores)")  # fmt: skip
    new("--starts", type=int, default=1, help="searches: the first from the start given, others "
        "from places between the bounds; the best counts (1)")  # fmt: skip
    new("--seed", type=int, default=0, help="of the other starts (0)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
