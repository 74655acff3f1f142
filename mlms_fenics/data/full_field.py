# SPDX-License-Identifier: MIT
"""The full-field cell as the generator uses it."""

import numpy as np

from mlms_fenics.data.recipe import Recipe
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.materials import CrystalLaw
from mlms_fenics.unitcell import FFTCell, PathResults

_FAILURES = (InputError, SimulationError, ArithmeticError, np.linalg.LinAlgError)


class FullField:
    """`FFTCell` of a recipe; one path at a time, so that none depends on another's company.

    Args:
        recipe: with `grains`, and `operator` and `increments` among its `cell_settings`.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.cell = FFTCell(
            CrystalLaw.from_dict(recipe.law),
            recipe.grains,
            recipe.orientations,
            operator=recipe.cell_settings["operator"],
        )
        self.increments = recipe.cell_settings["increments"]

    def solve(self, U: np.ndarray, horizon: float, tolerance: float) -> PathResults:
        """As `FFTCell.solve`; what stops one path, whatever it is, stops no other.

        Args:
            U: right stretch, *Shape* `(n, steps + 1, d, d)`.
            horizon: µs.
            tolerance: of equilibrium.
        """
        n, d = len(U), U.shape[-1]
        path = refine(U, self.increments)
        stress = np.full(U.shape, np.nan)
        counts = np.zeros((2, n), np.int64)
        smallest, message = np.full(n, np.nan), [""] * n
        for k in range(n):
            try:
                result = self.cell.solve(path[k : k + 1], horizon, tolerance)
            except _FAILURES as error:
                message[k] = f"{type(error).__name__}: {error}"
                continue
            stress[k] = result.stress[0, :: self.increments, :d, :d]
            counts[:, k] = result.substeps[0], result.rejected[0]
            smallest[k], message[k] = result.smallest_step[0], result.message[0]
        status = np.where([bool(m) for m in message], 2, 1).astype(np.int8)
        return PathResults(stress, status, message, *counts, smallest)


def refine(U: np.ndarray, factor: int) -> np.ndarray:
    """Paths with `factor` equal increments for each one, linear in between.

    Args:
        U: *Shape* `(n, steps + 1, d, d)`.
        factor: at least 1.

    Returns:
        *Shape* `(n, factor * steps + 1, d, d)`; every `factor`-th entry is U's to the last bit.
    """
    n, entries, d, _ = U.shape
    fine = np.empty((n, factor * (entries - 1) + 1, d, d))
    fine[:, ::factor] = U
    for part in range(1, factor):
        fine[:, part::factor] = U[:, :-1] + part / factor * (U[:, 1:] - U[:, :-1])
    return fine
