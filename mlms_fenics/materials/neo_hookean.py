# SPDX-License-Identifier: MIT
"""Compressible neo-Hookean elasticity."""

import torch

from mlms_fenics.kinematics.piola import inverse_transposed
from mlms_fenics.kinematics.tensors import determinant, product
from mlms_fenics.materials.base import Material, State
from mlms_fenics.numbers import check_positive


class NeoHookean(Material):
    """The elastic energy of the crystals (Liu et al. 2022, A.2): isotropic, without memory.

    W = G/2 (tr FᵀF / J^{2/3} − 3) + λ_e (J − 1)² per reference volume, so that
    σ = G J^{-5/3} dev(F Fᵀ) + 2 λ_e (J − 1) I, and the bulk modulus is 2 λ_e.

    Args:
        shear_modulus: G, GPa, > 0.
        bulk_modulus: 2 λ_e, GPa, > 0.
        density: mg/mm³, > 0.

    Raises:
        InputError: a parameter is not positive.
    """

    def __init__(self, shear_modulus: float, bulk_modulus: float, density: float) -> None:
        self.shear_modulus = check_positive("shear modulus", shear_modulus, "GPa")
        self.bulk_modulus = check_positive("bulk modulus", bulk_modulus, "GPa")
        self.density = check_positive("density", density, "mg/mm³")

    def initial_state(self, n: int) -> State:
        return {}

    def update(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        J = determinant(F)
        b = product(F, F.mT)
        scale = self.shear_modulus * J ** (-5.0 / 3.0)
        mean = b.diagonal(dim1=-2, dim2=-1).sum(-1) / 3.0
        sigma = scale[..., None, None] * b
        pressure = self.bulk_modulus * (J - 1.0) - scale * mean
        sigma.diagonal(dim1=-2, dim2=-1).add_(pressure[..., None])
        return sigma, {}

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`: ∂²W/∂F², in closed form."""
        sigma, new = self.update(F, time, dt, state)
        J, H = determinant(F)[:, None, None], inverse_transposed(F)
        third = (F * F).sum((-1, -2))[:, None, None] / 3.0
        shear = self.shear_modulus * J ** (-2.0 / 3.0)
        # dP = shear dF + first (H : dF) − (2/3) shear H (F : dF) − turned dH, dH = −H dFᵀ H.
        first = -2.0 / 3.0 * shear * (F - third * H) + self.bulk_modulus * (2.0 * J - 1.0) * J * H
        turned = shear * third - self.bulk_modulus * (J - 1.0) * J
        A = torch.einsum("nij,nkl->nijkl", first, H)
        A -= torch.einsum("nij,nkl->nijkl", 2.0 / 3.0 * shear * H, F)
        A += torch.einsum("nil,nkj->nijkl", turned * H, H)
        for i in range(3):
            for j in range(3):
                A[:, i, j, i, j] += shear[:, 0, 0]
        return sigma, new, A

    def energy_density(self, F: torch.Tensor) -> torch.Tensor:
        """W per reference volume, J/mm³, *Shape* `(n,)`."""
        J = determinant(F)
        C = (F * F).sum((-1, -2))
        shear = 0.5 * self.shear_modulus * (C * J ** (-2.0 / 3.0) - 3.0)
        return shear + 0.5 * self.bulk_modulus * (J - 1.0) ** 2
