# SPDX-License-Identifier: MIT
"""Where lattices point after a deformation."""

import numpy as np
from scipy.linalg import polar

from mlms_fenics.materials.crystal.law import CrystalLaw


def lattice_after(F: np.ndarray, packed: np.ndarray, orientations: np.ndarray) -> np.ndarray:
    """Orientations of grains that have deformed by F: the rotation of A = F Q F_in⁻¹.

    Args:
        F: deformation gradient of all grains, *Shape* `(3, 3)`.
        packed: states of the grains at F, *Shape* `(n_grains, n_state)`.
        orientations: Q at the start, *Shape* `(n_grains, 3, 3)`.

    Returns:
        Rotations from lattice to sample, *Shape* `(n_grains, 3, 3)`.
    """
    elastic = F @ orientations @ packed[:, :9].reshape(-1, 3, 3)
    return np.array([polar(A)[0] for A in elastic]).reshape(-1, 3, 3)


def lattice_with_twins(
    law: CrystalLaw, rotated: np.ndarray, packed: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Orientations and volume fractions of grains and of the twins in them.

    A twin's lattice is its parent's, turned by half a turn about the normal of the twin plane.

    Args:
        law: the crystal.
        rotated: orientations of the parents, *Shape* `(n_grains, 3, 3)` (`lattice_after`).
        packed: states of the grains, *Shape* `(n_grains, n_state)`.
        weights: volume fractions of the grains, *Shape* `(n_grains,)`.

    Returns:
        Orientations, *Shape* `(n, 3, 3)`, and weights `(n,)` of the same sum: the parents, then the
        twins that have any volume.
    """
    fraction = packed[:, 9 : 9 + law.n_twin]
    m = law.twin_normal
    half_turn = 2.0 * m[:, :, None] * m[:, None, :] - np.eye(3)
    grain, twin = np.nonzero(fraction > 0)
    orientations = np.concatenate((rotated, rotated[grain] @ half_turn[twin]))
    # Where all is twinned the sum of the fractions is 1 up to rounding.
    left = np.maximum(1.0 - fraction.sum(1), 0.0)
    volumes = (weights * left, weights[grain] * fraction[grain, twin])
    return orientations, np.concatenate(volumes)
