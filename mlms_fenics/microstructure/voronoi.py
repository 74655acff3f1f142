# SPDX-License-Identifier: MIT
"""Periodic Voronoi tessellations on a regular grid."""

from collections.abc import Sequence

import numpy as np

from mlms_fenics.checks import real_array
from mlms_fenics.errors import InputError, require
from mlms_fenics.microstructure.streams import stream
from mlms_fenics.numbers import is_whole

_ROUNDS = 1000  # redraws before a grid is said to be too coarse


def voronoi_grains(
    grid: Sequence[int],
    n_grains: int,
    seed: int,
    *,
    lengths: Sequence[float] | None = None,
    return_seeds: bool = False,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Grain of each cell of a grid: that of the nearest seed, distances measured periodically.

    Seeds are uniform in the cell. A grain that owns no grid cell has its seed drawn anew, so that
    every grain is present. The result depends on the arguments alone, not on the machine.

    Args:
        grid: cells along each axis, two or three numbers.
        n_grains: number of grains, 1 to the number of cells.
        seed: 0 <= seed < 2**63.
        lengths: edges of the unit cell (any unit); equal to `grid` up to a factor where None.
        return_seeds: also return the seeds.

    Returns:
        int32, *Shape* `grid`, values 0 to n_grains - 1; cell (i, j, ...) is centred at
        ((i + ½)/grid[0] lengths[0], ...). With `return_seeds` also the seeds' positions,
        *Shape* `(n_grains, d)`.

    Raises:
        InputError: an argument out of range, or a grid too coarse to hold all grains.
    """
    shape = _check_grid(grid)
    cells = int(np.prod(shape))
    require(
        is_whole(n_grains) and 1 <= n_grains <= cells,
        f"number of grains is {n_grains}, but must lie in 1 <= n_grains <= {cells}, the grid's "
        "cells",
    )
    box = np.asarray(shape if lengths is None else lengths, dtype=float)
    require(
        box.shape == (len(shape),) and bool(np.isfinite(box).all() and (box > 0).all()),
        f"lengths is {lengths}, but must be {len(shape)} positive numbers",
    )
    random = stream(seed, 0, "voronoi")
    seeds = random.random((n_grains, len(shape))) * box
    for _ in range(_ROUNDS):
        grains = _nearest(shape, box, seeds)
        absent = np.flatnonzero(np.bincount(grains.ravel(), minlength=n_grains) == 0)
        if absent.size == 0:
            return (grains, seeds) if return_seeds else grains
        seeds[absent] = random.random((absent.size, len(shape))) * box
    raise InputError(
        f"{absent.size} of {n_grains} grains found no room on a grid of "
        f"{' × '.join(map(str, shape))}: take a finer grid or fewer grains"
    )


def check_grains(grains: np.ndarray, dimension: int | None = None) -> np.ndarray:
    """`grains` as int64, having checked that it is a grain map of a 2D or 3D grid.

    Args:
        grains: numbers of the grains from 0 on, *Shape* the grid's.
        dimension: what the grid's must be, if that is known.

    Raises:
        InputError: not whole numbers, wrong number of axes, negative, or a number that is absent.
    """
    grains = np.asarray(grains)
    require(
        np.issubdtype(grains.dtype, np.integer),
        f"grains must be whole numbers, not {grains.dtype}",
    )
    _check_grid(grains.shape)
    require(
        dimension is None or grains.ndim == dimension,
        f"grains has {grains.ndim} axes, but the law is {dimension}-dimensional",
    )
    require(int(grains.min()) >= 0, f"grain number {grains.min()} is negative")
    present = np.unique(grains)
    if present[-1] >= len(present):
        missing = int(np.flatnonzero(present != np.arange(len(present)))[0])
        raise InputError(f"grain {missing} is absent, but grain {present[-1]} is there")
    return grains.astype(np.int64)


def _check_grid(grid: Sequence[int]) -> tuple[int, ...]:
    shape = real_array("grid", grid)
    require(
        shape.ndim == 1
        and len(shape) in (2, 3)
        and bool(((shape >= 1) & (shape == np.round(shape)) & (shape < 2**31)).all()),
        f"grid is {grid}, but must be two or three whole numbers, at least 1 each",
    )
    return tuple(int(n) for n in shape)


def _nearest(shape: tuple[int, ...], box: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The lowest-numbered of the nearest seeds; the nearest image is found axis by axis."""
    best = np.full(shape, np.inf)
    grains = np.zeros(shape, np.int32)
    for number, seed in enumerate(seeds):
        distance = np.zeros(shape)
        for axis, n in enumerate(shape):
            offset = np.abs((np.arange(n) + 0.5) / n * box[axis] - seed[axis])
            offset = np.minimum(offset, box[axis] - offset)
            line = [1] * len(shape)
            line[axis] = n
            distance += (offset * offset).reshape(line)
        nearer = distance < best
        best[nearer] = distance[nearer]
        grains[nearer] = number
    return grains
