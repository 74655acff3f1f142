# SPDX-License-Identifier: MIT
"""A learnt law outside of its training data says so, and answers at once."""

import time
import warnings

import numpy as np
import pytest
from scipy.linalg import expm

from mlms_fenics.surrogate import load_model

STRETCH = np.stack([expm(t * np.diag([0.1, -0.05, -0.05])) for t in np.linspace(0, 1, 41)])


def test_inside_nothing_is_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model().stress(STRETCH, 1.0)


def test_ten_times_slower_is_said_once():
    for name, horizon in (("one-microsecond", 10.0), ("default", 1e4)):
        law = load_model(name)
        with pytest.warns(UserWarning, match="lasts 10 times as long"):
            law.stress(STRETCH, horizon)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            law.stress(STRETCH, horizon)


def test_strains_beyond_the_data_are_said():
    far = np.stack([expm(4.0 * t * np.diag([0.4, -0.2, -0.2])) for t in np.linspace(0, 1, 81)])
    with pytest.warns(UserWarning, match="times as far as the edge of the training data"):
        load_model().stress(far, 1.0)


def test_a_history_of_a_second_costs_no_more_than_one_of_a_millisecond():
    law, few = load_model(), STRETCH[::4]
    law.stress_and_distance(few, 1e3)
    start = time.process_time()
    law.stress_and_distance(few, 1e3)
    short = time.process_time() - start
    start = time.process_time()
    sigma, _ = law.stress_and_distance(few, 1e6)
    assert time.process_time() - start < 20 * short + 1.0
    assert np.isfinite(sigma).all()
