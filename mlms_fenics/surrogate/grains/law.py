# SPDX-License-Identifier: MIT
"""Learnt grains as a material law: causal, objective, without horizon, any time step."""

import math
from functools import lru_cache

import torch
from torch import nn

from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import isometry_inverse
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials.base import State
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.frame import stretch_and_turn
from mlms_fenics.surrogate.grains.online import CompiledStep, compiles
from mlms_fenics.surrogate.grains.run import advance


class GrainLaw(LearntLaw):
    """σ = 2λ_e (J − 1) I + (2G/J) s with the mean elastic strain s of the grains of a `GrainCell`.

    The pressure is the Taylor average's own, in closed form; stress at rest is exactly zero.
    """

    architecture = "grains"
    network_class: type[nn.Module] = GrainCell
    has_horizon = False

    def own_state(self, n: int) -> State:
        """Lattice rotations, elastic strains and internal variables of all grains, and U."""
        require(self.dimension == 3, "learnt grains turn in three dimensions only")
        A, y = self.network.start(n)
        stretch = torch.zeros(n, 6, dtype=self.dtype, device=self.device)
        stretch[:, :3] = 1.0
        return {
            "rotation": A.flatten(1).contiguous(),
            "internal": y.flatten(1),
            "stretch": stretch,
        }

    @torch.no_grad()
    def update(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.update`; compiled as a whole in float32 on a CPU."""
        compiled = self._compiled(dt)
        return super().update(F, time, dt, state) if compiled is None else compiled(F, dt, state)

    @torch.no_grad()
    def advance(
        self, U: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.advance`."""
        compiled = self._compiled(dt)
        return super().advance(U, time, dt, state) if compiled is None else compiled(U, dt, state)

    def _compiled(self, dt: float) -> CompiledStep | None:
        """The compiled step, where there is one and it need not be divided."""
        if not compiles(self) or self._divisions(dt / self.horizon) > 1:
            return None
        prepared = getattr(self, "_prepared", None)
        if prepared is None or prepared.stale(self):
            self._prepared = prepared = CompiledStep(self)
        return prepared

    def step(
        self, U: torch.Tensor, strain: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.step`; a step longer than those learnt is divided, U linear in it."""
        cell, size = self.network, self.network.elastic_scale
        A, y, n = state["rotation"], state["internal"], self._divisions(dt / self.horizon)
        start, end = from_components(state["stretch"]).double(), U
        share = torch.as_tensor(dt / self.horizon / n, dtype=self.dtype, device=self.device)
        before, volume = start, strain[:, :3].sum(-1, keepdim=True)
        for part in range(1, n + 1):
            now = end if part == n else torch.lerp(start, end, part / n)
            d, spin = stretch_and_turn(before, now)
            v = volume[:, 0] if part == n else torch.linalg.det(now).log().to(self.dtype)
            d, spin = d.to(self.dtype) / size, spin.to(self.dtype)
            A, y, s = advance(cell, A, y, d, spin, v / cell.volume_scale, share)
            before = now
        sigma = s * (size * 2.0 * self.shear_modulus * torch.exp(-volume))
        sigma = sigma @ _to_components(self.dtype, self.device)
        sigma[:, :3] += self.bulk_modulus * torch.expm1(volume)
        new = {"rotation": A, "internal": y, "stretch": to_components(U).to(self.dtype)}
        return from_components(sigma), new

    def _divisions(self, step: float) -> int:
        """Number of parts of a step, given over the horizon."""
        longest = self.network.longest_step
        return 1 if longest is None else max(1, math.ceil(step / longest - 1e-6))


@lru_cache(maxsize=16)
def _to_components(dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """From coordinates of deviators to their components, *Shape* `(5, 6)`."""
    back = isometry_inverse(3, deviatoric=True).T.copy()
    return torch.as_tensor(back, dtype=dtype, device=device)
