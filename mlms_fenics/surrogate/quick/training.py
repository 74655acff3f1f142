# SPDX-License-Identifier: MIT
"""Which of the cell's crystals, and with what weights, stand for all of them."""

import argparse
from typing import Any

import numpy as np
import torch
from scipy.optimize import nnls

from mlms_fenics.errors import require
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.fitting.problem import elastic_strain, uniform_steps
from mlms_fenics.surrogate.fitting.training import given_or
from mlms_fenics.surrogate.grains.frame import unspun
from mlms_fenics.surrogate.quick.cell import CrystalSet
from mlms_fenics.surrogate.quick.crystal import BLOCK
from mlms_fenics.surrogate.quick.law import QuickCrystals
from mlms_fenics.surrogate.quick.tables import arrays
from mlms_fenics.surrogate.quick.walk import walk

MANY_HORIZONS = True  # as of `recurrent.training`
DEFAULTS: dict[str, Any] = {"grains": None, "sweeps": None}
SWEEPS = (2, 3, 5)  # that are tried where none are asked for
PATHS = 320  # training histories that are looked at, at most
TIMES = 40  # of each
MOST = 256  # crystals to choose from
MICROSECONDS = 3.0  # that a point and step may cost where nothing is said
SYSTEMS = 80.0  # of all crystals together, for each of these: where the search begins
# Part of what a step may cost that is used, since measurements scatter.
LEAST_SPENT, MOST_SPENT = 0.75, 0.92
ROUNDS = 3  # of measuring
TRIED = 16  # candidates for each place
_SUM = 100.0  # weight of the condition that all weights are one together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this architecture."""
    parser.add_argument(
        "--grains",
        type=int,
        help="crystals to keep, of two sweeps; default: as many as --microseconds allows",
    )
    parser.add_argument(
        "--sweeps",
        type=int,
        help="over the slip systems in a step; default: the best of 2, 3 and 5, with fewer "
        "crystals where there are more, so that a step costs the same",
    )


def fit(data: TrainingData, arguments: argparse.Namespace) -> QuickCrystals:
    """Choose crystals one after the other, each with the best weights of all so far.

    Candidates are the cell's own orientations; the stress of each along the histories is that of
    this law, so that the weights also make up for what its few sweeps leave.

    Args:
        data: histories, of three dimensions, with a law that is one for sweeps.
        arguments: options of `add_arguments` and of the training command.

    Raises:
        InputError: see `tables.obstacle`; a number out of range; no uniform time grid.
    """
    options = given_or(DEFAULTS, arguments)
    for name in ("grains", "sweeps"):
        number = options[name]
        require(number is None or number >= 1, f"--{name} {number}: must be at least 1")
    budget = Budget.of(arguments)
    choice = _Choice(data, options["sweeps"])
    if options["grains"] is not None:
        law = choice.law(options["grains"])
    else:
        law = _affordable(choice, data, getattr(arguments, "microseconds", MICROSECONDS))
    law.report["training"]["seconds"] = budget.spent()
    return law


def _affordable(choice: "_Choice", data: TrainingData, microseconds: float) -> QuickCrystals:
    """As many crystals as a step may cost, measured on this core."""
    from mlms_fenics.judge.cost import costs

    most = len(choice.candidates)
    m = min(most, max(1, int(SYSTEMS * microseconds / len(choice.tables[0]))))
    law = choice.law(m)
    rows = data.validation_rows(64)
    for _ in range(ROUNDS):
        part = costs({"law": law}, data.U[rows], data.time)["law"] / microseconds
        if LEAST_SPENT <= part <= MOST_SPENT or (m == most and part < LEAST_SPENT):
            break
        wanted = min(most, max(1, int(m * 0.5 * (LEAST_SPENT + MOST_SPENT) / part)))
        if wanted == m:
            break
        m, law = wanted, choice.law(wanted)
    return law


class _Choice:
    """Choices of crystals among a cell's own, of as many as are asked for.

    Args:
        data: histories.
        sweeps: None: the best of `SWEEPS`, with fewer crystals where there are more.
    """

    def __init__(self, data: TrainingData, sweeps: int | None) -> None:
        self.data, self.tables = data, arrays(data.law)
        self.sweeps = SWEEPS if sweeps is None else (sweeps,)
        Q, rows = data.orientations, data.train
        self.candidates = Q[_some(len(Q), MOST)]
        rows = rows[_some(len(rows), PATHS)]
        self.told = _Told(data, rows, self.tables)
        self.held = _Told(data, data.validation_rows(), self.tables)
        self.known: dict[int, np.ndarray] = {}

    def law(self, grains: int) -> QuickCrystals:
        """The best law of about the cost of so many crystals with the fewest sweeps."""
        tried = []
        for sweeps in self.sweeps:
            m = max(1, int(grains * _price(self.sweeps[0]) / _price(sweeps)))
            tried.append((*self._chosen(min(m, len(self.candidates)), sweeps), sweeps))
        error, chosen, weights, errors, sweeps = min(tried, key=lambda one: one[0])
        m = len(chosen)
        network = CrystalSet(m, len(self.tables[0]), sweeps)
        with torch.no_grad():
            network.orientations.copy_(torch.as_tensor(self.candidates[chosen]))
            network.weights.copy_(torch.as_tensor(weights))
        report = {
            "grains": m,
            "sweeps": sweeps,
            "tried": [
                {"validation": one[0], "sweeps": one[-1], "grains": len(one[1])} for one in tried
            ],
            "candidates": len(self.candidates),
            "histories": self.told.n,
            "training": {"loss": errors, "validation": [error]},
        }
        return QuickCrystals.trained(network, self.data, report)

    def _chosen(self, m: int, sweeps: int) -> tuple[float, np.ndarray, np.ndarray, list[float]]:
        """Validation error; numbers, weights and errors of `choose`."""
        if sweeps not in self.known:
            self.known[sweeps] = self.told.of(self.candidates, sweeps)
        chosen, weights, errors = choose(self.known[sweeps], self.told.values, m)
        found = weights @ self.held.of(self.candidates[chosen], sweeps)
        return float(self.held.errors(found).mean()), chosen, weights, errors


def _some(n: int, most: int) -> np.ndarray:
    """Numbers of all n, or of `most` of them, evenly spread."""
    return np.linspace(0, n - 1, min(n, most)).round().astype(int)


def _price(sweeps: int) -> float:
    """Of a step of one crystal, in sweeps: all else costs as much as one and a half."""
    return 1.5 + sweeps


def choose(
    stresses: np.ndarray, target: np.ndarray, m: int
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Few columns with weights that stand for a target, one after the other.

    Args:
        stresses: of each candidate, *Shape* `(n, values)`.
        target: *Shape* `(values,)`.
        m: candidates to choose, at most n.

    Returns:
        Numbers of the chosen `(m,)`, their weights ≥ 0 with sum 1, and the root mean square
        error after each choice, over that of no stress.
    """
    gram = (stresses @ stresses.T).astype(np.float64) + _SUM
    right = (stresses @ target).astype(np.float64) + _SUM
    length = float(target @ target) + _SUM
    chosen: list[int] = []
    errors: list[float] = []
    weights = np.zeros(0)
    for _ in range(m):
        # Those that point most along what is left, of which one is taken by trying.
        left = (right - gram[:, chosen] @ weights) / np.sqrt(np.diag(gram))
        left[chosen] = -np.inf
        tried = np.argsort(-left)[: min(TRIED, len(gram) - len(chosen))]
        results = [_weights(gram, right, [*chosen, int(j)]) for j in tried]
        best = int(np.argmin([error for _, error in results]))
        chosen.append(int(tried[best]))
        weights = results[best][0]
        errors.append(float(np.sqrt(max(results[best][1] + length, 0.0) / (length - _SUM))))
    return np.array(chosen), weights / weights.sum(), errors


def _weights(gram: np.ndarray, right: np.ndarray, some: list[int]) -> tuple[np.ndarray, float]:
    """Non-negative weights of least squares, and the squared error but for a constant."""
    part = gram[np.ix_(some, some)]
    ridge = 1e-9 * np.trace(part) / len(some)
    L = np.linalg.cholesky(part + ridge * np.eye(len(some)))
    w = nnls(L.T, np.linalg.solve(L, right[some]))[0]
    return w, float(w @ part @ w - 2.0 * w @ right[some])


class _Told:
    """Histories as one long vector, each path over its norm, and the same of single crystals."""

    def __init__(self, data: TrainingData, rows: np.ndarray, tables: tuple[Any, ...]) -> None:
        n_t, self.n = uniform_steps(data), len(rows)
        self.tables = tables
        s = elastic_strain(data.U[rows], data.strain[rows], data.sigma[rows], data.law)
        moves, s = unspun(data.U[rows], s)
        more = ((0, -self.n % BLOCK), (0, 0), (0, 0))
        self.moves = np.ascontiguousarray(np.pad(moves, more).transpose(1, 2, 0))
        self.steps = np.ones(self.moves.shape[2], np.float32)
        self.steps[: self.n] = data.durations[rows] / n_t
        times = np.unique(np.linspace(0, n_t, min(TIMES, n_t) + 1).round().astype(int))[1:]
        self.kept = np.full(n_t, -1)
        self.kept[times - 1] = np.arange(len(times))
        s = s[:, times].transpose(1, 2, 0)
        norm = np.sqrt(np.square(s).sum((0, 1)))
        # A path almost without deviator must not outweigh the others.
        self.norm = np.maximum(norm, 1e-2 * np.sqrt(np.mean(norm**2)))
        self.shape = s.shape
        self.values = (s / self.norm).ravel()

    def of(self, orientations: np.ndarray, sweeps: int) -> np.ndarray:
        """Vectors of crystals, *Shape* `(m, values)`."""
        m = len(orientations)
        out = np.empty((m, *self.shape[:2], len(self.steps)), np.float32)
        A0 = np.ascontiguousarray(orientations.reshape(m, 9), np.float32)
        walk(self.tables, sweeps, self.moves, self.steps, self.kept, A0, out)
        return (out[..., : self.n] / self.norm.astype(np.float32)).reshape(m, -1)

    def errors(self, found: np.ndarray) -> np.ndarray:
        """Relative error of each path."""
        return np.sqrt(np.square((found - self.values).reshape(-1, self.n)).sum(0))
