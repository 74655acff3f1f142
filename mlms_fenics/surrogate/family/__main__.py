# SPDX-License-Identifier: MIT
"""Command line: train a family of textures, and make the law of one of them.

    python -m mlms_fenics.surrogate.family train FILE.h5 FILE.h5 ... --out family.h5 --minutes 20
    python -m mlms_fenics.surrogate.family of family.h5 --texture TEXTURE --out model.h5

Each FILE is a data set of a texture of its own. What `of` makes is an ordinary recurrent law: used,
judged and exported as any, and taught more of its texture by `python -m
mlms_fenics.surrogate.train MORE.h5 --architecture recurrent --start-from model.h5`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mlms_fenics.errors import require
from mlms_fenics.locking import Claim
from mlms_fenics.microstructure import read_texture
from mlms_fenics.parallel import entry_point
from mlms_fenics.surrogate.family.law import FamilyLaw
from mlms_fenics.surrogate.family.training import DEFAULTS, fit
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import load_data
from mlms_fenics.surrogate.model_file import load_model, save_model


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.surrogate.family",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="a family from data sets of many textures")
    new = train.add_argument
    new("data", nargs="+", type=Path, help="data sets, each of a texture of its own")
    new("--out", type=Path, required=True, help="file of the family to write")
    new("--minutes", type=float, default=20.0, help="of all of it (default: 20)")
    new("--degree", type=int, help=f"of harmonics of the texture (default: {DEFAULTS['degree']})")
    new("--width", type=int, help=f"of both hidden layers (default: {DEFAULTS['width']})")
    new("--internal", type=int, help=f"internal variables (default: {DEFAULTS['internal']})")
    new("--turns", type=int, help=f"rotations of each texture (default: {DEFAULTS['turns']})")
    new("--paths", type=int, help=f"histories of a texture at once (default: {DEFAULTS['paths']})")
    new("--epochs", type=int, help="passes over the training data, at most")
    new("--seed", type=int, default=0, help="default: 0")
    new("--resume", action="store_true", help="go on after a kill")
    one = commands.add_parser("of", help="the law of a texture")
    new = one.add_argument
    new("family", type=Path, help="file of the family")
    new("--texture", required=True, help="any file that `mlms_fenics.microstructure` reads")
    new("--out", type=Path, required=True, help="model file to write")
    return parser.parse_args(argv)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    options = parse(argv)
    folder = options.out.parent
    require(folder.is_dir(), f"--out {options.out}: the folder {folder} does not exist")
    if options.command == "of":
        _specialise(options)
        return
    for name in ("width", "turns", "paths"):
        value = getattr(options, name)
        require(value is None or value >= 1, f"--{name} {value}: must be at least 1")
    options.budget = Budget(options.minutes)
    options.checkpoint = options.out.with_name(f"{options.out.name}.checkpoint")
    with Claim(options.out, file=True):
        law = fit([load_data([path]) for path in options.data], options)
        save_model(law, options.out)
    error = min(law.report["training"]["validation"])
    print(f"{len(options.data)} textures, validation error {error:.2%}; written to {options.out}")


def _specialise(options: argparse.Namespace) -> None:
    family = load_model(options.family)
    require(
        isinstance(family, FamilyLaw),
        f"{options.family}: a {family.architecture} model, not a family of textures",
    )
    texture = read_texture(options.texture)
    law = family.of_texture(texture.orientations, texture.weights)
    save_model(law, options.out)
    print(
        f"the law of {options.texture} ({len(texture)} orientations, "
        f"{law.report['texture_distance']:.2g} of the distance between the family's own textures) "
        f"written to {options.out}"
    )


if __name__ == "__main__":
    sys.exit(main())
