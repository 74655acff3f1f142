# SPDX-License-Identifier: MIT
"""Coefficients of a growing history by running sums: nothing of the history is stored."""

import torch

from mlms_fenics.materials.base import Time
from mlms_fenics.surrogate.pca_net.reduction import BasisIntegrals, HistoryBasis


class RunningSums:
    """Coefficients of a piecewise-linear history, known up to now and extrapolated to the horizon.

    With S_k = ∫₀ᵗ φ_k·x, a step from (s₀, x₀) to (s₁, x₁) with slope r adds
    (x₀ - r s₀)·ΔP_k + r·ΔQ_k, and the coefficients of the extrapolated history are
    c_k = S_k + (x₁ - θ r s₁)·(P_k(1) - P_k(s₁)) + θ r·(Q_k(1) - Q_k(s₁)); θ = 1 goes on with the
    last slope, θ = 0 holds x₁. Both are linear in (x₀, x₁), so that a step is two products with
    matrices that are the same for all points; these are formed in float64, whatever the points'
    precision.

    Since all of it is linear, a linear map of the coefficients can be summed in their stead: what
    a network's first layer makes of them, so that it need not be applied again at every step.

    Args:
        basis: of the input histories.
        extrapolation: θ.
        onto: matrix `(K, M)` of such a map; None: the coefficients themselves, M = K.
    """

    def __init__(
        self, basis: HistoryBasis, extrapolation: float, onto: torch.Tensor | None = None
    ) -> None:
        self.integrals = BasisIntegrals(basis)
        self.theta = float(extrapolation)
        self.dtype = basis.functions.dtype
        self.end = self.integrals.at(1.0)
        self.onto = None if onto is None else onto.double()

    def start(self, n: int) -> torch.Tensor:
        """S of `n` points at the beginning, *Shape* `(n, M)`."""
        M = (self.end[0] if self.onto is None else self.onto).shape[-1]
        return torch.zeros(n, M, dtype=self.dtype, device=self.end[0].device)

    def matrices(self, s0: Time, s1: Time) -> tuple[torch.Tensor, torch.Tensor]:
        """Matrices `(2 c, M)` from (x₀, x₁) to the increment of S and to c_k - S_k(s₁)."""
        (P0, Q0), (P1, Q1), ds = self.integrals.at(s0), self.integrals.at(s1), s1 - s0
        dP = P1 - P0
        ramp = (Q1 - Q0 - s0 * dP) / ds
        rest = self.end[0] - P1
        beyond = (self.theta / ds) * (self.end[1] - Q1 - s1 * rest)
        increment = torch.cat([dP - ramp, ramp])
        future = torch.cat([-beyond, rest + beyond])
        if self.onto is not None:
            increment, future = increment @ self.onto, future @ self.onto
        return increment.to(self.dtype), future.to(self.dtype)

    def add(
        self, S: torch.Tensor, x0: torch.Tensor, x1: torch.Tensor, s0: float, s1: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step.

        Args:
            S: at s0, *Shape* `(n, M)`.
            x0, x1: history at both ends, *Shape* `(n, c)`.
            s0, s1: scaled times, 0 <= s0 < s1 <= 1.

        Returns:
            S at s1, and the coefficients of the extrapolated history, each *Shape* `(n, M)`.
        """
        increment, future = self.matrices(s0, s1)
        pair = torch.cat([x0, x1], dim=-1)
        S = torch.addmm(S, pair, increment)
        return S, torch.addmm(S, pair, future)
