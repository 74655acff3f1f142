# SPDX-License-Identifier: MIT
"""What ranks agree on after every step: one reduction for step, failure and wish to stop."""

from math import inf
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.parallel import on_every_rank


class Agreement:
    """Agreement of the ranks of a communicator, without allocation.

    Args:
        comm: mpi4py communicator.

    Attributes:
        wanted: this rank's reason to stop, >= 0; 0 for none.
    """

    def __init__(self, comm: Any) -> None:
        self._comm = comm
        self._values = np.zeros(3)
        self.wanted = 0

    def reach(self, stable: float, failure: Exception | None) -> tuple[float, int]:
        """Least stable step (µs) and largest `wanted` of all ranks (collective).

        Raises:
            Exception: on all ranks the failure of the first rank that has one.
        """
        self._values[:] = stable, inf if failure is None else 0.0, -self.wanted
        self._comm.Allreduce(MPI.IN_PLACE, self._values, op=MPI.MIN)
        if self._values[1] < inf:

            def tell() -> None:
                if failure is not None:
                    raise failure

            on_every_rank(self._comm, tell)
        return float(self._values[0]), -int(self._values[2])
