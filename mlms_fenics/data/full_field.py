# SPDX-License-Identifier: MIT
"""The full-field cell as the generator uses it."""

import numpy as np

from mlms_fenics.data.recipe import Recipe
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.materials import CrystalLaw
from mlms_fenics.unitcell import FFTCell, PathResults
from mlms_fenics.unitcell.apart.room import cells_at_once

_FAILURES = (InputError, SimulationError, ArithmeticError, np.linalg.LinAlgError)


class FullField:
    """`FFTCell` of a recipe; one path at a time, or on a device as many as it has room for.

    Args:
        recipe: with `grains`, and `operator` and `increments` among its `cell_settings`.
        device: None for the CPU, otherwise the torch device to compute on.
    """

    def __init__(self, recipe: Recipe, device: str | None = None) -> None:
        self.cell = FFTCell(
            CrystalLaw.from_dict(recipe.law),
            recipe.grains,
            recipe.orientations,
            operator=recipe.cell_settings["operator"],
            method="newton" if device is None else "anderson",
            device=device,
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
        together = cells_at_once(self.cell.grains.size, self.cell.device)
        parts = [slice(k, min(k + together, n)) for k in range(0, n, together)]
        while parts:
            rows = parts.pop(0)
            try:
                result = self.cell.solve(path[rows], horizon, tolerance)
            except _FAILURES as error:
                if len(path[rows]) > 1:  # which of them it was is seen one by one
                    parts = [slice(k, k + 1) for k in range(rows.start, rows.stop)] + parts
                    continue
                message[rows.start] = f"{type(error).__name__}: {error}"
                continue
            stress[rows] = result.stress[:, :: self.increments, :d, :d]
            counts[:, rows] = result.substeps, result.rejected
            smallest[rows], message[rows] = result.smallest_step, result.message
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
