# SPDX-License-Identifier: MIT
"""A block of equal hexahedra on a wall, of any size, made with no FEniCSx: for measurements."""

from math import sqrt

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.loop.data import HourglassData, PlaneData, Problem

# The four hourglass patterns ηζ, ζξ, ξη, ξηζ on a hexahedron's vertices in tensor-product order.
PATTERNS = np.array(
    [
        [1, 1, -1, -1, -1, -1, 1, 1],
        [1, -1, 1, -1, -1, 1, -1, 1],
        [1, -1, -1, 1, 1, -1, -1, 1],
        [-1, 1, 1, -1, 1, -1, -1, 1],
    ]
) / sqrt(8.0)


def block(
    counts: tuple[int, int, int],
    size: float = 0.1,
    speed: float = 0.2,
    hourglass: tuple[str, float] = ("secant", 0.3),
    viscosity: tuple[float, float] = (0.06, 1.2),
) -> Problem:
    """A block from the origin on, of cubes, that flies along −z into a frictionless wall at z = 0.

    Args:
        counts: of elements along x, y, z.
        size: of an element, mm.
        speed: mm/µs.
        hourglass: form and coefficient, as of `macroscale.Hourglass`.
        viscosity: linear and quadratic coefficient.

    Raises:
        InputError: a count below 1, or a size that is not positive.
    """
    require(
        min(counts) >= 1 and size > 0.0,
        f"counts are {counts} and the size {size:g} mm, but there must be at least 1 element along "
        "each axis, of a positive size",
    )
    grids = np.meshgrid(*(np.arange(n + 1) for n in counts), indexing="ij")
    index = np.stack([grid.ravel() for grid in grids], axis=1)
    number = np.arange(len(index)).reshape([n + 1 for n in counts])
    a, b, c = counts
    bits = np.array([[k & 1, k >> 1 & 1, k >> 2 & 1] for k in range(8)])
    dofs = np.stack(
        [number[i : a + i, j : b + j, k : c + k].ravel() for i, j, k in bits.tolist()], axis=1
    ).astype(np.int32)
    n, volume = len(dofs), size**3
    gradient = (2.0 * bits - 1.0) / (4.0 * size)
    metric = gradient.T @ gradient
    X = size * index
    outer = np.flatnonzero(((index == 0) | (index == counts)).any(axis=1))
    form, coefficient = hourglass
    scale = volume ** (2.0 / 3.0) / 4.0 if form == "viscous" else volume * np.trace(metric)
    velocity = np.zeros_like(X)
    velocity[:, 2] = -speed
    return Problem(
        cell="hexahedron",
        per_cell=1,
        mean_dilatation=False,
        axisymmetric=False,
        owned=len(X),
        viscosity=viscosity,
        coordinates=X,
        velocity=velocity,
        dofs=dofs,
        gradients=np.broadcast_to(gradient, (n, 8, 3)),
        metric=np.broadcast_to(metric, (n, 3, 3)),
        volume=np.full(n, volume),
        shares=np.full((n, 8), volume / 8.0),
        hourglass=HourglassData(
            form=form,
            coefficient=coefficient,
            patterns=PATTERNS,
            slopes=np.broadcast_to(PATTERNS @ (size * bits), (n, 4, 3)),
            size=np.full(n, scale),
        ),
        contacts=[PlaneData(outer, X[outer, 2].copy(), np.array([0.0, 0.0, 1.0]), 0.0, 0.0)],
    )
