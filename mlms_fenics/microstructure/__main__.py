# SPDX-License-Identifier: MIT
"""What a texture file holds: `python -m mlms_fenics.microstructure FILE [--out PICTURE]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure import (
    Texture,
    draw_pole_figures,
    read_texture,
    reduce,
    texture_index,
    write_orientations,
)
from mlms_fenics.microstructure.formats.columns import NOTATIONS
from mlms_fenics.microstructure.formats.ebsd import FRAMES
from mlms_fenics.microstructure.measured import LATTICES
from mlms_fenics.parallel import entry_point
from mlms_fenics.weights import are_equal

_PICTURES = (".png", ".pdf", ".svg")


@entry_point
def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see its `--help`."""
    options = _parser().parse_args(arguments)
    _check(options)
    texture = read_texture(
        options.file,
        block=options.block,
        phase=options.phase,
        notation=options.notation,
        radians=options.radians,
        frame=options.frame,
        hexagonal_x=options.hexagonal_x,
    )
    for phrase in texture.said:
        print(phrase)
    print(_counts(texture))
    if texture.orientations.shape[-1] == 2:
        if options.out or options.reduce:
            raise InputError("pole figures and reduction are for orientations in 3D")
        return 0
    lattice = options.lattice or texture.lattice or LATTICES[1]
    if not (options.lattice or texture.lattice):
        print(f"taken to be {lattice}, which the file does not say (--lattice)")
    print(_sharpness(texture, lattice, options.halfwidth))
    draw = options.out
    if options.reduce is not None:
        texture = _reduced(texture, lattice, options)
    elif options.to:
        write_orientations(options.to, texture.orientations, weights=texture.weights)
        print(f"wrote {options.to}")
    if draw:
        draw_pole_figures(
            texture.orientations,
            draw,
            options.c_over_a,
            lattice=lattice,
            weights=texture.weights,
        )
        print(f"wrote {draw}: look at it; a wrong convention shows as a turned or mirrored figure")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.microstructure",
        description="Say what a file of orientations holds, by which conventions it was read and "
        "how sharp the texture is; draw its pole figures; reduce it to few weighted orientations.",
    )
    new = parser.add_argument
    new("file", metavar="FILE", help="a table, .tex, .ang, .ctf or material.yaml")
    new("--block", type=int, metavar="N", help="of a .tex file (default: the last)")
    new("--phase", metavar="NAME", help="of a file with several phases, by name or number")
    new("--notation", choices=NOTATIONS, help="of a table without names of its columns")
    new("--radians", action="store_true", default=None, help="a table's angles are in radians")
    new("--frame", choices=FRAMES, help="of .ang and .ctf: axes of the angles (default) or the map")
    new("--hexagonal-x", choices=("a", "a*"), help="x of the file's hexagonal lattice (default: a* "
        "of .ctf, else a; MTEX's own is a*)")  # fmt: skip
    new("--lattice", choices=LATTICES, help="default: as the file says, else hexagonal")
    new("--c-over-a", type=float, default=1.624, help="of a hexagonal lattice (1.624)")
    new("--halfwidth", type=float, default=10.0, help="of the texture index's kernel, degrees (10)")
    new("--out", metavar="PICTURE", help="pole figures, a .png, .pdf or .svg file")
    new("--reduce", type=int, metavar="N", help="find N weighted orientations that stand for all")
    new("--equal", action="store_true", help="of equal weight, for grains on a grid")
    new("--to", metavar="FILE", help="write the orientations, reduced or not, as a table")
    new("--law", metavar="NAME|FILE.json", help="print how far --reduce changes the response of "
        "this crystal law")  # fmt: skip
    return parser


def _check(options: argparse.Namespace) -> None:
    if options.reduce is None and (options.equal or options.law):
        raise InputError("--equal and --law are for --reduce N")
    if options.reduce is not None and not options.to:
        raise InputError("--reduce needs --to FILE, to write the orientations to")
    if options.out and Path(options.out).suffix.lower() not in _PICTURES:
        raise InputError(f"--out: '{options.out}' is no {', '.join(_PICTURES)} file")
    for name, file in (("--out", options.out), ("--to", options.to)):
        if file and not Path(file).absolute().parent.is_dir():
            raise InputError(f"{name}: there is no folder '{Path(file).absolute().parent}'")
    if not 0.5 <= options.c_over_a <= 5.0:
        raise InputError(f"--c-over-a is {options.c_over_a}, but must lie in 0.5 to 5")


def _counts(texture: Texture) -> str:
    n, w = len(texture), texture.weights
    if are_equal(w):
        return f"{n} orientations of equal weight"
    return (
        f"{n} orientations, weights {w.min():.3g} to {w.max():.3g}: as good as "
        f"{1.0 / np.square(w).sum():.0f} of equal weight"
    )


def _sharpness(texture: Texture, lattice: str, halfwidth: float) -> str:
    index, as_random = texture_index(texture, lattice, halfwidth)
    own = index - as_random + 1.0
    word = "no texture to speak of" if own < 1.2 else "weak" if own < 2 else "sharp"
    word = "very sharp" if own > 10 else word
    return (
        f"texture index {index:.3g} (halfwidth {halfwidth:g}°; as many random orientations would "
        f"have {as_random:.3g}, a uniform density 1): {word}"
    )


def _reduced(texture: Texture, lattice: str, options: argparse.Namespace) -> Texture:
    found = reduce(texture, options.reduce, lattice, equal=options.equal)
    write_orientations(options.to, found.texture.orientations, weights=found.texture.weights)
    print(
        f"wrote {options.to}: {options.reduce} orientations; pole figures differ by "
        f"{found.pole_error:.3g} times uniform (as many taken evenly: {found.plain_error:.3g})"
    )
    if options.law:
        # Above this package's floor; only the command asks for it.
        from mlms_fenics.data.laws import law_from_options
        from mlms_fenics.unitcell import response_difference

        law = law_from_options(options.law)
        plain = texture.resampled(options.reduce)
        error, other = (response_difference(law, x, texture) for x in (found.texture, plain))
        print(
            f"response of {options.law} along six paths to 10%: {100 * error:.2g}% off (as many "
            f"taken evenly: {100 * other:.2g}%)"
        )
    return found.texture


if __name__ == "__main__":
    sys.exit(main())
