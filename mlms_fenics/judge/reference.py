# SPDX-License-Identifier: MIT
"""The Taylor average that a learnt law stands for, where it is needed on paths not in the data."""

import numpy as np
import torch

from mlms_fenics.kinematics.tensors import COMPONENTS, from_components, polar
from mlms_fenics.materials.base import Material, State
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import PathResult, integrate_paths, virgin_state
from mlms_fenics.materials.crystal.points import raise_on_failure
from mlms_fenics.surrogate.histories import embedded
from mlms_fenics.surrogate.metrics import exact_pressure

TOLERANCE = 1e-3


class Polycrystal(Material):
    """Every grain of a Taylor average at every point: what a learnt law has to be cheaper than.

    Args:
        law: of the crystals.
        orientations: Q, F_crystal = F Q, *Shape* `(n_grains, d, d)`; grains of equal volume.
        tolerance: of the stress, relative to each grain's largest deviator.
    """

    def __init__(
        self, law: CrystalLaw, orientations: np.ndarray, tolerance: float = TOLERANCE
    ) -> None:
        self.law, self.tolerance = law, tolerance
        Q = np.asarray(orientations, np.float64)
        self.orientations = embedded(Q) if Q.shape[-1] == 2 else Q
        self.density = law.density
        self.bulk_modulus = law.bulk_modulus
        self.shear_modulus = law.shear_modulus

    def initial_state(self, n: int) -> State:
        """U of the last step, and of each grain its state, next substep (µs) and stress scale."""
        g = len(self.orientations)
        tau_0 = min(float(f.tau_0) for f in (*self.law.slip, *self.law.twins))
        return {
            "U": torch.eye(3, dtype=torch.float64).repeat(n, 1, 1),
            "grains": torch.from_numpy(virgin_state(self.law, n * g).reshape(n, g, -1)),
            "substep": torch.full((n, g), torch.inf, dtype=torch.float64),
            "scale": torch.full((n, g), tau_0, dtype=torch.float64),
        }

    def update(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `Material.update`; `SimulationError` where a grain could not be integrated."""
        R, U = polar(F)
        result = self._integrate(
            torch.stack([state["U"], U], dim=1).numpy(),
            np.array([dt]),
            state=state["grains"].numpy(),
            wanted=torch.clamp(state["substep"], max=0.1 * dt).numpy()
            if bool(torch.isinf(state["substep"]).any())
            else state["substep"].numpy(),
            scale=state["scale"].numpy(),
        )
        sigma = from_components(torch.from_numpy(result.deviator[:, :, -1].mean(1)))
        sigma += (self.bulk_modulus * (torch.linalg.det(U) - 1.0))[:, None, None] * torch.eye(3)
        new = {"grains": result.state, "substep": result.wanted, "scale": result.scale}
        return R @ sigma @ R.mT, {"U": U, **{k: torch.from_numpy(v) for k, v in new.items()}}

    def stress(self, U: np.ndarray, times: np.ndarray, chunk: int = 16) -> np.ndarray:
        """Components of the average stress along histories.

        Args:
            U: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`.
            times: *Shape* `(n_t + 1,)`, µs.
            chunk: histories integrated at a time, which bounds the memory.

        Returns:
            U's shape, GPa.

        Raises:
            SimulationError: a grain could not be integrated.
        """
        d = 3 if U.shape[-1] == 6 else 2
        F = from_components(np.asarray(U, np.float64))
        F = embedded(F) if d == 2 else F
        parts = [
            self._integrate(F[k : k + chunk], np.diff(times)).deviator.mean(1)
            for k in range(0, len(F), chunk)
        ]
        rows = [COMPONENTS[3].index(pair) for pair in COMPONENTS[d]]
        return exact_pressure(U, self.bulk_modulus) + np.concatenate(parts)[..., rows]

    def _integrate(self, F: np.ndarray, segments: np.ndarray, **state: np.ndarray) -> PathResult:
        result = integrate_paths(self.law, F, self.orientations, segments, self.tolerance, **state)
        raise_on_failure(result)
        return result
