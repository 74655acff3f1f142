# SPDX-License-Identifier: MIT
"""Many cells in time on a torch device: `fft_path.March` with all cells in step.

The fixed-point iteration, plain or accelerated: it asks nothing of the law but its stress, so that
all cells are one batch. What a cell does depends on no other: it makes the iterations, steps and
halvings that it makes alone.
"""

from types import SimpleNamespace

import numpy as np
import torch

from mlms_fenics.device import uploaded
from mlms_fenics.unitcell.apart.acceleration import AndersonThere, ExtrapolationThere
from mlms_fenics.unitcell.apart.grid import GridThere
from mlms_fenics.unitcell.apart.points import PointsThere
from mlms_fenics.unitcell.fft_grid import Grid
from mlms_fenics.unitcell.fft_path import Settings
from mlms_fenics.unitcell.fft_points import Points

_MEMORY = 10  # as in fft_path


class MarchThere:
    """B cells that go along their paths together on a device.

    Args:
        grid, points, F, horizon, settings: as of `fft_path.March`, on the host; the method is
            "anderson" or "basic".
        device: on which all is computed.
    """

    def __init__(
        self,
        grid: Grid,
        points: Points,
        F: np.ndarray,
        horizon: float,
        settings: Settings,
        device: torch.device,
    ) -> None:
        self.grid, self.F, self.settings, self.device = grid, F, settings, device
        self.there, self.points = GridThere(grid, device), PointsThere(points, device)
        B, n_t, d = len(F), F.shape[1] - 1, F.shape[-1]
        self.dt = horizon / n_t
        N = points.phase.shape[1]
        self.F_now = uploaded(F[:, 0].copy(), device)[..., None].repeat(1, 1, 1, N)
        self.P_now = torch.zeros_like(self.F_now)
        self.P33_now = torch.zeros(B, N, dtype=torch.float64, device=device)
        memory = _MEMORY if settings.method == "anderson" else 0
        self.anderson = AndersonThere(B, grid.size, memory, device)
        self.extrapolation = ExtrapolationThere(
            torch.zeros(B, grid.size, dtype=torch.float64, device=device)
        )
        self.P, self.P33 = np.zeros((B, n_t + 1, d, d)), np.zeros((B, n_t + 1))
        self.iterations, self.residual = np.zeros((B, n_t), int), np.zeros((B, n_t))
        self.steps, self.halved = np.zeros(B, np.int64), np.zeros(B, np.int64)
        self.smallest, self.time = np.full(B, np.nan), np.zeros(B)
        self.message = [""] * B
        self.tangents = [SimpleNamespace(directions=0)] * B

    def last(self, c: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `fft_path.March.last`, on the host."""
        found = (self.F_now[c], self.P_now[c], self.points.state[c])
        return tuple(x.cpu().numpy() for x in found)

    def run(self) -> None:
        """Go through all increments."""
        alive = np.arange(len(self.F))
        for increment in range(self.F.shape[1] - 1):
            # Parts of the increment that a cell has still to go through, the next one last.
            ahead = {c: [(0.0, 1.0, 0)] for c in alive.tolist()}
            while any(ahead.values()):
                self._round(increment, ahead)
            alive = np.array([c for c in alive if not self.message[c]], dtype=int)
            if len(alive) == 0:
                break
            at = uploaded(alive, self.device)
            self.P[alive, increment + 1] = self.P_now[at].mean(-1).cpu().numpy()
            self.P33[alive, increment + 1] = self.P33_now[at].mean(-1).cpu().numpy()

    def _round(self, increment: int, ahead: dict[int, list[tuple[float, float, int]]]) -> None:
        """One step of every cell that has some of the increment ahead of it."""
        cells = np.array([c for c, parts in ahead.items() if parts], dtype=int)
        parts = [ahead[c].pop() for c in cells.tolist()]
        start, end = (np.array([part[k] for part in parts]) for k in (0, 1))
        here, there = self.F[cells, increment], self.F[cells, increment + 1]
        F_mean = here + end[:, None, None] * (there - here)
        now, dt = (increment + end) * self.dt, (end - start) * self.dt
        guess, last = self.extrapolation.guess(cells, now), self.extrapolation.last(cells)
        changed = (guess != last).any(1).cpu().numpy()
        found = self._attempt(cells, F_mean, guess, dt)
        tolerance = self.settings.tolerance
        self.iterations[cells, increment] += found["iterations"]
        self._settle(cells, found, now, dt, increment)
        bad = ~(found["residual"] <= tolerance)
        again = np.flatnonzero(bad & changed)
        if len(again):
            # What the past suggested may be the trouble, at a corner of the path.
            own = cells[again]
            self.anderson.forget(own)
            retry = self._attempt(
                own, F_mean[again], last[uploaded(again, self.device)], dt[again]
            )  # fmt: skip
            self.iterations[own, increment] += retry["iterations"]
            self._settle(own, retry, now[again], dt[again], increment)
            found["residual"][again] = retry["residual"]
            found["iterations"][again] += retry["iterations"]
            bad = ~(found["residual"] <= tolerance)
        for row in np.flatnonzero(bad):
            self._halve(
                int(cells[row]), parts[row], increment, now[row], dt[row],
                found["residual"][row], found["iterations"][row], ahead,
            )  # fmt: skip

    def _halve(self, c, part, increment, now, dt, residual, iterations, ahead) -> None:
        start, end, depth = part
        self.halved[c] += 1
        if depth == self.settings.max_halvings:
            self.message[c] = (
                f"no equilibrium at increment {increment + 1} of {self.F.shape[1] - 1}, "
                f"t = {now:.6g} µs, with a step of {dt:.3g} µs: residual "
                f"{residual:.3g}, wanted {self.settings.tolerance:.3g}, after "
                f"{iterations} iterations"
            )
            ahead[c].clear()
            return
        self.anderson.forget(np.array([c]))
        middle = 0.5 * (start + end)
        ahead[c] += [(middle, end, depth + 1), (start, middle, depth + 1)]

    def _settle(self, cells, found, now, dt, increment) -> None:
        """Make equilibria that were found the cells' states."""
        rows = np.flatnonzero(found["residual"] <= self.settings.tolerance)
        if len(rows) == 0:
            return
        self.points.commit(rows)
        own, here = cells[rows], uploaded(rows, self.device)
        at = uploaded(own, self.device)
        self.F_now[at], self.P_now[at] = found["F"][here], found["P"][here]
        self.P33_now[at] = found["P33"][here]
        self.extrapolation.add(own, now[rows], found["y"][here])
        self.time[own] = now[rows]
        self.steps[own] += 1
        self.smallest[own] = np.fmin(self.smallest[own], dt[rows])
        worst = np.maximum(self.residual[own, increment], found["residual"][rows])
        self.residual[own, increment] = worst

    def _attempt(
        self, cells: np.ndarray, F_mean: np.ndarray, guess: torch.Tensor, dt: np.ndarray
    ) -> dict:
        """`fft_solver.equilibrate` of these cells: y, F, P, P33, residual and iterations."""
        settings, grid, device = self.settings, self.there, self.device
        b = len(cells)
        means = uploaded(np.ascontiguousarray(F_mean), device)
        inverse = uploaded(np.ascontiguousarray(np.linalg.inv(F_mean)), device)
        self.points.begin(cells, self.F_now[uploaded(cells, device)], dt)
        self.anderson.begin(cells)
        current, damping = guess.clone(), np.ones(b)
        best = {"y": current, "F": None, "P": None, "P33": None}
        residual, iterations = np.full(b, np.inf), np.zeros(b, int)
        going = np.ones(b, bool)
        for iteration in range(1, settings.max_iterations + 1):
            active = uploaded(going, device)
            F = grid.deformation(current, means)
            P, P33 = self.points.trial(F, active, iteration == 1)
            P_hat = grid.spectrum_of(P)
            f, square = grid.correction(P_hat, inverse, settings.moduli)
            mean = torch.linalg.matrix_norm(P_hat[..., 0].real)
            now = torch.stack((square, mean)).cpu().numpy()
            value = np.sqrt(now[0]) / np.maximum(now[1], settings.floor)
            finite = np.isfinite(value)
            better = going & ((finite & (value < residual)) | (iteration == 1))
            chosen = uploaded(better, device)
            fresh = {"y": current, "F": F, "P": P, "P33": P33}
            best = {
                name: x if best[name] is None else _where(chosen, x, best[name])
                for name, x in fresh.items()
            }
            residual = np.where(better, np.where(finite, value, np.inf), residual)
            iterations[going] = iteration
            going &= ~(finite & (value <= settings.tolerance))
            # Where the guess itself is out of bounds the caller takes a smaller step.
            going &= finite | (residual < np.inf)
            if not going.any():
                break
            wild = going & (~finite | (value > 20.0 * residual))
            current = self._onwards(cells, current, f, best["y"], damping, going, wild)
        return {**best, "residual": residual, "iterations": iterations}

    def _onwards(self, cells, current, f, best, damping, going, wild) -> torch.Tensor:
        """The next iterates: nearer to the best ones where the last were wild."""
        back, on = np.flatnonzero(wild), np.flatnonzero(going & ~wild)
        new = current.clone()
        if len(back):
            self.anderson.forget(cells[back])
            damping[back] *= 0.5
            here, part = (uploaded(x, self.device) for x in (back, damping[back]))
            new[here] = best[here] + part[:, None] * (current[here] - best[here])
        if len(on):
            here, part = (uploaded(x, self.device) for x in (on, damping[on]))
            new[here] = self.anderson.step(cells[on], current[here], part[:, None] * f[here])
        return new


def _where(rows: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.where(rows.view(-1, *[1] * (a.ndim - 1)), a, b)
