# SPDX-License-Identifier: MIT
"""Strain increments of a history in the frame that turns with the material.

A step from U₀ to U₁ is f = U₁ U₀⁻¹ = r u: the material is stretched by u and then turned by r, also
where F has no rotation. Lattices turn with it, whatever slip adds to that.
"""

from functools import lru_cache

import numpy as np
import torch

from mlms_fenics.kinematics.strain import isometry, isometry_inverse, log_strain
from mlms_fenics.kinematics.tensors import from_components, inverse, polar, to_components


def stretch_and_turn(U0: torch.Tensor, U1: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """log u in coordinates of a deviator, and r.

    Args:
        U0, U1: *Shape* `(..., 3, 3)`, float64.

    Returns:
        *Shape* `(..., 5)` and `(..., 3, 3)`, float64.
    """
    r, u = polar(U1 @ inverse(U0))
    return log_strain(u) @ _to_deviator(U0.device), r


@lru_cache(maxsize=8)
def _to_deviator(device: torch.device) -> torch.Tensor:
    return torch.as_tensor(isometry(3, deviatoric=True).T.copy(), device=device)


def unspun(U: np.ndarray, tensors: np.ndarray, chunk: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Strain increments of histories and symmetric tensors along them, in the turning frame.

    Args:
        U: components, *Shape* `(N, n_t + 1, 6)`.
        tensors: components, U's shape.
        chunk: histories at a time.

    Returns:
        Coordinates of deviators, float32, *Shape* `(N, n_t, 5)` and `(N, n_t + 1, 5)`.
    """
    to_deviator = isometry(3, deviatoric=True).T
    from_deviator = isometry_inverse(3, deviatoric=True).T
    moves, turned = [], []
    for first in range(0, len(U), chunk):
        stretch = from_components(torch.as_tensor(U[first : first + chunk], dtype=torch.float64))
        d, spins = stretch_and_turn(stretch[:, :-1], stretch[:, 1:])
        Q = [np.broadcast_to(np.eye(3), (len(d), 3, 3))]
        for r in np.moveaxis(spins.numpy(), 1, 0):
            Q.append(r @ Q[-1])
        frame = np.stack(Q, 1)
        # log u belongs to the frame at the start of its step.
        D = from_components(d.numpy() @ from_deviator)
        moves.append(_in(frame[:, :-1], D) @ to_deviator)
        T = from_components(np.asarray(tensors[first : first + chunk], np.float64))
        turned.append(_in(frame, T) @ to_deviator)
    return tuple(np.concatenate(x).astype(np.float32) for x in (moves, turned))


def _in(Q: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Components of Qᵀ T Q."""
    return to_components(np.swapaxes(Q, -1, -2) @ T @ Q)
