# SPDX-License-Identifier: MIT
"""What a strain path must be before any work is done."""

import numpy as np

from mlms_fenics.checks import real_array
from mlms_fenics.errors import InputError, require
from mlms_fenics.kinematics.tensors import embedded


def check_paths(U: np.ndarray, dimension: int) -> np.ndarray:
    """Strain paths as float64 `(n_paths, n_t + 1, 3, 3)`.

    Args:
        U: *Shape* `(..., n_t + 1, d, d)`; d = 3, or 2 where `dimension` is 2.
        dimension: of the law, 2 or 3.

    Raises:
        InputError: wrong shape, or the message names the first path and entry that is not finite,
            not symmetric, not positive definite, not the identity at the start, or not in plane
            strain where `dimension` is 2.
    """
    U = real_array("U", U)
    allowed = ((3, 3), (2, 2)) if dimension == 2 else ((3, 3),)
    require(
        U.ndim >= 3 and U.shape[-2:] in allowed and U.shape[-3] >= 2,
        f"U must have shape (..., n_t + 1, {dimension}, {dimension}) with n_t ≥ 1, got {U.shape}",
    )
    U = U.reshape(-1, *U.shape[-3:])
    U = embedded(U) if U.shape[-1] == 2 else U
    _refuse(~np.isfinite(U).all((2, 3)), "is not finite")
    asymmetry = np.abs(U - U.swapaxes(2, 3)).max((2, 3))
    _refuse(asymmetry > 1e-6, "is not symmetric: give the right stretch U of F = RU")
    U = 0.5 * (U + U.swapaxes(2, 3))
    _refuse(np.linalg.eigvalsh(U)[..., 0] <= 0, "is not positive definite")
    start = np.abs(U[:, :1] - np.eye(3)).max((2, 3))
    _refuse(start > 1e-6, "is not the identity: paths start undeformed")
    if dimension == 2:
        out = np.abs(U[..., 2, :] - np.array([0.0, 0.0, 1.0])).max(-1)
        _refuse(out > 1e-9, "is not in plane strain, which a two-dimensional law needs")
    return np.ascontiguousarray(U)


def _refuse(bad: np.ndarray, what: str) -> None:
    if bad.any():
        path, entry = np.argwhere(bad)[0]
        raise InputError(f"U of path {path}, entry {entry}, {what}")
