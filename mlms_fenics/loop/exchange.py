# SPDX-License-Identifier: MIT
"""Sums of nodal values over ranks, through the host: only what is shared travels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

_ADD, _UPDATE = 7103, 7104
Rows = Sequence[tuple[int, np.ndarray]]


class Ranks:
    """The ranks of a body; with one rank, nothing is done.

    Args:
        comm: mpi4py communicator; None for one rank.
        ghosts: of each neighbour that owns ghosts of this rank, its rank and their rows.
        shared: of each neighbour that has ghosts of this rank's nodes, likewise, in its order.
        device: of the values.
    """

    def __init__(
        self,
        comm: Any = None,
        ghosts: Rows = (),
        shared: Rows = (),
        device: torch.device | str = "cpu",
    ) -> None:
        self._comm = comm
        self.size = 1 if comm is None else comm.size
        self._ghosts = [(rank, _index(rows, device)) for rank, rows in ghosts]
        self._shared = [(rank, _index(rows, device)) for rank, rows in shared]

    def sum(self, values: torch.Tensor) -> None:
        """Add the ghosts' values to their owners' by rising rank, and give them back the sums.

        Args:
            values: in place, *Shape* `(3, n_nodes)` (collective).
        """
        if self.size == 1:
            return
        for (_, rows), got in self._swapped(values, self._ghosts, self._shared, _ADD):
            values.index_add_(1, rows, got)
        for (_, rows), got in self._swapped(values, self._shared, self._ghosts, _UPDATE):
            values.index_copy_(1, rows, got)

    def gather(self, values: torch.Tensor) -> torch.Tensor:
        """Values `(k, n)` of all ranks, by rising rank, along the last axis (collective)."""
        if self.size == 1:
            return values
        parts = self._comm.allgather(values.cpu().numpy())
        return torch.from_numpy(np.concatenate(parts, axis=-1)).to(values.device)

    def _swapped(self, values: torch.Tensor, senders: Any, receivers: Any, tag: int) -> Any:
        sent = [values[:, rows].cpu().numpy() for _, rows in senders]
        got = [np.empty((3, len(rows))) for _, rows in receivers]
        pairs = zip(receivers, got, strict=True)
        requests = [self._comm.Irecv(part, rank, tag) for (rank, _), part in pairs]
        pairs = zip(senders, sent, strict=True)
        requests += [self._comm.Isend(part, rank, tag) for (rank, _), part in pairs]
        for request in requests:
            request.Wait()
        received = [torch.from_numpy(part).to(values.device) for part in got]
        return zip(receivers, received, strict=True)


def _index(rows: np.ndarray, device: torch.device | str) -> torch.Tensor:
    return torch.from_numpy(np.asarray(rows, dtype=np.int64)).to(device)
