# SPDX-License-Identifier: MIT
"""The polycrystal that a command line asks for: orientations and, on a grid, the grain map."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mlms_fenics.data.cells import CellType
from mlms_fenics.errors import InputError
from mlms_fenics.microstructure import (
    Texture,
    fibre_texture,
    random_orientations,
    read_grains,
    read_texture,
    voronoi_grains,
)
from mlms_fenics.weights import are_equal

DEFAULT_GRID = {2: 64, 3: 16}
_MOST_CELLS = 2**24


@dataclass(frozen=True)
class Microstructure:
    """Fields as of `recipe.Recipe`."""

    orientations: np.ndarray
    grains: np.ndarray | None = None
    weights: np.ndarray | None = None
    settings: dict = field(default_factory=dict)
    said: tuple[str, ...] = ()  # what a file of orientations was read as


def microstructure_from_options(
    options: argparse.Namespace, cell: CellType, dimension: int
) -> Microstructure:
    """The polycrystal of the generator's options.

    Args:
        options: see `options.build_parser`.
        cell: what it is for.
        dimension: of the law.

    Raises:
        InputError: options out of range, or that do not go together.
    """

    def texture(number: int | None) -> Texture:
        return texture_from_options(
            dimension,
            number,
            options.orientation_seed,
            options.orientations,
            options.fibre,
            options.fibre_spread,
            options.texture_block,
            options.texture_phase,
        )

    number = options.grains
    given = None if options.orientations is None else texture(number)
    number = number if given is None else len(given)
    if not cell.full_field:
        given = given or texture(cell.grains if number is None else number)
        weights = None if are_equal(given.weights) else given.weights
        return Microstructure(given.orientations, weights=weights, said=given.said)
    if given is not None and not are_equal(given.weights):
        raise InputError(
            f"--orientations: '{options.orientations}' holds different weights, but the volumes of "
            "grains on a grid are those of the grid: reduce it to orientations of equal weight "
            "(python -m mlms_fenics.microstructure FILE --reduce N --equal)"
        )
    grains, own = grains_from_options(
        dimension,
        options.grid,
        cell.grains if number is None else number,
        options.grain_seed,
        options.grain_map,
    )
    present = int(grains.max()) + 1
    if number not in (None, present):
        raise InputError(
            f"there are to be {number} grains, but '{options.grain_map}' has {present}: leave "
            "--grains out, or take orientations of as many"
        )
    if given is not None:
        Q = given.orientations
    else:
        Q = own if own is not None and options.fibre is None else texture(present).orientations
    if not 1 <= options.increments <= 1000:
        raise InputError(
            f"--increments is {options.increments}, but must lie in 1 <= increments <= 1000"
        )
    settings = {
        "grain_seed": options.grain_seed if options.grain_map is None else None,
        "increments": options.increments,
        "operator": options.operator,
    }
    said = () if given is None else given.said
    return Microstructure(Q, grains, settings=settings, said=said)


def texture_from_options(
    dimension: int,
    grains: int | None,
    seed: int,
    file: str | None = None,
    fibre: Sequence[float] | None = None,
    spread: float = 0.0,
    block: int | None = None,
    phase: str | None = None,
) -> Texture:
    """Orientations with weights: from a file, a fibre of c axes, or random.

    Args:
        dimension: of the law.
        grains: number of grains; may be None where a file gives them.
        seed: of the random ones.
        file: see `microstructure.read_texture`; None: none.
        fibre: direction of the c axes, sample frame; None: none.
        spread: of the fibre, degrees.
        block: of the file, see `microstructure.read_texture`.
        phase: likewise.

    Raises:
        InputError: bad values, or both a file and a fibre, or a file for another dimension.
    """
    if file is not None and fibre is not None:
        raise InputError("--orientations and --fibre exclude each other: give one of them")
    if file is not None:
        texture = read_texture(file, block=block, phase=phase)
        Q = texture.orientations
        if Q.shape[-1] != dimension:
            raise InputError(
                f"--orientations: '{file}' holds {Q.shape[-1]}D rotations, but the law is "
                f"{dimension}D"
            )
        if grains not in (None, len(Q)):
            raise InputError(
                f"--orientations: '{file}' holds {len(Q)} rotations for {grains} grains: leave "
                "--grains out, or take another file"
            )
        return texture
    if block is not None or phase is not None:
        raise InputError("--texture-block and --texture-phase are for --orientations FILE")
    if fibre is not None:
        if dimension != 3:
            raise InputError("--fibre is for 3D laws")
        return Texture(fibre_texture(grains, seed, tuple(fibre), spread=spread))
    return Texture(random_orientations(grains, seed, dimension))


def grains_from_options(
    dimension: int,
    grid: Sequence[int] | None,
    n_grains: int,
    seed: int,
    file: str | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """A grain map: read from a file, or a periodic Voronoi tessellation.

    Args:
        dimension: of the law.
        grid: cells along all axes alike, or along each; None: `DEFAULT_GRID`.
        n_grains: of the tessellation.
        seed: of the tessellation.
        file: see `microstructure.read_grains`; None: none.

    Returns:
        Grains, int32, *Shape* the grid's; the orientations that the file holds, or None.

    Raises:
        InputError: bad values, a file of another dimension, or both a file and a grid.
    """
    if file is not None:
        if grid is not None:
            raise InputError("--grain-map and --grid exclude each other: give one of them")
        grains, Q = read_grains(file)
        if grains.ndim != dimension:
            raise InputError(
                f"--grain-map: '{file}' is {grains.ndim}D, but the law is {dimension}D: take "
                "another --law or map"
            )
        return grains.astype(np.int32), Q
    grid = [DEFAULT_GRID[dimension]] if grid is None else list(grid)
    shape = grid * dimension if len(grid) == 1 else grid
    if len(shape) != dimension or min(shape) < 2 or np.prod(shape, dtype=float) > _MOST_CELLS:
        raise InputError(
            f"--grid is {' '.join(map(str, grid))}, but must be one number or {dimension} (one for "
            f"each axis of the {dimension}D law), each at least 2, and at most {_MOST_CELLS} cells "
            "in all"
        )
    if not 0 <= seed < 2**63:
        raise InputError(f"--grain-seed is {seed}, but must lie in 0 <= grain_seed < 2**63")
    if not 1 <= n_grains <= np.prod(shape):
        raise InputError(
            f"--grains is {n_grains}, but must lie in 1 <= grains <= {np.prod(shape)}, the grid's "
            "cells: take fewer grains or a finer --grid"
        )
    return voronoi_grains(shape, n_grains, seed), None
