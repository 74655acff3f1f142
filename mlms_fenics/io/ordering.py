# SPDX-License-Identifier: MIT
"""Rows scattered over ranks, brought into the order that the mesh's author gave them."""

import numpy as np
from mpi4py import MPI

Rows = np.ndarray


class InputOrder:
    """Redistributes rows held anywhere into contiguous blocks in a global order.

    Output in the input's order does not depend on how many ranks ran, so that two runs can be
    compared row by row. Each rank ends up with one contiguous block, which parallel HDF5 writes in
    one piece; with `to_root` rank 0 gets all of it.

    Args:
        comm: communicator; all methods are collective on it.
        index: global number of each row that this rank owns, *Shape* `(n,)`, unique over all
            ranks; gaps (nodes of the mesh file that no cell uses) are closed.
        to_root: all rows to rank 0 instead of an even share to each rank.

    Attributes:
        total: rows over all ranks.
        first: position of this rank's block.
        count: rows in this rank's block.
        position: final position of each row passed in, *Shape* `(n,)`, int64.
    """

    def __init__(self, comm: MPI.Intracomm, index: np.ndarray, *, to_root: bool = False) -> None:
        index = np.ascontiguousarray(index, dtype=np.int64)
        self.comm = comm
        largest = comm.allreduce(int(index.max()) if index.size else -1, op=MPI.MAX)
        self._share = largest + 1 if to_root else -(-(largest + 1) // comm.size)
        receiver = index // max(self._share, 1)
        self._send_order = np.argsort(receiver, kind="stable")
        self._sent = np.bincount(receiver, minlength=comm.size)
        self._received = np.empty_like(self._sent)
        comm.Alltoall(self._sent, self._received)
        arrived = self._exchange(index[self._send_order, None], self._sent, self._received)[:, 0]
        self._block_order = np.argsort(arrived, kind="stable")
        self.count = len(arrived)
        self.total = comm.allreduce(self.count)
        self.first = comm.exscan(self.count) or 0  # None on rank 0
        place = np.empty(self.count, dtype=np.int64)
        place[self._block_order] = self.first + np.arange(self.count)
        back = self._exchange(place[:, None], self._received, self._sent)[:, 0]
        self.position = np.empty(len(index), dtype=np.int64)
        self.position[self._send_order] = back

    def collect(self, rows: Rows) -> Rows:
        """This rank's block of the ordered rows (collective).

        Args:
            rows: what this rank owns, *Shape* `(n, ...)`, same trailing shape and type everywhere.

        Returns:
            *Shape* `(count, ...)`.
        """
        flat = np.ascontiguousarray(rows).reshape(len(rows), int(np.prod(rows.shape[1:])))
        block = self._exchange(flat[self._send_order], self._sent, self._received)
        return block[self._block_order].reshape(self.count, *rows.shape[1:])

    def distribute(self, block: Rows) -> Rows:
        """The reverse of `collect` (collective).

        Args:
            block: this rank's block of the ordered rows, *Shape* `(count, ...)`.

        Returns:
            The rows that this rank owns, *Shape* `(n, ...)`.
        """
        flat = np.ascontiguousarray(block).reshape(self.count, int(np.prod(block.shape[1:])))
        arrived = np.empty_like(flat)
        arrived[self._block_order] = flat
        rows = np.empty((len(self.position), flat.shape[1]), dtype=flat.dtype)
        rows[self._send_order] = self._exchange(arrived, self._received, self._sent)
        return rows.reshape(len(rows), *block.shape[1:])

    def _exchange(self, rows: Rows, sent: np.ndarray, received: np.ndarray) -> Rows:
        rows = np.ascontiguousarray(rows)
        result = np.empty((int(received.sum()), rows.shape[1]), dtype=rows.dtype)
        # One MPI datatype per row: counts are then rows, which do not overflow 32 bits.
        row = MPI.BYTE.Create_contiguous(rows.shape[1] * rows.itemsize).Commit()
        try:
            self.comm.Alltoallv(
                [rows, (sent, _starts(sent)), row], [result, (received, _starts(received)), row]
            )
        finally:
            row.Free()
        return result


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate(([0], np.cumsum(counts)[:-1])).astype(counts.dtype)
