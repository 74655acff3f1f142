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
        place: reference position of the farthest element, mm.
    """

    def __init__(self, solver: ExplicitSolver) -> None:
        self._solver = solver
        elements = solver.elements
        self._centre = elements.coordinates[elements.dofs].mean(axis=1)
        self._volume = solver.comm.allreduce(float(elements.volume.sum()))
        self.fraction, self.largest = 0.0, 0.0
        self.first, self.tenth = math.nan, math.nan
        self.place = (math.nan,) * 3

    def observe(self) -> tuple[float, float]:
        """Update from the solver's present state (collective); fraction and largest distance."""
        solver = self._solver
        distance = solver.material.fields(solver.state)["distance"].detach().cpu().numpy()
        outside = float(solver.elements.volume[distance > 1.0].sum())
        self.fraction = solver.comm.allreduce(outside) / self._volume
        mine = float(distance.max(initial=0.0))
        self.largest, owner = solver.comm.allreduce((mine, -solver.comm.rank), op=MPI.MAX)
        place = tuple(self._centre[np.argmax(distance)].tolist()) if len(distance) else self.place
        self.place = solver.comm.bcast(place, root=-owner)
        if self.fraction > 0.0 and math.isnan(self.first):
            self.first = solver.time
        if self.fraction >= 0.1 and math.isnan(self.tenth):
            self.tenth = solver.time
        return self.fraction, self.largest
