# SPDX-License-Identifier: MIT
"""Hourglass forces of one-point cells, as `macroscale.hourglass` has them."""

from typing import ClassVar

import torch

from mlms_fenics.loop.compiled.hourglass import ELASTIC_STRAIN
from mlms_fenics.loop.data import HourglassData
from mlms_fenics.loop.geometry import upload
from mlms_fenics.loop.stresses import Moduli, Number
from mlms_fenics.loop.tensors import trace, transposed_product


class Hourglassing:
    """Hourglass forces of a problem's cells.

    Attributes:
        q: hourglass displacements, mm, `(3, n_patterns, n_cells)`.
        k: stiffness of the modes, kN/mm, or of their change where viscous, `(n_cells,)`.
        work: done against the forces, J, 0-d.
        form: see `HourglassData`.
        tables: Γ · X of each cell `(n_cells, n_patterns, 3)`, its stiffness where it is elastic and
            its shear modulus `(n_cells,)`.
        saved: what a restart needs, with the shape that it has on the host.
    """

    saved: ClassVar = {"q": (2, 1, 0), "k": None, "work": None}

    def __init__(self, given: HourglassData, moduli: Moduli) -> None:
        device = moduli.density.device
        self._patterns = upload(given.patterns, device)
        self._slopes = upload(given.slopes.transpose(1, 2, 0), device)
        self.form, self._shear = given.form, moduli.shear
        viscous = given.form == "viscous"
        strength = moduli.density * moduli.speed if viscous else moduli.shear
        self._scale = given.coefficient * strength * upload(given.size, device)
        cells = self._slopes.shape[-1]
        like = {"dtype": torch.float64, "device": device}
        self.q = torch.zeros(3, len(given.patterns), cells, **like)
        self.k = torch.zeros(cells, **like)
        self.work = torch.zeros((), **like)
        self.tables = (self._slopes.permute(2, 0, 1), self._scale, self._shear)

    def add(
        self,
        local: torch.Tensor,
        F: torch.Tensor,
        sigma: torch.Tensor,
        dt: Number | None,
        stress: torch.Tensor,
    ) -> torch.Tensor:
        """The part of the forces that acts by the gradients goes into `stress`.

        Args:
            local: displacements by cell, mm, `(3, n, n_cells)`.
            F: `(3, 3, n_cells)`.
            sigma: Cauchy stress, GPa, `(3, 3, n_cells)`.
            dt: of the step, µs; None at the very start.
            stress: minus volume times P, kN mm, `(3, 3, n_cells)`; changed.

        Returns:
            Forces of the patterns, kN, `(3, n_patterns, n_cells)`: for `spread`.
        """
        # Γ · u less H s, H = F − I.
        # The sums are written out: a product of a small matrix with each cell's is slow on a GPU.
        h = self._patterns[:, 0, None] * local[:, None, 0]
        for a, pattern in enumerate(self._patterns.T[1:], 1):
            h += pattern[:, None] * local[:, None, a]
        h += self._slopes.transpose(0, 1)
        for j in range(3):
            h.addcmul_(self._slopes[None, :, j], F[:, j, None], value=-1.0)
        change = h - self.q
        k = self._modulus(F, sigma, dt)
        if self.form == "viscous":
            force = k * change
            self.work += (force * change).sum()
        else:
            force = k * h
            self.work += 0.5 * ((force + self.k * self.q) * change).sum()
        self.q.copy_(h)
        self.k.copy_(k)
        for m in range(len(self._patterns)):
            stress.addcmul_(force[:, m, None], self._slopes[None, m])
        return force

    def spread(self, force: torch.Tensor, parts: torch.Tensor) -> None:
        """Take what `add` returned from the forces of cells on nodes, kN, `(3, n, n_cells)`."""
        for m, pattern in enumerate(self._patterns):
            parts -= pattern[:, None] * force[:, m, None]

    def _modulus(self, F: torch.Tensor, sigma: torch.Tensor, dt: Number | None) -> torch.Tensor:
        if self.form == "secant":
            return self._scale * self._secant_ratio(F, sigma)
        if self.form == "viscous":
            return torch.zeros_like(self._scale) if dt is None else self._scale / dt
        return self._scale

    def _secant_ratio(self, F: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Secant over elastic shear modulus, in (0, 1]."""
        b = transposed_product(F, F)
        mean = trace(b) / 3.0
        strain = 0.5 / mean * _deviator_norm(b, mean)
        s = _deviator_norm(sigma, trace(sigma) / 3.0)
        floor = 2.0 * self._shear * ELASTIC_STRAIN
        return torch.clamp((s + floor) / (2.0 * self._shear * strain + floor), max=1.0)


def _deviator_norm(A: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    diagonal = (A[0, 0] - mean) ** 2 + (A[1, 1] - mean) ** 2 + (A[2, 2] - mean) ** 2
    off = A[0, 1] ** 2 + A[1, 2] ** 2 + A[0, 2] ** 2
    return (diagonal + 2.0 * off) ** 0.5
