# SPDX-License-Identifier: MIT
"""Cells on the device: F from displacements, forces from stress."""

import numpy as np
import torch

from mlms_fenics.loop.data import Problem
from mlms_fenics.loop.tensors import NodeSums, determinant, trace


class Cells:
    """Geometry of a problem's cells on a device.

    Args:
        problem: whose.
        device: where.

    Attributes:
        volume: of the points, mm³, `(n_points,)`.
        metric: `(3, 3, n_points)`, see `Problem`.
        gradients: `(n, 3, n_points)`.
        per_cell: points of each cell.
        local: displacements of each cell's nodes, mm, `(3, n, n_cells)`; set by `gather`.
        sums: of the cells' forces at nodes; `sums.parts` are set by `forces`.
    """

    def __init__(self, problem: Problem, device: torch.device) -> None:
        self.per_cell, self._axisymmetric = problem.per_cell, problem.axisymmetric
        cells, self._n = problem.dofs.shape
        self._shape = (cells, self.per_cell)
        self.volume = upload(problem.volume, device)
        self.metric = upload(problem.metric.transpose(1, 2, 0), device)
        self.gradients = upload(problem.gradients.transpose(1, 2, 0), device)
        self._dofs = torch.from_numpy(problem.dofs.T.astype(np.int64).ravel()).to(device)
        self._gathered = torch.zeros(3, cells * self._n, dtype=torch.float64, device=device)
        self.local = self._gathered.view(3, self._n, cells)
        self.sums = NodeSums(problem.dofs, len(problem.coordinates), device)
        self._eye = torch.eye(3, dtype=torch.float64, device=device)[:, :, None]

    def gather(self, u: torch.Tensor) -> None:
        """Set `local` to the displacements of each cell's nodes."""
        torch.index_select(u, 1, self._dofs, out=self._gathered)

    def deformation(self, F: torch.Tensor) -> None:
        """F = I + Σ u_a ⊗ ∇N_a into `F`, of the displacements in `local`."""
        F.copy_(self._eye.expand_as(F))
        for a in range(self._n):
            u = self.at_points(self.local[:, a])
            g = self.gradients[a]
            if self._axisymmetric:
                F[:2, :2].addcmul_(u[:2, None], g[None, :2])
                F[2, 2].addcmul_(u[0], g[2])
            else:
                F.addcmul_(u[:, None], g[None])

    def smallest_determinant(self, F: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Least det F, NaN before all, and its point; both 0-d."""
        if self._axisymmetric:
            hoop = F[2, 2]
            inplane = F[0, 0] * F[1, 1] - F[0, 1] * F[1, 0]
            det = torch.where(hoop > 0.0, inplane * hoop, hoop)
        else:
            det = determinant(F)
        return det.min(dim=0)  # of NaN and others, NaN

    def forces(self, stress: torch.Tensor) -> None:
        """Σ_points `stress` · ∇N_a into `sums.parts`; minus volume times P, kN mm."""
        for a in range(self._n):
            g, part = self.gradients[a], self.sums.parts[:, a]
            force = part if self.per_cell == 1 else torch.empty_like(stress[:, 0])
            force.copy_(stress[:, 0] * g[0])
            force.addcmul_(stress[:, 1], g[1])
            if self._axisymmetric:  # of the third column, the hoop's acts along the radius
                force[0].addcmul_(stress[2, 2], g[2])
            else:
                force.addcmul_(stress[:, 2], g[2])
            if self.per_cell > 1:
                part.copy_(self.cell_sum(force))

    def cell_sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sums over the points of each cell, `(..., n_cells)`."""
        if self.per_cell == 1:
            return values
        return values.reshape(*values.shape[:-1], *self._shape).sum(-1)

    def cell_max(self, values: torch.Tensor) -> torch.Tensor:
        """Largest of the points of each cell, `(n_cells,)`."""
        return values if self.per_cell == 1 else values.view(self._shape).amax(-1)

    def at_points(self, values: torch.Tensor) -> torch.Tensor:
        """Values of cells `(..., n_cells)` at their points."""
        if self.per_cell == 1:
            return values
        wide = values[..., None].expand(*values.shape, self.per_cell)
        return wide.reshape(*values.shape[:-1], -1)

    def cell_mean(self, values: torch.Tensor) -> torch.Tensor:
        """Means over the reference volume of each cell, at its points, `(n_points,)`."""
        total = self.cell_sum(self.volume)
        return self.at_points(self.cell_sum(self.volume * values) / total)

    def with_mean_dilatation(self, F: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """F̄ = (θ/J)^{1/3} F and θ/J; see `compiled.kernels.mean_dilatation`."""
        J = determinant(F)
        ratio = self.cell_mean(J) / J
        return ratio ** (1.0 / 3.0) * F, ratio

    def with_mean_pressure(self, sigma: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
        """(θ/J) dev σ + p I; see `compiled.kernels.mean_pressure`."""
        mean = trace(sigma) / 3.0
        return ratio * sigma + (self.cell_mean(mean) - ratio * mean) * self._eye


def upload(values: np.ndarray, device: torch.device) -> torch.Tensor:
    """A float64 copy on the device."""
    return torch.from_numpy(np.array(values, dtype=np.float64, order="C")).to(device)
