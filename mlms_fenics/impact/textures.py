# SPDX-License-Identifier: MIT
"""The texture of a plate, and of a body that is cut from it along a direction."""

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.microstructure import Texture, fibre_texture, read_texture, reduce
from mlms_fenics.numbers import check_within

DIRECTIONS = {"RD": (1.0, 0.0, 0.0), "TD": (0.0, 1.0, 0.0), "ND": (0.0, 0.0, 1.0)}
_MANY = 400  # orientations that stand for a fibre


def add_texture_options(new: Callable[..., Any]) -> None:
    """Options `--rolled`, `--orientations`, `--axis` and `--grains`.

    Args:
        new: `add_argument` of a parser.
    """
    new("--rolled", type=float, metavar="DEGREES",
        help="a rolled plate of a hexagonal metal: c axes about ND, which scatter by so many "
        "degrees (default: 20)")  # fmt: skip
    new("--orientations", metavar="FILE",
        help="the plate's texture instead, x along RD, y along TD, z along ND: any file that "
        "`python -m mlms_fenics.microstructure` reads")  # fmt: skip
    new("--axis", default="RD",
        help="of the plate, along which the body's z axis lies: RD, TD, ND, or degrees from ND "
        "towards RD (default: RD)")  # fmt: skip
    new("--grains", type=int, default=24, metavar="N",
        help="weighted orientations that stand for the texture at every point (default: 24)"
    )  # fmt: skip


def plate_texture(options: argparse.Namespace) -> Texture:
    """The whole texture in the plate's frame.

    Args:
        options: with the attributes of `add_texture_options`.

    Raises:
        InputError: two textures, a scatter out of range, or a file that cannot be read.
    """
    if options.orientations is not None:
        require(
            options.rolled is None,
            "--orientations and --rolled exclude each other: give one of them",
        )
        return read_texture(options.orientations)
    spread = 20.0 if options.rolled is None else options.rolled
    check_within("--rolled", spread, 0.0, 60.0)
    Q = fibre_texture(_MANY, seed=0, sample_axis=DIRECTIONS["ND"], spread=spread)
    said = (f"c axes about ND, scattered by {spread:g} degrees",)
    return Texture(Q, lattice="hexagonal", said=said)


def body_frame(axis: str) -> np.ndarray:
    """The body's x, y and z in the plate's frame, as rows, *Shape* `(3, 3)`.

    z is the axis; x is what of ND is across it, or RD where the axis is ND.

    Args:
        axis: "RD", "TD", "ND", or degrees from ND towards RD.

    Raises:
        InputError: none of these.
    """
    if axis.upper() in DIRECTIONS:
        z = np.array(DIRECTIONS[axis.upper()])
    else:
        try:
            angle = math.radians(float(axis))
        except ValueError:
            angle = math.nan
        if not math.isfinite(angle):
            raise InputError(
                f"--axis is {axis!r}, but must be RD, TD, ND or a number of degrees from ND "
                "towards RD"
            )
        z = np.array([math.sin(angle), 0.0, math.cos(angle)])
    across = np.array(DIRECTIONS["ND"]) - z[2] * z
    if np.linalg.norm(across) < 1e-9:
        across = np.array(DIRECTIONS["RD"])
    x = across / np.linalg.norm(across)
    return np.stack((x, np.cross(z, x), z))


def in_body(texture: Texture, axis: str) -> Texture:
    """The texture as the body's frame sees it; see `body_frame`."""
    said = (*texture.said, f"axis of the body along {axis}")
    Q = body_frame(axis) @ texture.orientations
    return Texture(Q, texture.weights, texture.lattice, said)


def body_texture(
    options: argparse.Namespace, lattice: str, reduced: bool = True
) -> tuple[Texture, Texture]:
    """The whole texture in the body's frame, and the few orientations that stand for it.

    Args:
        options: with the attributes of `add_texture_options`.
        lattice: "hexagonal" or "cubic", of the metal.
        reduced: false: the whole texture stands for itself.

    Raises:
        InputError: as `plate_texture` and `body_frame`, or a number of grains out of range.
    """
    whole = in_body(plate_texture(options), options.axis)
    require(whole.orientations.shape[-1] == 3, "the texture is of two dimensions: three are needed")
    require(
        whole.lattice in (None, lattice),
        f"the texture is of a {whole.lattice} metal, but the law is {lattice}",
    )
    if not reduced or options.grains == len(whole):
        return whole, whole
    return whole, reduce(whole, options.grains, lattice).texture
