# SPDX-License-Identifier: MIT
"""From the tolerance on the average stress to that on one grain's step, and the stages to take."""

import numpy as np

from mlms_fenics.materials.crystal import CrystalLaw


def grain_tolerance(tolerance: float) -> float:
    """Tolerance on the stress of one grain in one step, measured to hold on the average."""
    return 0.1 * tolerance * min(1.0, (tolerance / 1e-4) ** 0.5)


def number_of_stages(law: CrystalLaw, U: np.ndarray, horizon: float) -> np.ndarray:
    """Stages of the Runge-Kutta-Chebyshev method for each path, *Shape* `(n_paths,)`.

    A function of the path alone, so that a result does not depend on the batch.
    """
    return np.full(len(U), 3)
