# SPDX-License-Identifier: MIT
"""Stress equilibrium of periodic cells at a prescribed mean deformation gradient."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy.fft

from mlms_fenics.unitcell.fft_acceleration import Anderson
from mlms_fenics.unitcell.fft_operators import correction, gradient, multiplicity, wave_vectors

Response = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass
class Fields:
    """One cell in equilibrium, or as near to it as the iteration came.

    Attributes:
        y: scaled displacement coefficients (real view), F's only unknowns.
        F, P: *Shape* `(d, d, N)`; P in GPa.
        P33: *Shape* `(N,)`.
        residual: ‖div P‖ L/‖⟨P⟩‖; infinite where no stress could be computed.
        iterations: evaluations of the law.
    """

    y: np.ndarray
    F: np.ndarray
    P: np.ndarray
    P33: np.ndarray
    residual: float = np.inf
    iterations: int = 0


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


def make_grid(
    shape: tuple[int, ...], lengths: tuple[float, ...], operator: str, comm: Any = None
) -> Grid:
    """A `Grid`, or this rank's part of it where `comm` has several ranks (`SlabGrid`)."""
    if comm is None or comm.size == 1:
        return Grid(shape, lengths, operator)
    # Only runs on several ranks need MPI.
    from mlms_fenics.unitcell.fft_slabs import SlabGrid

    return SlabGrid(shape, lengths, operator, comm=comm)


def equilibrate(
    grid: Grid,
    respond: Response,
    F_mean: np.ndarray,
    guesses: list[np.ndarray],
    accelerators: list[Anderson],
    moduli: tuple[float, float],
    tolerance: float,
    floor: float,
    max_iterations: int,
) -> list[Fields]:
    """Iterate each cell to equilibrium; cells that have converged are not evaluated any more.

    The fixed-point iteration is that of Moulinec & Suquet at finite strain (Lahellec et al. 2003),
    on the displacements: u ← u - K⁻¹ div P(F), so that F is a gradient with mean `F_mean` exactly.

    Args:
        grid: of the cells.
        respond: `respond(cells, F)` gives P and P33 of cells of this call, F `(b, d, d, N)`.
        F_mean: *Shape* `(B, d, d)`.
        guesses: unknowns to start from, one for each cell.
        accelerators: one for each cell.
        moduli: Lamé's constants λ, μ of the reference medium, GPa.
        tolerance: of the residual.
        floor: the residual is relative to this stress where ‖⟨P⟩‖ is smaller, GPa.
        max_iterations: evaluations of the law.

    Returns:
        One for each cell; whether it converged is told by its residual.
    """
    B, d = F_mean.shape[:2]
    inverse = np.ascontiguousarray(np.linalg.inv(F_mean))
    current = [g.copy() for g in guesses]
    best: list[Fields | None] = [None] * B
    damping = np.ones(B)
    for accelerator in accelerators:
        accelerator.begin()
    active = np.arange(B)
    for iteration in range(1, max_iterations + 1):
        F = grid.deformation(np.stack([current[c] for c in active]), F_mean[active])
        started = time.perf_counter()
        P, P33 = respond(active, F)
        grid.seconds["law"] += time.perf_counter() - started
        P_hat = grid.spectrum_of(P)
        going = []
        for row, c in enumerate(active):
            f = np.empty((d, grid.k.shape[1]), complex)
            square = correction(P_hat[row], grid.k, grid.scale, grid.count, inverse[c], *moduli, f)
            mean = np.linalg.norm(grid.mean(P_hat[row]))
            residual = float(np.sqrt(grid.sum(square)) / max(mean, floor))
            finite = np.isfinite(residual)
            if best[c] is None or (finite and residual < best[c].residual):
                best[c] = Fields(
                    current[c], F[row], P[row], P33[row], residual if finite else np.inf
                )
            best[c].iterations = iteration
            if finite and residual <= tolerance:
                continue
            if not finite and best[c].residual == np.inf:
                continue  # the guess itself is out of bounds: the caller takes a smaller step
            f = f.view(float).ravel()
            if not finite or residual > 20.0 * best[c].residual:
                accelerators[c].forget()
                damping[c] *= 0.5
                current[c] = best[c].y + damping[c] * (current[c] - best[c].y)
            else:
                current[c] = accelerators[c].step(current[c], damping[c] * f)
            going.append(c)
        active = np.array(going, dtype=int)
        if active.size == 0:
            break
    return best  # type: ignore[return-value]
