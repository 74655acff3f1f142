# SPDX-License-Identifier: MIT
"""What a number, an array and a set of orientations must be before any work is done."""

import math
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


def check_positive(name: str, value: float, unit: str = "", largest: float = math.inf) -> float:
    """`value` in double precision, or `InputError` unless 0 < value ≤ largest < ∞."""
    good = isinstance(value, int | float | np.integer | np.floating) and math.isfinite(value)
    if not (good and 0 < value <= largest):
        bound = f" and at most {largest:g}" if largest < math.inf else ""
        raise InputError(f"{name} must be positive{bound}{' ' + unit if unit else ''}, got {value}")
    return float(value)


def check_whole(name: str, value: int, least: int) -> int:
    """`value` as an int, or `InputError` unless it is a whole number of at least `least`."""
    good = isinstance(value, int | np.integer) and value >= least
    require(good, f"{name} is {value}, but must be a whole number of at least {least}")
    return int(value)


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
