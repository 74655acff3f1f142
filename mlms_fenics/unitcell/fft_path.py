# SPDX-License-Identifier: MIT
"""Periodic cells in time: steps, guesses, halving, what is recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mlms_fenics.unitcell.fft_acceleration import Anderson, Extrapolation
from mlms_fenics.unitcell.fft_grid import Grid
from mlms_fenics.unitcell.fft_newton import Memory, newton
from mlms_fenics.unitcell.fft_points import Points
from mlms_fenics.unitcell.fft_solver import Fields, equilibrate

_MEMORY = 10  # of Anderson's acceleration


@dataclass(frozen=True)
class Settings:
    """How a path is solved.

    Attributes:
        tolerance: of the equilibrium residual ‖div P‖ L/‖⟨P⟩‖.
        floor: GPa, see `equilibrate`.
        moduli: of the reference medium, GPa.
        method: "newton", "anderson" or "basic".
        max_iterations: per step, before it is halved.
        max_halvings: of one increment of the path.
    """

    tolerance: float
    floor: float
    moduli: tuple[float, float]
    method: str
    max_iterations: int = 60
    max_halvings: int = 10


def first_parts(strain: float, points: Points) -> list[float]:
    """In which parts a first step of this strain from rest is taken: their ends, the last one 1.

    A step from rest to far beyond yield has no good guess to start from: where a law is stiff the
    first part is half of the strain of yield, and each one that follows is as long as all before.
    """
    ends = [1.0]
    if any(points.implicit) and strain > 0.0:
        yields = min(law.least_strength / law.shear_modulus for law in points.laws)
        while ends[0] * strain > yields:
            ends.insert(0, 0.5 * ends[0])
    return ends


Observer = Callable[[int, float, int, Fields], None]


class March:
    """B cells that go along their paths together, each with its own steps.

    Args:
        grid: of the cells.
        points: their states, N = the grid's cells (those that are here).
        F: mean deformation gradients, *Shape* `(B, n_t + 1, d, d)`, piecewise linear in time.
        horizon: µs.
        settings: how to solve.
    """

    def __init__(
        self, grid: Grid, points: Points, F: np.ndarray, horizon: float, settings: Settings
    ):
        self.grid, self.points, self.F, self.settings = grid, points, F, settings
        B, n_t, d = len(F), F.shape[1] - 1, F.shape[-1]
        self.dt = horizon / n_t
        N = points.phase.shape[1]
        self.fields: list[Fields] = [
            Fields(
                np.zeros(grid.size),
                np.repeat(F[c, 0][:, :, None], N, axis=2),
                np.zeros((d, d, N)),
                np.zeros(N),
                0.0,
            )
            for c in range(B)
        ]
        memory = _MEMORY if settings.method == "anderson" else 0
        self.accelerators = [Anderson(grid.size, memory, grid.sum) for _ in range(B)]
        self.tangents = [Memory(grid) for _ in range(B)]
        self.extrapolations = [Extrapolation(f.y, grid.sum) for f in self.fields]
        self.P = np.zeros((B, n_t + 1, d, d))
        self.P33 = np.zeros((B, n_t + 1))
        self.iterations, self.residual = np.zeros((B, n_t), int), np.zeros((B, n_t))
        self.steps, self.halved = np.zeros(B, np.int64), np.zeros(B, np.int64)
        self.smallest = np.full(B, np.nan)
        self.message = [""] * B
        self.time = np.zeros(B)

    def last(self, c: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """F and P `(d, d, N)` and the points' states `(N, n)` of a cell's last equilibrium."""
        return self.fields[c].F, self.fields[c].P, self.points.state[c]

    def run(self, observe: Observer | None = None) -> None:
        """Go through all increments; `observe(cell, time, increment, fields)` after each."""
        alive = list(range(len(self.F)))
        for increment in range(self.F.shape[1] - 1):
            # Nothing of a cell depends on the others, so that batches change no answer.
            alive = [c for c in alive if self._whole(c, increment)]
            for c in alive:
                self.P[c, increment + 1] = self.grid.average(self.fields[c].P)
                self.P33[c, increment + 1] = self.grid.average(self.fields[c].P33)
                if observe is not None:
                    observe(c, self.time[c], increment + 1, self.fields[c])

    def _whole(self, c: int, increment: int) -> bool:
        """All of an increment, the first one in parts that begin small."""
        change = float(np.abs(self.F[c, 1] - self.F[c, 0]).max())
        ends = [0.0, *(first_parts(change, self.points) if increment == 0 else (1.0,))]
        return all(self._part(c, increment, *pair, 0) for pair in pairwise(ends))

    def _part(self, c: int, increment: int, start: float, end: float, depth: int) -> bool:
        """From one fraction of the increment to another, halving where needed."""
        settings = self.settings
        here, there = self.F[c, increment], self.F[c, increment + 1]
        F_mean = here + end * (there - here)
        now, dt = (increment + end) * self.dt, (end - start) * self.dt
        guess, last = self.extrapolations[c].guess(now), self.extrapolations[c].last()
        found = self._attempt(c, F_mean, guess, dt)
        if found.residual > settings.tolerance and not np.array_equal(guess, last):
            # What the past suggested may be the trouble, at a corner of the path.
            self._forget(c)
            first = found.iterations
            found = self._attempt(c, F_mean, last, dt)
            found.iterations += first
        self.iterations[c, increment] += found.iterations
        if found.residual <= settings.tolerance:
            self._commit(c, found, now, dt, increment)
            return True
        self.halved[c] += 1
        if depth == settings.max_halvings:
            self.message[c] = (
                f"no equilibrium at increment {increment + 1} of {self.F.shape[1] - 1}, "
                f"t = {now:.6g} µs, with a step of {dt:.3g} µs: residual "
                f"{found.residual:.3g}, wanted {settings.tolerance:.3g}, after "
                f"{found.iterations} iterations"
            )
            return False
        self._forget(c)
        middle = 0.5 * (start + end)
        return self._part(c, increment, start, middle, depth + 1) and self._part(
            c, increment, middle, end, depth + 1
        )

    def _attempt(self, c: int, F_mean: np.ndarray, guess: np.ndarray, dt: float) -> Fields:
        settings, points, F_start = self.settings, self.points, self.fields[c].F
        limits = (settings.tolerance, settings.floor, settings.max_iterations)
        if settings.method == "newton":
            return newton(
                self.grid,
                lambda F, first: points.trial(c, F_start, F, dt, first),
                lambda F, P: points.tangent(c, F_start, F, P, dt),
                self.tangents[c],
                F_mean,
                guess,
                *limits,
            )
        first = True

        def respond(_: np.ndarray, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            nonlocal first
            P, P33 = points.trial(c, F_start, F[0], dt, first)
            first = False
            return P[None], P33[None]

        accelerators = [self.accelerators[c]]
        return equilibrate(
            self.grid, respond, F_mean[None], [guess], accelerators, settings.moduli, *limits
        )[0]

    def _forget(self, c: int) -> None:
        self.accelerators[c].forget()
        self.tangents[c].forget()

    def _commit(self, c: int, fields: Fields, now: float, dt: float, increment: int) -> None:
        self.points.commit(c)
        self.fields[c] = fields
        self.extrapolations[c].add(now, fields.y)
        self.time[c] = now
        self.steps[c] += 1
        self.smallest[c] = np.fmin(self.smallest[c], dt)
        self.residual[c, increment] = max(self.residual[c, increment], fields.residual)
