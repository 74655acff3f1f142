# SPDX-License-Identifier: MIT
"""Shared counters, by which ranks take the next block of work when they are free."""

from typing import Any

import numpy as np


class SharedCounters:
    """Integers on rank 0 that any rank adds to without rank 0's help (MPI one-sided).

    Args:
        comm: mpi4py communicator; construction and `free` are collective.
        count: how many; all start at 0.
    """

    def __init__(self, comm: Any, count: int) -> None:
        from mpi4py import MPI

        self._mpi = MPI
        size = 8 * count if comm.rank == 0 else 0
        self._window = MPI.Win.Allocate(size, 8, comm=comm)
        if comm.rank == 0:
            self._window.Lock(0, MPI.LOCK_EXCLUSIVE)
            np.frombuffer(self._window.tomemory(), dtype=np.int64)[:] = 0
            self._window.Unlock(0)
        comm.Barrier()

    def add(self, slot: int, amount: int) -> int:
        """Add to a counter and return what it was before (atomic over all ranks)."""
        result, value = np.zeros(1, np.int64), np.array([amount], np.int64)
        self._window.Lock(0, self._mpi.LOCK_SHARED)
        self._window.Fetch_and_op(value, result, 0, slot, self._mpi.SUM)
        self._window.Unlock(0)
        return int(result[0])

    def read(self, slot: int) -> int:
        """Value of a counter."""
        return self.add(slot, 0)

    def free(self) -> None:
        """Release the memory (collective)."""
        self._window.Free()
