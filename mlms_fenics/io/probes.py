# SPDX-License-Identifier: MIT
"""Scalars of a running simulation that depend on the body's shape (all calls collective)."""

from collections.abc import Callable

import numpy as np
from mpi4py import MPI

from mlms_fenics.macroscale import ExplicitSolver

# Unit, and what to call for the value at the solver's present time.
Probe = tuple[str, Callable[[ExplicitSolver], float]]


def length(solver: ExplicitSolver) -> float:
    """Extent of the deformed body along z, mm."""
    z = owned_coordinates(solver)[:, 2] + owned_displacement(solver)[:, 2]
    local = np.array([z.max(initial=-np.inf), (-z).max(initial=-np.inf)])
    solver.comm.Allreduce(MPI.IN_PLACE, local, op=MPI.MAX)
    return float(local.sum())


class FootRadius:
    """A probe: largest distance from the z axis of the nodes that began at the lowest z, mm."""

    def __init__(self, solver: ExplicitSolver) -> None:
        X = owned_coordinates(solver)
        extremes = np.array([X[:, 2].max(initial=-np.inf), (-X[:, 2]).max(initial=-np.inf)])
        solver.comm.Allreduce(MPI.IN_PLACE, extremes, op=MPI.MAX)
        self._foot = np.flatnonzero(X[:, 2] + extremes[1] < 1e-9 * extremes.sum())
        self._reference = X[self._foot]

    def __call__(self, solver: ExplicitSolver) -> float:
        x = self._reference + owned_displacement(solver)[self._foot]
        local = float(np.hypot(x[:, 0], x[:, 1]).max(initial=0.0))
        return solver.comm.allreduce(local, op=MPI.MAX)


def owned_coordinates(solver: ExplicitSolver) -> np.ndarray:
    """Reference positions of this rank's own nodes, mm, *Shape* `(n, 3)`."""
    return solver.elements.coordinates[: _owned(solver)]


def owned_displacement(solver: ExplicitSolver) -> np.ndarray:
    """Displacements of this rank's own nodes, mm, *Shape* `(n, 3)`."""
    return solver.u.x.array.reshape(-1, 3)[: _owned(solver)]


def owned_velocity(solver: ExplicitSolver) -> np.ndarray:
    """Velocities of this rank's own nodes half a step ago, mm/µs, *Shape* `(n, 3)`."""
    return solver.v.x.array.reshape(-1, 3)[: _owned(solver)]


def _owned(solver: ExplicitSolver) -> int:
    return solver.elements.space.dofmap.index_map.size_local


class FrontTracker:
    """A probe that follows a plane velocity front running up the z axis.

    The front is where the mean axial velocity of a layer of nodes has fallen to half of what it is
    ahead of the front, interpolated between layers.

    Args:
        layers: of elements along z, of equal height.
        height: of the body, which stands on z = 0, mm.
        speed: axial speed ahead of the front, mm/µs.
    """

    # The front must have left the wall by a few of its own widths, and not have met the far end.
    RANGE = (0.2, 0.85)

    def __init__(self, layers: int, height: float, speed: float) -> None:
        self.layers, self.height, self.speed = layers, height, speed
        self.times: list[float] = []
        self.positions: list[float] = []

    def __call__(self, solver: ExplicitSolver) -> float:
        """Where the front is, mm; NaN before it has formed and after it has met the far end."""
        layer = np.rint(owned_coordinates(solver)[:, 2] / self.height * self.layers).astype(int)
        velocity = -owned_velocity(solver)[:, 2]
        local = np.array(
            [
                np.bincount(layer, weights=velocity, minlength=self.layers + 1),
                np.bincount(layer, minlength=self.layers + 1),
            ]
        )
        total, count = solver.comm.allreduce(local, op=MPI.SUM)
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

    def speed_measured(self) -> float:
        """Slope of position over time by least squares, mm/µs; NaN if it was hardly followed."""
        low, high = (fraction * self.height for fraction in self.RANGE)
        kept = [(t, z) for t, z in zip(self.times, self.positions, strict=True) if low <= z <= high]
        if len(kept) < 5:
            return float("nan")
        t, z = np.array(kept).T
        return float(np.polyfit(t, z, 1)[0])
