# SPDX-License-Identifier: MIT
"""How well curves determine parameters: standard errors, correlations, directions."""

from dataclasses import dataclass

import numpy as np

_NEAR = 1e-3  # to a bound, of the distance between both
_NOTHING = 3.0  # standard error from which on a combination counts as not determined


def at_bounds(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[str]:
    """Of each scaled parameter "low" or "high" where it lies at that bound, or "".

    Args:
        x: *Shape* `(p,)`.
        low, high: its bounds, likewise.
    """
    near = _NEAR * (high - low)
    rows = zip(np.abs(x - low) < near, np.abs(x - high) < near, strict=True)
    return ["low" if down else "high" if up else "" for down, up in rows]


@dataclass(frozen=True)
class Uncertainty:
    """Of scaled parameters (`Parameter.scaled`); NaN where a parameter is held by a bound.

    Attributes:
        standard_errors: infinite where the curves say nothing, *Shape* `(p,)`.
        correlation: *Shape* `(p, p)`.
        directions: of independent combinations of the parameters, of length 1, each a row, the
            worst determined first, *Shape* `(k, p)`.
        direction_errors: standard errors along them, *Shape* `(k,)`.
        persistence: correlation of neighbouring points' misfits: near 0 where they are noise, near
            1 where the law's curve is of another form; then the errors are no more than a hint.
    """

    standard_errors: np.ndarray
    correlation: np.ndarray
    directions: np.ndarray
    direction_errors: np.ndarray
    persistence: float


def uncertainty(
    residuals: np.ndarray, jacobian: np.ndarray, fixed: np.ndarray, least: float = 0.0
) -> Uncertainty:
    """Linearised, of independent errors of equal size.

    Cov = s² (JᵀJ)⁻¹, s² = |r|²/(n - p), over the parameters that no bound holds.

    Args:
        residuals: r, *Shape* `(n,)`.
        jacobian: J = dr/dx, *Shape* `(n, p)`.
        fixed: whether a parameter is held by a bound, *Shape* `(p,)`.
        least: what s is at least: the simulations' own error.
    """
    n, p = jacobian.shape
    free = np.flatnonzero(~fixed)
    errors, correlation = np.full(p, np.nan), np.full((p, p), np.nan)
    persistence = _persistence(residuals)
    if not len(free):
        return Uncertainty(errors, correlation, np.zeros((0, p)), np.zeros(0), persistence)
    _, s, V = np.linalg.svd(jacobian[:, free], full_matrices=False)
    noise = max(np.linalg.norm(residuals) / np.sqrt(max(n - len(free), 1)), least)
    silent = (s == 0) | (noise > _NOTHING * s)
    along = np.where(silent, np.inf, noise / np.where(silent, 1.0, s))
    heard = V[~silent] * along[~silent, None]
    covariance = heard.T @ heard
    own = np.sqrt(np.diag(covariance))
    lost = (np.abs(V[silent]) > 0.1).any(axis=0)
    errors[free] = np.where(lost, np.inf, own)
    scale = np.where(own > 0, own, 1.0)
    inner = covariance / np.outer(scale, scale)
    inner[lost] = inner[:, lost] = np.nan
    correlation[np.ix_(free, free)] = inner
    directions = np.zeros((len(s), p))
    directions[:, free] = V
    return Uncertainty(errors, correlation, directions[::-1], along[::-1], persistence)


def _persistence(residuals: np.ndarray) -> float:
    size = float(residuals @ residuals)
    return float(residuals[1:] @ residuals[:-1]) / size if size > 0 else 0.0
