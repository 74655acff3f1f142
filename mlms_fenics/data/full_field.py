# SPDX-License-Identifier: MIT
"""The full-field cell as the generator uses it."""

import numpy as np

from mlms_fenics.data.recipe import Recipe
from mlms_fenics.errors import SimulationError
from mlms_fenics.materials import CrystalLaw
from mlms_fenics.unitcell import FFTCell, PathResults


class FullField:
    """`FFTCell` of a recipe; one path at a time, so that none depends on another's company.

    Args:
        recipe: with `grains`, and `operator` among its `cell_settings`.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.cell = FFTCell(
            CrystalLaw.from_dict(recipe.law),
            recipe.grains,
            recipe.orientations,
            operator=recipe.cell_settings["operator"],
        )

    def solve(self, U: np.ndarray, horizon: float, tolerance: float) -> PathResults:
        """As `FFTCell.solve`; what stops one path, whatever it is, stops no other.

        Args:
            U: right stretch, *Shape* `(n, steps + 1, d, d)`.
            horizon: µs.
            tolerance: of equilibrium.
        """
        n, d = len(U), U.shape[-1]
        stress = np.full(U.shape, np.nan)
        counts = np.zeros((2, n), np.int64)
        smallest, message = np.full(n, np.nan), [""] * n
        for k in range(n):
            try:
                result = self.cell.solve(U[k : k + 1], horizon, tolerance)
            except (SimulationError, ArithmeticError, np.linalg.LinAlgError) as error:
                message[k] = f"{type(error).__name__}: {error}"
                continue
            stress[k] = result.stress[0, :, :d, :d]
            counts[:, k] = result.substeps[0], result.rejected[0]
            smallest[k], message[k] = result.smallest_step[0], result.message[0]
        status = np.where([bool(m) for m in message], 2, 1).astype(np.int8)
        return PathResults(stress, status, message, *counts, smallest)
