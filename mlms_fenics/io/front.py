# SPDX-License-Identifier: MIT
"""A plane wave's front, followed through a run."""

import numpy as np

from mlms_fenics.io.probes import Probe, owned_coordinates, owned_velocity
from mlms_fenics.macroscale import ExplicitSolver


class FrontTracker(Probe):
    """A probe that follows a plane velocity front running up the z axis.

    The front is where the mean axial velocity of a layer of nodes has fallen to half of what it is
    ahead of the front, interpolated between layers.

    Args:
        layers: of elements along z, of equal height.
        height: of the body, which stands on z = 0, mm.
        speed: axial speed ahead of the front, mm/µs.
    """

    unit = "mm"
    # The front must have left the wall by a few of its own widths, and not have met the far end.
    RANGE = (0.2, 0.85)

    def __init__(self, layers: int, height: float, speed: float) -> None:
        self.layers, self.height, self.speed = layers, height, speed
        self.times: list[float] = []
        self.positions: list[float] = []

    def sums(self, solver: ExplicitSolver) -> np.ndarray:
        layer = np.rint(owned_coordinates(solver)[:, 2] / self.height * self.layers).astype(int)
        velocity = -owned_velocity(solver)[:, 2]
        return np.concatenate(
            [
                np.bincount(layer, weights=velocity, minlength=self.layers + 1),
                np.bincount(layer, minlength=self.layers + 1),
            ]
        )

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        """Where the front is, mm; NaN before it has formed and after it has met the far end."""
        total, count = np.split(sums, 2)
        mean = total / count / self.speed
        slow = np.flatnonzero(mean < 0.5)
        if not len(slow) or slow[-1] == self.layers:
            return float("nan")
        below = slow[-1]
        part = (0.5 - mean[below]) / (mean[below + 1] - mean[below])
        # The solver's velocities are those of half a step ago.
        self.times.append(solver.time - 0.5 * solver.dt)
        self.positions.append(float((below + part) * self.height / self.layers))
        return self.positions[-1]

    def resume(self, time: np.ndarray, dt: np.ndarray, values: np.ndarray) -> None:
        seen = np.isfinite(values)
        self.times = (time - 0.5 * dt)[seen].tolist()
        self.positions = values[seen].tolist()

    def speed_measured(self) -> float:
        """Slope of position over time by least squares, mm/µs; NaN if it was hardly followed."""
        low, high = (fraction * self.height for fraction in self.RANGE)
        kept = [(t, z) for t, z in zip(self.times, self.positions, strict=True) if low <= z <= high]
        if len(kept) < 5:
            return float("nan")
        t, z = np.array(kept).T
        return float(np.polyfit(t, z, 1)[0])
