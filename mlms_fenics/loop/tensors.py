# SPDX-License-Identifier: MIT
"""Tensors of rank two at many points, `(3, 3, n)`, and ordered sums at nodes."""

import numpy as np
import torch


def product(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    """A · B."""
    found = A[:, 0, None] * B[None, 0]
    for j in (1, 2):
        found.addcmul_(A[:, j, None], B[None, j])
    return found


def transposed_product(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    """A · Bᵀ."""
    found = A[:, 0, None] * B[None, :, 0]
    for j in (1, 2):
        found.addcmul_(A[:, j, None], B[None, :, j])
    return found


def cofactor(F: torch.Tensor) -> torch.Tensor:
    """J F⁻ᵀ."""
    a, b, c = F.unbind(0)
    cross = torch.linalg.cross
    return torch.stack((cross(b, c, dim=0), cross(c, a, dim=0), cross(a, b, dim=0)))


def determinant(F: torch.Tensor) -> torch.Tensor:
    """det F, *Shape* `(n,)`."""
    return (F[0] * torch.linalg.cross(F[1], F[2], dim=0)).sum(0)


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a · b of vectors `(3, n)`, from the first component to the last, *Shape* `(n,)`."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def trace(A: torch.Tensor) -> torch.Tensor:
    """tr A, *Shape* `(n,)`."""
    return A[0, 0] + A[1, 1] + A[2, 2]


def largest_eigenvalue(A: torch.Tensor) -> torch.Tensor:
    """(tr A¹⁶)^(1/16) of symmetric positive semi-definite A, as `compiled.kernels` has it."""
    t = trace(A)
    positive = t > 0.0
    B = A * torch.where(positive, 1.0 / t, 0.0)
    for _ in range(3):
        B = product(B, B)
    return torch.where(positive, t * (B * B).sum((0, 1)) ** 0.0625, 0.0)


class NodeSums:
    """Sums of what cells (or facets) give to their nodes, always in the order of the cells.

    Args:
        members: nodes of each cell, `(n_cells, n)`.
        n_nodes: of the rank.
        device: of the sums.

    Attributes:
        parts: to be filled with what the cells give, `(3, n, n_cells)`.
    """

    def __init__(self, members: np.ndarray, n_nodes: int, device: torch.device) -> None:
        cells, n = members.shape
        flat = members.ravel().astype(np.int64)
        order = np.argsort(flat, kind="stable")
        count = np.bincount(flat, minlength=n_nodes)
        most = int(count.max(initial=0))
        # Where a node has fewer cells than others, the column of zeros behind all others stands.
        table = np.full((most, n_nodes), cells * n, dtype=np.int64)
        nodes = flat[order]
        rank = np.arange(len(flat)) - np.repeat(np.cumsum(count) - count, count)
        table[rank, nodes] = (order % n) * cells + order // n
        self._table = torch.from_numpy(table.ravel()).to(device)
        self._most, self._nodes = most, n_nodes
        self._padded = torch.zeros(3, cells * n + 1, dtype=torch.float64, device=device)
        self.parts = self._padded[:, : cells * n].view(3, n, cells)

    def total(self) -> torch.Tensor:
        """Sums at the nodes, `(3, n_nodes)`."""
        given = torch.index_select(self._padded, 1, self._table)
        return given.view(3, self._most, self._nodes).sum(1)
