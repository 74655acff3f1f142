# SPDX-License-Identifier: MIT
"""The Taylor average as a material: concurrent multiscale, no learning."""

import numpy as np
import torch

from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.polycrystal import Polycrystal
from mlms_fenics.unitcell.checks import check_orientations, check_positive


class TaylorMaterial(Polycrystal):
    """Every material point carries all grains of a polycrystal, of equal volumes.

    Args:
        law: the crystal.
        orientations: rotations Q, F_crystal = F Q, *Shape* `(n_grains, 3, 3)`.
        tolerance: of the average stress, as `TaylorAverage.stress`'s.
        device: None for the compiled CPU kernel, otherwise the torch device to compute on; either
            way F and stress are on the CPU.

    Raises:
        InputError: an orientation is no rotation, or the tolerance out of range.
    """

    def __init__(
        self,
        law: CrystalLaw,
        orientations: np.ndarray,
        tolerance: float = 1e-4,
        device: torch.device | str | None = None,
    ):
        check_positive("tolerance", tolerance, largest=0.1)
        super().__init__(
            law,
            check_orientations(orientations, law.dimension),
            tolerance=tolerance,
            device=device,
        )
