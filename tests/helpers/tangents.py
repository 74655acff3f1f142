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
    n, d = len(F), F.shape[-1]
    weights = torch.tensor([-1.0, 9.0, -45.0, 45.0, -9.0, 1.0], dtype=torch.float64) / (60.0 * h)
    moves = h * torch.tensor([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    units = torch.eye(d * d, dtype=torch.float64).reshape(d * d, d, d)
    # All at once, as compiled laws take many points in the time of one: component, move, point.
    moved = F + (units[:, None] * moves[:, None, None])[:, :, None]
    copies = moved.shape[0] * moved.shape[1]
    flat = moved.reshape(-1, d, d)
    many = {key: value.repeat(copies, *[1] * (value.ndim - 1)) for key, value in state.items()}
    P = first_piola(flat, law.update(flat, time, dt, many)[0]).reshape(moved.shape)
    return torch.einsum("cmnij,m->nijc", P, weights).reshape(n, d, d, d, d)


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
