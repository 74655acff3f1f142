# SPDX-License-Identifier: MIT
"""Full-field cells with some components of the mean F and some of the mean stress prescribed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.numbers import check_positive
from mlms_fenics.unitcell.fft_acceleration import Extrapolation
from mlms_fenics.unitcell.fft_cell import FFTCell, prepared
from mlms_fenics.unitcell.fft_newton import Linear, Memory, divergence, newton
from mlms_fenics.unitcell.fft_path import first_parts
from mlms_fenics.unitcell.fft_solver import Fields
from mlms_fenics.unitcell.loadings import Loading
from mlms_fenics.unitcell.mixed_control import MixedResult, amounts_by_family
from mlms_fenics.unitcell.mixed_search import Average, Held, Search

_LINEAR = 1e-3  # part of a direction's residual to which its fluctuation is solved


@dataclass(frozen=True)
class _Cell(Held):
    """The cell in equilibrium.

    Attributes:
        fields: in it.
        time: µs.
        amounts: mean of the state over the points where it was kept, *Shape* `(n_state,)`.
    """

    fields: Fields
    time: float
    amounts: np.ndarray


class _CellAverage(Average):
    """The mean stress of a cell in equilibrium at a given mean F.

    How it changes with F is told by the tangent field that the equilibrium iteration keeps: for
    each component of F one linear problem, without evaluations of the law, gives the fluctuation.
    """

    def __init__(self, cell: FFTCell, tolerance: float):
        self.grid, self.points, self.settings = prepared([cell], tolerance)
        self.memory = Memory(self.grid)
        self.directions: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._fresh, self._first, self._steps = False, True, 0
        self._last: _Cell | None = None

    def virgin(self) -> _Cell:
        n = self.points.phase.shape[1]
        F = np.repeat(np.eye(3)[:, :, None], n, axis=2)
        fields = Fields(np.zeros(self.grid.size), F, np.zeros_like(F), np.zeros(n), 0.0)
        self.path = Extrapolation(fields.y, self.grid.sum)
        return _Cell(np.eye(3), np.zeros((3, 3)), fields, 0.0, self._amounts())

    def parts(self, strain: float) -> Sequence[float]:
        """See `fft_path.first_parts`."""
        return first_parts(strain, self.points)

    def begin(self, start: Held, dt: float) -> None:
        self.directions, self._fresh, self._first, self._last = {}, False, True, None

    def after(self, start: _Cell, F: np.ndarray, dt: float) -> list[_Cell]:
        """See `Average`; one F only."""
        (F_mean,) = F
        if not np.linalg.det(F_mean) > 0:
            raise SimulationError(f"det F = {np.linalg.det(F_mean):.3g} in the search of a stress")
        now = start.time + dt
        guesses = [self.path.guess(now), self.path.last()]
        if self._last is not None:
            moved = self._last.fields.y.copy()
            for (i, j), (y, _) in self.directions.items():
                moved += (F_mean[i, j] - self._last.F[i, j]) * y
            guesses = [moved, *guesses]
        for guess in guesses:
            fields = self._equilibrium(start, F_mean, guess, dt)
            if fields.residual <= self.settings.tolerance:
                P = self.grid.average(fields.P)
                self._last = _Cell(F_mean, _cauchy(P, F_mean), fields, now, start.amounts.copy())
                return [self._last]
            self.memory.forget()
        raise SimulationError(
            f"no equilibrium at t = {now:.6g} µs: residual {fields.residual:.3g}, wanted "
            f"{self.settings.tolerance:.3g}"
        )

    def near(self, start: _Cell, best: _Cell, F: np.ndarray, dt: float) -> list[_Cell]:
        """See `Average`: by the tangent, which is renewed where the first one did not do."""
        if self.memory.linear is None or (self.directions and not self._fresh):
            given = (0, start.fields.F, best.fields.F, best.fields.P, dt)
            tangent = self.grid.timed("law", self.points.tangent, *given)
            self.memory.linear = Linear(self.grid, tangent)
            self.memory.refreshed(9)
            self.directions, self._fresh = {}, True
        P = self.grid.average(best.fields.P)
        found = []
        for there in F:
            stress = P.copy()
            for i, j in np.argwhere(there != best.F):
                if (i, j) not in self.directions:
                    self.directions[i, j] = self._direction(i, j)
                stress += (there[i, j] - best.F[i, j]) * self.directions[i, j][1]
            found.append(_Cell(there, _cauchy(stress, there), best.fields, best.time, best.amounts))
        return found

    def keep(self, found: _Cell) -> None:
        self.points.commit(0)
        self.path.add(found.time, found.fields.y)
        found.amounts[:] = self._amounts()

    def _amounts(self) -> np.ndarray:
        return self.grid.average(self.points.state[0].T)

    def _equilibrium(self, start: _Cell, F: np.ndarray, guess: np.ndarray, dt: float) -> Fields:
        points, settings, F_start = self.points, self.settings, start.fields.F

        def respond(F: np.ndarray, _: bool) -> tuple[np.ndarray, np.ndarray]:
            # The first trial of a step chooses the substeps, which all others keep.
            first, self._first = self._first, False
            return points.trial(0, F_start, F, dt, first)

        before = self.memory.linear
        found = newton(
            self.grid,
            respond,
            lambda F, P: points.tangent(0, F_start, F, P, dt),
            self.memory,
            F,
            guess,
            settings.tolerance,
            settings.floor,
            settings.max_iterations,
        )
        if self.memory.linear is not before:
            self.directions, self._fresh = {}, True
        return found

    def _direction(self, i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
        """What a unit of mean F_ij adds to the unknowns, and to the mean P."""
        grid, linear = self.grid, self.memory.linear
        unit = np.zeros((3, 3))
        unit[i, j] = 1.0
        D = linear.D.reshape(3, 3, 3, 3, -1)
        direct = np.ascontiguousarray(D[:, :, i, j])
        r = np.empty((3, grid.k.shape[1]), complex)
        divergence(grid.spectrum_of(direct[None])[0], grid.k, self.memory.root, r)
        size = grid.norm(r)
        y = np.zeros(grid.size)
        # A homogeneous cell has no fluctuation, and nothing to divide by.
        if size > 1e-10 * float(np.linalg.norm(grid.average(direct))):
            u, _ = linear.solve(r, _LINEAR * size)
            y = (u * grid.scale).view(float).ravel()
        local = grid.deformation(y[None], unit[None])[0]
        stress = np.einsum("ijkln,kln->ijn", D, local, optimize=True)
        return y, grid.average(stress)


def mixed_control_of_cell(
    cell: FFTCell, loading: Loading, *, tolerance: float = 1e-3, residual: float = 1e-3
) -> MixedResult:
    """A full-field cell under mixed control of its mean F and its mean stress.

    Newton's method finds the components of the mean F that are not prescribed; at each of its
    trials the cell is in equilibrium. A step in which it fails is taken in halves.

    Args:
        cell: of three dimensions and one law, on one process; its method is Newton's whatever it
            was given.
        loading: see `loadings`.
        tolerance: of the equilibrium residual, see `FFTCell.stress`.
        residual: largest miss of a prescribed stress, relative to the largest stress so far.

    Returns:
        As of `mixed_control`, of which the grains are the points of the grid.

    Raises:
        InputError: another cell, or a number out of range.
        SimulationError: a step has no solution even in small parts; the message says which.
    """
    law = cell.law
    require(law.dimension == 3, f"law {law.name!r}: mixed control needs a three-dimensional law")
    require(
        len(set(cell.laws)) == 1 and cell.comm is None and cell.device is None,
        "mixed control of a cell needs one law for all grains, and one process on the CPU",
    )
    check_positive("residual", residual, largest=0.1)
    average = _CellAverage(cell, check_positive("tolerance", tolerance, largest=0.1))
    search = Search(average, loading, residual)
    history = search.follow()
    grains = cell.grains.ravel()
    return MixedResult(
        law,
        loading,
        np.array([h.F for h in history]),
        np.array([h.sigma for h in history]),
        *amounts_by_family(law, np.array([h.amounts for h in history])),
        average.points.state[0],
        np.ascontiguousarray(np.moveaxis(history[-1].fields.F, -1, 0)),
        cell.orientations[grains],
        np.full(len(grains), 1.0 / len(grains)),
        f"{len(cell.orientations)} grain(s) on {' x '.join(map(str, cell.grains.shape))} points",
        search.iterations,
    )


def _cauchy(P: np.ndarray, F: np.ndarray) -> np.ndarray:
    """⟨P⟩ Fᵀ/det F, as symmetric as equilibrium is exact."""
    sigma = P @ F.T / np.linalg.det(F)
    return 0.5 * (sigma + sigma.T)
