# SPDX-License-Identifier: MIT
"""One large periodic cell on several MPI ranks, each with a slab of the grid."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.unitcell.fft_grid import Grid
from mlms_fenics.unitcell.fft_operators import gradient


@dataclass
class SlabGrid(Grid):
    """A `Grid` whose points are shared out along the first axis, its coefficients along another.

    What it is given and gives are this rank's points and coefficients; sums are of all ranks', and
    the same to the last bit on each of them, so that all take the same decisions.

    Args:
        comm: mpi4py communicator; what it is used for is collective.

    Raises:
        InputError: more ranks than slabs, or mpi4py-fft is not installed.
    """

    comm: Any = None

    def __post_init__(self) -> None:
        try:  # only runs on several ranks need it
            from mpi4py_fft import PFFT, newDistArray
            from mpi4py_fft.pencil import Subcomm
        except ImportError as error:
            raise InputError(
                f"a cell on {self.comm.size} ranks needs mpi4py-fft (Debian: python3-mpi4py-fft; "
                "PyPI and conda-forge: mpi4py-fft); install it, or run on one rank"
            ) from error
        d = len(self.shape)
        slabs = min(self.shape[0], self.shape[1] if d == 3 else self.shape[1] // 2 + 1)
        require(
            self.comm.size <= slabs,
            f"{self.comm.size} ranks share a grid of {' x '.join(map(str, self.shape))} cells, but "
            f"it has {slabs} slabs: use at most as many ranks",
        )
        # All d² components go in one message; the first axis of grid and coefficients is theirs.
        self._transform = PFFT(
            Subcomm(self.comm, [1, 0] + [1] * (d - 1)),
            [d * d, *self.shape],
            axes=tuple(range(1, d + 1)),
            dtype=np.float64,
            planner_effort="FFTW_ESTIMATE",  # measured plans round in another way in each run
        )
        self._real = newDistArray(self._transform, forward_output=False)
        self._complex = newDistArray(self._transform, forward_output=True)
        self.points = self._transform.local_slice(False)[1:]
        self.modes = self._transform.local_slice(True)[1:]
        super().__post_init__()

    def local(self, whole: np.ndarray) -> np.ndarray:
        return whole[self.points]

    def sum(self, parts: np.ndarray | float) -> np.ndarray:
        parts = np.asarray(parts, dtype=np.float64, order="C")
        found = np.empty((self.comm.size, *parts.shape))
        self.comm.Allgather(parts, found)
        return found.sum(0)

    def norm(self, vector: np.ndarray) -> float:
        return float(np.sqrt(self.sum(np.linalg.norm(vector) ** 2)))

    def average(self, values: np.ndarray) -> np.ndarray:
        return self.sum(values.sum(-1)) / np.prod(self.shape)

    def mean(self, coefficients: np.ndarray) -> np.ndarray:
        found = np.ascontiguousarray(coefficients[..., 0].real)
        self.comm.Bcast(found, root=0)
        return found

    def whole(self, parts: np.ndarray) -> np.ndarray:
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

    def backward(self, F_hat: np.ndarray) -> np.ndarray:
        return self.timed("fft", self._backward, F_hat)

    def spectrum_of(self, P: np.ndarray) -> np.ndarray:
        return self.timed("fft", self._forward, P)

    def _backward(self, F_hat: np.ndarray) -> np.ndarray:
        found = np.empty((len(F_hat), *self._real.shape))
        for one, out in zip(F_hat, found, strict=True):
            self._complex[...] = one.reshape(self._complex.shape)
            out[...] = self._transform.backward(self._complex, self._real)
        return found.reshape(*F_hat.shape[:3], -1)

    def _forward(self, P: np.ndarray) -> np.ndarray:
        found = np.empty((len(P), *self._complex.shape), complex)
        for one, out in zip(P, found, strict=True):
            self._real[...] = one.reshape(self._real.shape)
            out[...] = self._transform.forward(self._real, self._complex)
        return found.reshape(*P.shape[:3], -1)


def make_grid(
    shape: tuple[int, ...], lengths: tuple[float, ...], operator: str, comm: Any = None
) -> Grid:
    """A `Grid`, or this rank's part of it where `comm` has several ranks (`SlabGrid`)."""
    if comm is None or comm.size == 1:
        return Grid(shape, lengths, operator)
    return SlabGrid(shape, lengths, operator, comm=comm)
