# SPDX-License-Identifier: MIT
"""Options of fitting a reduced polycrystal."""

import argparse
from typing import Any

from mlms_fenics.errors import require
from mlms_fenics.surrogate.fitting.data import TrainingData

DEFAULTS: dict[str, Any] = {
    "grains": 8,
    "candidates": 1000,
    "starts": 4,
    "tolerance": 1e-4,
    "samples": 100,
    "epochs": 40,
    "vary": "systems",
    "variations": 5,
    "prior": 1e-3,
}
_UNKNOWN = ("batch", "rate", "weight_decay", "patience", "resume")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this architecture."""
    default = {k: f"(default: {v:g})" for k, v in DEFAULTS.items() if not isinstance(v, str)}
    parser.add_argument("--grains", type=int, help=f"how many {default['grains']}")
    parser.add_argument(
        "--candidates",
        type=int,
        help=f"random orientations to choose from, beside the data's own {default['candidates']}",
    )
    parser.add_argument(
        "--starts",
        type=int,
        help=f"choices that are polished, of which the best is kept {default['starts']}",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        help=f"of each grain's stress when the law is used {default['tolerance']}; the fit uses "
        f"{DEFAULTS['samples']} histories unless --samples says otherwise, and at most "
        f"{DEFAULTS['epochs']} iterations (--epochs) per start",
    )
    parser.add_argument(
        "--vary",
        choices=("systems", "nothing"),
        help="what of a grain is fitted beside orientation and weight: of each slip and twin "
        f"system its direction, resistance and strength, or nothing (default: {DEFAULTS['vary']})",
    )
    parser.add_argument(
        "--variations",
        type=int,
        help="at most so many iterations in which the systems vary, of the best start "
        f"{default['variations']}",
    )
    parser.add_argument(
        "--prior",
        type=float,
        help="error that a system's turn by one radian, or a factor of e, must be worth "
        f"{default['prior']}",
    )


def is_taylor(data: TrainingData) -> bool:
    """Whether all data are Taylor averages."""
    return all(file.get("cell") == "taylor" for file in data.files)


def check(options: dict[str, Any], arguments: argparse.Namespace, data: TrainingData) -> None:
    """Raise `InputError` where an option is out of range or means nothing here."""
    for name in ("grains", "candidates", "starts", "samples", "epochs", "variations"):
        require(options[name] >= 1, f"--{name} {options[name]}: must be at least 1")
    tolerance = options["tolerance"]
    require(0.0 < tolerance <= 0.1, f"--tolerance {tolerance}: must lie in (0, 0.1]")
    require(options["prior"] >= 0.0, f"--prior {options['prior']}: must not be negative")
    require(arguments.seed >= 0, f"--seed {arguments.seed}: must not be negative")
    for name in _UNKNOWN:
        require(
            getattr(arguments, name, None) in (None, False),
            f"--{name.replace('_', '-')}: a reduced polycrystal is fitted in minutes, without "
            "batches, learning rates or checkpoints; leave it out",
        )
    m, own = options["grains"], len(data.orientations)
    if is_taylor(data):
        require(
            m <= own,
            f"--grains {m}: the data are the average of {own} grains; more than those only cost",
        )
    most = own + options["candidates"]
    require(m <= most, f"--grains {m}: there are only {most} candidates; raise --candidates")
