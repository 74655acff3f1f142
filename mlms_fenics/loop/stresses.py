# SPDX-License-Identifier: MIT
"""First Piola-Kirchhoff stress with bulk viscosity, its work, and the stable step.

As `compiled.kernels.stresses`, where the formulas are explained.
"""

from dataclasses import dataclass

import torch

from mlms_fenics.loop.geometry import Cells
from mlms_fenics.loop.tensors import (
    cofactor,
    determinant,
    largest_eigenvalue,
    product,
    trace,
    transposed_product,
)

Number = float | torch.Tensor
_HUGE = 1.0e300


@dataclass(frozen=True)
class Moduli:
    """What the step needs of a law and of the settings.

    Attributes:
        density: at the points, mg/mm³, `(n_points,)`.
        bulk, shear: moduli there, GPa, likewise.
        linear, quadratic: coefficients of the bulk viscosity.
        shape: 2 for cells of three dimensions and 1 for those of two.
        hoop: 1 where these are turned about an axis, otherwise 0.
    """

    density: torch.Tensor
    bulk: torch.Tensor
    shear: torch.Tensor
    linear: float
    quadratic: float
    shape: float
    hoop: float

    @property
    def speed(self) -> torch.Tensor:
        """Of the elastic longitudinal waves, mm/µs."""
        return torch.sqrt((self.bulk + 4.0 * self.shear / 3.0) / self.density)


def stresses(
    cells: Cells,
    moduli: Moduli,
    mass: torch.Tensor,
    F: torch.Tensor,
    F_old: torch.Tensor,
    sigma: torch.Tensor,
    P: torch.Tensor,
    viscous: torch.Tensor,
    dt: Number | None,
    work: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Set `P` and `viscous` to those at the end of a step, and add to `work`.

    Args:
        cells: geometry.
        moduli: of the law.
        mass: smallest nodal share of each cell's mass, mg, `(n_cells,)`.
        F, F_old: at the end and the beginning of the step, `(3, 3, n)`.
        sigma: Cauchy stress of the law at the end, GPa, `(3, 3, n)`.
        P: in and out, `(3, 3, n)`.
        viscous: bulk-viscous pressure, in and out, GPa, `(n,)`.
        dt: µs; None at the very start.
        work: total and viscous, J, `(2,)`.

    Returns:
        Stable step, µs, and the first point whose stress is not finite, -1 where all are; 0-d.
    """
    K = cofactor(F)
    J = (F[0] * K[0]).sum(0)
    A = transposed_product(product(K, cells.metric), K) / (J * J)
    largest = largest_eigenvalue(A)
    lam = moduli.bulk - 2.0 * moduli.shear / 3.0
    spread = trace(A) + 2.0 * moduli.hoop * A[0, 2]
    stiffness = J * cells.volume * (lam * spread + 2.0 * moduli.shear * largest)

    dF = F - F_old
    dJ = (K * dF).sum((0, 1))
    q, xi = torch.zeros_like(J), torch.zeros_like(J)
    if dt is not None:
        length = (moduli.shape * largest) ** -0.5
        if cells.per_cell == 1:
            rate = dJ / (J * dt)
        else:  # one rate for all points, or pressure would lock by viscosity
            change = cells.cell_mean(determinant(F) - determinant(F_old))
            rate = change / (cells.cell_mean(J) * dt)
        slope = moduli.quadratic**2 / moduli.speed
        xi = moduli.linear - slope * torch.clamp(rate, max=0.0) * length
        q = moduli.density / J * moduli.speed * length * xi * rate
    xi = cells.cell_max(xi)
    frequency = (cells.cell_sum(stiffness) / mass) ** 0.5
    stable = (2.0 / frequency * ((1.0 + xi * xi) ** 0.5 - xi)).min()

    total = sigma.clone()
    for i in range(3):
        total[i, i] += q
    wrong = ~(total.sum((0, 1)).abs() < _HUGE)
    bad = torch.where(wrong.any(), wrong.to(torch.int8).argmax(), -1)
    new = product(total, K)
    work[0] += 0.5 * (cells.volume * ((new + P) * dF).sum((0, 1))).sum()
    work[1] += 0.5 * (cells.volume * (q + viscous) * dJ).sum()
    viscous.copy_(q)
    P.copy_(new)
    return stable, bad
