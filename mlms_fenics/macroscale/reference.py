# SPDX-License-Identifier: MIT
"""Shape functions, volumes and shares of mass of the undeformed cells."""

from collections.abc import Iterator
from math import pi
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


class Reference:
    """Integration over undeformed cells.

    Cells of two dimensions lie in the plane of the first two coordinates. They are 1 mm thick, or,
    where `axisymmetric`, are turned about the second axis, so that the first coordinate is the
    radius R; N_a/R, by which u_a stretches the hoop, then takes the place of ∂N_a/∂X_3.

    Args:
        element: basix element of the displacement.
        x: of the cells' nodes, mm, `(n_cells, n, 3)`.
        axisymmetric: see above.
    """

    def __init__(self, element: Any, x: np.ndarray, axisymmetric: bool = False) -> None:
        self.element, self.x, self.axisymmetric = element, x, axisymmetric

    def tabulated(self, points: np.ndarray, weights: np.ndarray) -> Iterator[Arrays]:
        """N_a `(n,)`, ∇N_a `(n_cells, n, 3)` and the volume `(n_cells,)` of each point in turn.

        Raises:
            InputError: a cell has no volume.
        """
        x, dimension = self.x, points.shape[1]
        table = self.element.tabulate(1, points)[..., 0]
        shape, slope = table[0], np.moveaxis(table[1:], 0, -1)
        for weight, N, dN in zip(weights, shape, slope, strict=True):
            jacobian = np.einsum("cai,ak->cik", x[..., :dimension], dN)
            determinant = np.linalg.det(jacobian)
            _refuse_tangled(determinant, x, dimension)
            gradients = np.zeros(x.shape)
            gradients[..., :dimension] = dN @ np.linalg.inv(jacobian)
            measure = weight * np.abs(determinant)
            if self.axisymmetric:
                radius = x[..., 0] @ N
                measure = 2.0 * pi * radius * measure
                gradients[..., 2] = N / radius[:, None]
            yield N, gradients, measure

    def means(self, points: np.ndarray, weights: np.ndarray) -> Arrays:
        """Mean gradients, volumes and row-sum shares of cells."""
        x = self.x
        volume = np.zeros(len(x))
        mean = np.zeros(x.shape)
        shares = np.zeros(x.shape[:2])
        for N, gradient, measure in self.tabulated(points, weights):
            volume += measure
            shares += measure[:, None] * N
            mean += measure[:, None, None] * gradient
        return mean / volume[:, None, None], volume, shares

    def at_points(self, points: np.ndarray, weights: np.ndarray) -> Arrays:
        """Gradients and volumes of points, row-sum shares of cells."""
        x = self.x
        gradients = np.zeros((len(x), len(points), *x.shape[1:]))
        volume = np.zeros((len(x), len(points)))
        shares = np.zeros(x.shape[:2])
        for k, (N, gradient, measure) in enumerate(self.tabulated(points, weights)):
            gradients[:, k], volume[:, k] = gradient, measure
            shares += measure[:, None] * N
        return gradients.reshape(-1, *x.shape[1:]), volume.ravel(), shares

    def scaled_diagonal(self, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Shares in proportion to the consistent mass's diagonal, positive for every element.

        Hinton, Rock & Zienkiewicz, Earthquake Eng. Struct. Dyn. 4 (1976) 245-249. Row sums of
        quadratic tetrahedra are negative at the vertices.
        """
        x = self.x
        diagonal = np.zeros(x.shape[:2])
        volume = np.zeros(len(x))
        for N, _, measure in self.tabulated(points, weights):
            diagonal += measure[:, None] * N**2
            volume += measure
        return diagonal * (volume / diagonal.sum(axis=1))[:, None]


def _refuse_tangled(determinant: np.ndarray, x: np.ndarray, dimension: int) -> None:
    """A cell must not be flat anywhere; whether all cells are mirrored does not matter."""
    size = np.ptp(x[..., :dimension], axis=1).prod(axis=1)
    bad = np.flatnonzero(~(np.abs(determinant) > 1e-10 * size))
    if len(bad):
        place = x[bad[0]].mean(axis=0)
        raise InputError(
            f"{len(bad)} cells of the mesh have no volume, the first at {place} mm: repair the mesh"
        )
