# SPDX-License-Identifier: MIT
"""Derivatives of a law's stress by finite differences, and random deformations to take them at."""

import numpy as np
import torch

from mlms_fenics.kinematics.piola import first_piola
from mlms_fenics.materials import Material, State


def random_rotations(n: int, generator: np.random.Generator, dimension: int = 3) -> torch.Tensor:
    """Rotations by angles of any size, *Shape* `(n, d, d)`."""
    Q = np.linalg.qr(generator.standard_normal((n, dimension, dimension)))[0]
    Q[:, :, 0] *= np.sign(np.linalg.det(Q))[:, None]
    return torch.from_numpy(Q)


def random_deformations(
    n: int, size: float, generator: np.random.Generator, dimension: int = 3
) -> torch.Tensor:
    """R (I + E), R any rotation and the components of E up to `size`, *Shape* `(n, d, d)`."""
    E = torch.from_numpy(size * generator.uniform(-1.0, 1.0, (n, dimension, dimension)))
    eye = torch.eye(dimension, dtype=torch.float64)
    return random_rotations(n, generator, dimension) @ (eye + E)


def differences(
    law: Material, F: torch.Tensor, time: float, dt: float, state: State, h: float = 1e-4
) -> torch.Tensor:
    """∂P_iJ/∂F_kL at [n, i, J, k, L] by central differences of sixth order."""
    d = F.shape[-1]
    A = torch.zeros(len(F), d, d, d, d, dtype=torch.float64)
    for k in range(d):
        for L in range(d):
            for m, weight in ((1, 3.0 / 4.0), (2, -3.0 / 20.0), (3, 1.0 / 60.0)):
                for sign in (-1.0, 1.0):
                    moved = F.clone()
                    moved[:, k, L] += sign * m * h
                    sigma = law.update(moved, time, dt, state)[0]
                    A[:, :, :, k, L] += sign * weight / h * first_piola(moved, sigma)
    return A


def largest_error(found: torch.Tensor, reference: torch.Tensor) -> float:
    """Largest difference at a point over the point's largest entry, worst over the points."""
    scale = reference.abs().flatten(1).amax(1)
    return float(((found - reference).abs().flatten(1).amax(1) / scale).max())
