# SPDX-License-Identifier: MIT
"""How the stress of `Hill` depends on the stretch at the end of a step, in the material's axes.

With a_i Hill's form in its five modes, the return is q_i = t_i/(1 + θ a_i) of the trial stress t,
with σ̄(q) = Y(Δε), Δε = θ σ̄/(2G); differentiated at its solution.
"""

import torch

from mlms_fenics.kinematics.piola import inverse_transposed


def mode_slopes(
    q: torch.Tensor, values: torch.Tensor, step: torch.Tensor, hardening: torch.Tensor, shear: float
) -> torch.Tensor:
    """∂q_i/∂t_j of the return, *Shape* `(n, 5, 5)`.

    Args:
        q: returned stress in modes, *Shape* `(n, 5)`, GPa.
        values: a, *Shape* `(5,)`.
        step: Δε, *Shape* `(n,)`; where it is zero nothing flows.
        hardening: dY/dΔε, *Shape* `(n,)`, GPa.
        shear: G, GPa.
    """
    f = (values * q * q).sum(-1).sqrt().clamp(min=1e-300)
    theta = 2.0 * shear * step / f
    left = 1.0 / (1.0 + theta[:, None] * values)  # of the trial stress, in each mode
    by_trial = values * q * left / f[:, None]  # of σ̄ at fixed θ
    by_theta = -(values * values * q * q * left).sum(-1) / f
    h = hardening / (2.0 * shear)
    rest = 1.0 - h * theta
    flows = (step > 0.0).to(q.dtype) * rest / (h * f - by_theta * rest)
    turned = torch.einsum("ni,nj->nij", values * q * left, flows[:, None] * by_trial)
    return torch.diag_embed(left) - turned


def stretch_slopes(
    U: torch.Tensor,
    before: torch.Tensor,
    q: torch.Tensor,
    slopes: torch.Tensor,
    normal: torch.Tensor,
    shear: float,
    bulk: float,
) -> torch.Tensor:
    """∂σ_ij/∂U_kl, GPa, *Shape* `(n, 3, 3, 3, 3)`.

    Args:
        U, before: stretches at the end and at the beginning, *Shape* `(n, 3, 3)`.
        q: Kirchhoff stress's deviator in modes, *Shape* `(n, 5)`; `slopes` of `mode_slopes`.
        normal: modes of normal stresses, *Shape* `(2, 3)`.
        shear, bulk: moduli, GPa.
    """
    one = torch.eye(3, dtype=U.dtype, device=U.device)
    modes = torch.zeros(5, 3, 3, dtype=U.dtype, device=U.device)
    modes[:2] = torch.diag_embed(normal)
    for row, (i, j) in zip(modes[2:], ((0, 1), (1, 2), (0, 2)), strict=True):
        row[i, j] = row[j, i] = 0.5**0.5
    inverse = torch.linalg.inv(0.5 * (U + before))
    # D = sym(ΔU Ū⁻¹), d(ΔU Ū⁻¹) = (I − ½ ΔU Ū⁻¹) dU Ū⁻¹; the modes are symmetric.
    left = one - 0.5 * (U - before) @ inverse
    by_U = 2.0 * shear * torch.einsum("aij,nik,nlj->nakl", modes, left, inverse)
    J, H = torch.linalg.det(U)[:, None, None], inverse_transposed(U)
    by_U = torch.einsum("nab,nbkl->nakl", slopes, by_U) - torch.einsum("na,nkl->nakl", q, H)
    slope = torch.einsum("aij,nakl->nijkl", modes, by_U / J[..., None])
    return slope + torch.einsum("ij,nkl->nijkl", one, 0.5 * bulk * (J + 1.0 / J) * H)
