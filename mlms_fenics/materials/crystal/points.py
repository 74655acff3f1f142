# SPDX-License-Identifier: MIT
"""The crystal law step by step at a batch of points: what a full-field solver needs."""

from dataclasses import dataclass

import numpy as np
import torch

from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.kinematics.tensors import COMPONENTS
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import PathResult, integrate_paths, virgin_state


@dataclass(frozen=True)
class CrystalState:
    """State of n points; never changed in place.

    Attributes:
        law: the crystal.
        packed: F_in⁻¹ row by row, twin fractions, slips, strengths: *Shape* `(n, n_state)`.
        wanted: substep to try first, µs, *Shape* `(n,)`, or None before the first step.
        scale: largest deviatoric stress so far, GPa, *Shape* `(n,)`, or None likewise.
    """

    law: CrystalLaw
    packed: np.ndarray
    wanted: np.ndarray | None = None
    scale: np.ndarray | None = None

    @classmethod
    def virgin(cls, law: CrystalLaw, n: int) -> "CrystalState":
        """State of `n` points at rest, never deformed."""
        return cls(law, virgin_state(law, n))

    @property
    def F_in(self) -> np.ndarray:
        """Inelastic deformation, *Shape* `(n, 3, 3)`."""
        return np.linalg.inv(self.packed[:, :9].reshape(-1, 3, 3))

    @property
    def twin_fraction(self) -> np.ndarray:
        """λ, *Shape* `(n, n_twin)`."""
        return self.packed[:, 9 : 9 + self.law.n_twin]

    @property
    def slip(self) -> np.ndarray:
        """Accumulated slips, *Shape* `(n, n_slip)`."""
        first = 9 + self.law.n_twin
        return self.packed[:, first : first + self.law.n_slip]


def advance(
    state: CrystalState,
    F0: np.ndarray,
    F1: np.ndarray,
    dt: float,
    tolerance: float = 1e-4,
    device: torch.device | str | None = None,
) -> tuple[np.ndarray, CrystalState]:
    """Stress and state after F has gone linearly from F0 to F1.

    Args:
        state: at F0.
        F0, F1: deformation gradients in the crystal frame, F_crystal = F Q, *Shape* `(n, 3, 3)`.
        dt: time between them, µs.
        tolerance: of the stress, relative to its largest deviator so far.
        device: None for the compiled CPU kernel, otherwise a torch device.

    Returns:
        Cauchy stress, GPa, *Shape* `(n, 3, 3)`, in the frame of F's rows, and the state at F1.

    Raises:
        InputError: wrong shapes, a det F1 that is not positive, dt ≤ 0.
        SimulationError: a point could not be integrated; the message names it.
    """
    n = len(state.packed)
    F0, F1 = np.asarray(F0, dtype=np.float64), np.asarray(F1, dtype=np.float64)
    require(
        F0.shape == F1.shape == (n, 3, 3),
        f"F0 and F1 must have shape ({n}, 3, 3), got {F0.shape} and {F1.shape}",
    )
    require(np.isfinite(dt) and dt > 0, f"dt must be positive, got {dt} µs")
    J = np.linalg.det(F1)
    if not (J > 0).all():
        worst = int(np.argmin(J))
        raise InputError(f"det F must be positive, but at point {worst} it is {J[worst]:g}")
    result = integrate_paths(
        state.law,
        np.stack((F0, F1), axis=1),
        np.eye(3)[None],
        np.array([dt]),
        tolerance,
        state=state.packed,
        wanted=state.wanted,
        scale=state.scale,
        device=device,
    )
    raise_on_failure(result)
    sigma = np.zeros((n, 3, 3))
    for k, (i, j) in enumerate(COMPONENTS[3]):
        sigma[:, i, j] = sigma[:, j, i] = result.deviator[:, 0, -1, k]
    sigma[:, range(3), range(3)] += state.law.bulk_modulus * (J - 1.0)[:, None]
    new = CrystalState(state.law, result.state[:, 0], result.wanted[:, 0], result.scale[:, 0])
    return sigma, new


def raise_on_failure(result: PathResult) -> None:
    """Raise `SimulationError` naming the first grain that could not be integrated, if any."""
    fail_at(result.failed_at)


def fail_at(times: np.ndarray) -> None:
    """`raise_on_failure` by the times of failure, NaN where there was none, `(p, g)`, µs."""
    failed = np.argwhere(~np.isnan(times))
    if len(failed):
        point, grain = failed[0]
        raise SimulationError(
            f"crystal law: point {point}, grain {grain} could not be integrated beyond "
            f"{times[point, grain]:.3g} µs into the step: no substep longer than "
            "1e-13 of it met the tolerance, or too many were needed; reduce the strain per step"
        )
