# SPDX-License-Identifier: MIT
"""The first Piola-Kirchhoff stress and its derivative by F, from the Cauchy stress and its own."""

import torch


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
