# SPDX-License-Identifier: MIT
"""Empirical laws fitted by least squares to a polycrystal's stress, as an engineer would."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from scipy.optimize import least_squares

from mlms_fenics.kinematics.tensors import deviator
from mlms_fenics.materials import Material, drive

# Parameters of flow that may not exceed 1; the others are positive.
_AT_MOST_ONE = ("n",)


def deviatoric_stress(law: Material, U: np.ndarray, horizon: float) -> np.ndarray:
    """Deviator of a law's stress along histories, GPa.

    Args:
        law: the law.
        U: stretches at equal steps of time, the first the identity, *Shape* `(n, n_t + 1, 3, 3)`.
        horizon: their duration, µs.

    Returns:
        U's shape.
    """
    time = torch.linspace(0.0, horizon, U.shape[1], dtype=torch.float64)
    return deviator(drive(law, torch.as_tensor(U), time).numpy())


def path_errors(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Relative L² error of each path's deviator, *Shape* `(n,)`."""
    axes = (1, 2, 3)
    return np.sqrt(((found - truth) ** 2).sum(axes) / (truth**2).sum(axes))


def fit_law(
    make: Callable[..., Material],
    start: Mapping[str, float],
    U: np.ndarray,
    truth: np.ndarray,
    horizon: float,
) -> dict[str, float]:
    """Parameters, all positive, that make the mean square relative error least.

    Args:
        make: the law of keyword parameters.
        start: the parameters by name, where to begin.
        U, horizon: see `deviatoric_stress`.
        truth: deviatoric stress along U, GPa.

    Returns:
        The parameters found.
    """
    norm = np.sqrt((truth**2).sum((1, 2, 3), keepdims=True))

    def residual(logarithms: np.ndarray) -> np.ndarray:
        law = make(**dict(zip(start, np.exp(logarithms), strict=True)))
        return ((deviatoric_stress(law, U, horizon) - truth) / norm).ravel()

    # Not beyond: exponents must be at most 1, and nothing may vanish altogether.
    upper = [0.0 if name in _AT_MOST_ONE else 5.0 for name in start]
    found = least_squares(
        residual, np.log(list(start.values())), bounds=([-12.0] * len(start), upper)
    )
    return dict(zip(start, np.exp(found.x).tolist(), strict=True))
