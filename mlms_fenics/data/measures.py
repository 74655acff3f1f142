# SPDX-License-Identifier: MIT
"""Scalar measures of strain and stress histories, for looking at data."""

from dataclasses import dataclass

import numpy as np
import torch

from mlms_fenics.kinematics.strain import log_strain
from mlms_fenics.kinematics.tensors import deviator, embedded, frobenius, from_components, trace


@dataclass(frozen=True)
class Measures:
    """Of n histories; plane strain counts as 3D with no strain across.

    Attributes:
        log_strain: E = log U, *Shape* `(n, steps + 1, 3, 3)`.
        strain: equivalent √(2/3) |dev E|, *Shape* `(n, steps + 1)`.
        volume: ln J, *Shape* `(n, steps + 1)`.
        rate: equivalent √(2/3) |dev D| of each step, D = sym(U̇ U⁻¹), 1/µs, *Shape* `(n, steps)`.
        volume_rate: tr D, 1/µs, *Shape* `(n, steps)`.
        stress: √(3/2) |dev σ|, GPa, *Shape* `(n, steps + 1)`; in 2D of the in-plane part.
        pressure: -tr σ / d, GPa, *Shape* `(n, steps + 1)`.
    """

    log_strain: np.ndarray
    strain: np.ndarray
    volume: np.ndarray
    rate: np.ndarray
    volume_rate: np.ndarray
    stress: np.ndarray
    pressure: np.ndarray


def measure(U: np.ndarray, sigma: np.ndarray, time: np.ndarray) -> Measures:
    """Measures of stored histories.

    Args:
        U: components, *Shape* `(n, steps + 1, 6 | 3)`.
        sigma: components, GPa, shape of `U`.
        time: µs, *Shape* `(steps + 1,)`.
    """
    stretch = from_components(U.astype(np.float64))
    stretch = embedded(stretch) if stretch.shape[-1] == 2 else stretch
    E = from_components(log_strain(torch.from_numpy(stretch))).numpy()
    dt = np.diff(time)[:, None, None]
    middle = 0.5 * (stretch[:, 1:] + stretch[:, :-1])
    L = np.swapaxes(np.linalg.solve(middle, np.diff(stretch, axis=1) / dt), -1, -2)
    D = 0.5 * (L + np.swapaxes(L, -1, -2))
    cauchy = from_components(sigma.astype(np.float64))
    return Measures(
        log_strain=E,
        strain=(2 / 3) ** 0.5 * frobenius(deviator(E)),
        volume=trace(E),
        rate=(2 / 3) ** 0.5 * frobenius(deviator(D)),
        volume_rate=trace(D),
        stress=1.5**0.5 * frobenius(deviator(cauchy)),
        pressure=-trace(cauchy) / cauchy.shape[-1],
    )
