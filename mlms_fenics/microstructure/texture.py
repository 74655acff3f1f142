# SPDX-License-Identifier: MIT
"""How far a set of orientations is from random ones."""

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure.harmonics import lattice_rotations
from mlms_fenics.microstructure.measured import Texture
from mlms_fenics.microstructure.rotations import check_rotations, quaternions_from_rotations
from mlms_fenics.weights import check_weights

_PAIRED = 2000  # orientations of which all pairs are formed


def texture_strength(orientations: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Anisotropy of the lattice axes relative to what as many random grains scatter by.

    The second moment ⟨a⊗a⟩ of a lattice axis over the grains is I/d for a random texture; for N
    independent random grains its squared distance from that is (1 - 1/d)/N on average (with weights
    w, (1 - 1/d) Σ w²).

    Args:
        orientations: rotations Q, *Shape* `(N, d, d)`.
        weights: volume fractions, *Shape* `(N,)`; None: all equal.

    Returns:
        Root mean square over the axes of the distance, in units of the random scatter: about 1
        for random orientations whatever their number, about √N for a sharp texture.

    Raises:
        InputError: not rotations, or bad weights.
    """
    Q = check_rotations(orientations)
    w, d = check_weights(weights, len(Q)), Q.shape[-1]
    moments = np.einsum("n,nia,nja->aij", w, Q, Q) - np.eye(d) / d
    scatter = (1.0 - 1.0 / d) * np.square(w).sum()
    return float(np.sqrt(np.square(moments).sum((1, 2)).mean() / scatter))


def texture_index(texture: Texture, lattice: str, halfwidth: float = 10.0) -> tuple[float, float]:
    """Mean square of the orientation density: 1 for a uniform one, the higher the sharper.

    The density is that of the orientations, each smoothed by de la Vallée Poussin's kernel and made
    symmetric under the lattice; Bunge's index, as MTEX computes it. It grows with a smaller
    halfwidth, and where there are few orientations they show as a texture of their own: hence the
    second number.

    Args:
        texture: of three dimensions.
        lattice: "cubic" or "hexagonal".
        halfwidth: where the kernel has half its height, degrees, 3 to 60.

    Returns:
        The index, and that which as many random orientations of the same weights would have on
        average. Of more than 2000 orientations the pairs of 2000 are taken for those of all.

    Raises:
        InputError: two dimensions, unknown lattice, or a halfwidth out of range.
    """
    if texture.orientations.shape[-1] != 3:
        raise InputError("the texture index is for orientations of three dimensions")
    if not 3.0 <= halfwidth <= 60.0:
        raise InputError(f"halfwidth is {halfwidth} degrees, but must lie in 3 <= halfwidth <= 60")
    turns = quaternions_from_rotations(lattice_rotations(lattice))
    cosine, kernel = _squared_kernel(np.radians(halfwidth))
    own = float(np.interp(np.abs(turns[:, 0]), cosine, kernel).mean())
    alone = float(np.square(texture.weights).sum())
    some = texture.resampled(_PAIRED)
    q, w = quaternions_from_rotations(some.orientations), some.weights
    total = 0.0
    for turn in turns:
        turned = _product(q, turn)
        for rows in np.array_split(np.arange(len(q)), -(-len(q) // 500)):
            values = np.interp(np.abs(q[rows] @ turned.T), cosine, kernel)
            total += float(w[rows] @ (values @ w)) / len(turns)
    # What pairs of different orientations say holds for all; each with itself is counted exactly.
    itself = float(np.square(w).sum())
    pairs = (total - itself * own) / (1.0 - itself) if itself < 1.0 - 1e-12 else 0.0
    return pairs * (1.0 - alone) + alone * own, 1.0 - alone + alone * own


def _squared_kernel(halfwidth: float) -> tuple[np.ndarray, np.ndarray]:
    """The kernel's convolution with itself against cos ω/2, at increasing values.

    Of a function ψ(ω) = Σ (2 l + 1) a_l χ_l(ω), χ_l = sin((2 l + 1) ω/2)/sin(ω/2), it has a_l².
    """
    kappa = np.log(0.5) / (2.0 * np.log(np.cos(halfwidth / 2.0)))
    half = (np.arange(8000) + 0.5) / 8000 * np.pi / 2.0  # ω/2
    psi, sine = np.cos(half) ** (2.0 * kappa), np.sin(half)
    psi /= (psi * sine**2).mean() * 2.0
    angle = np.linspace(0.0, np.pi / 2.0, 4001)
    squared = np.ones_like(angle)
    for l in range(1, 400):
        n = 2 * l + 1
        a = 2.0 * (psi * np.sin(n * half) * sine).mean() / n
        if a < 1e-6:
            break
        with np.errstate(invalid="ignore", divide="ignore"):
            character = np.where(angle > 0, np.sin(n * angle) / np.sin(angle), n)
        squared += n * a * a * character
    return np.cos(angle)[::-1], squared[::-1]


def _product(q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Quaternions q p, *Shape* `(n, 4)`, of q `(n, 4)` and one p."""
    w, v = q[:, :1], q[:, 1:]
    scalar = w[:, 0] * p[0] - v @ p[1:]
    return np.column_stack((scalar, w * p[1:] + p[0] * v + np.cross(v, p[1:])))
