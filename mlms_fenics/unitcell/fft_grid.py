# SPDX-License-Identifier: MIT
"""The grid of a periodic cell: its points, Fourier coefficients, and sums over them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy.fft

from mlms_fenics.unitcell.fft_operators import gradient, multiplicity, wave_vectors


@dataclass
class Grid:
    """What the iteration needs of grid and gradient; the longest edge of the cell is L = 1.

    Args:
        shape: cells along each axis.
        lengths: edges of the unit cell.
        operator: of `fft_operators.OPERATORS`.
    """

    shape: tuple[int, ...]
    lengths: tuple[float, ...]
    operator: str
    seconds: dict[str, float] = field(default_factory=lambda: {"law": 0.0, "fft": 0.0})
    modes: ClassVar[tuple[slice, ...] | None] = None  # which of the coefficients: all

    def __post_init__(self) -> None:
        edges = np.asarray(self.lengths, dtype=float)
        self.k = wave_vectors(self.shape, edges / edges.max(), self.operator, self.modes)
        self.count = multiplicity(self.shape, self.modes)
        norm = np.sqrt(self.count * (np.abs(self.k) ** 2).sum(0))
        # With this scale |y|² is the mean square of the gradient's fluctuation.
        self.scale = np.where(norm > 0, norm, 1.0)
        self.axes = tuple(range(-len(self.shape), 0))
        self.spectrum = (*self.shape[:-1], self.shape[-1] // 2 + 1)

    @property
    def size(self) -> int:
        """Length of the real vector of unknowns."""
        return 2 * self.k.size

    def local(self, whole: np.ndarray) -> np.ndarray:
        """The part of an array over the grid that is computed here: all of it (cf. `fft_slabs`)."""
        return whole

    def whole(self, parts: np.ndarray) -> np.ndarray:
        """Values at all points `(..., N)` of those at the points here."""
        return parts

    def sum(self, parts: np.ndarray) -> np.ndarray:
        """The sum of what was summed up over the points or coefficients here."""
        return parts

    def norm(self, vector: np.ndarray) -> float:
        """Euclidean norm of a vector of coefficients."""
        return float(np.linalg.norm(vector))

    def average(self, values: np.ndarray) -> np.ndarray:
        """Mean over all points of values `(..., N)`."""
        return values.mean(-1)

    def mean(self, coefficients: np.ndarray) -> np.ndarray:
        """The mean of a field of coefficients `(..., M)`."""
        return coefficients[..., 0].real

    def deformation(self, y: np.ndarray, F_mean: np.ndarray) -> np.ndarray:
        """F, *Shape* `(b, d, d, N)`, of unknowns `(b, size)` and means `(b, d, d)`."""
        b, d = len(y), len(self.shape)
        F_hat = np.empty((b, d, d, self.k.shape[1]), complex)
        for c in range(b):
            gradient(y[c].view(complex).reshape(d, -1), self.k, self.scale, F_mean[c], F_hat[c])
        return self.backward(F_hat)

    def backward(self, F_hat: np.ndarray) -> np.ndarray:
        """Values on the grid, *Shape* `(b, d, d, N)`, of coefficients `(b, d, d, M)`, lost."""
        started = time.perf_counter()
        F = scipy.fft.irfftn(
            F_hat.reshape(*F_hat.shape[:3], *self.spectrum),
            s=self.shape, axes=self.axes, norm="forward", overwrite_x=True, workers=1,
        )  # fmt: skip
        self.seconds["fft"] += time.perf_counter() - started
        return F.reshape(*F_hat.shape[:3], -1)

    def spectrum_of(self, P: np.ndarray) -> np.ndarray:
        """Fourier coefficients, *Shape* `(b, d, d, M)`; the first is the mean."""
        started = time.perf_counter()
        P_hat = scipy.fft.rfftn(
            P.reshape(*P.shape[:3], *self.shape), axes=self.axes, norm="forward", workers=1
        )
        self.seconds["fft"] += time.perf_counter() - started
        return P_hat.reshape(*P.shape[:3], -1)

    def timed(self, name: str, call: Callable, *arguments: Any) -> Any:
        """What the call returns; its wall time is added to `seconds[name]`."""
        started = time.perf_counter()
        found = call(*arguments)
        self.seconds[name] += time.perf_counter() - started
        return found
