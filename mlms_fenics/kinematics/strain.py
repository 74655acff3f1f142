# SPDX-License-Identifier: MIT
"""Logarithmic strain without eigenvectors, and isometric coordinates of symmetric tensors."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from mlms_fenics.gpu.launch import usable
from mlms_fenics.kinematics.gauss import NODES, WEIGHTS
from mlms_fenics.kinematics.on_gpu import decomposed, takes
from mlms_fenics.kinematics.tensors import COMPONENTS, from_components

_SQUARINGS, _ORDER = 5, 12  # of the exponential: 1e-15 at a norm of 4


@lru_cache(maxsize=8)
def _rule(dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Gauss-Legendre nodes and weights on (0, 1), each of *Shape* `(12, 1)`."""
    options = {"dtype": dtype, "device": device}
    return (
        torch.tensor(NODES, **options)[:, None],
        torch.tensor(WEIGHTS, **options)[:, None],
    )


def log_strain(U: torch.Tensor) -> torch.Tensor:
    """Components of log U for symmetric positive definite U.

    With X = U/(det U)^(1/3) and D = X - I, log X = ∫₀¹ D (I + xD)⁻¹ dx, where the inverse is
    written by the Cayley-Hamilton theorem, so that only three scalars per point are integrated
    (Gauss's rule; it is the diagonal Padé approximant of the logarithm, Higham, Functions of
    Matrices, 2008, 11.4). There are no eigenvectors to lose near equal stretches, and round-off is
    relative to D. The error is below 1e-12 while the principal stretches of X lie in (1/3, 3), and
    below 1e-8 in (1/6, 6).

    Args:
        U: right stretches, *Shape* `(..., d, d)`, d = 2 (plane strain) or 3.

    Returns:
        *Shape* `(..., 6)` (11, 22, 33, 12, 23, 13) or `(..., 3)` (11, 22, 12).
    """
    shape, dimension = U.shape[:-2], U.shape[-1]
    u = U.reshape(-1, dimension, dimension)
    if takes(u, usable(U.device)):
        return decomposed(u.double())[2].reshape(*shape, 6).to(U.dtype)
    one = torch.ones_like(u[:, 0, 0])
    zero = torch.zeros_like(one)
    if dimension == 3:
        a, b, c, d, e, f = (u[:, i, j] for i, j in COMPONENTS[3])
    else:
        a, b, c, d, e, f = u[:, 0, 0], u[:, 1, 1], one, u[:, 0, 1], zero, zero
    # First U - I, whose determinant gives det U - 1 without cancellation; then X - I.
    i1, i2, i3, _ = _invariants(a - 1.0, b - 1.0, c - 1.0, d, e, f)
    volume = torch.log1p(i1 + i2 + i3) / 3.0
    scale, shift = torch.exp(-volume), torch.expm1(-volume)
    D = [(t - 1.0) * scale + shift for t in (a, b, c)] + [t * scale for t in (d, e, f)]
    i1, i2, i3, adjugate = _invariants(*D)
    x, w = _rule(U.dtype, U.device)
    term = w / (1.0 + x * (i1 + x * (i2 + x * i3)))
    A = term.sum(0)
    term = term * x
    B = term.sum(0)
    C = (term * x).sum(0)
    spherical = B * i2 + C * i3 + volume
    parts = [A * D[k] - B * adjugate[k] for k in range(6)]
    parts[:3] = [p + spherical for p in parts[:3]]
    if dimension == 2:
        parts = [parts[0], parts[1], parts[3]]
    return torch.stack(parts, dim=-1).reshape(*shape, len(parts))


def _invariants(a, b, c, d, e, f):  # type: ignore[no-untyped-def]
    """Principal invariants and adjugate of the symmetric tensor 11, 22, 33, 12, 23, 13 = a...f."""
    adjugate = (
        b * c - e * e,
        a * c - f * f,
        a * b - d * d,
        e * f - c * d,
        d * f - a * e,
        d * e - b * f,
    )
    i3 = a * adjugate[0] + d * adjugate[3] + f * adjugate[5]
    return a + b + c, adjugate[0] + adjugate[1] + adjugate[2], i3, adjugate


def exponential(E: torch.Tensor) -> torch.Tensor:
    """exp of `(..., d, d)` with a norm of a few, by a series and squarings, the same for all.

    torch's own looks at the norms to choose its order, which makes the host wait for a device.
    """
    one = torch.eye(E.shape[-1], dtype=E.dtype, device=E.device)
    small = E / 2**_SQUARINGS
    series = one
    for k in range(_ORDER, 0, -1):
        series = one + (small @ series) / k
    for _ in range(_SQUARINGS):
        series = series @ series
    return series


def symmetric_exponential(E: np.ndarray) -> np.ndarray:
    """exp of symmetric `(..., d, d)`, through the eigenvectors; symmetric to the last bit."""
    values, vectors = np.linalg.eigh(E)
    U = (vectors * np.exp(values)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return 0.5 * (U + np.swapaxes(U, -1, -2))


def volume_ratio(strain: torch.Tensor) -> torch.Tensor:
    """J - 1 from components of log U, *Shape* `(..., 6)` or `(..., 3)` -> `(...)`."""
    return torch.expm1(strain[..., : 3 if strain.shape[-1] == 6 else 2].sum(-1))


def isometry(dimension: int, deviatoric: bool = False) -> np.ndarray:
    """Rows that map components to coordinates whose Euclidean norm is the Frobenius norm.

    The transpose with the shear columns halved, `isometry_inverse`, maps back.

    Args:
        dimension: 2 or 3.
        deviatoric: leave the trace out: 5 coordinates for 6 components, 2 for 3.

    Returns:
        *Shape* `(n_coordinates, n_components)`, float64.
    """
    n = len(COMPONENTS[dimension])
    shear = np.sqrt(2.0) * np.eye(n)[dimension:]
    if not deviatoric:
        return np.vstack([np.eye(n)[:dimension], shear])
    if dimension == 2:
        normal = np.array([[1.0, -1.0]]) / np.sqrt(2.0)
    else:
        normal = np.array([[1.0, -1.0, 0.0], [-1.0, -1.0, 2.0]]) / np.sqrt([[2.0], [6.0]])
    return np.vstack([np.hstack([normal, np.zeros((len(normal), n - dimension))]), shear])


def isometry_inverse(dimension: int, deviatoric: bool = False) -> np.ndarray:
    """*Shape* `(n_components, n_coordinates)`: from coordinates back to components."""
    E = isometry(dimension, deviatoric).T.copy()
    E[dimension:] /= 2.0
    return E


def random_turns(
    n: int, dimension: int, deviatoric: Sequence[bool], generator: torch.Generator
) -> list[torch.Tensor]:
    """Random rotations, as matrices on isometric coordinates.

    Args:
        n: number of rotations, uniform on SO(d).
        dimension: 2 or 3.
        deviatoric: a set of matrices for each entry, all of the same rotations.
        generator: of the random numbers.

    Returns:
        For each entry *Shape* `(n, c, c)`, float32: coordinates of R T Rᵀ from those of T.
    """
    # The sign makes the decomposition unique, and with it Q uniform (Mezzadri 2007).
    Q, upper = torch.linalg.qr(torch.randn(n, dimension, dimension, generator=generator))
    R = Q * upper.diagonal(dim1=-2, dim2=-1).sign()[:, None, :]
    R[:, :, 0] *= torch.linalg.det(R).sign()[:, None]
    turns = []
    for part in deviatoric:
        E = torch.as_tensor(from_components(isometry_inverse(dimension, part).T.copy())).float()
        turns.append(torch.einsum("aij,nik,bkl,njl->nab", E, R, E, R))
    return turns
