# SPDX-License-Identifier: MIT
"""The compiled step of the recurrent law against torch's operations and against float64."""

from unittest import mock

import numpy as np
import pytest
import surrogate_histories as histories
import torch
from scipy.linalg import expm, logm

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics import strain_kernel
from mlms_fenics.kinematics.strain_kernel import POINTS
from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.kinematics.vector_math import log_positive
from mlms_fenics.materials.base import State
from mlms_fenics.surrogate.compiled import functions
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw
from mlms_fenics.surrogate.trust import TrustMeasure

STEPS, DT = 30, 0.005
SIZES = (1e-6, 1e-4, 0.01, 0.3, 1.0)


def rotations(n: int, seed: int) -> np.ndarray:
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, 3, 3)))[0]
    return Q * np.linalg.det(Q)[:, None, None]


def strains(n: int, size: float, seed: int = 0) -> np.ndarray:
    S = np.random.default_rng(seed).normal(size=(n, 3, 3))
    S = S + np.swapaxes(S, 1, 2)
    return size * S / np.linalg.norm(S, axis=(1, 2))[:, None, None]


def kinematics(F: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """log U, ln J, J - 1 and R of one chunk."""
    f, e = np.empty(9 * POINTS), np.empty(12 * POINTS)
    k = np.empty(strain_kernel.ROWS * POINTS)
    assert strain_kernel.load(F, 0, len(F), f) == -1
    strain_kernel.kinematics(f, e, k)
    k = k.reshape(-1, POINTS)[:, : len(F)].T
    return from_components(k[:, :6]), k[:, 6], k[:, 7], k[:, 8:].reshape(-1, 3, 3)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("turned", [False, True])
def test_rotation_and_strain_are_those_of_the_matrix_exponential(size, turned):
    S = strains(100, size)
    R = rotations(100, 1) if turned else np.tile(np.eye(3), (100, 1, 1))
    found = kinematics(R @ np.array([expm(s) for s in S]))
    trace = np.trace(S, axis1=1, axis2=2)
    for ours, exact in zip(found, (S, trace, np.expm1(trace), R), strict=True):
        assert np.abs(ours - exact).max() < 1e-14


def test_round_off_is_relative_to_the_strain():
    F = np.eye(3) + strains(50, 1e-7)
    V = F - np.eye(3)  # exactly
    strain, volume, growth, R = kinematics(F)
    assert np.abs(strain - (V - V @ V / 2)).max() < 1e-12 * 1e-7
    trace = np.trace(V, axis1=1, axis2=2)
    assert np.abs(volume - (trace - np.trace(V @ V, axis1=1, axis2=2) / 2)).max() < 1e-12 * 1e-7
    assert np.abs(growth - (np.linalg.det(F) - 1.0)).max() < 1e-15
    assert np.abs(R - np.eye(3)).max() < 1e-15


def test_large_and_equal_stretches():
    U = np.array([np.diag(d) for d in ([4.0, 1.0, 0.3], [2.0, 2.0, 2.0], [0.5, 0.5, 1.5])])
    U = np.concatenate([U, [expm(s) for s in strains(60, 1.8)]])
    R = rotations(len(U), 2)
    strain, volume, _, turn = kinematics(R @ U)
    assert np.abs(strain - np.array([logm(u) for u in U])).max() < 1e-9
    assert np.abs(volume - np.linalg.slogdet(U)[1]).max() < 1e-14
    assert np.abs(turn - R).max() < 1e-13


def law(
    branches: int = 1, internal: int = 6, rates=None, longest_known: float | None = None
) -> RecurrentLaw:
    torch.manual_seed(4)
    cell = RecurrentCell(5, internal, 32, branches, rates=rates, longest_known=longest_known)
    cell.elastic_scale.fill_(0.003)
    cell.strain_scale.fill_(0.07)
    cell.volume_scale.fill_(0.03)
    cell.rate_scale.fill_(1.3)
    paths = histories.walks(60, seed=5)
    trust = TrustMeasure(3, 1.0).fit(
        paths, np.linspace(0.0, 1.0, paths.shape[1]), np.arange(60) % 3
    )
    made = RecurrentLaw(
        cell,
        law=histories.law(3),
        orientations=histories.orientations(3),
        horizon=1.0,
        trust=trust,
    )
    assert made.compiles()
    return made


def deformations(n: int, size: float, turned: bool = True) -> torch.Tensor:
    """*Shape* `(n, STEPS + 1, 3, 3)`, float32, walks with turning frames."""
    U = histories.stretch(histories.walks(n, seed=7, size=size)[:, : STEPS + 1])
    if turned:
        Q, spin = rotations(n, 8), strains(n, 1.0, 9)
        spin = np.triu(spin, 1) - np.swapaxes(np.triu(spin, 1), 1, 2)
        part = np.arange(STEPS + 1)[:, None, None] / STEPS
        turns = Q[:, None] @ np.array([[expm(k * w) for k in part] for w in spin])
        U = turns @ U
    return torch.tensor(U, dtype=torch.float32)


def run(of: RecurrentLaw, F: torch.Tensor, compiled: bool) -> tuple[torch.Tensor, State]:
    state, sigma = of.initial_state(len(F)), []
    with mock.patch.object(of, "compiles", lambda: compiled):
        for k in range(1, F.shape[1]):
            s, state = of.update(F[:, k].to(of.dtype), k * DT, DT, state)
            sigma.append(s)
    return torch.stack(sigma, 1), state


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b).norm() / b.norm())


@pytest.mark.parametrize("rates", [None, (1e-3, 30.0), (1e-9, 2e-3)])
@pytest.mark.parametrize(
    ("branches", "internal", "n", "size"),
    [(1, 6, 131, 0.1), (1, 6, 128, 1e-3), (3, 4, 7, 0.3), (2, 0, 40, 0.1)],
)
def test_compiled_step_is_that_of_torch(branches, internal, n, size, rates):
    ours = law(branches, internal, rates)
    F = deformations(n, size)
    exact, end = run(ours.to(dtype=torch.float64), F, compiled=False)
    # What the float32 deformations themselves have lost is in all of them alike.
    for compiled, tolerance in ((True, 2e-6), (False, 3e-5 if size >= 0.1 else 3e-4)):
        sigma, state = run(ours, F, compiled)
        assert distance(sigma, exact) < tolerance
        assert state.keys() == end.keys()
        for name, values in end.items():
            assert state[name].shape == values.shape and state[name].dtype == torch.float32
            assert distance(state[name], values) < tolerance
    assert torch.equal(sigma, sigma.mT) or not compiled


def test_steps_longer_than_all_of_the_training_count_as_the_longest():
    ours, free = law(rates=(1e-3, 30.0), longest_known=DT), law(rates=(1e-3, 30.0))
    F = deformations(20, 0.02)  # nothing is divided by its strain
    exact = ours.to(dtype=torch.float64)
    ends = []
    for made, dt in ((ours, 1e3 * DT), (exact, 1e3 * DT), (free, DT)):
        state = made.initial_state(20)
        for k in range(1, STEPS + 1):
            sigma, state = made.update(F[:, k].to(made.dtype), k * dt, dt, state)
        ends.append(sigma)
    assert distance(ends[0], ends[1]) < 2e-6 and torch.equal(ends[0], ends[2])


def test_driven_by_stretches_it_is_the_same():
    ours = law()
    F = deformations(20, 0.1, turned=False)
    state = other = ours.initial_state(20)
    for k in range(1, STEPS + 1):
        a, state = ours.update(F[:, k], k * DT, DT, state)
        b, other = ours.stretch(F[:, k], k * DT, DT, other)
        assert torch.equal(a, b)


def test_state_is_left_alone_and_may_be_copied():
    ours = law()
    F = deformations(20, 0.1)
    _, state = ours.update(F[:, 1], DT, DT, ours.initial_state(20))
    kept = {name: values.clone().contiguous() for name, values in state.items()}
    first, after = ours.update(F[:, 2], 2 * DT, DT, state)
    assert all(torch.equal(state[name], values) for name, values in kept.items())
    again, same = ours.update(F[:, 2], 2 * DT, DT, kept)
    assert torch.equal(first, again)
    assert all(torch.equal(after[name], values) for name, values in same.items())
    # A point's response does not depend on who is with it. In another place of a chunk BLAS may
    # add up in another order (OpenBLAS's Haswell kernels do), hence an ulp or two there.
    some, _ = ours.update(F[:9, 2], 2 * DT, DT, {k: v[:9] for k, v in state.items()})
    assert torch.equal(some, first[:9])
    some, _ = ours.update(F[5:9, 2], 2 * DT, DT, {k: v[5:9] for k, v in state.items()})
    assert distance(some, first[5:9]) < 2e-7
    none, _ = ours.update(F[:0, 2], 2 * DT, DT, {k: v[:0] for k, v in state.items()})
    assert none.shape == (0, 3, 3)


@pytest.mark.parametrize("rates", [None, (1e-3, 30.0)])
def test_rest_has_no_stress_at_all(rates):
    ours = law(rates=rates)
    state = ours.initial_state(3)
    for k in range(1, 5):
        sigma, state = ours.update(torch.eye(3).repeat(3, 1, 1), k * DT, DT, state)
        assert not sigma.any() and not state["internal"].any()


@pytest.mark.parametrize("wrong", [-1.0, 0.0, float("nan")])
def test_an_inverted_element_is_named(wrong):
    ours = law()
    F = torch.eye(3).repeat(140, 1, 1)
    F[133, 0, 0] = wrong
    with pytest.raises(InputError, match="det F > 0, but one is " + f"{wrong:g}"):
        ours.update(F, DT, DT, ours.initial_state(140))


def test_changed_weights_are_noticed():
    ours = law()
    F = deformations(4, 0.1)
    first, _ = run(ours, F, compiled=True)
    ours.network.flow.bias[:5] += 1.0
    second, _ = run(ours, F, compiled=True)
    assert distance(second, run(ours.to(dtype=torch.float64), F, False)[0]) < 2e-6
    assert distance(second, first) > 1e-3


def test_long_steps_are_divided():
    ours = law()
    F = deformations(4, 0.1)
    whole, _ = run(ours, F, compiled=True)
    ours.network.longest_step = DT / 3
    sigma, state = run(ours, F, compiled=True)
    exact, end = run(ours.to(dtype=torch.float64), F, False)
    assert distance(sigma, exact) < 5e-5 < distance(whole, exact)
    assert all(distance(state[name], values) < 1e-4 for name, values in end.items())


def test_elementary_functions_over_their_range():
    x = np.concatenate([np.linspace(-120, 120, 500), np.geomspace(1e-6, 1, 12)]).astype(np.float32)
    h = np.zeros((4, POINTS), np.float32)
    h[:] = x.reshape(4, POINTS) - 0.5
    functions.silu(h, np.full((4, 1), 0.5, np.float32))
    given = (x - np.float32(0.5) + np.float32(0.5)).astype(np.float64)
    exact = given / (1.0 + np.exp(-given))
    assert np.abs(h.ravel() - exact).max() < 1e-5
    near = np.abs(given) < 20
    np.testing.assert_allclose(h.ravel()[near], exact[near], rtol=2e-6)
    for y in np.geomspace(1e-12, 1e12, 300).astype(np.float32):
        assert log_positive(float(y)) == pytest.approx(np.log(float(y)), rel=2e-7, abs=1e-7)
