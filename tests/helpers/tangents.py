# SPDX-License-Identifier: MIT
"""Derivatives of a law's stress by finite differences, and random deformations to take them at."""

from itertools import pairwise

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


def after_history(
    law: Material, F: torch.Tensor, dt: float, steps: int = 4
) -> tuple[torch.Tensor, State]:
    """Stress and state after `steps` even steps from I to F, each of `dt` µs."""
    state = law.initial_state(len(F))
    eye = torch.eye(F.shape[-1], dtype=torch.float64)
    for k in range(1, steps + 1):
        sigma, state = law.update(torch.lerp(eye, F, k / steps), k * dt, dt, state)
    return sigma, state


def uniaxial_residuals(
    law: Material, stretch: float, time: float, dt: float, state: State, F: torch.Tensor
) -> list[float]:
    """Newton's method for a bar's lateral stretches: largest lateral stress at each iteration.

    Args:
        law: at one point.
        stretch: F_11 at the end of the step; the rest of F's diagonal is sought, the rest is zero.
        time, dt, state: of the step.
        F: where to begin, *Shape* `(1, 3, 3)`.
    """
    F, found = F.clone(), []
    F[:, 0, 0] = stretch
    for _ in range(12):
        sigma, _, A = law.linearise(F, time, dt, state)
        P = first_piola(F, sigma)[0].diagonal()[1:]
        found.append(float(P.abs().max()))
        if found[-1] < 1e-14:
            break
        matrix = torch.stack([torch.stack([A[0, i, i, k, k] for k in (1, 2)]) for i in (1, 2)])
        change = torch.linalg.solve(matrix, -P)
        F[0, 1, 1] += change[0]
        F[0, 2, 2] += change[1]
    return found


def converges_quadratically(residuals: list[float], scale: float) -> bool:
    """Whether each residual is at most about the square of the one before, in units of `scale`.

    Residuals above 1e-3 are not yet near the solution; below 1e-13 all is round-off.
    """
    r = [max(x / scale, 1e-13) for x in residuals]
    near = [(a, b) for a, b in pairwise(r) if a < 1e-3]
    return len(near) >= 1 and r[-1] < 1e-11 and all(b <= max(300.0 * a * a, 1e-12) for a, b in near)
