# SPDX-License-Identifier: MIT
"""Consistent tangent of the laws that return radially to a von Mises yield surface.

Their Kirchhoff stress is τ = K/2 (J² − 1) I + G r s, with s and m the deviator and a third of the
trace of the trial b̄_e and r the share of s that the return leaves, a function of |s| and m alone
(`radial_return`). With l = dF F⁻¹, db̄_e = l b̄_e + b̄_e lᵀ − 2/3 tr(l) b̄_e, so that dm = 2/3 s : l.
"""

from dataclasses import dataclass

import torch

from mlms_fenics.kinematics.piola import inverse_transposed
from mlms_fenics.kinematics.tensors import deviator, frobenius


@dataclass(frozen=True)
class Trial:
    """Where a step leads if nothing flows in it.

    Attributes:
        J: det F, *Shape* `(n,)`.
        mean: tr b̄_e / 3, *Shape* `(n,)`.
        s: dev b̄_e, *Shape* `(n, 3, 3)`; `norm` |s|, *Shape* `(n,)`.
    """

    J: torch.Tensor
    mean: torch.Tensor
    s: torch.Tensor
    norm: torch.Tensor

    @classmethod
    def of(cls, F: torch.Tensor, metric: torch.Tensor) -> "Trial":
        """At F with C_p⁻¹ = `metric`, both *Shape* `(n, 3, 3)`."""
        J = torch.linalg.det(F)
        b = (J ** (-2.0 / 3.0))[:, None, None] * (F @ metric @ F.mT)
        s = deviator(b)
        return cls(J, b.diagonal(dim1=-2, dim2=-1).sum(-1) / 3.0, s, frobenius(s))


def return_tangent(
    F: torch.Tensor,
    trial: Trial,
    ratio: torch.Tensor,
    by_norm: torch.Tensor,
    by_mean: torch.Tensor,
    shear: float,
    bulk: float,
) -> torch.Tensor:
    """∂P/∂F of a radial return.

    Args:
        F: *Shape* `(n, 3, 3)`, float64.
        trial: at F.
        ratio: r; `by_norm`, `by_mean` its derivatives by |s| and m, each *Shape* `(n,)`.
        shear, bulk: G and K, GPa.

    Returns:
        GPa, *Shape* `(n, 3, 3, 3, 3)`, at [n, i, J, k, L].
    """
    one = torch.eye(3, dtype=F.dtype)
    J2 = (trial.J**2)[:, None, None]
    s, mean, r = trial.s, trial.mean[:, None, None], ratio[:, None, None]
    b = s + mean * one
    # ds = l b̄ + b̄ lᵀ − 2/3 (s : l + m tr l) I − 2/3 tr(l) s, at [n, i, j, k, l].
    ds = torch.einsum("ik,nlj->nijkl", one, b) + torch.einsum("jk,nil->nijkl", one, b)
    ds -= 2.0 / 3.0 * torch.einsum("ij,nkl->nijkl", one, s + mean * one)
    ds -= 2.0 / 3.0 * torch.einsum("nij,kl->nijkl", s, one)
    direction = s / trial.norm.clamp(min=1e-300)[:, None, None]
    d_norm = torch.einsum("nij,nijkl->nkl", direction, ds)
    d_ratio = by_norm[:, None, None] * d_norm + by_mean[:, None, None] * (2.0 / 3.0 * s)
    a = shear * (r[..., None, None] * ds + torch.einsum("nij,nkl->nijkl", s, d_ratio))
    a += torch.einsum("nij,kl->nijkl", bulk * J2 * one, one)
    # P = τ F⁻ᵀ: dP = (dτ − τ lᵀ) F⁻ᵀ.
    tau = shear * r * s + 0.5 * bulk * (J2 - 1.0) * one
    a -= torch.einsum("nil,jk->nijkl", tau, one)
    H = inverse_transposed(F)
    return torch.einsum("nimkl,nmj,nlp->nijkp", a, H, H)
