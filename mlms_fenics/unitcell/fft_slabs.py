# SPDX-License-Identifier: MIT
"""One large periodic cell on several MPI ranks, each with a slab of the grid."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from mpi4py_fft import PFFT, newDistArray

from mlms_fenics.errors import require
from mlms_fenics.unitcell.fft_operators import gradient
from mlms_fenics.unitcell.fft_solver import Grid


@dataclass
class SlabGrid(Grid):
    """A `Grid` whose points are shared out along the first axis, its coefficients along another.

    What it is given and gives are this rank's points and coefficients; sums are of all ranks', and
    the same to the last bit on each of them, so that all take the same decisions.

    Args:
        comm: mpi4py communicator; what it is used for is collective.

    Raises:
        InputError: more ranks than slabs.
    """

    comm: Any = None

    def __post_init__(self) -> None:
        d = len(self.shape)
        slabs = min(self.shape[0], self.shape[1] if d == 3 else self.shape[1] // 2 + 1)
        require(
            self.comm.size <= slabs,
            f"{self.comm.size} ranks share a grid of {' x '.join(map(str, self.shape))} cells, but "
            f"it has {slabs} slabs: use at most as many ranks",
        )
        self._transform = PFFT(
            self.comm,
            list(self.shape),
            axes=tuple(range(d)),
            dtype=np.float64,
            slab=True,
            planner_effort="FFTW_ESTIMATE",  # measured plans round in another way in each run
        )
        self._real = newDistArray(self._transform, forward_output=False)
        self._complex = newDistArray(self._transform, forward_output=True)
        self.points = self._transform.local_slice(False)
        self.modes = self._transform.local_slice(True)
        super().__post_init__()

    def local(self, whole: np.ndarray) -> np.ndarray:
        """This rank's part of an array over the grid."""
        return whole[self.points]

    def sum(self, parts: np.ndarray | float) -> np.ndarray:
        """Sum over the ranks, element by element."""
        parts = np.ascontiguousarray(parts, dtype=np.float64)
        found = np.empty((self.comm.size, *parts.shape))
        self.comm.Allgather(parts, found)
        return found.sum(0)

    def mean(self, coefficients: np.ndarray) -> np.ndarray:
        """The mean of a field of coefficients `(..., M)`."""
        found = np.ascontiguousarray(coefficients[..., 0].real)
        self.comm.Bcast(found, root=0)
        return found

    def whole(self, parts: np.ndarray) -> np.ndarray:
        """The array over the grid, flat, of its parts `(..., N)`; on every rank."""
        parts = np.moveaxis(parts, -1, 0)
        return np.moveaxis(np.concatenate(self.comm.allgather(parts)), 0, -1)

    def deformation(self, y: np.ndarray, F_mean: np.ndarray) -> np.ndarray:
        d = len(self.shape)
        F_hat = np.empty((len(y), d, d, self.k.shape[1]), complex)
        for c, one in enumerate(y.view(complex).reshape(len(y), d, -1)):
            gradient(one, self.k, self.scale, F_mean[c], F_hat[c])
            if self.comm.rank > 0:  # there the first coefficient is not the mean
                F_hat[c, :, :, 0] = one[:, :1] / self.scale[0] * self.k[:, 0]
        return self.backward(F_hat)

    def _backward(self, F_hat: np.ndarray) -> np.ndarray:
        parts = F_hat.reshape(-1, *self._complex.shape)
        out = np.empty((len(parts), *self._real.shape))
        for one, found in zip(parts, out, strict=True):
            self._complex[...] = one
            found[...] = self._transform.backward(self._complex, self._real)
        return out

    def _forward(self, P: np.ndarray) -> np.ndarray:
        parts = P.reshape(-1, *self._real.shape)
        out = np.empty((len(parts), *self._complex.shape), complex)
        for one, found in zip(parts, out, strict=True):
            self._real[...] = one
            found[...] = self._transform.forward(self._real, self._complex)
        return out
