# SPDX-License-Identifier: MIT
"""How the grains of a reduced polycrystal are found."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from reduced_polycrystal_data import histories, options, taylor_data
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate.metrics import path_errors
from mlms_fenics.surrogate.reduced.fit import (
    choose,
    exchange,
    expected_error,
    fit_weights,
    greedy,
    squared_error,
)
from mlms_fenics.surrogate.reduced.polish import Grains, polish, turned
from mlms_fenics.surrogate.reduced.targets import Targets
from mlms_fenics.surrogate.reduced.training import fit

QUICK = {"candidates": 40, "starts": 1, "epochs": 4, "samples": 12, "tolerance": 1e-3}
QUICK |= {"vary": "nothing", "variations": 1}


def held_out(model, data) -> np.ndarray:
    """Deviatoric errors on test paths."""
    U = from_components(data.U[data.test].astype(np.float64))
    sigma = to_components(model.stress(U, data.horizon))
    return path_errors(sigma, data.sigma[data.test], data.time)["deviatoric"]


def test_weights_against_a_general_optimiser():
    rng = np.random.default_rng(0)
    vectors, target = rng.normal(size=(6, 30)), rng.normal(size=30)
    gram, moment = vectors @ vectors.T, vectors @ target
    w = fit_weights(gram, moment)
    found = minimize(
        lambda x: np.sum((x @ vectors - target) ** 2),
        np.full(6, 1 / 6),
        bounds=[(0, 1)] * 6,
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
        options={"ftol": 1e-14},
    )
    assert w.min() >= 0.0 and abs(w.sum() - 1.0) < 1e-14
    assert (w == 0.0).any()  # the bound is at work
    assert np.abs(w - found.x).max() < 1e-4
    square = squared_error(gram, moment, float(target @ target), w)
    assert square == pytest.approx(np.sum((w @ vectors - target) ** 2), rel=1e-10)


def test_choices_against_all_there_are():
    rng = np.random.default_rng(1)
    vectors, target = rng.normal(size=(9, 5)) + 1.0, np.ones(5)
    gram, moment = vectors @ vectors.T, vectors @ target
    residual = vectors - target
    best = min(np.sum(residual[list(rows)].mean(0) ** 2) for rows in combinations(range(9), 3))
    ends = [exchange(residual @ residual.T, rng.choice(9, 3, replace=False)) for _ in range(10)]
    for rows, square in ends:
        assert square == pytest.approx(np.sum(residual[rows].mean(0) ** 2), rel=1e-9)
        assert len(set(rows)) == 3
    assert min(square for _, square in ends) == pytest.approx(best, rel=1e-9)
    assert len(set(greedy(gram, moment, 9))) == 9
    errors = [c.error for c in choose(gram, moment, float(target @ target), 3, seed=0)]
    assert errors == sorted(errors) and errors[0] ** 2 <= best * (1.0 + 1e-9)


def test_expected_error_by_counting():
    rng = np.random.default_rng(3)
    vectors = 5.0 + rng.normal(size=(400, 2))
    assert expected_error(vectors @ vectors.T, 1) < 1e-5  # three angles for two modes
    modes = 5.0 + rng.normal(size=(400, 9)) * np.array([9, 8, 7, 6, 5, 4, 3, 2, 1.0])
    centred = np.sort(np.linalg.eigvalsh(np.cov(modes.T, ddof=0)))[::-1]
    expected = np.sqrt(centred[7:].sum() / 2)
    assert expected_error(modes @ modes.T, 2) == pytest.approx(expected, rel=1e-6)


def test_greedy_finds_the_only_grain_that_is_needed():
    vectors = np.random.default_rng(2).normal(size=(20, 50))
    assert greedy(vectors @ vectors.T, vectors @ vectors[7], 1)[0] == 7


def test_turns_against_scipy():
    vectors = np.array([[0.0, 0.0, 0.0], [1e-9, 0.0, 0.0], [0.3, -0.2, 0.4], [3.0, 0.0, 1.0]])
    Q = random_orientations(4, 0)
    expected = Rotation.from_rotvec(vectors).as_matrix() @ Q
    assert np.abs(turned(Q, vectors) - expected).max() < 1e-14


def test_polishing_finds_the_grains_that_made_the_data():
    data = taylor_data(grains=3)
    targets = Targets(data, data.train[:8], 10, 1e-4)
    own, equal = data.orientations, np.full(3, 1 / 3)
    assert np.linalg.norm(equal @ targets.of_grains(own) - targets.values) < 2e-3
    away = turned(own, np.random.default_rng(0).normal(scale=0.06, size=(3, 3)))
    weights = np.array([0.45, 0.35, 0.2])
    start = np.linalg.norm(weights @ targets.of_grains(away) - targets.values)
    found = polish(
        Grains(away, weights, start),
        targets.values,
        targets.of_grains,
        axes=np.eye(3),
        iterations=12,
    )
    assert start > 0.05 and found.error < 3e-3
    assert np.abs(found.weights - 1 / 3).max() < 0.01
    angle = Rotation.from_matrix(found.orientations @ own.swapaxes(1, 2)).magnitude()
    assert np.degrees(angle).max() < 1.0


def test_targets_are_relative_errors():
    data = taylor_data()
    rows = data.train[:5]
    targets = Targets(data, rows, 40, 1e-4)
    errors = path_errors(0.9 * data.sigma[rows], data.sigma[rows], data.time)["deviatoric"]
    assert errors == pytest.approx(0.1)
    assert np.linalg.norm(0.1 * targets.values) == pytest.approx(0.1, rel=1e-6)


def test_all_grains_of_the_data_reproduce_them():
    data = taylor_data()
    model = fit(data, options(grains=12, **QUICK))
    assert np.array_equal(model.polycrystal.orientations, data.orientations)
    assert held_out(model, data).max() < 2e-3  # the data's tolerance is 1e-3


def test_few_grains_beat_random_ones_and_fits_repeat():
    data = taylor_data()
    model = fit(data, options(grains=4, **QUICK))
    again = fit(data, options(grains=4, **QUICK))
    assert np.array_equal(again.polycrystal.orientations, model.polycrystal.orientations)
    assert np.array_equal(again.polycrystal.weights, model.polycrystal.weights)
    record = model.report["training"]
    assert record["loss"][-1] < record["loss"][0]
    error = held_out(model, data).mean()
    assert record["validation"][0] == pytest.approx(error, rel=0.4)  # other paths, a few
    check = Targets(data, data.test, 20, 1e-3)
    own = check.of_grains(data.orientations)
    rng = np.random.default_rng(0)
    random = [
        np.linalg.norm(own[rng.choice(12, 4, replace=False)].mean(0) - check.values)
        for _ in range(20)
    ]
    assert error < 0.5 * np.mean(random)


@pytest.mark.slow
def test_varied_systems_beat_the_law_and_fits_repeat():
    data = taylor_data()
    law_only, *varied = (
        fit(data, options(**{**QUICK, "grains": 2, "samples": 24, "vary": vary}))
        for vary in ("nothing", "systems", "systems")
    )
    loss = varied[0].report["training"]["loss"]
    assert all(b < a for a, b in pairwise(loss))
    assert held_out(varied[0], data).mean() < 0.8 * held_out(law_only, data).mean()
    turns, again = (model.network.variations.turns for model in varied)
    assert np.array_equal(turns, again) and np.abs(turns).max() > 0.05


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_common_turn_of_the_systems_is_one_of_the_grain(dimension):
    data = taylor_data(dimension=dimension)
    targets = Targets(data, data.train[:2], 10, 1e-5, vary=True)
    Q = random_orientations(2, 4)
    if dimension == 2:
        Q = np.tile(np.eye(3), (2, 1, 1))
    numbers = np.random.default_rng(1).normal(0.3, 0.2, size=(2, targets.free.count))
    settled = targets.free.settled(Q, numbers)
    before, after = targets.of_grains(Q, numbers), targets.of_grains(*settled)
    assert np.abs(after - before).max() < 1e-4 * np.abs(before).max()
    turns = targets.free.variations(settled[1]).turns
    assert np.linalg.norm(turns) < 0.8 * np.linalg.norm(targets.free.variations(numbers).turns)
    assert np.linalg.norm(Rotation.from_matrix(settled[0] @ Q.mT).magnitude()) > 0.1


def test_a_large_prior_leaves_the_law():
    data = taylor_data()
    given = {**QUICK, "grains": 2, "samples": 4, "vary": "systems", "prior": 1e3}
    variations = fit(data, options(**given)).network.variations
    assert np.abs(variations.turns).max() < 1e-4
    assert np.abs(variations.resistances - 1.0).max() < 1e-4


@pytest.mark.slow
def test_polishing_finds_the_resistances_that_made_the_data():
    # One crystal of known orientation, its systems a third stronger than the law says.
    data = taylor_data(grains=1, strength=1.3)
    targets = Targets(data, data.train[:8], 10, 1e-3, vary=True)
    start = Grains(data.orientations, np.ones(1), 1.0, np.zeros((1, targets.free.count)))
    found = polish(
        start, targets.values, targets.of_grains, axes=np.eye(3), iterations=6, prior=1e-5
    )
    assert found.error < 2e-3
    variations = targets.free.variations(found.numbers)
    assert np.abs(variations.resistances[:, : data.law.n_slip] - 1.3).max() < 0.01
    assert np.abs(variations.turns[:, : data.law.n_slip]).max() < 0.01


def test_plane_strain_of_another_cell():
    # Crystals a third stronger than the law says: no mixture of its grains has this stress, as none
    # has that of a full-field cell.
    data = taylor_data(dimension=2, cell="fft", strength=1.3)
    model = fit(data, options(grains=4, **QUICK))
    Q = model.polycrystal.orientations
    assert np.abs(Q[:, 2, 2] - 1.0).max() < 1e-12
    error = held_out(model, data).mean()
    assert error < 0.3
    varied = fit(data, options(**{**QUICK, "grains": 4, "vary": "systems", "variations": 3}))
    assert held_out(varied, data).mean() < 0.7 * error
    assert model.stress(histories(1, 2), data.horizon).shape == (1, 41, 2, 2)


def test_a_cell_that_is_no_such_polycrystal_is_told(capsys):
    data = taylor_data(dimension=2, cell="fft", strength=1.3)
    soft = replace(data, sigma=data.sigma * np.float32(0.2))
    model = fit(soft, options(grains=2, **QUICK))
    assert "do not describe this cell" in capsys.readouterr().err
    assert model.report["training"]["validation"][0] > 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"grains": 0}, "--grains 0"),
        ({"grains": 13}, "average of 12 grains"),
        ({"candidates": 0}, "--candidates 0"),
        ({"tolerance": 0.0}, "--tolerance 0"),
        ({"minutes": -1.0}, "--minutes -1"),
        ({"prior": -1.0}, "--prior -1"),
        ({"variations": 0}, "--variations 0"),
        ({"seed": -1}, "--seed -1"),
        ({"batch": 32}, "--batch"),
        ({"weight_decay": 0.1}, "--weight-decay"),
        ({"resume": True}, "--resume"),
    ],
)
def test_what_cannot_be_fitted(given, message):
    with pytest.raises(InputError, match=message):
        fit(taylor_data(), options(**{**QUICK, "grains": 4, **given}))


def test_more_grains_than_candidates():
    data = taylor_data(dimension=2, cell="fft", strength=1.3)
    with pytest.raises(InputError, match="only 52 candidates"):
        fit(data, options(**{**QUICK, "grains": 60}))
