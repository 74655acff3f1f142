# SPDX-License-Identifier: MIT
"""What full-field cells say of their paths."""

from dataclasses import dataclass

import numpy as np

from mlms_fenics.unitcell.fft_path import March
from mlms_fenics.unitcell.taylor import PathResults


@dataclass(frozen=True)
class CellResults(PathResults):
    """`PathResults` of full-field cells: substeps are steps in time, rejected ones were halved.

    Attributes:
        P: average first Piola-Kirchhoff stress, GPa, *Shape* `(..., n_t + 1, d, d)`.
        iterations: evaluations of the law in each increment, without those for tangents,
            *Shape* `(..., n_t)`.
        residual: largest ‖div P‖ L/‖⟨P⟩‖ of each increment, *Shape* `(..., n_t)`.
        seconds: of wall time spent in the law, the transforms, and in total.
        evaluations: of the law in all, with those for tangents, *Shape* `(...)`.
        directions: of the linear solves, each of them two transforms, *Shape* `(...)`.
    """

    P: np.ndarray
    iterations: np.ndarray
    residual: np.ndarray
    seconds: dict[str, float]
    evaluations: np.ndarray
    directions: np.ndarray


def cell_results(march: March, seconds: dict[str, float]) -> CellResults:
    """Of cells that have gone along their paths; `seconds` are those of `CellResults`."""
    F, P = march.F, march.P
    B, n, d = P.shape[:3]
    J = np.linalg.det(F)
    stress = np.zeros((B, n, 3, 3))
    sigma = P @ F.swapaxes(2, 3) / J[..., None, None]
    # ⟨P⟩Fᵀ is as symmetric as equilibrium is exact.
    stress[..., :d, :d] = 0.5 * (sigma + sigma.swapaxes(2, 3))
    if d == 2:
        stress[..., 2, 2] = march.P33 / J
    failed = np.array([bool(m) for m in march.message])
    stress[failed] = np.nan
    return CellResults(
        stress,
        np.where(failed, 2, 1).astype(np.int8),
        march.message,
        march.steps,
        march.halved,
        march.smallest,
        P,
        march.iterations,
        march.residual,
        seconds,
        march.points.evaluations,
        np.array([memory.directions for memory in march.tangents]),
    )
