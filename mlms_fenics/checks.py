# SPDX-License-Identifier: MIT
"""What arrays, orientations and strain paths must be before any work is done."""

from typing import Any

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.kinematics.tensors import embedded


def real_array(name: str, values: Any) -> np.ndarray:
    """`values` as a new float64 array.

    Raises:
        InputError: they are no numbers, complex, or form no array.
    """
    try:
        found = np.asarray(values)
        if found.dtype.kind not in "biuf":
            raise TypeError(f"its entries are of type {found.dtype}")
        return np.array(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be an array of real numbers: {error}") from error


def check_times(time: Any) -> np.ndarray:
    """Times as float64, having checked that each is finite and after the one before.

    Args:
        time: µs, *Shape* `(n,)`, an array, a tensor or a list.

    Raises:
        InputError: no numbers, or the message names the first that is out of order.
    """
    times = real_array("time", time.cpu() if hasattr(time, "cpu") else time)
    require(times.ndim == 1, f"time must have shape (n_t + 1,), got {times.shape}")
    finite = np.isfinite(times[:1]).all() and not np.isinf(times).any()
    require(bool(finite), "time holds infinity, or begins with NaN: give finite times")
    late = np.flatnonzero(~(times[1:] > times[:-1]))
    if late.size:
        k = int(late[0]) + 1
        raise InputError(
            f"time {times[k]:g} µs of entry {k} is not after that of entry {k - 1}, "
            f"{times[k - 1]:g} µs: times must increase; leave out what is repeated"
        )
    return times


def check_orientations(Q: np.ndarray, dimension: int) -> np.ndarray:
    """Orientations as float64 `(n_grains, 3, 3)`.

    Args:
        Q: *Shape* `(n_grains, 3, 3)`, or `(n_grains, 2, 2)` where `dimension` is 2.
        dimension: of the law, 2 or 3.

    Raises:
        InputError: wrong shape, no grains, no rotation, or out of plane where `dimension` is 2.
    """
    Q = real_array("orientations", Q)
    allowed = ((3, 3), (2, 2)) if dimension == 2 else ((3, 3),)
    require(
        Q.ndim == 3 and Q.shape[1:] in allowed and len(Q) > 0,
        f"orientations must have shape (n_grains, {dimension}, {dimension}), got {Q.shape}",
    )
    Q = embedded(Q) if Q.shape[-1] == 2 else Q
    defect = np.abs(Q @ Q.transpose(0, 2, 1) - np.eye(3)).max((1, 2))
    defect = np.maximum(defect, np.abs(np.linalg.det(Q) - 1.0))
    bad = ~(defect < 1e-8)  # also NaN
    if bad.any():
        g = int(bad.argmax())
        raise InputError(
            f"orientation {g} is no rotation: QᵀQ - I or det Q - 1 is off by {defect[g]:.3g}"
        )
    if dimension == 2:
        tilted = np.abs(Q[:, 2, 2] - 1.0) > 1e-8
        if tilted.any():
            raise InputError(
                f"orientation {int(tilted.argmax())} turns a plane-strain crystal out of its plane"
            )
    return Q


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
    _refuse(~np.isfinite(U).all((2, 3)), "is not finite (NaN or infinity)")
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
