# SPDX-License-Identifier: MIT
"""Fitting a reduced polycrystal to stress histories."""

import argparse
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.fitting.training import given_or
from mlms_fenics.surrogate.reduced.fit import (
    Choice,
    choose,
    expected_error,
    greedy,
    weighted,
)
from mlms_fenics.surrogate.reduced.law import GrainSet, ReducedPolycrystal
from mlms_fenics.surrogate.reduced.options import (
    DEFAULTS,
    add_arguments,
    check,
    is_taylor,
)
from mlms_fenics.surrogate.reduced.polish import Grains, polish
from mlms_fenics.surrogate.reduced.targets import Targets
from mlms_fenics.surrogate.reduced.variations import FreeNumbers
from mlms_fenics.surrogate.reduced.watch import Watch

__all__ = ["DEFAULTS", "add_arguments", "fit"]

# Parts of the time budget at which each stage ends.
CANDIDATES, POLISHED, VARIED, VALIDATED = 0.3, 0.6, 0.84, 0.88
TIMES = 20  # of each path at which the stress is fitted
# The same where systems vary: many more numbers to find.
_MORE_TIMES = 50
# Of the crystal law during the fit: the stress of the whole is then right to about 0.1%.
FIT_TOLERANCE = 3e-3
_VALIDATION_PATHS = 100
_FEW = 4  # of them that are always computed
_AT_ONCE = 8  # candidates between looks at the clock
_UNFIT = 0.5  # training error beyond which the user is warned
_FOR_COUNTING = 10  # random candidates per grain kept


def fit(data: TrainingData, arguments: argparse.Namespace) -> ReducedPolycrystal:
    """Choose grains among candidates, polish orientations and weights, then the systems too.

    Args:
        data: histories of a unit cell; of the training part a few tens are used, evenly spread
            (others for another seed).
        arguments: options of `add_arguments` and of the training command.

    Returns:
        The law. Its `report["training"]` holds errors (root mean squares over paths, relative, of
        the stress without its pressure): "expected" by counting (see `expected_error`; None
        where there are too few candidates to tell), "greedy",
        "chosen" (the best choice of candidates), "polished" (of each start, orientations and
        weights alone), "loss" (of the best start, by iteration, then of its systems' variation),
        "validation" (on paths not fitted); and the time, "seconds".

    Raises:
        InputError: a number out of range, more grains than there are to choose from, or an option
            of the training command that has no meaning here.
    """
    options = given_or(DEFAULTS, arguments)
    budget = Budget.of(arguments)
    check(options, arguments, data)
    watch = Watch(budget)
    rows = data.train
    if len(rows) > options["samples"]:
        some = np.linspace(0, len(rows) - 1, options["samples"]).round().astype(int)
        rows = rows[(some + int(arguments.seed)) % len(rows)]
    data = replace(data, train=rows)
    own = _in_space(data.orientations)
    if is_taylor(data) and options["grains"] == len(own):
        m = len(own)
        grains, record = Grains(own, np.full(m, 1.0 / m), 0.0), {"loss": []}
    else:
        grains, record = _fitted(data, own, options, int(arguments.seed), watch)
    watch.begin("validating", VALIDATED)
    record["validation"] = [_validated(grains, data, budget)]
    record["seconds"] = budget.spent()
    network = GrainSet.of(
        grains.orientations,
        grains.weights,
        options["tolerance"],
        None if grains.numbers is None else FreeNumbers(data.law).variations(grains.numbers),
    )
    return ReducedPolycrystal.trained(
        network, data, {**options, "histories": len(rows), "training": record}
    )


def _validated(grains: Grains, data: TrainingData, budget: Budget) -> float:
    """Error on validation paths, on few of them where there is no time for all."""
    rows = data.validation_rows(_VALIDATION_PATHS)

    def error(rows: np.ndarray) -> float:
        held_out = Targets(data, rows, TIMES, FIT_TOLERANCE)
        stress = grains.weights @ held_out.of_grains(grains.orientations, grains.numbers)
        return float(np.linalg.norm(stress - held_out.values))

    if not budget.limited or len(rows) <= _FEW:
        return error(rows)
    before = budget.spent()
    error(rows[:_FEW])
    each = (budget.spent() - before) / _FEW
    paths = max(_FEW, int(budget.left(VALIDATED) / each))
    # Evenly spread over the data sets.
    some = np.linspace(0, len(rows) - 1, min(paths, len(rows))).round().astype(int)
    return error(rows[some])


def _responses(targets: Targets, candidates: np.ndarray, least: int, watch: Watch) -> np.ndarray:
    """Vectors of the candidates; of the first of them, `least` or more, where time is short."""
    found: list[np.ndarray] = []
    total = len(candidates)
    for k in range(0, total, _AT_ONCE):
        if k >= least and not watch.in_time():
            print(f"{k} of {total} candidates, to end in time", file=sys.stderr, flush=True)
            break
        found.append(targets.of_grains(candidates[k : k + _AT_ONCE]))
        done = min(k + _AT_ONCE, total)
        watch.at(f"{done} of {total} candidates along {len(targets.U)} paths")
    return np.concatenate(found)


def _fitted(
    data: TrainingData, own: np.ndarray, options: dict[str, Any], seed: int, watch: Watch
) -> tuple[Grains, dict[str, Any]]:
    """The best of several polished choices, and the errors on the way to it."""
    d = data.dimension
    targets = Targets(data, data.train, TIMES, FIT_TOLERANCE)
    more = _in_space(random_orientations(options["candidates"], seed, d))
    candidates = np.concatenate([own, more])
    m = options["grains"]
    watch.begin(f"{len(candidates)} candidates along {len(targets.U)} paths", CANDIDATES)
    vectors = _responses(targets, candidates, max(m, _AT_ONCE), watch)
    b = vectors @ targets.values
    gram, square = vectors @ vectors.T, float(targets.values @ targets.values)
    watch.begin(f"choosing {m} of them", POLISHED)
    choices = choose(gram, b, square, m, seed)
    # From few candidates the tail of the modes would look shorter than it is.
    enough = len(vectors) - len(own) >= _FOR_COUNTING * m
    best: Grains | None = None
    record: dict[str, Any] = {
        "expected": expected_error(gram[len(own) :, len(own) :], m) if enough else None,
        "greedy": weighted(gram, b, square, greedy(gram, b, m)).error,
        "chosen": choices[0].error,
        "polished": [],
        "loss": [],
    }
    for number, choice in enumerate(choices[: options["starts"]]):
        loss = [choice.error]
        name = f"start {number + 1}"
        watch.begin(f"{name}: training error {choice.error:.2%} as chosen", POLISHED)

        def note(iteration: int, error: float, loss: list[float] = loss, name: str = name) -> None:
            loss.append(float(error))
            watch.at(f"{name}, iteration {iteration + 1}: training error {error:.2%}")

        grains = polish(
            _grains(candidates, choice),
            targets.values,
            targets.of_grains,
            axes=_axes(d),
            iterations=options["epochs"],
            report=note,
            in_time=watch.in_time,
        )
        record["polished"].append(float(grains.error))
        watch.begin(f"{name}: training error {grains.error:.2%} polished", POLISHED)
        if best is None or grains.error < best.error:
            best, record["loss"] = grains, loss
        if not watch.in_time():
            break
    assert best is not None
    if options["vary"] == "systems":
        targets = Targets(data, data.train, _MORE_TIMES, FIT_TOLERANCE, vary=True)
        best = _varied(best, targets, options, watch, record["loss"])
    if best.error > _UNFIT:
        print(
            f"warning: the best fit misses {best.error:.0%} of the stress: grains that all deform "
            "alike do not describe this cell; use another architecture",
            file=sys.stderr,
            flush=True,
        )
    # A grain without weight would cost as much as any other.
    used = best.weights > 0.0
    numbers = None if best.numbers is None else best.numbers[used]
    return Grains(best.orientations[used], best.weights[used], best.error, numbers), record


def _varied(
    grains: Grains,
    targets: Targets,
    options: dict[str, Any],
    watch: Watch,
    loss: list[float],
) -> Grains:
    """Grains polished in all that is free; adds the errors on the way to `loss`."""

    def note(iteration: int, error: float) -> None:
        loss.append(float(error))
        watch.begin(f"variation {iteration + 1}: training error {error:.2%}", VARIED)

    watch.begin(f"varying {targets.free.count} numbers of each grain", VARIED)
    stress = grains.weights @ targets.of_grains(grains.orientations)
    start = Grains(
        grains.orientations,
        grains.weights,
        float(np.linalg.norm(stress - targets.values)),
        np.zeros((len(grains.weights), targets.free.count)),
    )
    return polish(
        start,
        targets.values,
        targets.of_grains,
        axes=_axes(targets.law.dimension),
        iterations=options["variations"],
        prior=options["prior"],
        settle=targets.free.settled,
        report=note,
        in_time=watch.in_time,
    )


def _axes(dimension: int) -> np.ndarray:
    return np.eye(3) if dimension == 3 else np.eye(3)[2:]


def _grains(candidates: np.ndarray, choice: Choice) -> Grains:
    return Grains(candidates[choice.rows], choice.weights, choice.error)


def _in_space(Q: np.ndarray) -> np.ndarray:
    """Rotations `(n, 2, 2)` in the plane as `(n, 3, 3)`; others unchanged."""
    if Q.shape[-1] == 3:
        return Q
    full = np.tile(np.eye(3), (len(Q), 1, 1))
    full[:, :2, :2] = Q
    return full
