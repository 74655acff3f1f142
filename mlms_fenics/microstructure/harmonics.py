# SPDX-License-Identifier: MIT
"""Harmonic coefficients of textures, symmetric under the lattice.

A texture's density over the rotations is a sum of products of spherical harmonics of the sample and
of the lattice (Bunge, Texture Analysis in Materials Science, 1982). Of the lattice only the
combinations K_lν that its rotations leave alone remain, and one orientation Q has the coefficients

    C_l^mν(Q) = ∫ K_lν(Qᵀ y) Y_lm(y) dy

over unit vectors y. Pole figures and averages of properties depend on those of low degree l.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
import torch

from mlms_fenics.errors import InputError, require
from mlms_fenics.materials.crystal.lattice import cubic_rotations, hexagonal_rotations
from mlms_fenics.microstructure.measured import LATTICES


def lattice_rotations(lattice: str) -> np.ndarray:
    """Proper rotations of a lattice, *Shape* `(24, 3, 3)` (cubic) or `(12, 3, 3)` (hexagonal).

    Raises:
        InputError: unknown lattice.
    """
    if lattice not in LATTICES:
        raise InputError(f"lattice is '{lattice}', but must be one of {', '.join(LATTICES)}")
    return cubic_rotations() if lattice == "cubic" else hexagonal_rotations()


def spherical_harmonics(degree: int, y: torch.Tensor) -> torch.Tensor:
    """Real spherical harmonics of one degree, orthonormal over the sphere's mean.

    Args:
        degree: l >= 0.
        y: unit vectors, *Shape* `(..., 3)`.

    Returns:
        *Shape* `(..., 2 l + 1)`, in the order m = -l to l; differentiable in y.
    """
    table = harmonics_up_to(degree, y, range(degree + 1))
    return torch.stack([table[degree, m] for m in range(-degree, degree + 1)], dim=-1)


def harmonics_up_to(
    degree: int, y: torch.Tensor, orders: Iterable[int]
) -> dict[tuple[int, int], torch.Tensor]:
    """Spherical harmonics of all degrees up to one, of some orders.

    Args:
        degree: largest l.
        y: unit vectors, *Shape* `(..., 3)`.
        orders: m >= 0; those of -m come with them.

    Returns:
        By (l, m), *Shape* `(...)`.
    """
    x, z = y[..., :2], y[..., 2]
    real, imaginary = torch.ones_like(z), torch.zeros_like(z)  # of (x + iy)^m
    table: dict[tuple[int, int], torch.Tensor] = {}
    diagonal, wanted = 1.0, set(orders)
    for m in range(max(wanted) + 1):
        if m > 0:
            diagonal *= np.sqrt((2 * m + 1) / (2 * m))
            real, imaginary = (
                real * x[..., 0] - imaginary * x[..., 1],
                real * x[..., 1] + imaginary * x[..., 0],
            )
        if m not in wanted:
            continue
        scale = 1.0 if m == 0 else np.sqrt(2.0)
        # Legendre functions without their factor sin^m, which is in (x + iy)^m.
        below, here = torch.zeros_like(z), torch.full_like(z, scale * diagonal)
        for l in range(m, degree + 1):
            if l > m:
                a = np.sqrt((4 * l * l - 1) / (l * l - m * m))
                b = np.sqrt(((l - 1) ** 2 - m * m) / (4 * (l - 1) ** 2 - 1)) if l > m + 1 else 0.0
                below, here = here, a * (z * here - b * below)
            table[l, m] = here * real
            if m > 0:
                table[l, -m] = here * imaginary
    return table


def sphere_points(n: int) -> torch.Tensor:
    """Nearly evenly spread unit vectors (Fibonacci's spiral), float64, *Shape* `(n, 3)`."""
    k = torch.arange(n, dtype=torch.float64)
    z = 1.0 - (2 * k + 1) / n
    angle = k * (np.pi * (3.0 - np.sqrt(5.0)))
    radius = torch.sqrt(1.0 - z * z)
    return torch.stack((radius * torch.cos(angle), radius * torch.sin(angle), z), dim=-1)


@cache
def symmetric_basis(degree: int, lattice: str) -> torch.Tensor:
    """Combinations of the harmonics of one degree that the lattice's rotations leave alone.

    Returns:
        Orthonormal columns, *Shape* `(2 l + 1, r)`; r may be 0.
    """
    y = sphere_points(4 * (2 * degree + 1))
    Y = spherical_harmonics(degree, y)
    turns = torch.from_numpy(lattice_rotations(lattice))
    turned = torch.stack([spherical_harmonics(degree, y @ R) for R in turns]).mean(0)
    projector = torch.linalg.pinv(Y) @ turned
    # Columns of the projector one after the other, the longest first: where there are several
    # solutions, the same one in every run.
    left = 0.5 * (projector + projector.T)
    columns: list[torch.Tensor] = []
    for _ in range(round(float(left.trace()))):
        longest = int(torch.round(left.diagonal(), decimals=6).argmax())
        column = left[:, longest] / left[longest, longest].sqrt()
        left = left - torch.outer(column, column)
        columns.append(torch.where(column.abs() < 1e-10, 0.0, column))
    return torch.stack(columns, dim=1) if columns else left[:, :0]


class Coefficients:
    """Coefficients C of orientations, scaled degree by degree, as one long vector each.

    Args:
        lattice: "cubic" or "hexagonal".
        degree: largest l.
        width: degrees; l is scaled by √(2 l + 1) exp(-l (l + 1) width²/4): the squared distance of
            two vectors is then that of the densities, smoothed over about `width`.
    """

    def __init__(self, lattice: str, degree: int, width: float) -> None:
        self.degree, self.y = degree, sphere_points(2 * (2 * degree + 1))
        self.parts = []
        orders: set[int] = set()
        for l in range(1, degree + 1):
            basis = symmetric_basis(l, lattice)
            if basis.shape[1]:
                scale = np.sqrt(2 * l + 1) * np.exp(-l * (l + 1) * np.radians(width) ** 2 / 4)
                onto = torch.linalg.pinv(spherical_harmonics(l, self.y)) * scale
                rows = torch.nonzero(basis.abs().amax(1)).flatten()
                self.parts.append((l, (rows - l).tolist(), basis[rows], onto))
                orders |= {abs(int(m)) for m in rows - l}
        self.orders = sorted(orders)  # few: a sixfold axis along z leaves every sixth
        require(bool(self.parts), f"degree is {degree}, but a {lattice} lattice needs a larger one")

    def __call__(self, Q: torch.Tensor) -> torch.Tensor:
        """Coefficients of rotations `(n, 3, 3)`, *Shape* `(n, number)`; differentiable."""
        turned = torch.einsum("yi,nij->nyj", self.y, Q)  # Qᵀ y
        table = harmonics_up_to(self.degree, turned, self.orders)
        found = []
        for l, orders, basis, onto in self.parts:
            K = torch.stack([table[l, m] for m in orders], dim=-1) @ basis
            found.append(torch.tensordot(onto, K, dims=([1], [1])).transpose(0, 1).flatten(1))
        return torch.cat(found, dim=1)

    def mean(self, Q: np.ndarray, weights: np.ndarray, chunk: int = 1000) -> torch.Tensor:
        """Coefficients of a texture, *Shape* `(number,)`."""
        total = torch.zeros(())
        for k in range(0, len(Q), chunk):
            rows = slice(k, k + chunk)
            total = total + torch.from_numpy(weights[rows]) @ self(torch.from_numpy(Q[rows]))
        return total
