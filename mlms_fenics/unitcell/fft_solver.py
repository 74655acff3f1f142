# SPDX-License-Identifier: MIT
"""Stress equilibrium of periodic cells at a prescribed mean deformation gradient."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlms_fenics.unitcell.fft_acceleration import Anderson
from mlms_fenics.unitcell.fft_grid import Grid
from mlms_fenics.unitcell.fft_operators import correction

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
