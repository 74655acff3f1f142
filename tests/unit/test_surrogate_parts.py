# SPDX-License-Identifier: MIT
"""Steps of laws of many rates, divided by each point's strain."""

from unittest import mock

import numpy as np
import pytest
import surrogate_histories as histories
import torch
from scipy.linalg import expm
from tangents import differences, largest_error, random_rotations

from mlms_fenics.kinematics.exponential_kernel import symmetric_exponential
from mlms_fenics.kinematics.tensors import to_components
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.law import GrainLaw
from mlms_fenics.surrogate.parts import (
    LONGEST_STRAIN,
    MOST_STRAIN,
    MOST_SUBSTEPS,
    coarsest_step,
    longest_strain,
    parts_by_strain,
)
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw

RATES = (1e-3, 30.0)
DT = 0.01
# Strains of a step: below the limit and above it, in 1, 1, 2, 4 and 16 parts.
SIZES = LONGEST_STRAIN * np.array([0.3, 0.9, 1.5, 3.5, 10.0])
LAWS = {
    "recurrent": (RecurrentLaw, lambda d: RecurrentCell(3 if d == 2 else 5, 4, 12, rates=RATES)),
    "grains": (GrainLaw, lambda d: GrainCell(3, 8, 2, rates=RATES)),
}


def made(name: str, dimension: int = 3) -> LearntLaw:
    """An untrained law that flows, float64."""
    torch.manual_seed(2)
    kind, cell = LAWS[name]
    law = kind.trained(cell(dimension), histories.training_data(12, dimension), {})
    assert law.report.pop("longest_strain") >= LONGEST_STRAIN == law.longest_strain
    law.network.elastic_scale.fill_(0.003)
    getattr(law.network, "strain_scale", torch.ones(())).fill_(0.07)
    return law.to(dtype=torch.float64)


def stretches(sizes: np.ndarray, dimension: int = 3, seed: int = 0) -> torch.Tensor:
    """Stretches whose logarithms have these norms, *Shape* `(n, d, d)`."""
    S = np.random.default_rng(seed).normal(size=(len(sizes), dimension, dimension))
    S = S + np.swapaxes(S, 1, 2)
    S *= (sizes / np.linalg.norm(S, axis=(1, 2)))[:, None, None]
    return torch.from_numpy(np.array([expm(s) for s in S]))


def norm(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b).norm() / b.norm())


def test_parts_are_powers_of_two_up_to_a_bound():
    sizes = LONGEST_STRAIN * torch.tensor([0.0, 0.999, 1.001, 2.001, 3.9, 63.0, 65.0, 1e9])
    strain = torch.zeros(len(sizes), 6, dtype=torch.float64)
    strain[:, 4] = sizes / np.sqrt(2.0)  # a shear counts twice
    assert parts_by_strain(torch.zeros_like(strain), strain).tolist() == [1, 1, 2, 4, 4, 64, 64, 64]
    assert MOST_SUBSTEPS == 64 and parts_by_strain(strain[:2], strain[:1]) is None
    lost = torch.full((2, 6), torch.nan)
    assert parts_by_strain(lost, lost) is None


def test_the_longest_strain_of_a_training():
    strain = np.zeros((200, 4, 6))
    strain[:, 2:, 4] = 0.03 / np.sqrt(2.0)  # a shear counts twice
    strain[0, 2:] *= 100.0  # one of two hundred histories
    assert longest_strain(strain.astype(np.float32)) == pytest.approx(0.03)
    assert longest_strain(0.01 * strain) == LONGEST_STRAIN
    assert longest_strain(100.0 * strain) == MOST_STRAIN


@pytest.mark.parametrize("name", list(LAWS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_was_learnt_whole_is_taken_whole(name, dtype):
    law = made(name).to(dtype=dtype)
    U, state = stretches(np.array([0.04, 0.09])), law.initial_state(2)
    divided, _ = law.update(U, DT, DT, state)
    law.report["longest_strain"] = 0.05
    sigma, _ = law.update(U, DT, DT, state)
    with mock.patch.object(LearntLaw, "by_strain", False):
        whole, _ = law.update(U, DT, DT, state)
        half = torch.lerp(torch.eye(3, dtype=torch.float64).expand(2, 3, 3), U, 0.5)
        _, between = law.update(half, DT / 2, DT / 2, state)
        halves, _ = law.update(U, DT, DT / 2, between)
    close = 1e-12 if dtype == torch.float64 else 2e-6
    assert (
        norm(sigma[:1], whole[:1].double()) < close < 1e-3 < norm(sigma[:1], divided[:1].double())
    )
    assert (
        norm(sigma[1:], halves[1:].double()) < close < 1e-3 < norm(sigma[1:], divided[1:].double())
    )


def test_the_largest_strain_of_a_step():
    U = np.stack([np.eye(3), expm(0.02 * np.diag([1.0, -1.0, 0.0])), np.eye(3)])
    assert coarsest_step(U[None]) == pytest.approx(0.02 * np.sqrt(2.0))
    assert coarsest_step(np.eye(3)[None]) == 0.0


def test_the_exponential_is_that_of_scipy():
    for size in (1e-6, 0.1, 1.0, 3.0):
        S = np.random.default_rng(1).normal(size=(3, 3))
        S = size * (S + S.T) / np.linalg.norm(S + S.T)
        e = np.full(12, np.nan)
        symmetric_exponential(to_components(S), e)
        np.testing.assert_allclose(e[:6], to_components(expm(S)), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", list(LAWS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steps_below_the_limit_are_those_of_a_law_that_does_not_divide(name, dtype):
    law = made(name).to(dtype=dtype)
    assert law.compiles() == (dtype == torch.float32)
    U, state = stretches(SIZES[:2]), law.initial_state(2)
    sigma, new = law.update(U, DT, DT, state)
    with mock.patch.object(LearntLaw, "by_strain", False):
        whole, after = law.update(U, DT, DT, state)
    assert torch.equal(sigma, whole)
    assert all(torch.equal(new[key], after[key]) for key in after)


@pytest.mark.parametrize("name", list(LAWS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_divided_step_is_as_many_steps_along_the_same_polygon(name, dtype):
    law = made(name).to(dtype=dtype)
    U = stretches(SIZES[3:4])
    sigma, new = law.update(U, DT, DT, law.initial_state(1))
    state, eye = law.initial_state(1), torch.eye(3, dtype=torch.float64)
    with mock.patch.object(LearntLaw, "by_strain", False):
        whole, _ = law.update(U, DT, DT, state)
        for k in range(1, 5):
            by_hand, state = law.update(eye + (U - eye) * (k / 4), DT * k / 4, DT / 4, state)
    tolerance = 1e-12 if dtype == torch.float64 else 2e-6
    assert norm(sigma, by_hand.double()) < tolerance < 1e-3 < norm(whole, by_hand.double())
    for key in set(state) - {"trust", "distance"}:
        assert norm(new[key], state[key].double()) < 10 * tolerance


@pytest.mark.parametrize("name", list(LAWS))
def test_compiled_steps_are_those_of_torch(name):
    exact, F = made(name), random_rotations(5, np.random.default_rng(3), 3) @ stretches(SIZES)
    law = exact.to(dtype=torch.float32)
    state, other = law.initial_state(5), exact.initial_state(5)
    for k in (1, 2):  # the second step begins at a strain, and hardly strains on
        sigma, state = law.update(F, k * DT, DT, state)
        expected, other = exact.update(F, k * DT, DT, other)
        assert norm(sigma, expected) < 5e-6
        for key, value in other.items():
            assert norm(state[key], value) < 5e-5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_point_does_not_depend_on_its_neighbours(dtype):
    law = made("recurrent").to(dtype=dtype)
    U = stretches(SIZES)
    sigma, new = law.update(U, DT, DT, law.initial_state(5))
    for p in range(5):
        alone, after = law.update(U[p : p + 1], DT, DT, law.initial_state(1))
        assert norm(alone, sigma[p : p + 1].double()) < (5e-7 if dtype == torch.float32 else 1e-14)
        assert torch.equal(after["distance"], new["distance"][p : p + 1])


@pytest.mark.parametrize(("name", "dimension"), [("recurrent", 3), ("recurrent", 2), ("grains", 3)])
def test_tangents_go_through_the_parts(name, dimension):
    law, random = made(name, dimension), np.random.default_rng(5)
    start = stretches(0.2 * SIZES, dimension, 4)
    _, state = law.update(start, DT, DT, law.initial_state(5))
    F = random_rotations(5, random, dimension) @ stretches(SIZES, dimension, 6) @ start
    sigma, new, A = law.linearise(F, 2 * DT, DT, state)
    expected, after = law.update(F, 2 * DT, DT, state)
    assert torch.allclose(sigma, expected, rtol=1e-12, atol=1e-14)
    assert all(torch.allclose(new[k], after[k], rtol=1e-12, atol=1e-13) for k in after)
    assert largest_error(A, differences(law, F, 2 * DT, DT, state)) < 1e-6
