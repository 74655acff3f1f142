# SPDX-License-Identifier: MIT
"""Strain increments of a history in the frame that turns with the material.

A step from U₀ to U₁ is f = U₁ U₀⁻¹ = r u: the material is stretched by u and then turned by r, also
where F has no rotation. Lattices turn with it, whatever slip adds to that.
"""

import numba
import numpy as np
import torch

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics import strain_kernel, vector_math
from mlms_fenics.kinematics.strain import isometry, isometry_inverse, log_strain
from mlms_fenics.kinematics.strain_kernel import POINTS, ROTATION, ROWS, kinematics
from mlms_fenics.kinematics.tensors import from_components, polar, to_components


def stretch_and_turn(U0: torch.Tensor, U1: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """log u in coordinates of a deviator, and r.

    Args:
        U0, U1: *Shape* `(..., 3, 3)`, float64.

    Returns:
        *Shape* `(..., 5)` and `(..., 3, 3)`, float64.
    """
    to_deviator = torch.as_tensor(isometry(3, deviatoric=True).T.copy(), device=U0.device)
    if U0.device.type != "cpu":
        r, u = polar(torch.linalg.solve(U0, U1, left=False))
        return log_strain(u) @ to_deviator, r
    shape = U1.shape[:-2]
    strain, r = torch.empty(*shape, 6, dtype=torch.float64), torch.empty_like(U1.contiguous())
    _split(
        *(x.contiguous().view(-1, c).numpy() for x, c in ((U0, 9), (U1, 9), (strain, 6), (r, 9)))
    )
    return strain @ to_deviator, r


def _cached_split(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy")
    def _split(U0, U1, strain, r):  # type: ignore[no-untyped-def]
        """log u and r of U₁ U₀⁻¹, components of symmetric U's in rows of nine, on a CPU."""
        if sources < 0:  # never; mentioned so that it is captured
            return
        f, e, k = np.empty(9 * POINTS), np.empty(12 * POINTS), np.empty(ROWS * POINTS)
        for start in range(0, len(U0), POINTS):
            here = min(POINTS, len(U0) - start)
            for p in range(POINTS):
                n = start + min(p, here - 1)
                a, b, c, d, g, h = U0[n, 0], U0[n, 4], U0[n, 8], U0[n, 1], U0[n, 5], U0[n, 2]
                k0, k1, k2 = b * c - g * g, a * c - h * h, a * b - d * d
                k3, k4, k5 = g * h - c * d, d * h - a * g, d * g - b * h
                scale = 1.0 / (a * k0 + d * k3 + h * k5)
                for i in range(3):
                    x, y, z = (
                        U1[n, 3 * i] * scale,
                        U1[n, 3 * i + 1] * scale,
                        U1[n, 3 * i + 2] * scale,
                    )
                    f[3 * i * POINTS + p] = x * k0 + y * k3 + z * k5
                    f[(3 * i + 1) * POINTS + p] = x * k3 + y * k1 + z * k4
                    f[(3 * i + 2) * POINTS + p] = x * k5 + y * k4 + z * k2
            kinematics(f, e, k)
            for p in range(here):
                for i in range(6):
                    strain[start + p, i] = k[i * POINTS + p]
                for i in range(9):
                    r[start + p, i] = k[(ROTATION + i) * POINTS + p]

    return _split


_split = _cached_split(source_checksum(vector_math, strain_kernel))


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
