# SPDX-License-Identifier: MIT
"""Train a learnt law: `python -m mlms_fenics.surrogate.train FILE.h5 --out MODEL.h5`.

With no more than that, the recipe chooses (see `surrogate.recipe`); with `--architecture`, or with
`--epochs` or an option of the recurrent law's own, it is that one.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics import __version__
from mlms_fenics.device import HELP, chosen
from mlms_fenics.errors import require
from mlms_fenics.locking import Claim
from mlms_fenics.parallel import entry_point
from mlms_fenics.surrogate import recipe
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import TrainingData, load_data
from mlms_fenics.surrogate.metrics import table
from mlms_fenics.surrogate.model_file import save_model
from mlms_fenics.surrogate.registry import architectures, trainer

RECIPE, DEFAULT = "recipe", "recurrent"
FEW, MORE = 8, 64  # test paths that are always judged, and that tell what all would cost
TEST_LIMIT = 500  # test paths of each data set that the closing report is made from


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="+", type=Path, help="data sets of one unit cell")
    parser.add_argument("--out", type=Path, required=True, help="model file to write")
    parser.add_argument(
        "--architecture",
        choices=[RECIPE, *architectures()],
        default=RECIPE,
        help="default: %(default)s, which tries what suits the data and goes on with the best",
    )
    parser.add_argument(
        "--microseconds",
        type=float,
        default=recipe.MICROSECONDS,
        help="of the recipe: a point and step may cost so much on one core (%(default)s)",
    )
    parser.add_argument("--samples", type=int, help="use at most so many training histories")
    parser.add_argument("--epochs", type=int, help="passes over the training data, at most")
    parser.add_argument(
        "--minutes",
        type=float,
        help=f"wall time of all of it, at most (recipe: {recipe.MINUTES:g})",
    )
    parser.add_argument("--batch", type=int, help="histories per optimiser step")
    parser.add_argument("--rate", type=float, help="learning rate at the start")
    parser.add_argument("--weight-decay", type=float, help="of AdamW")
    parser.add_argument("--patience", type=int, help="epochs without progress before stopping")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--device", default="cpu", help=f"of the training: {HELP}")
    parser.add_argument("--resume", action="store_true", help="go on after a kill")
    parser.add_argument("--no-picture", action="store_true", help="no picture beside the model")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command's options: the common ones and those of the architecture that they name."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--architecture", choices=[RECIPE, *architectures()], default=RECIPE)
    name = first.parse_known_args(argv)[0].architecture
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.surrogate.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _common(parser)
    if name == RECIPE:
        known, others = parser.parse_known_args(argv)
        if not others and known.epochs is None:
            return known
        name = DEFAULT
    trainer(name).add_arguments(parser.add_argument_group(f"options of {name}"))
    parser.set_defaults(architecture=name)
    return parser.parse_args(argv)


def train(data: TrainingData, arguments: argparse.Namespace) -> LearntLaw:
    """Fit the chosen architecture and put the training record and test errors in its report."""
    from mlms_fenics.surrogate.evaluate import errors_on

    name = arguments.architecture
    if name == RECIPE:
        law, name = recipe.train_by_recipe(data, arguments, _fit)
    else:
        law = _fit(name, data, arguments)
    law.report.update(
        {
            "package_version": __version__,
            "architecture": name,
            "seed": arguments.seed,
            "data": data.files,
            "split": {k: len(getattr(data, k)) for k in ("train", "validation", "test")},
            "errors": {},
        }
    )
    budget = Budget.of(arguments)
    for source, file in enumerate(data.files):
        rows = data.test_rows(source)[:TEST_LIMIT]
        rows = rows[: _affordable(law, data, rows, budget, len(data.files) - source)]
        if len(rows):
            law.report["errors"][file["file"]] = errors_on(
                law, data.U[rows], data.sigma[rows], data.time_of(source)
            )
    return law


def _fit(name: str, data: TrainingData, arguments: argparse.Namespace) -> LearntLaw:
    return trainer(name).fit(data, arguments)


def _affordable(
    law: LearntLaw, data: TrainingData, rows: np.ndarray, budget: Budget, sets: int
) -> int:
    """How many of the test paths `rows` can be judged in this set's share of the time left."""
    from mlms_fenics.surrogate.evaluate import predict

    if not budget.limited:
        return len(rows)
    share = budget.left(budget.judged) / sets
    # Some laws are driven twice, step by step and given the future.
    share /= 2.0 if hasattr(law, "stress_given_future") else 1.0
    paths = min(FEW, len(rows))
    # The first time may compile, and many paths cost less each than few.
    for tried in (FEW, FEW, MORE):
        if tried > max(paths, FEW) or share <= 0.0:
            break
        begun = time.monotonic()
        predict(law, data.U[rows[:tried]], data.horizon)
        spent = time.monotonic() - begun
        share -= spent
        paths = min(len(rows), max(FEW, int(share / (spent / tried))))
    if paths < len(rows):
        said = f"judged on {paths} of {len(rows)} test paths, to end in time"
        print(said, file=sys.stderr, flush=True)
    return paths


def describe(report: dict[str, Any]) -> str:
    """Text of the test errors in a law's report."""
    split = report["split"]
    lines = [
        f"{report['architecture']}: {split['train']} training, {split['validation']} validation, "
        f"{split['test']} test paths; relative L2 errors of the stress history on test paths"
    ]
    for file, rows in report["errors"].items():
        lines += ["", f"{file}:", table(rows)]
    return "\n".join(lines)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = parse(argv)
    folder = arguments.out.parent
    require(folder.is_dir(), f"--out {arguments.out}: the folder {folder} does not exist")
    require(not arguments.out.is_dir(), f"--out {arguments.out} is a folder: name a file")
    require(
        arguments.samples is None or arguments.samples >= 1,
        f"--samples {arguments.samples}: must be at least 1",
    )
    if arguments.architecture == RECIPE and arguments.minutes is None:
        arguments.minutes = recipe.MINUTES
    require(
        arguments.microseconds > 0.0,
        f"--microseconds {arguments.microseconds}: must be positive",
    )
    arguments.budget = Budget(arguments.minutes)
    arguments.checkpoint = arguments.out.with_name(f"{arguments.out.name}.checkpoint")
    with Claim(arguments.out, file=True):
        _train_and_save(arguments)


def _train_and_save(arguments: argparse.Namespace) -> None:
    device = chosen(arguments.device)
    many = arguments.architecture == RECIPE or getattr(
        trainer(arguments.architecture), "MANY_HORIZONS", False
    )
    data = load_data(arguments.data, arguments.samples, many_horizons=many)
    data.device = device
    law = train(data, arguments)
    save_model(law, arguments.out)
    print(describe(law.report))
    print(f"\nmodel written to {arguments.out}")
    if not arguments.no_picture:
        from mlms_fenics.surrogate.figures import training_picture

        picture = arguments.out.with_suffix(".png")
        training_picture(law, data, picture)
        print(f"picture written to {picture}")


if __name__ == "__main__":
    sys.exit(main())
