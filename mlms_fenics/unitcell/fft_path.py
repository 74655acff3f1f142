# SPDX-License-Identifier: MIT
"""Periodic cells in time: steps, guesses, halving, what is recorded."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlms_fenics.unitcell.fft_acceleration import Anderson, Extrapolation
from mlms_fenics.unitcell.fft_points import Points
from mlms_fenics.unitcell.fft_solver import Fields, Grid, equilibrate


@dataclass(frozen=True)
class Settings:
    """How a path is solved.

    Attributes:
        tolerance: of the equilibrium residual ‖div P‖ L/‖⟨P⟩‖.
        floor: GPa, see `equilibrate`.
        moduli: of the reference medium, GPa.
        memory: of Anderson's acceleration, 0 for the basic scheme.
        max_iterations: per step, before it is halved.
        max_halvings: of one increment of the path.
    """

    tolerance: float
    floor: float
    moduli: tuple[float, float]
    memory: int
    max_iterations: int = 60
    max_halvings: int = 10


Observer = Callable[[int, float, int, Fields], None]


class March:
    """B cells that go along their paths together, each with its own steps.

    Args:
        grid: of the cells.
        points: their states, N = the grid's cells.
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
        N = int(np.prod(grid.shape))
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
        self.accelerators = [Anderson(grid.size, settings.memory) for _ in range(B)]
        self.extrapolations = [Extrapolation(f.y) for f in self.fields]
        self.P = np.zeros((B, n_t + 1, d, d))
        self.P33 = np.zeros((B, n_t + 1))
        self.iterations, self.residual = np.zeros((B, n_t), int), np.zeros((B, n_t))
        self.steps, self.halved = np.zeros(B, np.int64), np.zeros(B, np.int64)
        self.smallest = np.full(B, np.nan)
        self.message = [""] * B
        self.time = np.zeros(B)

    def run(self, observe: Observer | None = None) -> None:
        """Go through all increments; `observe(cell, time, increment, fields)` after each."""
        alive = np.arange(len(self.F))
        for increment in range(self.F.shape[1] - 1):
            alive = self._advance(alive, increment, 0.0, 1.0, 0)
            if alive.size == 0:
                return
            for c in alive:
                self.P[c, increment + 1] = self.fields[c].P.mean(-1)
                self.P33[c, increment + 1] = self.fields[c].P33.mean()
                if observe is not None:
                    observe(int(c), self.time[c], increment + 1, self.fields[c])

    def _advance(
        self, cells: np.ndarray, increment: int, start: float, end: float, depth: int
    ) -> np.ndarray:
        """From one fraction of the increment to another, halving where needed; those that did."""
        settings = self.settings
        here, there = self.F[cells, increment], self.F[cells, increment + 1]
        F_mean = here + end * (there - here)
        now, dt = (increment + end) * self.dt, (end - start) * self.dt
        F_start = np.stack([self.fields[c].F for c in cells])

        def respond(rows: np.ndarray, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self.points.trial(cells[rows], F_start[rows], F, dt)

        def attempt(rows: np.ndarray, guesses: list[np.ndarray]) -> list[Fields]:
            return equilibrate(
                self.grid,
                lambda sub, F: respond(rows[sub], F),
                F_mean[rows],
                guesses,
                [self.accelerators[cells[r]] for r in rows],
                settings.moduli,
                settings.tolerance,
                settings.floor,
                settings.max_iterations,
            )

        everyone = np.arange(len(cells))
        found = attempt(everyone, [self.extrapolations[c].guess(now) for c in cells])
        again = np.array([r for r in everyone if found[r].residual > settings.tolerance], int)
        if again.size:  # what the past suggested may be the trouble, at a corner of the path
            for r in again:
                self.accelerators[cells[r]].forget()
            retried = attempt(again, [self.extrapolations[cells[r]].last() for r in again])
            for r, fields in zip(again, retried, strict=True):
                fields.iterations += found[r].iterations
                found[r] = fields
        good, bad = [], []
        for c, fields in zip(cells, found, strict=True):
            self.iterations[c, increment] += fields.iterations
            if fields.residual <= settings.tolerance:
                self._commit(c, fields, now, dt, increment)
                good.append(c)
            elif depth == settings.max_halvings:
                self.halved[c] += 1
                self.message[c] = (
                    f"no equilibrium at increment {increment + 1} of {self.F.shape[1] - 1}, "
                    f"t = {now:.6g} µs, with a step of {dt:.3g} µs: residual "
                    f"{fields.residual:.3g}, wanted {settings.tolerance:.3g}, after "
                    f"{fields.iterations} iterations"
                )
            else:
                self.halved[c] += 1
                self.accelerators[c].forget()
                bad.append(c)
        if bad:
            middle = 0.5 * (start + end)
            half = self._advance(np.array(bad), increment, start, middle, depth + 1)
            if half.size:
                good.extend(self._advance(half, increment, middle, end, depth + 1))
        return np.array(sorted(good), dtype=int)

    def _commit(self, c: int, fields: Fields, now: float, dt: float, increment: int) -> None:
        self.points.commit(c)
        self.fields[c] = fields
        self.extrapolations[c].add(now, fields.y)
        self.time[c] = now
        self.steps[c] += 1
        self.smallest[c] = np.fmin(self.smallest[c], dt)
        self.residual[c, increment] = max(self.residual[c, increment], fields.residual)
