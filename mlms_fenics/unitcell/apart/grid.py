# SPDX-License-Identifier: MIT
"""Transforms of many cells at once on a torch device; `fft_grid` and `fft_operators` in torch."""

import torch

from mlms_fenics.unitcell.fft_grid import Grid


class GridThere:
    """A grid's wave vectors on a device, and the transforms of b cells there.

    Args:
        grid: of the cells.
        device: of all tensors.
    """

    def __init__(self, grid: Grid, device: torch.device) -> None:
        self.grid, self.device = grid, device
        self.shape, self.spectrum = grid.shape, grid.spectrum
        self.k = torch.from_numpy(grid.k).to(device)  # (d, M)
        self.scale = torch.from_numpy(grid.scale).to(device)
        self.count = torch.from_numpy(grid.count.copy()).to(device)
        self.others = tuple(range(-len(self.shape), -1))  # all axes but the last

    def deformation(self, y: torch.Tensor, F_mean: torch.Tensor) -> torch.Tensor:
        """F, *Shape* `(b, d, d, N)`, of unknowns `(b, size)` and means `(b, d, d)`."""
        b, d = len(y), len(self.shape)
        u = torch.view_as_complex(y.view(b, d, -1, 2)) / self.scale
        F_hat = u[:, :, None] * self.k
        F_hat[..., 0] = F_mean.to(F_hat.dtype)
        F_hat = F_hat.view(b, d, d, *self.spectrum)
        # Real transforms over several axes differ between libraries where coefficients are not
        # those of a real field: their parts do not.
        if self.others:
            F_hat = torch.fft.ifftn(F_hat, dim=self.others, norm="forward")
        F = torch.fft.irfft(F_hat, n=self.shape[-1], dim=-1, norm="forward")
        return F.reshape(b, d, d, -1)

    def spectrum_of(self, P: torch.Tensor) -> torch.Tensor:
        """Fourier coefficients, *Shape* `(b, d, d, M)`, of values `(b, d, d, N)`."""
        field = P.reshape(*P.shape[:3], *self.shape)
        axes = tuple(range(-len(self.shape), 0))
        return torch.fft.rfftn(field, dim=axes, norm="forward").flatten(3)

    def correction(
        self, P_hat: torch.Tensor, F_inverse: torch.Tensor, moduli: tuple[float, float]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`fft_operators.correction` as a real vector `(b, size)`, and ⟨|div P|²⟩ `(b,)`.

        Args:
            P_hat: *Shape* `(b, d, d, M)`.
            F_inverse: of the means, *Shape* `(b, d, d)`.
            moduli: Lamé's constants of the medium, GPa.
        """
        lame, shear = moduli
        a = torch.einsum("bji,jm->bim", F_inverse.to(self.k.dtype), self.k)
        r = (P_hat * self.k.conj()).sum(2)
        total = (self.count * (r.real**2 + r.imag**2).sum(1)).sum(-1)
        a2 = (a.real**2 + a.imag**2).sum(1)
        moving = a2 > 0.0
        a2 = torch.where(moving, a2, 1.0)
        along = (a.conj() * r).sum(1) * ((lame + shear) / (lame + 2.0 * shear)) / a2
        f = (-self.scale / (shear * a2))[:, None] * (r - a * along[:, None])
        f = torch.where(moving[:, None], f, torch.zeros_like(f))
        return torch.view_as_real(f).flatten(1), total
