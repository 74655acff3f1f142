# SPDX-License-Identifier: MIT
"""Model reduction: principal components of vector-valued histories in L²(0, 1).

Histories and basis functions are piecewise linear on a uniform grid of scaled time s = t/T, and
inner products are exact for such functions (the mass matrix of linear finite elements).
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from mlms_fenics.materials.base import Time


def mass_matrix(n_t: int) -> np.ndarray:
    """∫ N_i N_j over (0, 1) for the n_t + 1 hat functions of a uniform grid."""
    M = np.zeros((n_t + 1, n_t + 1))
    i = np.arange(n_t)
    for a, b, value in ((0, 0, 2.0), (1, 1, 2.0), (0, 1, 1.0), (1, 0, 1.0)):
        np.add.at(M, (i + a, i + b), value / (6.0 * n_t))
    return M


def principal_components(
    x: np.ndarray, modes: int, centred: bool = True, jointly: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, basis and variances of histories.

    Args:
        x: *Shape* `(N, n_t + 1, c)`.
        modes: at most so many; of all components together if `jointly`, else of each.
        centred: take the mean off first (otherwise it is returned as zero).
        jointly: one basis of vector histories; otherwise one per component, each of whose functions
            is zero in the others (Liu et al. 2022).

    Returns:
        mean `(n_t + 1, c)`; functions `(K, n_t + 1, c)`, orthonormal in L²(0, 1); variances of
        their coefficients `(K,)`, all positive.
    """
    x = np.asarray(x, dtype=np.float64)
    N, samples, c = x.shape
    mean = x.mean(0) if centred else np.zeros((samples, c))
    # With M = L Lᵀ the Euclidean norm of Lᵀx is the L² norm of the piecewise-linear x.
    L = np.linalg.cholesky(mass_matrix(samples - 1))
    y = np.einsum("ij,nic->njc", L, x - mean)
    groups = [list(range(c))] if jointly else [[k] for k in range(c)]
    functions, variances = [], []
    for group in groups:
        z = y[:, :, group].reshape(N, -1)
        values, vectors = np.linalg.eigh(z.T @ z / N)
        keep = np.argsort(values)[::-1][: min(modes, N)]
        keep = keep[values[keep] > 1e-14 * max(values.max(), np.finfo(float).tiny)]
        part = np.zeros((len(keep), samples, c))
        part[:, :, group] = (
            np.linalg.solve(L.T, vectors[:, keep].reshape(samples, -1))
            .reshape(samples, len(group), len(keep))
            .transpose(2, 0, 1)
        )
        functions.append(part)
        variances.append(values[keep])
    return mean, np.concatenate(functions), np.concatenate(variances)


class HistoryBasis(nn.Module):
    """Basis functions φ_k(s) of c-component histories, with their exact integrals.

    Args:
        modes: number K of functions.
        n_t: intervals of the grid on which they are piecewise linear.
        components: c.
    """

    def __init__(self, modes: int, n_t: int, components: int) -> None:
        super().__init__()
        self.n_t = n_t
        self.register_buffer("functions", torch.zeros(modes, n_t + 1, components))
        self.register_buffer("mean", torch.zeros(n_t + 1, components))

    def set(self, mean: np.ndarray, functions: np.ndarray) -> None:
        """Take mean and functions from `principal_components`."""
        self.mean = torch.as_tensor(mean, dtype=self.mean.dtype)
        self.functions = torch.as_tensor(functions, dtype=self.functions.dtype)

    def encoder(self) -> torch.Tensor:
        """Matrix from histories on the basis's own grid to coefficients, `((n_t + 1) c, K)`."""
        M = torch.as_tensor(mass_matrix(self.n_t), dtype=torch.float64)
        E = torch.einsum("st,ktc->sck", M, self.functions.to("cpu", torch.float64))
        return E.flatten(0, 1).to(self.functions)

    def decoder(self) -> torch.Tensor:
        """Matrix from coefficients to histories on the basis's own grid, `(K, (n_t + 1) c)`."""
        return self.functions.flatten(1)

    def mean_coefficients(self) -> torch.Tensor:
        """Coefficients of the mean history, *Shape* `(K,)`."""
        return self.mean.flatten() @ self.encoder()


class BasisIntegrals:
    """φ, P = ∫₀ˢ φ and Q = ∫₀ˢ s'φ ds' at any s in [0, 1], exactly, in float64.

    Args:
        basis: whose functions are copied to float64, on the same device.
    """

    def __init__(self, basis: HistoryBasis) -> None:
        self.n_t = basis.n_t
        # (n_t + 1, c, K): a time is one contiguous slice.
        self.phi = basis.functions.double().permute(1, 2, 0).contiguous()
        h = 1.0 / self.n_t
        start, slope = self.phi[:-1], (self.phi[1:] - self.phi[:-1]) * self.n_t
        s = torch.arange(self.n_t, dtype=torch.float64, device=self.phi.device)[:, None, None] * h
        dP, moment = _interval(start, slope, h)
        zero = torch.zeros_like(self.phi[:1])
        self.P = torch.cat([zero, dP.cumsum(0)])
        self.Q = torch.cat([zero, (s * dP + moment).cumsum(0)])

    def _locate(self, s: Time) -> tuple[Time, Time, Callable[[torch.Tensor, int], torch.Tensor]]:
        """Time at the interval's start, time since then, and who picks a row at or after it."""
        if isinstance(s, torch.Tensor):  # a tensor that indexes would be looked at by the host
            i = (s * self.n_t).long().clamp(0, self.n_t - 1)
            start = i / self.n_t
            return start, s - start, lambda rows, k: rows.index_select(0, (i + k).view(1))[0]
        i = min(max(int(s * self.n_t), 0), self.n_t - 1)
        return i / self.n_t, s - i / self.n_t, lambda rows, k: rows[i + k]

    def value(self, s: Time) -> torch.Tensor:
        """φ(s), *Shape* `(c, K)`."""
        _, d, row = self._locate(s)
        start = row(self.phi, 0)
        return start + (row(self.phi, 1) - start) * (self.n_t * d)

    def at(self, s: Time) -> tuple[torch.Tensor, torch.Tensor]:
        """P(s) and Q(s), each of *Shape* `(c, K)`."""
        begin, d, row = self._locate(s)
        start = row(self.phi, 0)
        dP, moment = _interval(start, (row(self.phi, 1) - start) * self.n_t, d)
        return row(self.P, 0) + dP, row(self.Q, 0) + begin * dP + moment


def _interval(
    start: torch.Tensor, slope: torch.Tensor, d: Time
) -> tuple[torch.Tensor, torch.Tensor]:
    """∫₀ᵈ (start + slope τ) dτ and ∫₀ᵈ τ (start + slope τ) dτ."""
    return start * d + slope * (d * d / 2.0), start * (d * d / 2.0) + slope * (d**3 / 3.0)
