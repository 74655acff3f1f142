# SPDX-License-Identifier: MIT
"""The shipped law of many rates beside the polycrystal, from 30 ns to 10 ms."""

import warnings

import numpy as np
import pytest

from mlms_fenics.kinematics.tensors import deviator
from mlms_fenics.surrogate import load_model
from mlms_fenics.unitcell import TaylorAverage

STEPS = 40


def stretch() -> np.ndarray:
    """Isochoric uniaxial stretch to 10%."""
    x = np.log(1.1) * np.linspace(0.0, 1.0, STEPS + 1)
    U = np.zeros((1, STEPS + 1, 3, 3))
    for i, part in enumerate((1.0, -0.5, -0.5)):
        U[0, :, i, i] = np.exp(part * x)
    return U


def equivalent(sigma: np.ndarray) -> float:
    """Von Mises stress at the end, GPa."""
    return float(np.sqrt(1.5 * (deviator(sigma)[0, -1] ** 2).sum()))


@pytest.mark.parametrize("horizon", [0.03, 0.3, 3.0, 30.0, 300.0, 1e4])
def test_strength_within_three_per_cent_over_five_decades(horizon):
    law = load_model()
    truth = TaylorAverage(law.law, law.orientations, weights=law.weights)
    exact = equivalent(truth.stress(stretch(), horizon))
    learnt = equivalent(law.stress_and_distance(stretch(), horizon)[0])
    assert learnt == pytest.approx(exact, rel=0.03)


def test_a_longer_history_than_all_that_it_has_seen_is_said():
    law = load_model()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        law.stress(stretch(), 900.0)
    with pytest.warns(UserWarning, match="10 times as long as the training histories"):
        law.stress(stretch(), 1e4)


@pytest.mark.parametrize("every", [4, 10, 20, 40])
def test_coarse_steps_are_divided(every):
    law = load_model()
    truth = TaylorAverage(law.law, law.orientations, weights=law.weights)
    coarse = stretch()[:, ::every]
    exact = equivalent(truth.stress(coarse, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learnt = equivalent(law.stress(coarse, 1.0))
    assert learnt == pytest.approx(exact, rel=0.02)


def test_steps_that_are_longer_than_all_parts_are_said():
    law, U = load_model(), np.stack([np.eye(3), np.diag([np.e, 1.0, np.exp(-1.0)])])
    with pytest.warns(UserWarning, match="strains by 141% in a step, which is to be divided"):
        law.stress(U[None], 1.0)
