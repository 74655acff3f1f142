# SPDX-License-Identifier: MIT
"""Time grids on which a recurrent operator walks its training histories.

A history is a polygon in U: exact stresses belong to the polygon that the crystal was led along, so
only a grid that keeps all its corners may be walked. Leaving corners out is no longer the same
history: the Taylor average itself, led along every fourth sample of a smooth 50% path, is off by
18%. Finer grids are always allowed.
"""

from collections.abc import Sequence

import numpy as np
import torch

LONGEST = 2  # steps of the data; longer steps are divided, so they need not be learnt
# Largest second difference of a straight part of U: float32 rounding, or a curve so slight that
# the elastic strain, of order 1e-3, does not see it.
STRAIGHT = 1e-5


def longest_strides(U: np.ndarray) -> np.ndarray:
    """`LONGEST` for each history whose corners all lie on that stride, else 1.

    Args:
        U: components, *Shape* `(N, n_t + 1, c)`.

    Returns:
        *Shape* `(N,)`.
    """
    n_t = U.shape[1] - 1
    longest = np.ones(len(U), dtype=int)
    if n_t % LONGEST or n_t == LONGEST:
        return longest
    inside = np.arange(1, n_t) % LONGEST != 0
    for first in range(0, len(U), 2000):
        part = U[first : first + 2000]
        bend = np.abs(part[:, 2:] - 2.0 * part[:, 1:-1] + part[:, :-2])[:, inside]
        longest[first : first + 2000][bend.max(axis=(1, 2)) < STRAIGHT] = LONGEST
    return longest


def random_nodes(n_t: int, longest: int, generator: torch.Generator) -> torch.Tensor:
    """Times of a random grid in units of the data's step: increasing, from 0, at most `n_t`.

    Args:
        n_t: steps of the data.
        longest: stride that keeps all corners, see `longest_strides`. Above 1 most grids have that
            stride, some the data's own, and some are irregular; otherwise some grids are finer, on
            a first part of the history so that they cost no more.
        generator: of the random numbers.
    """
    kind = float(torch.rand((), generator=generator))
    if longest == 1:
        finer = 1 if kind < 0.7 else 2 if kind < 0.85 else 4
        return torch.arange(0, (n_t // finer) * finer + 1) / finer
    kept = torch.ones(n_t + 1, dtype=torch.bool)
    if kind < 0.5:
        kept[torch.arange(n_t + 1) % longest != 0] = False
    elif kind < 0.85:
        inside = torch.arange(n_t + 1) % longest != 0
        kept[inside] = torch.rand(int(inside.sum()), generator=generator) < 0.5
    return kept.nonzero()[:, 0].double()


def on_grids(
    rows: np.ndarray, group: np.ndarray, nodes: Sequence[torch.Tensor], steps: int | None = None
) -> tuple[torch.Tensor, ...]:
    """What `Problem.errors` takes for some paths on grids that start at 0.

    Args:
        rows: of the paths, *Shape* `(n,)`.
        group: which grid each walks on, *Shape* `(n,)`.
        nodes: times of each grid, in steps of the data.
        steps: of the grids, the end of shorter ones repeated; None: as many as they have.

    Returns:
        rows and group; nodes, *Shape* `(steps + 1, grids)`, float32; how much the error at each
        later node counts: the time since the last one where data are known, or 0.
    """
    steps = len(nodes[0]) - 1 if steps is None else steps
    times = np.stack([np.pad(x.numpy(), (0, steps + 1 - len(x)), mode="edge") for x in nodes], 1)
    weights = np.zeros((steps, len(nodes)))
    for column, grid in zip(weights.T, times.T, strict=True):
        known = np.flatnonzero(grid[1:] % 1.0 == 0.0)
        column[known] = np.diff(grid[1:][known], prepend=0.0)
    arrays = rows, group, times.astype(np.float32), weights.astype(np.float32)
    return tuple(torch.from_numpy(np.ascontiguousarray(x)) for x in arrays)


def at_steps(x: torch.Tensor, rows: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Histories `(N, n_t + 1, c)` of some rows `(n,)` at steps `(m, n)`: `(m, n, c)`."""
    flat = (rows * x.shape[1] + steps).flatten()
    return x.flatten(0, 1).index_select(0, flat).unflatten(0, steps.shape)
