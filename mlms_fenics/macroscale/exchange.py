# SPDX-License-Identifier: MIT
"""Sums and copies of nodal values between ranks, always in the same order."""

import weakref

import numpy as np
from dolfinx import fem
from mpi4py import MPI

_ADD, _UPDATE = 7101, 7102


class NodeExchange:
    """Exchange of the ghosts of a vector-valued space, three values per node.

    dolfinx adds what its neighbours send in an order that differs from run to run, so that on three
    ranks and more no two runs agree bit by bit. Here contributions are added by rising rank.

    Args:
        space: whose nodes are shared; the constructor is collective, as are both methods.

    Attributes:
        ghosts: of each neighbour that owns ghosts of this rank, its rank and their rows.
        shared: of each neighbour that has ghosts of this rank's nodes, likewise, in its order.
    """

    def __init__(self, space: fem.FunctionSpace) -> None:
        comm, imap = space.mesh.comm, space.dofmap.index_map
        first, owned = imap.local_range[0], imap.size_local
        ghosts, owners = np.asarray(imap.ghosts), np.asarray(imap.owners)
        self.ghosts = [(int(r), owned + np.flatnonzero(owners == r)) for r in np.unique(owners)]
        wanted = [np.zeros(0, dtype=np.int64)] * comm.size
        for rank, rows in self.ghosts:
            wanted[rank] = ghosts[rows - owned]
        asked = enumerate(comm.alltoall(wanted))
        self.shared = [(rank, index - first) for rank, index in asked if len(index)]
        self._ghost_values = [np.zeros((len(rows), 3)) for _, rows in self.ghosts]
        self._shared_values = [np.zeros((len(rows), 3)) for _, rows in self.shared]
        self._add = self._requests(comm, _ADD, self.ghosts, self._ghost_values,
                                   self.shared, self._shared_values)  # fmt: skip
        self._update = self._requests(comm, _UPDATE, self.shared, self._shared_values,
                                      self.ghosts, self._ghost_values)  # fmt: skip
        weakref.finalize(self, _free, [*self._add, *self._update])

    @staticmethod
    def _requests(comm, tag, senders, sent, receivers, received) -> list[MPI.Prequest]:
        pairs = zip(receivers, received, strict=True)
        requests = [comm.Recv_init(values, rank, tag) for (rank, _), values in pairs]
        pairs = zip(senders, sent, strict=True)
        return requests + [comm.Send_init(values, rank, tag) for (rank, _), values in pairs]

    def add(self, values: np.ndarray) -> None:
        """Add the ghosts' values to their owners', in place, *Shape* `(n_nodes, 3)`."""
        if not self._add:
            return
        for (_, rows), sent in zip(self.ghosts, self._ghost_values, strict=True):
            np.take(values, rows, axis=0, out=sent)
        MPI.Prequest.Startall(self._add)
        MPI.Request.Waitall(self._add)
        for (_, rows), received in zip(self.shared, self._shared_values, strict=True):
            values[rows] += received

    def update(self, values: np.ndarray) -> None:
        """Give the ghosts their owners' values, in place, *Shape* `(n_nodes, 3)`."""
        if not self._update:
            return
        for (_, rows), sent in zip(self.shared, self._shared_values, strict=True):
            np.take(values, rows, axis=0, out=sent)
        MPI.Prequest.Startall(self._update)
        MPI.Request.Waitall(self._update)
        for (_, rows), received in zip(self.ghosts, self._ghost_values, strict=True):
            values[rows] = received


def _free(requests: list[MPI.Prequest]) -> None:
    if not MPI.Is_finalized():
        for request in requests:
            request.Free()
