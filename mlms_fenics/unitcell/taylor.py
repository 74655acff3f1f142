# SPDX-License-Identifier: MIT
"""The Taylor average: every grain of a polycrystal sees the same deformation gradient."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from mlms_fenics.checks import check_orientations, check_paths
from mlms_fenics.errors import SimulationError
from mlms_fenics.kinematics.tensors import COMPONENTS
from mlms_fenics.materials.crystal.apart import integrate_apart
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import integrate_paths
from mlms_fenics.numbers import check_positive
from mlms_fenics.weights import are_equal, check_weights

# Stress components of single grains held at a time: 32 MB on the CPU, 4 GB on a GPU, which needs
# many grains at once.
_CHUNK, _DEVICE_CHUNK = 4_000_000, 500_000_000

Histories = TypeVar("Histories", np.ndarray, torch.Tensor)


@dataclass(frozen=True)
class PathResults:
    """Average stress along paths, and how the integration went.

    Attributes:
        stress: average Cauchy stress, GPa, *Shape* `(..., n_t + 1, d, d)`; NaN on failed paths.
        status: 1 done, 2 failed, *Shape* `(...,)`, int8.
        message: of each path, in C order: empty, or why and when (µs) it failed.
        substeps: accepted substeps summed over the grains, *Shape* `(...,)`.
        rejected: rejected substeps, likewise.
        smallest_step: smallest substep, µs, *Shape* `(...,)`.
    """

    stress: np.ndarray
    status: np.ndarray
    message: list[str]
    substeps: np.ndarray
    rejected: np.ndarray
    smallest_step: np.ndarray


class TaylorAverage:
    """Volume average of the stress over grains that all deform alike.

    Args:
        law: the crystal.
        orientations: rotations Q from lattice to sample, F_crystal = F Q, *Shape*
            `(n_grains, 3, 3)` (or `(n_grains, 2, 2)` for a two-dimensional law).
        device: None for the compiled CPU kernel, otherwise the torch device to compute on.
        weights: volume fractions of the grains, at least 0, scaled to the sum 1, *Shape*
            `(n_grains,)`; None: all equal.

    Raises:
        InputError: an orientation is no rotation, or turns a plane-strain crystal out of its plane;
            a weight is negative or not finite.
    """

    def __init__(
        self,
        law: CrystalLaw,
        orientations: np.ndarray,
        device: torch.device | str | None = None,
        *,
        weights: np.ndarray | None = None,
    ):
        self.law = law
        self.orientations = check_orientations(orientations, law.dimension)
        self.weights = check_weights(weights, len(self.orientations))
        self.device = device

    def stress(self, U: np.ndarray, horizon: float, tolerance: float = 1e-4) -> np.ndarray:
        """Average Cauchy stress along strain paths.

        Args:
            U: right stretch, *Shape* `(..., n_t + 1, d, d)`, linear in time between n_t + 1 equally
                spaced entries, the first the identity. A two-dimensional law takes d = 2, or d = 3
                in plane strain.
            horizon: duration of the paths, µs.
            tolerance: largest error of the average stress, relative to the largest deviator of the
                average stress along the path.

        Returns:
            Cauchy stress, GPa, in U's shape.

        Raises:
            InputError: a path is not admissible (the message names it) or a number out of range.
            SimulationError: a path could not be integrated; `solve` goes on with the others.
        """
        results = self.solve(U, horizon, tolerance)
        failed = np.flatnonzero(results.status.ravel() != 1)
        if failed.size:
            raise SimulationError(
                f"{failed.size} of {results.status.size} paths failed, first "
                f"path {failed[0]}: {results.message[failed[0]]}"
            )
        return results.stress

    def solve(self, U: np.ndarray, horizon: float, tolerance: float = 1e-4) -> PathResults:
        """As `stress`, with statistics, and going on where a path fails.

        Raises:
            InputError: as `stress`.
        """
        horizon = check_positive("horizon", horizon, "µs")
        tolerance = check_positive("tolerance", tolerance, largest=0.1)
        paths = check_paths(U, self.law.dimension)
        shape, d = np.shape(U)[:-3], np.shape(U)[-1]
        n, n_t = len(paths), paths.shape[1] - 1
        n_grains = len(self.orientations)
        segments = np.full(n_t, horizon / n_t)
        stress = np.zeros((n, n_t + 1, 3, 3))
        substeps, rejected = np.zeros(n, np.int64), np.zeros(n, np.int64)
        smallest, failed_at = np.full(n, np.nan), np.full(n, np.nan)
        held = _CHUNK if self.device is None else _DEVICE_CHUNK
        chunk = max(1, held // (n_grains * (n_t + 1) * 6))
        for k in range(0, n, chunk):
            rows = slice(k, k + chunk)
            found = self._integrate(paths[rows], segments, tolerance)
            stress[rows] = self._with_pressure(paths[rows], found["mean"])
            substeps[rows] = found["substeps"].sum(1)
            rejected[rows] = found["rejected"].sum(1)
            smallest[rows] = found["smallest"].min(1)
            failed_at[rows] = np.nanmin(
                np.where(np.isnan(found["failed_at"]), np.inf, found["failed_at"]), axis=1
            )
        failed = np.isfinite(failed_at)
        stress[failed] = np.nan
        messages = [
            "no substep longer than 1e-13 of the horizon, or no bearable number of them, "
            f"met the tolerance in the interval at t = {t:g} µs"
            if bad
            else ""
            for bad, t in zip(failed, failed_at, strict=True)
        ]
        return PathResults(
            stress[..., :d, :d].reshape(*shape, n_t + 1, d, d),
            np.where(failed, 2, 1).astype(np.int8).reshape(shape),
            messages,
            substeps.reshape(shape),
            rejected.reshape(shape),
            smallest.reshape(shape),
        )

    def _integrate(
        self, paths: np.ndarray, segments: np.ndarray, tolerance: float
    ) -> dict[str, np.ndarray]:
        """Mean deviator `(n, n_t + 1, 6)`, and each grain's statistics, of `PathResult`'s names."""
        if self.device is None:
            result = integrate_paths(self.law, paths, self.orientations, segments, tolerance)
            return {**vars(result), "mean": self._mean(result.deviator)}
        given = (torch.from_numpy(x).to(self.device) for x in (paths, self.orientations, segments))
        result = integrate_apart(self.law, *given, tolerance)
        # All grains' histories are a hundred times what the average is: they stay there.
        result["mean"] = self._mean(result.pop("deviator"))
        names = ("mean", "substeps", "rejected", "smallest", "failed_at")
        return {name: result[name].cpu().numpy() for name in names}

    def _mean(self, deviator: Histories) -> Histories:
        """Average over the grains, the second axis."""
        if are_equal(self.weights) and isinstance(deviator, np.ndarray):
            return deviator.mean(axis=1)
        # Grain by grain: the order of the sum, and so its last bit, does not depend on the batch.
        total = float(self.weights[0]) * deviator[:, 0]
        for g in range(1, len(self.weights)):
            total += float(self.weights[g]) * deviator[:, g]
        return total

    def _with_pressure(self, U: np.ndarray, deviator: np.ndarray) -> np.ndarray:
        """Full stress from the mean deviator: det F is the same in all grains."""
        sigma = np.zeros(U.shape)
        for k, (i, j) in enumerate(COMPONENTS[3]):
            sigma[..., i, j] = sigma[..., j, i] = deviator[..., k]
        with np.errstate(over="ignore", invalid="ignore"):  # of failed paths
            pressure = self.law.bulk_modulus * (np.linalg.det(U) - 1.0)
        for i in range(3):
            sigma[..., i, i] += pressure
        return sigma
