# SPDX-License-Identifier: MIT
"""Time grids on which a recurrent operator walks its training histories.

A history is a polygon in U: exact stresses belong to the polygon that the crystal was led along, so
only a grid that keeps all its corners may be walked. Leaving corners out is no longer the same
history: the Taylor average itself, led along every fourth sample of a smooth 50% path, is off by
18%. Finer grids are always allowed.
"""

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
