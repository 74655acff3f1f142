# SPDX-License-Identifier: MIT
"""Command line: train a family of textures and materials, and make the law of one of them.

    python -m mlms_fenics.surrogate.family train FILE.h5 FILE.h5 ... --out family.h5 --minutes 20
    python -m mlms_fenics.surrogate.family of family.h5 --texture TEXTURE --out model.h5 \\
        --parameter basal.tau_0=0.06

Each FILE is a data set of a texture; more than one may be of the same. Numbers of the material in
which they differ (as the generator's --set names them) become parameters of the family, and `of` is
to be given each; numbers that are everywhere the same multiple of another go with that. What `of`
makes is an ordinary recurrent law: used, judged and exported as any, and taught more of its texture
by `python -m mlms_fenics.surrogate.train MORE.h5 --architecture recurrent --start-from model.h5`.
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
from mlms_fenics.surrogate.family.parameters import values_from
from mlms_fenics.surrogate.family.training import DEFAULTS, fit, load_sets
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.model_file import load_model, save_model


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.surrogate.family",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="a family from data sets of many unit cells")
    new = train.add_argument
    new("data", nargs="+", type=Path, help="data sets, each of a texture and material")
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
    one = commands.add_parser("of", help="the law of a texture and material")
    new = one.add_argument
    new("family", type=Path, help="file of the family")
    new("--texture", required=True, help="any file that `mlms_fenics.microstructure` reads")
    new("--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="of the material, in mm, µs, GPa; repeatable, all of the family's")  # fmt: skip
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
        law = fit(load_sets(options.data), options)
        save_model(law, options.out)
    error = min(law.report["training"]["validation"])
    known = "".join(f"; {parameter}" for parameter in law.parameters)
    print(
        f"{len(options.data)} data sets{known}; validation error {error:.2%}; written to "
        f"{options.out}"
    )


def _specialise(options: argparse.Namespace) -> None:
    family = load_model(options.family)
    require(
        isinstance(family, FamilyLaw),
        f"{options.family}: a {family.architecture} model, not a family of textures",
    )
    texture = read_texture(options.texture)
    parameters = values_from(options.parameter)
    law = family.of_texture(texture.orientations, texture.weights, parameters)
    save_model(law, options.out)
    with_these = "".join(f"; {name} = {value:.4g}" for name, value in parameters.items())
    print(
        f"the law of {options.texture} ({len(texture)} orientations, "
        f"{law.report['texture_distance']:.2g} of the distance between the family's own textures"
        f"{with_these}) written to {options.out}"
    )


if __name__ == "__main__":
    sys.exit(main())
