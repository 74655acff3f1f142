# SPDX-License-Identifier: MIT
"""How far a set of orientations is from random ones."""

import numpy as np

from mlms_fenics.microstructure.rotations import check_rotations


def texture_strength(orientations: np.ndarray) -> float:
    """Anisotropy of the lattice axes relative to what as many random grains scatter by.

    The second moment ⟨a⊗a⟩ of a lattice axis over the grains is I/d for a random texture; for N
    independent random grains its squared distance from that is (1 - 1/d)/N on average.

    Args:
        orientations: rotations Q, *Shape* `(N, d, d)`.

    Returns:
        Root mean square over the axes of the distance, in units of the random scatter: about 1
        for random orientations whatever their number, about √N for a sharp texture.

    Raises:
        InputError: not rotations.
    """
    Q = check_rotations(orientations)
    n, d = len(Q), Q.shape[-1]
    moments = np.einsum("nia,nja->aij", Q, Q) / n - np.eye(d) / d
    return float(np.sqrt(np.square(moments).sum((1, 2)).mean() * n / (1.0 - 1.0 / d)))
