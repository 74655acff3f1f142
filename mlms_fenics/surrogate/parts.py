# SPDX-License-Identifier: MIT
"""Steps in parts: how many a point's step is taken in, and points of equally many together."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mlms_fenics.kinematics.strain import exponential, log_strain
from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.materials.base import State

# Parts of a step, however long it is: the price of a call must not grow with its length in µs, and
# steps so long are far slower, or strain by far more, than anything in the training data.
MOST_SUBSTEPS = 64
# Strain of a step (norm of the change of log U) above which laws of many rates take it in parts,
# where their training had none longer. Of the shipped one, walks of 10% in steps of 0.4% and of 4
# to 8% err by 2.3 and 3.2%, with parts of 1.5% by 2.5%; but walks of 50% in 0.1 µs, taught in steps
# of 2%, then come to 6.5% from 3.8%: what was learnt whole is to be taken whole.
LONGEST_STRAIN = 0.02
# Of a training that had longer ones, as long as those of all but one in a hundred histories, but
# not more than this.
MOST_STRAIN = 0.1


def strain_size(change: torch.Tensor) -> torch.Tensor:
    """Frobenius norm of tensors from their components, *Shape* `(..., 6)` or `(..., 3)`."""
    normal = 3 if change.shape[-1] == 6 else 2
    square = change.square()
    return (square.sum(-1) + square[..., normal:].sum(-1)).sqrt()


def longest_strain(strain: np.ndarray) -> float:
    """What laws of many rates may take whole, by their training.

    Args:
        strain: components of log U of its histories, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1,
            3)`.

    Returns:
        Between `LONGEST_STRAIN` and `MOST_STRAIN`.
    """
    steps = strain_size(torch.from_numpy(np.diff(strain, axis=1))).amax(1)
    return min(max(float(torch.quantile(steps, 0.99)), LONGEST_STRAIN), MOST_STRAIN)


def parts_by_strain(
    before: torch.Tensor, after: torch.Tensor, longest: float = LONGEST_STRAIN
) -> torch.Tensor | None:
    """Equal parts that each point's step is to be taken in.

    They are a power of two, so that few numbers occur and points that share one go together.

    Args:
        before, after: components of log U at the step's ends, *Shape* `(n, 6)` or `(n, 3)`.
        longest: strain of a part at most, but for the bound of parts.

    Returns:
        *Shape* `(n,)`; None where all steps are taken whole.
    """
    change = after - before
    if change.numel() == 0 or float(change.abs().max()) <= longest / 3.0:
        return None  # the norm of nine entries is three times the largest at most: soon looked at
    size = strain_size(change)
    if not bool((size > longest).any()):
        return None
    parts = torch.ones_like(size, dtype=torch.int64)
    while (more := (size > longest * parts) & (parts < MOST_SUBSTEPS)).any():
        parts[more] *= 2
    return parts


def in_parts(
    take: Callable[[torch.Tensor, State, int], tuple[Any, ...]],
    F: torch.Tensor,
    state: State,
    least: int,
    longest: float,
) -> tuple[Any, ...]:
    """A step whose points are taken in as many parts as their strain asks for.

    A point's result does not depend on those that it is computed with.

    Args:
        take: a step of some points in equal parts: from F, the state and the number of parts to
            tensors and dicts of tensors whose first axis is the point; the second is the new state.
        F: of all points.
        state: at the beginning, with "strain", components of log U.
        least: parts of the points that are taken as they are.
        longest: see `parts_by_strain`.

    Returns:
        Of `take`, for all points.
    """
    found = take(F, state, least)
    parts = parts_by_strain(state["strain"], found[1]["strain"], longest)
    if parts is None:
        return found
    for count in parts[parts > least].unique().tolist():
        rows = (parts == count).nonzero()[:, 0]
        some = take(F[rows], {name: value[rows] for name, value in state.items()}, count)
        for whole, part in zip(found, some, strict=True):
            if isinstance(whole, dict):
                for name, value in part.items():
                    whole[name][rows] = value
            else:
                whole[rows] = part
    return found


def coarsest_step(U: np.ndarray) -> float:
    """Largest strain in a step of histories of stretches, *Shape* `(..., n_t + 1, d, d)`."""
    strain = log_strain(torch.from_numpy(np.asarray(U, np.float64)))
    size = strain_size(strain.diff(dim=-2))
    return float(size.max()) if size.numel() else 0.0


def substep_ends(strain: torch.Tensor, U: torch.Tensor, n: int) -> list[torch.Tensor]:
    """Stretches at the ends of all but the last of `n` equal parts of a step.

    Args:
        strain: components of log U at its beginning.
        U: at its end, *Shape* `(points, d, d)`, float64.
        n: parts.
    """
    if n == 1:
        return []
    start = exponential(from_components(strain.double()))
    return [torch.lerp(start, U, k / n) for k in range(1, n)]
