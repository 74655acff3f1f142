# SPDX-License-Identifier: MIT
"""Stress histories as one long vector, and the same vector for single grains."""

import numpy as np

from mlms_fenics.errors import SimulationError
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import integrate_paths
from mlms_fenics.materials.crystal.variants import integrate_grains
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.reduced.variations import FreeNumbers

_HELD = 20_000_000  # stress components of single grains held at a time: 160 MB


class Targets:
    """What a reduced polycrystal is fitted to: scaled so that a residual's square is an error.

    A vector holds, path by path and sample by sample, the coordinates of the stress without its
    mean (five in 3D, two in plane strain), divided by the path's norm. The squared length of a
    difference is then the mean over paths of the squared relative L² error. The mean is fitted to
    nothing: it is 2 λ_e (J - 1), and in plane strain, but for elastic shear, known as well.

    Args:
        data: histories.
        rows: of those to fit.
        samples: fit the stress at about so many times along each path.
        tolerance: of a grain's stress.
        vary: whether grains may differ from the law in more than orientation.

    Attributes:
        values: the vector of the data, *Shape* `(n_values,)`.
        free: what may differ.
    """

    def __init__(
        self,
        data: TrainingData,
        rows: np.ndarray,
        samples: int,
        tolerance: float,
        vary: bool = False,
    ):
        d, n_t = data.dimension, len(data.time) - 1
        self.law: CrystalLaw = data.law
        self.free = FreeNumbers(data.law, vary)
        self.tolerance = tolerance
        self.segments = np.diff(data.time)
        self.coordinates = isometry(d, deviatoric=True).T
        self.components = slice(None) if d == 3 else [0, 1, 3]
        self.times = np.unique(np.linspace(0, n_t, min(samples, n_t) + 1).round().astype(int))[1:]
        U = np.asarray(data.U[rows], dtype=np.float64)
        self.U = np.zeros((*U.shape[:2], 3, 3))
        self.U[...] = np.eye(3)
        self.U[..., :d, :d] = from_components(U)
        rest = np.asarray(data.sigma[rows], np.float64)[:, self.times] @ self.coordinates
        norm = np.sqrt(np.square(rest).sum((1, 2)))
        # A path almost without deviator must not outweigh the others.
        norm = np.maximum(norm, 1e-2 * np.sqrt(np.mean(norm**2)))
        self.scale = 1.0 / (norm * np.sqrt(len(rows)))
        self.values = (rest * self.scale[:, None, None]).ravel()

    def of_grains(self, orientations: np.ndarray, numbers: np.ndarray | None = None) -> np.ndarray:
        """The same vector for each of some grains.

        Args:
            orientations: *Shape* `(n, 3, 3)`.
            numbers: that their crystals differ by, *Shape* `(n, free.count)`; None: grains of the
                law.

        Returns:
            *Shape* `(n, n_values)`.

        Raises:
            SimulationError: a grain could not be integrated along a path.
        """
        varied = numbers is not None and numbers.shape[1] > 0
        found = np.empty((len(orientations), len(self.values)))
        chunk = max(1, _HELD // (6 * self.U.shape[0] * self.U.shape[1]))
        for k in range(0, len(orientations), chunk):
            some = slice(k, k + chunk)
            crystals = self.free.crystals(numbers[some]) if varied else self.law
            result = (integrate_grains if varied else integrate_paths)(
                crystals, self.U, orientations[some], self.segments, self.tolerance
            )
            if not np.isnan(result.failed_at).all():
                path, grain = np.argwhere(~np.isnan(result.failed_at))[0]
                raise SimulationError(
                    f"grain {k + grain} could not be integrated along path {path} of the data"
                )
            # Plane strain: the in-plane components of the three-dimensional deviator.
            stress = result.deviator[:, :, self.times][..., self.components] @ self.coordinates
            stress *= self.scale[:, None, None, None]
            found[some] = stress.swapaxes(0, 1).reshape(stress.shape[1], -1)
        return found
