# SPDX-License-Identifier: MIT
"""Batched symmetric tensors: components, deviator, norms and the polar decomposition.

Component order everywhere (files, networks): 11, 22, 33, 12, 23, 13 in 3D and 11, 22, 12 in 2D.
Functions of components and norms accept numpy arrays and torch tensors alike.
"""

from typing import NoReturn, TypeVar

import numpy as np
import torch

from mlms_fenics import device
from mlms_fenics.errors import InputError
from mlms_fenics.gpu.launch import usable
from mlms_fenics.kinematics.on_gpu import decomposed, takes

Array = TypeVar("Array", np.ndarray, torch.Tensor)

COMPONENTS = {2: ((0, 0), (1, 1), (0, 1)), 3: ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))}
_ITERATIONS_APART = 14
_SLOT = {2: [[0, 2], [2, 1]], 3: [[0, 3, 5], [3, 1, 4], [5, 4, 2]]}


def to_components(T: Array) -> Array:
    """Independent components of symmetric tensors, upper triangle.

    Args:
        T: *Shape* `(..., d, d)`, d = 2 or 3.

    Returns:
        *Shape* `(..., 3)` or `(..., 6)`.
    """
    pairs = COMPONENTS[T.shape[-1]]
    if isinstance(T, torch.Tensor):  # lists of indices would be copied to the device each time
        return torch.stack([T[..., i, j] for i, j in pairs], dim=-1)
    return T[..., [i for i, _ in pairs], [j for _, j in pairs]]


def from_components(c: Array) -> Array:
    """Symmetric tensors `(..., d, d)` from their components `(..., 3)` or `(..., 6)`."""
    dimension = {3: 2, 6: 3}[c.shape[-1]]
    slot = _SLOT[dimension]
    if isinstance(c, torch.Tensor):
        parts = c.unbind(-1)
        rows = torch.stack([parts[k] for row in slot for k in row], dim=-1)
        return rows.unflatten(-1, (dimension, dimension))
    return c[..., slot]


def embedded(T: np.ndarray) -> np.ndarray:
    """Plane tensors `(..., 2, 2)` as `(..., 3, 3)` with 33 = 1: stretches in plane strain."""
    full = np.zeros((*T.shape[:-2], 3, 3))
    full[..., :2, :2], full[..., 2, 2] = T, 1.0
    return full


def product(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    """A · B of tensors `(..., d, d)`.

    On a GPU sum by sum: a library's products of many small matrices take ten times as long.
    """
    if A.device.type == "cpu":
        return A @ B
    total = A[..., :, 0, None] * B[..., 0, None, :]
    for k in range(1, A.shape[-1]):
        total = torch.addcmul(total, A[..., :, k, None], B[..., k, None, :])
    return total


def turned(R: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
    """R · T · Rᵀ, likewise."""
    return product(product(R, T), R.mT)


def trace(T: Array) -> Array:
    """Trace over the last two axes."""
    return sum(T[..., i, i] for i in range(T.shape[-1]))


def deviator(T: Array) -> Array:
    """`T - tr(T)/d I`, d the tensors' own dimension."""
    # Whole numbers have no thirds.
    D = T.astype(np.result_type(T, np.float32)) if isinstance(T, np.ndarray) else T.clone()
    mean = trace(T) / T.shape[-1]
    for i in range(T.shape[-1]):
        D[..., i, i] -= mean
    return D


def frobenius(T: Array) -> Array:
    """Frobenius norm over the last two axes."""
    return (T * T).sum((-2, -1)) ** 0.5


def von_mises(sigma: Array) -> Array:
    """von Mises stress √(3/2) |dev σ|, *Shape* `(...)`, unit of `sigma` (`(..., 3, 3)`)."""
    return 1.5**0.5 * frobenius(deviator(sigma))


def cofactor(F: torch.Tensor) -> torch.Tensor:
    """Cofactor det(F) F⁻ᵀ of `(..., 3, 3)`, without a division."""
    a, b, c = F.unbind(-2)
    return torch.stack(
        (torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)), dim=-2
    )


def determinant(F: torch.Tensor) -> torch.Tensor:
    """det F, *Shape* `(..., 3, 3)` → `(...)`, by its first row's cofactors."""
    a, b, c = F.unbind(-2)
    return (a * torch.linalg.cross(b, c)).sum(-1)


def inverse(F: torch.Tensor) -> torch.Tensor:
    """F⁻¹ by cofactors, *Shape* `(..., 3, 3)`; not finite where det F = 0."""
    return cofactor(F).mT / determinant(F)[..., None, None]


def polar(F: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Right polar decomposition F = R U, by Newton's iteration R ← (R/ν + ν R⁻ᵀ)/2, scaled by det.

    In double precision inside. Quadratically convergent and exact near F = I, where formulas by the
    roots of the characteristic polynomial lose half of the digits (Higham, SIAM J. Sci. Stat.
    Comput. 7, 1986). Compiled laws have R and log U from `strain_kernel` instead.

    On a device apart the number of iterations is fixed, so that nothing waits for it: enough for
    stretches from 0.01 to 100. What would be refused here is NaN there.

    Args:
        F: deformation gradients, det F > 0, *Shape* `(..., 3, 3)`, or `(..., 2, 2)` in plane
            strain.

    Returns:
        Rotation R and right stretch U, each of F's shape.

    Raises:
        InputError: some det F is not positive, or F is not finite.
    """
    if F.shape[-1] == 2:
        full = torch.eye(3, dtype=F.dtype, device=F.device).repeat(*F.shape[:-2], 1, 1)
        full[..., :2, :2] = F
        R, U = polar(full)
        return R[..., :2, :2], U[..., :2, :2]
    wide = F.double().reshape(-1, 3, 3)
    if takes(wide, usable(F.device)):
        R, U, _ = decomposed(wide)
        return R.reshape(F.shape).to(F.dtype), U.reshape(F.shape).to(F.dtype)
    R = wide.permute(1, 2, 0).contiguous()  # points last, along which operations run
    at_hand = device.at_hand(F)
    for iteration in range(60 if at_hand else _ITERATIONS_APART):
        rows = R.unbind(0)
        cof = torch.stack([torch.linalg.cross(rows[i - 2], rows[i - 1], dim=0) for i in range(3)])
        det = (R[0] * cof[0]).sum(0)
        if iteration == 0 and not at_hand:
            R = torch.where(det > 0, R, torch.nan)
        elif iteration == 0:
            bad = (~((det > 0) & torch.isfinite(det))).nonzero()
            if len(bad):
                refuse_inverted(wide[bad[0, 0]])
        # Scaling takes all iterates to det ≈ 1 first; plain Newton then polishes.
        scale = det ** (1.0 / 3.0) if iteration < 3 else torch.ones_like(det)
        new = R * (0.5 / scale) + cof * (0.5 * scale / det)
        R, old = new, R
        if not at_hand:
            continue
        change = float((new - old).detach().abs().max()) if new.numel() else 0.0
        if change < 1e-8:  # the next one would be about its square
            break
    R = R.permute(2, 0, 1)
    U = R.mT @ wide
    U = 0.5 * (U + U.mT)
    return R.reshape(F.shape).to(F.dtype), U.reshape(F.shape).to(F.dtype)


def refuse_inverted(F: torch.Tensor) -> NoReturn:
    """Raise the `InputError` for a deformation gradient `(3, 3)` without polar decomposition."""
    raise InputError(
        f"polar decomposition needs det F > 0, but one is {float(torch.linalg.det(F)):g}: "
        "an element is inverted or F holds NaN"
    )
