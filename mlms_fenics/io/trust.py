# SPDX-License-Identifier: MIT
"""How much of a body left the range of its law's training data, when, and how far."""

import math

import numpy as np

from mlms_fenics.io.probes import Probe
from mlms_fenics.macroscale import ExplicitSolver


def distances(solver: ExplicitSolver) -> np.ndarray | None:
    """Distance of this rank's cells from the training data; None where the law has no measure.

    Above 1 a point is outside the data.
    """
    distance = solver.material.fields(solver.state).get("distance")
    return None if distance is None else distance.detach().cpu().numpy()


class LargestDistance(Probe):
    """Largest distance from the training data so far, anywhere; 1 is their edge."""

    def maxima(self, solver: ExplicitSolver) -> np.ndarray:
        return np.array([distances(solver).max(initial=0.0)])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return maxima[0]


class OutsideTraining(Probe):
    """Share of the reference volume that has been outside the training data so far.

    Attributes:
        first: time at which the first element was found outside, µs; NaN if none was.
        tenth: time at which a tenth of the body was found outside, µs; NaN if never.
    """

    def __init__(self) -> None:
        self.first, self.tenth = math.nan, math.nan

    def sums(self, solver: ExplicitSolver) -> np.ndarray:
        volume = solver.elements.volume
        return np.array([volume[distances(solver) > 1.0].sum(), volume.sum()])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        share = sums[0] / sums[1]
        if share > 0.0 and math.isnan(self.first):
            self.first = solver.time
        if share >= 0.1 and math.isnan(self.tenth):
            self.tenth = solver.time
        return share

    def resume(self, time: np.ndarray, dt: np.ndarray, values: np.ndarray) -> None:
        first, tenth = time[values > 0.0], time[values >= 0.1]
        self.first = float(first[0]) if len(first) else math.nan
        self.tenth = float(tenth[0]) if len(tenth) else math.nan


def farthest_place(solver: ExplicitSolver) -> tuple[float, ...]:
    """Reference position of the element farthest from the training data, mm (collective)."""
    distance, elements = distances(solver), solver.elements
    mine: tuple[float, tuple[float, ...]] = (-math.inf, ())
    if len(distance):
        farthest = int(distance.argmax())
        centre = elements.coordinates[elements.dofs[farthest // elements.per_cell]].mean(axis=0)
        mine = (float(distance[farthest]), tuple(centre.tolist()))
    return max(solver.comm.allgather(mine))[1]
