# SPDX-License-Identifier: MIT
"""What laws of isotropic J2 flow share, whatever their hardening."""

from abc import abstractmethod
from typing import Any

import torch

from mlms_fenics.gpu.launch import over_points
from mlms_fenics.materials.base import Material, State, Time


class J2Flow(Material):
    """A law whose history is the inverse plastic metric C_p⁻¹ and the plastic strain ε_p."""

    @abstractmethod
    def _return_loop(self, device: torch.device) -> tuple[Any, ...]:
        """The compiled loop over points, and its numbers after shear and bulk modulus."""

    def initial_state(self, n: int) -> State:
        return {
            "inverse_plastic_metric": torch.eye(3, **self.tensors).repeat(n, 1, 1),
            "plastic_strain": torch.zeros(n, **self.tensors),
        }

    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        F = F.contiguous()
        sigma = torch.empty_like(F)
        metric = torch.empty_like(F)
        strain = torch.empty_like(state["plastic_strain"])
        loop, *numbers = self._return_loop(F.device)
        over_points(
            loop, self.device, len(F),
            F, state["inverse_plastic_metric"], state["plastic_strain"], sigma, metric, strain,
            self.shear_modulus, self.bulk_modulus, *numbers,
        )  # fmt: skip
        return sigma, {"inverse_plastic_metric": metric, "plastic_strain": strain}

    def fields(self, state: State) -> State:
        """The accumulated plastic strain."""
        return {"plastic_strain": state["plastic_strain"]}
