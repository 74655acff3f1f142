# SPDX-License-Identifier: MIT
"""The distance from the training data knows strains and rates that are not among them."""

import numpy as np
import pytest
import surrogate_histories as histories
import torch

from mlms_fenics.surrogate.trust import TrustMeasure

TIME = np.linspace(0.0, 1.0, histories.N_T + 1)


@pytest.fixture(scope="module")
def fitted() -> TrustMeasure:
    return TrustMeasure(3, 1.0).fit(histories.walks(200), TIME)


def distances(measure: TrustMeasure, strain: np.ndarray, time: np.ndarray = TIME) -> np.ndarray:
    """Largest distance along each history."""
    strain = torch.as_tensor(strain)
    memory, largest = measure.start(len(strain)), torch.zeros(len(strain), dtype=torch.float64)
    for n in range(1, len(time)):
        dt = float(time[n] - time[n - 1])
        now, memory = measure(strain[:, n], strain[:, n - 1], dt, memory)
        largest = torch.maximum(largest, now)
    return largest.numpy()


def test_other_walks_of_the_same_kind_are_inside(fitted):
    found = distances(fitted, histories.walks(200, seed=1))
    assert (found < 1.0).mean() > 0.94 and found.max() < 2.0
    assert (distances(fitted, histories.walks(200)) <= 1.0 + 1e-9).mean() == pytest.approx(
        0.99, abs=0.011
    )


def test_larger_strains_are_outside(fitted):
    medians = [np.median(distances(fitted, k * histories.walks(50, seed=2))) for k in (1, 2, 4, 8)]
    assert medians[0] < 1.0 < medians[1] < medians[2] < medians[3]


def test_relaxation_and_slow_change_are_outside(fitted):
    walk = histories.walks(20, seed=3)
    held = walk.copy()
    held[:, histories.N_T // 2 :] = walk[:, histories.N_T // 2 : histories.N_T // 2 + 1]
    assert (distances(fitted, held) > 1.5).all()
    steady = walk[:, -1:] * TIME[:, None] / 4.0
    assert np.median(distances(fitted, steady)) > 1.0
    # Much quicker than in the data, though no further.
    quick = walk[:, np.abs((20 * np.arange(len(TIME))) % (2 * histories.N_T) - histories.N_T)]
    quick -= quick[:, :1]
    assert np.median(distances(fitted, quick)) > 1.5


def test_rest_and_elastic_strains_are_inside(fitted):
    assert (distances(fitted, np.zeros((3, len(TIME), 6))) < 1.0).all()
    assert (distances(fitted, 1e-3 * histories.walks(20)) < 1.0).all()


def test_steps_do_not_matter(fitted):
    walk = histories.walks(10, seed=4)
    fine = np.linspace(0.0, 1.0, 5 * histories.N_T + 1)
    many = np.stack([[np.interp(fine, TIME, c) for c in path.T] for path in walk]).swapaxes(1, 2)
    assert distances(fitted, many, fine) == pytest.approx(distances(fitted, walk), rel=0.15)


def test_histories_of_either_data_set_are_inside():
    walks, held = histories.walks(150), histories.walks(150, seed=5)
    held[:, histories.N_T // 2 :] = held[:, histories.N_T // 2 : histories.N_T // 2 + 1]
    source = np.repeat([0, 3], 150)
    both = TrustMeasure(3, 1.0).fit(np.concatenate([walks, held]), TIME, source)
    assert both.groups == 2
    new = histories.walks(50, seed=6)
    stopped = new.copy()
    stopped[:, histories.N_T // 2 :] = new[:, histories.N_T // 2 : histories.N_T // 2 + 1]
    assert (distances(both, new) < 1.0).mean() > 0.8
    assert (distances(both, stopped) < 1.0).mean() > 0.8


@pytest.mark.parametrize("dimension", [2, 3])
def test_measure_without_memory_is_that_of_older_models(dimension):
    c = 6 if dimension == 3 else 3
    measure = TrustMeasure(dimension, 2.0, groups=0)
    assert measure.start(4) is None
    assert {k: v.shape for k, v in measure.state_dict().items()} == {
        "mean": (c + 1,),
        "whitening": (c + 1, c + 1),
    }
    strain = torch.rand(4, c, dtype=torch.float64)
    now, memory = measure(strain, torch.zeros_like(strain), 0.5)
    weights = torch.tensor([1.0] * dimension + [2.0] * (c - dimension))
    size = (strain.square() * weights).sum(-1)
    assert memory is None and torch.allclose(now, (size * (1 + (2.0 / 0.5) ** 2)).sqrt())


def test_a_component_that_never_varies_does_no_harm():
    walk = histories.walks(50)
    walk[..., 3:] = 0.0
    measure = TrustMeasure(3, 1.0).fit(walk, TIME)
    assert np.isfinite(distances(measure, walk)).all()
    sheared = walk + 0.05 * TIME[:, None] * np.eye(6)[3]
    assert (distances(measure, sheared) > 10.0).all()


@pytest.mark.parametrize("dimension", [2, 3])
def test_compiled_loop_is_the_batched_formula(dimension):
    walk = histories.walks(60, dimension)
    measure = TrustMeasure(dimension, 1.0).fit(walk, TIME, np.arange(60) % 2)
    strain = torch.as_tensor(walk)
    E = measure.coordinates.T
    memory = [measure.start(60)] * 2
    for n in range(1, 6):
        now, before = strain[:, n], strain[:, n - 1]
        distance, first = measure(now, before, 0.025, memory[0])
        expected, second = measure._batched(now @ E, (now - before) @ E, 0.025, memory[1])
        torch.testing.assert_close(first, second)
        torch.testing.assert_close(distance, expected)
        memory = [first, second]
