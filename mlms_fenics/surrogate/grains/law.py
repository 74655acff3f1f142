# SPDX-License-Identifier: MIT
"""Learnt grains as a material law: causal, objective, without horizon, any time step."""

from functools import lru_cache

import torch
from torch import nn

from mlms_fenics.device import scalar
from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import isometry_inverse
from mlms_fenics.kinematics.tensors import from_components, product, to_components
from mlms_fenics.materials.base import State, Time
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.frame import stretch_and_turn
from mlms_fenics.surrogate.grains.online import GrainStep


class GrainLaw(LearntLaw):
    """σ = 2λ_e (J − 1) I + (2G/J) s with the mean elastic strain s of the grains of a `GrainCell`.

    The pressure is the Taylor average's own, in closed form; stress at rest is exactly zero.
    """

    architecture = "grains"
    network_class: type[nn.Module] = GrainCell
    compiled_step = GrainStep

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

    def step(
        self, U: torch.Tensor, strain: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.step`."""
        cell, size = self.network, self.network.elastic_scale
        d, spin = stretch_and_turn(from_components(state["stretch"]).double(), U)
        volume = strain[:, :3].sum(-1, keepdim=True)
        step = scalar(dt / self.horizon, strain)
        A, y = state["rotation"].unflatten(-1, (-1, 3, 3)), state["internal"]
        A, y = cell(
            A,
            y.unflatten(-1, (cell.grains, -1)),
            d.to(self.dtype) / size,
            volume[:, 0] / cell.volume_scale,
            step,
        )
        A = product(spin.to(self.dtype)[:, None], A)
        sigma = cell.stress(A, y) * (size * 2.0 * self.shear_modulus * torch.exp(-volume))
        sigma = sigma @ _to_components(self.dtype, self.device)
        sigma[:, :3] += self.bulk_modulus * torch.expm1(volume)
        stretch = to_components(U).to(self.dtype)
        new = {"rotation": A.flatten(1), "internal": y.flatten(1), "stretch": stretch}
        return from_components(sigma), new


@lru_cache(maxsize=16)
def _to_components(dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """From coordinates of deviators to their components, *Shape* `(5, 6)`."""
    back = isometry_inverse(3, deviatoric=True).T.copy()
    return torch.as_tensor(back, dtype=dtype, device=device)
