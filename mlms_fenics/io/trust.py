# SPDX-License-Identifier: MIT
"""How much of a body left the range of its law's training data, when, and how far."""

import math

import numpy as np
from mpi4py import MPI

from mlms_fenics.macroscale import ExplicitSolver


class TrustRecord:
    """Follows a learnt law's `distance` field; above 1 a point is outside its training data.

    Attributes:
        fraction: of the reference volume that has been outside so far.
        largest: distance so far, anywhere.
        first: time at which the first element was found outside, µs; NaN if none was.
        tenth: time at which a tenth of the body was found outside, µs; NaN if never.
    """

    def __init__(self, solver: ExplicitSolver) -> None:
        self._solver = solver
        self._volume = solver.comm.allreduce(float(solver.elements.volume.sum()))
        self.fraction, self.largest = 0.0, 0.0
        self.first, self.tenth = math.nan, math.nan

    def observe(self) -> tuple[float, float]:
        """Update from the solver's present state (collective); fraction and largest distance."""
        comm, distance = self._solver.comm, self._distance()
        outside = float(self._solver.elements.volume[distance > 1.0].sum())
        self.fraction = comm.allreduce(outside) / self._volume
        self.largest = comm.allreduce(float(distance.max(initial=0.0)), op=MPI.MAX)
        if self.fraction > 0.0 and math.isnan(self.first):
            self.first = self._solver.time
        if self.fraction >= 0.1 and math.isnan(self.tenth):
            self.tenth = self._solver.time
        return self.fraction, self.largest

    def place(self) -> tuple[float, ...]:
        """Reference position of the farthest element, mm (collective)."""
        distance, elements = self._distance(), self._solver.elements
        mine = (-math.inf, ())
        if len(distance):
            farthest = int(distance.argmax())
            centre = elements.coordinates[elements.dofs[farthest]].mean(axis=0)
            mine = (float(distance[farthest]), tuple(centre.tolist()))
        return max(self._solver.comm.allgather(mine))[1]

    def _distance(self) -> np.ndarray:
        fields = self._solver.material.fields(self._solver.state)
        return fields["distance"].detach().cpu().numpy()
