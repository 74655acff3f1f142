# SPDX-License-Identifier: MIT
"""The first Piola-Kirchhoff stress and its derivative by F, from the Cauchy stress and its own."""

import torch

from mlms_fenics.kinematics.tensors import from_components, to_components


def inverse_transposed(F: torch.Tensor) -> torch.Tensor:
    """F⁻ᵀ, *Shape* `(..., d, d)`: H_iJ = F⁻¹_Ji, so that P = J σ H and ∂J/∂F = J H."""
    return torch.linalg.inv(F).mT


def first_piola(F: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """P = J σ F⁻ᵀ, *Shape* `(..., d, d)`, in the unit of `sigma`.

    Args:
        F: deformation gradients, *Shape* `(..., d, d)`, float64.
        sigma: Cauchy stress, F's shape.
    """
    J = torch.linalg.det(F)[..., None, None]
    return J * (sigma.to(F.dtype) @ inverse_transposed(F))


def piola_tangent(F: torch.Tensor, sigma: torch.Tensor, dsigma: torch.Tensor) -> torch.Tensor:
    """∂P_iJ/∂F_kL at [..., i, J, k, L], of P = J σ F⁻ᵀ.

    dP = P (H : dF) + J dσ H − P dFᵀ H with H = F⁻ᵀ.

    Args:
        F: deformation gradients, *Shape* `(..., d, d)`, float64.
        sigma: Cauchy stress, F's shape.
        dsigma: ∂σ_im/∂F_kL at [..., i, m, k, L], *Shape* `(..., d, d, d, d)`.

    Returns:
        *Shape* `(..., d, d, d, d)`, float64, in the unit of `sigma`.
    """
    J, H = torch.linalg.det(F)[..., None, None], inverse_transposed(F)
    P = J * (sigma.to(F.dtype) @ H)
    A = torch.einsum("...imkl,...mj->...ijkl", dsigma.to(F.dtype), J * H)
    A += torch.einsum("...ij,...kl->...ijkl", P, H)
    A -= torch.einsum("...il,...kj->...ijkl", P, H)
    return A


def spatial_tangent(F: torch.Tensor, sigma: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    """∂P/∂F from (1/J) ∂(J σ) by a symmetric e, for dF = e F: the rest is a rotation's.

    It is what an Abaqus UMAT's DDSDDE is (Abaqus User Subroutines Reference Guide, UMAT).

    Args:
        F: deformation gradients, *Shape* `(n, 3, 3)`, float64.
        sigma: Cauchy stress, F's shape.
        slope: components (11, 22, 33, 12, 23, 13) by components of e, shears of e as engineering
            strains, *Shape* `(n, 6, 6)`, in the unit of `sigma`.

    Returns:
        *Shape* `(n, 3, 3, 3, 3)`, float64, in the unit of `sigma`.
    """
    one = torch.eye(3, dtype=F.dtype)
    # l = dF F⁻¹ for each entry of dF, [n, k, L, i, j].
    velocity = torch.einsum("ik,nLj->nkLij", one, torch.linalg.inv(F))
    e, w = 0.5 * (velocity + velocity.mT), 0.5 * (velocity - velocity.mT)
    strain = to_components(e)
    strain[..., 3:] *= 2.0
    sigma = sigma[:, None, None]
    rate = from_components(torch.einsum("nab,nkLb->nkLa", slope, strain))
    volume = velocity.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
    change = rate + w @ sigma - sigma @ w - sigma * volume
    return piola_tangent(F, sigma[:, 0, 0], change.permute(0, 3, 4, 1, 2))


def rotated_tangent(
    R: torch.Tensor, U: torch.Tensor, sigma: torch.Tensor, dsigma: torch.Tensor
) -> torch.Tensor:
    """∂P/∂F of an objective law that is known for deformations without rotation.

    With F = R U the stress is R σ(U) Rᵀ. For RᵀdF = r it follows from r = Ω U + dU, whose skew part
    gives the axis ω of Ω by (tr U I − U) ω = axis of (r − rᵀ): no eigenvectors, and no difficulty
    where stretches are equal.

    Args:
        R, U: rotation and right stretch, *Shape* `(n, d, d)`, float64.
        sigma: Cauchy stress belonging to U, *Shape* `(n, d, d)`.
        dsigma: ∂σ_ij/∂U_kl at [n, i, j, k, l], *Shape* `(n, d, d, d, d)`; only its part symmetric
            in (k, l) matters.

    Returns:
        *Shape* `(n, d, d, d, d)`, float64, in the unit of `sigma`.
    """
    d, sigma = U.shape[-1], sigma.to(U.dtype)
    one = torch.eye(d, dtype=U.dtype, device=U.device)
    trace = U.diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None]
    if d == 3:
        e = torch.zeros(3, 3, 3, dtype=U.dtype, device=U.device)
        for i in range(3):
            e[i, i - 2, i - 1], e[i, i - 1, i - 2] = 1.0, -1.0
        axes = torch.linalg.inv(trace * one - U)
        spin = torch.einsum("abc,ncd,qld->nabql", e, axes, e)
    else:
        e = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=U.dtype, device=U.device)
        spin = torch.einsum("ab,ql,nij->nabql", e, e, 1.0 / trace)
    # dU = r − Ω U, by r.
    stretch = torch.einsum("aq,bl->abql", one, one) - torch.einsum("nacql,ncb->nabql", spin, U)
    dsigma = 0.5 * (dsigma + dsigma.transpose(-1, -2)).to(U.dtype)
    A = torch.einsum("npjab,nabql->npjql", piola_tangent(U, sigma, dsigma), stretch)
    A += torch.einsum("npcql,ncj->npjql", spin, first_piola(U, sigma))
    return torch.einsum("nip,npjql,nkq->nijkl", R, A, R)
