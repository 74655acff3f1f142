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


def of_many_rates() -> tuple[TrustMeasure, np.ndarray]:
    """A measure of walks, some of them held for their second half, of 0.1 to 100 µs; new walks."""
    walks, durations = histories.walks(240), np.repeat([0.1, 1.0, 10.0, 100.0], 60)
    walks[::3, histories.N_T // 2 :] = walks[::3, histories.N_T // 2 : histories.N_T // 2 + 1]
    kinds = 10 * np.repeat(np.arange(4), 60) + (np.arange(240) % 3 == 0)
    measure = TrustMeasure(3, 1.0).fit(walks, TIME, kinds, durations=durations)
    return measure, histories.walks(40, seed=7)


def test_rates_slower_than_all_of_many_are_outside():
    measure, walks = of_many_rates()
    assert measure.times == (0.01, 0.1, 100.0)
    inside = [np.median(distances(measure, walks, h * TIME)) for h in (0.1, 1.0, 10.0, 100.0)]
    assert max(inside) < 0.8
    # Both of these are inside for the two shorter times, since holds are among the data.
    slower = [np.median(distances(measure, walks, h * TIME)) for h in (1e4, 1e5, 1e6)]
    assert 1.0 < slower[0] < slower[1] < slower[2]
    assert (distances(measure, walks, 1e4 * TIME) > 1.0).all()
    rest = np.concatenate([walks, np.repeat(walks[:, -1:], histories.N_T, 1)], 1)
    long = np.concatenate([TIME, 1.0 + 5e3 * TIME[1:]])
    assert (distances(measure, rest, long) > 1.0).all()


def test_a_third_time_is_seen_alike_by_loop_and_formula_and_saved():
    measure, walks = of_many_rates()
    again = TrustMeasure(3, 1.0, measure.groups, measure.state_dict()["lag_times"].tolist())
    again.load_state_dict(measure.state_dict())
    strain, E = torch.as_tensor(walks), measure.coordinates.T
    memory = [measure.start(len(walks))] * 2
    for n in range(1, 6):
        now, before = strain[:, n], strain[:, n - 1]
        distance, first = again(now, before, 3.0, memory[0])
        expected, second = measure._batched(now @ E, (now - before) @ E, 3.0, memory[1])
        torch.testing.assert_close(first, second)
        torch.testing.assert_close(distance, expected)
        memory = [first, second]


def test_histories_of_one_duration_keep_two_times(fitted):
    assert fitted.times == (0.01, 0.1) and "lag_times" not in fitted.state_dict()
