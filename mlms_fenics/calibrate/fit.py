# SPDX-License-Identifier: MIT
"""Least squares: the numbers of a law with which its curves are the measured ones."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from mlms_fenics.calibrate.curves import simulate
from mlms_fenics.calibrate.experiment import Experiment
from mlms_fenics.calibrate.parameters import Parameter
from mlms_fenics.calibrate.starts import End, starting_points
from mlms_fenics.calibrate.uncertainty import Uncertainty, at_bounds, uncertainty
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.numbers import check_positive, check_whole

_CLOSE = 1e-6  # to a bound, of the distance between both


@dataclass(frozen=True)
class Fit:
    """What `fit` returns.

    Attributes:
        experiment: what was asked.
        numbers: of the parameters, in the units of the law's file, *Shape* `(p,)`.
        stresses: of each curve, simulated with them, GPa.
        uncertainty: standard errors, correlations, what is not determined.
        evaluations: simulations of all curves.
        seconds: of the clock on the wall.
        converged: whether the search ended by itself, not by the number of its steps.
        searches: where those from all starts ended.
    """

    experiment: Experiment
    numbers: np.ndarray
    stresses: tuple[np.ndarray, ...]
    uncertainty: Uncertainty
    evaluations: int
    seconds: float
    converged: bool
    searches: tuple[End, ...]

    @property
    def misfits(self) -> np.ndarray:
        """Root mean square of each curve's misfit by that of its stress, *Shape* `(c,)`."""
        return np.array([
            float(np.sqrt(np.mean((s - c.stress) ** 2) / np.mean(c.stress**2)))
            for s, c in zip(self.stresses, self.experiment.curves, strict=True)
        ])  # fmt: skip

    @property
    def at_bound(self) -> list[str]:
        """Of each parameter "low", "high" or "", *Shape* `(p,)`."""
        return _at_bounds(self.numbers, self.experiment.parameters)


def _at_bounds(numbers: np.ndarray, parameters: Sequence[Parameter]) -> list[str]:
    scaled = [
        [p.scaled(value) for value in (x, p.low, p.high)]
        for x, p in zip(numbers, parameters, strict=True)
    ]
    return at_bounds(*np.reshape(scaled, (-1, 3)).T)


def fit(
    experiment: Experiment,
    *,
    tolerance: float = 1e-3,
    steps: int = 30,
    difference: float = 0.02,
    workers: int = 2,
    starts: int = 1,
    seed: int = 0,
    told: Callable[[str], None] | None = None,
) -> Fit:
    """Calibrate a law.

    Args:
        experiment: the law, its free parameters, the curves.
        tolerance: of the simulations, see `simulate`.
        steps: most steps of the search.
        difference: of scaled parameters, for derivatives; its effect must stand out from the
            simulations' own error.
        workers: simulations at the same time, in threads.
        starts: searches: from the parameters' own start, and from others between their bounds,
            each of at most so many steps; the one that ends best counts.
        seed: of the other starts.
        told: called with a line for each step.

    Raises:
        InputError: a number out of range.
        SimulationError: the law cannot be simulated at the start, or next to where the search has
            come.
    """
    check_positive("tolerance", tolerance, largest=0.1)
    check_whole("steps", steps, 1)
    check_positive("difference", difference, largest=0.5)
    check_whole("workers", workers, 1)
    check_whole("starts", starts, 1)
    check_whole("seed", seed, 0)
    begin = time.perf_counter()
    parameters = experiment.parameters
    low, high = (np.array([p.scaled(getattr(p, k)) for p in parameters]) for k in ("low", "high"))
    points = starting_points(parameters, starts, seed)
    with ThreadPoolExecutor(workers) as pool:
        model = _Model(experiment, tolerance, difference, pool, low, high, told)
        searches: list[End] = []
        for k, start in enumerate(points):
            try:
                searches.append(_search(model, start, steps))
            except SimulationError:
                if k == 0:  # the start that was asked for
                    raise
        found = min(searches, key=lambda end: end.misfit)
        residuals, jacobian = model.residuals(found.x), model.jacobian(found.x)
    numbers = model.numbers(found.x)
    ends = np.cumsum([len(c.strain) for c in experiment.curves])[:-1]
    stresses = tuple(
        c.stress + c.scale * r
        for c, r in zip(experiment.curves, np.split(residuals, ends), strict=True)
    )
    fixed = np.array([bool(bound) for bound in _at_bounds(numbers, parameters)])
    return Fit(
        experiment,
        numbers,
        stresses,
        uncertainty(residuals, jacobian, fixed, tolerance * _size(experiment)),
        model.evaluations,
        time.perf_counter() - begin,
        found.converged,
        tuple(searches),
    )


def _search(model: "_Model", start: np.ndarray, steps: int) -> End:
    """Least squares from one start.

    Raises:
        SimulationError: the law cannot be simulated there, or next to where the search has come.
    """
    if not np.isfinite(model.residuals(start)).all():
        raise SimulationError(f"calibration: the start cannot be simulated: {model.failure}")
    low, high = model.low, model.high
    found = least_squares(
        model.residuals,
        np.clip(start, low + _CLOSE * (high - low), high - _CLOSE * (high - low)),
        jac=model.jacobian,
        bounds=(low, high),
        x_scale="jac" if len(start) > 1 else 1.0,
        ftol=1e-5,
        xtol=1e-4,
        gtol=1e-12,
        max_nfev=steps,
    )
    misfit = float(np.sqrt(np.mean(model.residuals(found.x) ** 2)))
    return End(found.x, misfit, bool(found.status > 0))


def _size(experiment: Experiment) -> float:
    """Root mean square of all stresses, each by its scale."""
    stresses = np.concatenate([c.stress / c.scale for c in experiment.curves])
    return float(np.sqrt(np.mean(stresses**2)))


class _Model:
    """Residuals and their derivatives; what was computed once is kept."""

    def __init__(self, experiment, tolerance, difference, pool, low, high, told):
        self.experiment, self.pool = experiment, pool
        self.tolerance, self.difference = tolerance, difference
        self.low, self.high, self.told = low, high, told
        self.evaluations, self.failure = 0, ""
        self.kept: dict[bytes, np.ndarray] = {}

    def numbers(self, x: np.ndarray) -> np.ndarray:
        """The parameters' numbers of scaled ones."""
        return np.array([p.unscaled(v) for p, v in zip(self.experiment.parameters, x, strict=True)])

    def residuals(self, x: np.ndarray) -> np.ndarray:
        """(simulated - measured) / scale of all points, infinite where that fails."""
        key = x.tobytes()
        if key not in self.kept:
            (self.kept[key],) = self._several([x])
            if self.told is not None:
                self.told(self._line(x, self.kept[key]))
        return self.kept[key]

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """d residuals / d x by finite differences, *Shape* `(n, p)`."""
        # Away from the nearer bound, which may be less than a step away.
        step = np.where(x - self.low < self.high - x, self.difference, -self.difference)
        step = np.clip(step, -np.abs(x - self.low), np.abs(self.high - x))
        base = self.residuals(x)
        columns = self._several(x + np.diag(step))
        again = [k for k, c in enumerate(columns) if not np.isfinite(c).all()]
        if again:
            step[again] *= -0.1
            for k, column in zip(again, self._several((x + np.diag(step))[again]), strict=True):
                columns[k] = column
        J = np.stack([(c - base) / h for c, h in zip(columns, step, strict=True)], axis=1)
        if not np.isfinite(J).all():
            raise SimulationError(f"calibration: no derivatives to be had: {self.failure}")
        return J

    def _several(self, points) -> list[np.ndarray]:
        laws = []
        for x in points:
            try:
                laws.append(self.experiment.law(self.numbers(x)))
            except InputError as error:
                self.failure = str(error)
                laws.append(None)
        curves = self.experiment.curves
        tasks = [(law, curve) for law in laws for curve in curves]
        done = list(self.pool.map(self._one, tasks))
        self.evaluations += len(laws)
        n = len(curves)
        return [np.concatenate(done[n * k : n * (k + 1)]) for k in range(len(laws))]

    def _one(self, task) -> np.ndarray:
        law, curve = task
        if law is None:
            return np.full(len(curve.strain), np.inf)
        try:
            return (simulate(law, curve, self.tolerance) - curve.stress) / curve.scale
        except SimulationError as error:
            self.failure = f"curve {curve.name}: {error}"
            return np.full(len(curve.strain), np.inf)

    def _line(self, x: np.ndarray, residuals: np.ndarray) -> str:
        names = (p.name for p in self.experiment.parameters)
        shown = ", ".join(f"{n} {v:.5g}" for n, v in zip(names, self.numbers(x), strict=True))
        if not np.isfinite(residuals).all():
            return f"{shown}: failed, {self.failure}"
        return f"{shown}: misfit {np.sqrt(np.mean(residuals**2)):.3g}"
