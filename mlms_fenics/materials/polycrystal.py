# SPDX-License-Identifier: MIT
"""A polycrystal in every material point: all its grains deform alike, the stress is averaged."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Self

import numpy as np
import torch

from mlms_fenics.checks import check_orientations, check_times, real_array
from mlms_fenics.device import at_hand, place, scalar
from mlms_fenics.errors import require
from mlms_fenics.kinematics.piola import inverse_transposed, rotated_tangent
from mlms_fenics.kinematics.tensors import (
    determinant,
    embedded,
    from_components,
    polar,
    to_components,
    turned,
)
from mlms_fenics.materials.base import Material, State, Time
from mlms_fenics.materials.crystal.apart import integrate_apart, integrate_grains_apart
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import PathResult, integrate_paths, virgin_state
from mlms_fenics.materials.crystal.points import fail_at, raise_on_failure
from mlms_fenics.materials.crystal.slopes import integrate_with_slopes
from mlms_fenics.materials.crystal.variants import integrate_grains
from mlms_fenics.numbers import check_positive
from mlms_fenics.weights import check_weights


class Polycrystal(Material):
    """Grains of one crystal law under one deformation gradient, with weights that sum to 1.

    State: `U` (n, 3, 3), the stretch of the last step; `grains` (n, n_grains, n_state),
    each grain's F_in⁻¹, twin fractions and slips; `step` and `scale` (n, n_grains), the substep to
    try next (µs) and the largest stress so far (GPa).

    Args:
        law: the crystal.
        orientations: rotations Q, F_crystal = F Q, *Shape* `(n_grains, 3, 3)` (or
            `(n_grains, 2, 2)` for a two-dimensional law, which is then in plane strain).
        weights: volume fractions ≥ 0, scaled to the sum 1, *Shape* `(n_grains,)`; None: all equal.
        tolerance: of each grain's stress, relative to its largest deviator so far.
        device: None for the compiled CPU kernel, otherwise the torch device on which all is: F,
            stress and state.
        crystals: the law of each grain, with the elasticity and the numbers of systems of `law`;
            None: all grains are of `law`.

    Raises:
        InputError: an orientation is no rotation, a weight is negative or not finite, or the
            tolerance is out of range.
    """

    def __init__(
        self,
        law: CrystalLaw,
        orientations: np.ndarray,
        *,
        weights: np.ndarray | None = None,
        tolerance: float = 1e-4,
        device: torch.device | str | None = None,
        crystals: Sequence[CrystalLaw] | None = None,
    ):
        self.law = law
        self.crystals = crystals
        self.orientations = check_orientations(orientations, law.dimension)
        self.weights = check_weights(weights, len(self.orientations))
        self.tolerance = check_positive("tolerance", tolerance, largest=0.1)
        self.apart = device is not None
        self.device = place("cpu" if device is None else device)
        self.density = law.density
        self.bulk_modulus = law.bulk_modulus
        self.shear_modulus = law.shear_modulus

    def initial_state(self, n: int) -> State:
        """State of `n` virgin points at F = I."""
        n_grains = len(self.orientations)
        grains = virgin_state(self.law, n * n_grains)
        grains = grains.reshape(n, n_grains, grains.shape[1])
        floor = min(f.tau_0 for f in (*self.law.slip, *self.law.twins))
        return {
            "U": torch.eye(3, **self.tensors).repeat(n, 1, 1),
            "grains": torch.from_numpy(grains).to(self.device),
            "step": torch.full((n, n_grains), np.inf, **self.tensors),
            "scale": torch.full((n, n_grains), floor, **self.tensors),
        }

    def to(self, device: torch.device | str) -> Self:
        """See `Material.to`; on a CPU that is not treated as a device apart, compiled."""
        law = super().to(device)
        law.apart = not at_hand(law.device)
        return law

    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """Stress and state at the end of a step over which U goes linearly (see `Material`).

        Raises:
            InputError: some det F is not positive.
            SimulationError: a grain could not be integrated; the message names it.
        """
        R, U = polar(F)
        sigma, new = self.stretch(U, dt, state)
        return turned(R, sigma), new

    def stretch(self, U: torch.Tensor, dt: Time, state: State) -> tuple[torch.Tensor, State]:
        """`update` for a deformation without rotation, F = U."""
        ends = torch.stack((state["U"], U), dim=1)
        if self.apart:
            mean, new = self._there(ends, dt, state)
        else:
            result = self._integrate(ends.numpy(), np.array([float(dt)]), **_at_start(state))
            raise_on_failure(result)
            mean, new = self._together(result)
        return self._with_pressure(U, mean), {"U": U, **new}

    def linearise(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`, and `stress_and_slope` for the derivative."""
        R, U = polar(F)
        sigma, new, slope = self.stress_and_slope(U, dt, state)
        return R @ sigma @ R.mT, new, rotated_tangent(R, U, sigma, slope)

    def stress_and_slope(
        self, U: torch.Tensor, dt: Time, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """`stretch`, and ∂σ_ij/∂U_kl at [n, i, j, k, l], GPa, *Shape* `(n, 3, 3, 3, 3)`.

        The derivative is that of the algorithm with its substeps held (`crystal.slopes`), computed
        by the CPU wherever the law is.
        """
        ends = torch.stack((state["U"], U), dim=1).cpu().numpy()
        result, slopes = integrate_with_slopes(
            self.law if self.crystals is None else self.crystals,
            ends,
            self.orientations,
            float(dt),
            self.tolerance,
            **_at_start(state),
        )
        mean, new = self._together(result)
        slope = torch.from_numpy(np.einsum("g,pgcd->pcd", self.weights, slopes)).to(self.device)
        slope[..., 3:] *= 0.5  # by one of a shear's two entries
        slope = from_components(from_components(slope).movedim(1, -1)).permute(0, 3, 4, 1, 2)
        by_J = self.bulk_modulus * determinant(U)[:, None, None] * inverse_transposed(U)
        slope = slope + torch.einsum("ij,nkl->nijkl", torch.eye(3, **self.tensors), by_J)
        return self._with_pressure(U, mean), {"U": U, **new}, slope

    def _with_pressure(self, U: torch.Tensor, deviator: torch.Tensor) -> torch.Tensor:
        """Stress from the mean deviator's components."""
        pressure = self.bulk_modulus * (determinant(U) - 1.0)
        return from_components(deviator) + pressure[:, None, None] * torch.eye(3, **self.tensors)

    def _together(self, result: PathResult) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The mean deviator's components and the grains' new state, of a step."""
        mean = np.einsum("g,pgc->pc", self.weights, result.deviator[:, :, -1])
        new = {"grains": result.state, "step": result.wanted, "scale": result.scale}
        put = {name: torch.from_numpy(array).to(self.device) for name, array in new.items()}
        return torch.from_numpy(mean).to(self.device), put

    def _there(
        self, ends: torch.Tensor, dt: Time, state: State
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The mean deviator's components and the grains' new state, on the law's device."""
        Q, weights = _on(self, self.device)
        own = self.crystals is not None
        found = (integrate_grains_apart if own else integrate_apart)(
            self.crystals if own else self.law,
            ends,
            Q,
            scalar(dt, ends).view(1),
            self.tolerance,
            state=state["grains"],
            wanted=state["step"],
            scale=state["scale"],
        )
        deviator = found["deviator"][:, :, -1]
        deviator = torch.where(torch.isnan(found["failed_at"])[..., None], deviator, torch.nan)
        if at_hand(ends):
            fail_at(found["failed_at"].numpy())
        names = {"grains": "state", "step": "wanted", "scale": "scale"}
        mean = torch.einsum("g,pgc->pc", weights, deviator)
        return mean, {name: found[key] for name, key in names.items()}

    def stress(self, U: np.ndarray, times: np.ndarray, chunk: int = 16) -> np.ndarray:
        """Components of the average stress along histories without rotation.

        Args:
            U: components, *Shape* `(N, n_t + 1, 6)`, or `(N, n_t + 1, 3)` in plane strain; linear
                between the times, the first entry the identity.
            times: *Shape* `(n_t + 1,)`, µs.
            chunk: histories integrated at a time, which bounds the memory.

        Returns:
            U's shape, GPa.

        Raises:
            InputError: shapes that do not fit, or times that do not increase.
            SimulationError: a grain could not be integrated.
        """
        U, times = real_array("U", U), check_times(times)
        require(
            U.ndim == 3 and U.shape[-1] in (3, 6) and times.shape == U.shape[1:2],
            f"U has shape {U.shape} and times {times.shape}: must be (N, n_t + 1, 6) or "
            "(N, n_t + 1, 3), and (n_t + 1,)",
        )
        plane = U.shape[-1] == 3
        F = from_components(U)
        F = embedded(F) if plane else F
        sigma = np.zeros(F.shape)
        for k in range(0, len(F), chunk):
            result = self._integrate(F[k : k + chunk], np.diff(times))
            raise_on_failure(result)
            mean = np.einsum("g,pgtc->ptc", self.weights, result.deviator)
            sigma[k : k + chunk] = from_components(mean)
        pressure = self.bulk_modulus * (np.linalg.det(F) - 1.0)
        sigma += pressure[..., None, None] * np.eye(3)
        return to_components(sigma[..., :2, :2] if plane else sigma)

    def _integrate(self, F: np.ndarray, segments: np.ndarray, **options: Any) -> PathResult:
        own = self.crystals is not None
        return (integrate_grains if own else integrate_paths)(
            self.crystals if own else self.law,
            F,
            self.orientations,
            segments,
            self.tolerance,
            device=self.device if self.apart else None,
            **options,
        )

    def fields(self, state: State) -> State:
        """Mean over the grains of the total slip and of the twinned volume fraction."""
        n_twin = self.law.n_twin
        grains = state["grains"]
        weights = _on(self, grains.device)[1]
        return {
            "slip": grains[..., 9 + n_twin : 9 + n_twin + self.law.n_slip].sum(-1) @ weights,
            "twin_fraction": grains[..., 9 : 9 + n_twin].sum(-1) @ weights,
        }


@lru_cache(maxsize=16)
def _on(law: Polycrystal, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Orientations and weights as tensors on a device, copied there once."""
    return tuple(torch.from_numpy(x).to(device) for x in (law.orientations, law.weights))


def _at_start(state: State) -> dict[str, np.ndarray]:
    """A state as `integrate_paths` takes it."""
    names = {"state": "grains", "wanted": "step", "scale": "scale"}
    return {name: state[key].cpu().numpy() for name, key in names.items()}
