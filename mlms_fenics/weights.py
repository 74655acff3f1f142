# SPDX-License-Identifier: MIT
"""Volume fractions of orientations."""

import numpy as np

from mlms_fenics.checks import real_array
from mlms_fenics.errors import InputError


def check_weights(weights: np.ndarray | None, n: int, name: str = "weights") -> np.ndarray:
    """Volume fractions with sum 1, having checked what they are made from.

    Args:
        weights: at least 0, with any positive sum, *Shape* `(n,)`; None: all equal. Where the sum
            is 1 but for rounding they stay as they are.
        n: number of orientations.
        name: for messages.

    Returns:
        float64, *Shape* `(n,)`.

    Raises:
        InputError: wrong shape, NaN, infinity, a negative weight (named), or all zero.
    """
    if weights is None:
        return np.full(n, 1.0 / n)
    weights = real_array(name, weights)
    if weights.shape != (n,):
        raise InputError(
            f"{name} must have the shape ({n},), one for each orientation, not {weights.shape}"
        )
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        g = int(np.argmax(bad))
        raise InputError(f"{name}: that of grain {g} is {weights[g]}, but must be finite and >= 0")
    total = float(weights.sum())
    if not 0 < total < np.inf:
        raise InputError(
            f"{name} have the sum {total:g}: at least one must be positive, the sum finite"
        )
    return weights.copy() if abs(total - 1.0) < 1e-12 else weights / total


def are_equal(weights: np.ndarray) -> bool:
    """Whether weights differ by no more than rounding, so that a plain mean stands for them."""
    return bool(np.ptp(weights) <= 1e-12 * np.max(weights, initial=0.0))
