# SPDX-License-Identifier: MIT
"""Coefficients of a growing history by running sums: nothing of the history is stored."""

import torch

from mlms_fenics.surrogate.reduction import BasisIntegrals, HistoryBasis


class RunningSums:
    """Coefficients of a piecewise-linear history, known up to now and extrapolated to the horizon.

    With S_k = ∫₀ᵗ φ_k·x, a step from (s₀, x₀) to (s₁, x₁) with slope r adds
    (x₀ - r s₀)·ΔP_k + r·ΔQ_k, and the coefficients of the extrapolated history are
    c_k = S_k + (x₁ - θ r s₁)·(P_k(1) - P_k(s₁)) + θ r·(Q_k(1) - Q_k(s₁)); θ = 1 goes on with the
    last slope, θ = 0 holds x₁. Both are linear in (x₀, x₁), so that a step is two products with
    matrices that are the same for all points; these are formed in float64, whatever the points'
    precision.

    Args:
        basis: of the input histories.
        extrapolation: θ.
    """

    def __init__(self, basis: HistoryBasis, extrapolation: float) -> None:
        self.integrals = BasisIntegrals(basis)
        self.theta = float(extrapolation)
        self.dtype = basis.functions.dtype
        self.end = self.integrals.at(1.0)

    def start(self, n: int) -> torch.Tensor:
        """S of `n` points at the beginning, *Shape* `(n, K)`."""
        K = self.end[0].shape[-1]
        return torch.zeros(n, K, dtype=self.dtype, device=self.end[0].device)

    def matrices(self, s0: float, s1: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Matrices `(2 c, K)` from (x₀, x₁) to the increment of S and to c_k - S_k(s₁)."""
        (P0, Q0), (P1, Q1), ds = self.integrals.at(s0), self.integrals.at(s1), s1 - s0
        dP = P1 - P0
        ramp = (Q1 - Q0 - s0 * dP) / ds
        rest = self.end[0] - P1
        beyond = (self.theta / ds) * (self.end[1] - Q1 - s1 * rest)
        increment = torch.cat([dP - ramp, ramp])
        future = torch.cat([-beyond, rest + beyond])
        return increment.to(self.dtype), future.to(self.dtype)

    def advance(
        self, S: torch.Tensor, x0: torch.Tensor, x1: torch.Tensor, s0: float, s1: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step.

        Args:
            S: at s0, *Shape* `(n, K)`.
            x0, x1: history at both ends, *Shape* `(n, c)`.
            s0, s1: scaled times, 0 <= s0 < s1 <= 1.

        Returns:
            S at s1, and the coefficients of the extrapolated history, each *Shape* `(n, K)`.
        """
        increment, future = self.matrices(s0, s1)
        pair = torch.cat([x0, x1], dim=-1)
        S = S + pair @ increment
        return S, S + pair @ future
