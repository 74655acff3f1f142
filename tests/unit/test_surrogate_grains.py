# SPDX-License-Identifier: MIT
"""Learnt grains: their kernels, their form as a law, their training."""

import argparse
from unittest import mock

import numpy as np
import pytest
import surrogate_histories as histories
import torch
from scipy.integrate import solve_ivp
from scipy.spatial.transform import Rotation
from training_options import training_options

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.strain import isometry, isometry_inverse
from mlms_fenics.kinematics.tensors import deviator, from_components, to_components, trace
from mlms_fenics.materials import drive
from mlms_fenics.surrogate import load_model, save_model
from mlms_fenics.surrogate.compiled.step import array, layers
from mlms_fenics.surrogate.evaluate import errors_on
from mlms_fenics.surrogate.grains.algebra import PATHS
from mlms_fenics.surrogate.grains.block import block, work_space
from mlms_fenics.surrogate.grains.cell import HARDENING, GrainCell, cayley
from mlms_fenics.surrogate.grains.frame import stretch_and_turn, unspun
from mlms_fenics.surrogate.grains.law import GrainLaw
from mlms_fenics.surrogate.grains.run import run
from mlms_fenics.surrogate.grains.training import Problem, fit
from mlms_fenics.surrogate.recurrent.cell import FAST, LARGEST, SMALL
from mlms_fenics.surrogate.trust import TrustMeasure


def options(**changes) -> argparse.Namespace:
    values = {"epochs": 1, "batch": 32, "rate": 1e-2, "weight_decay": 0.0, "patience": 100}
    values |= {"grains": 4, "width": 16, "internal": 2}
    return training_options(**{**values, **changes})


def lively(
    grains: int = 3, internal: int = 2, longest_step: float | None = None, rates=None
) -> GrainCell:
    """Grains whose flow is strong in all of its outputs."""
    torch.manual_seed(1)
    cell = GrainCell(grains, 8, internal, longest_step, rates)
    with torch.no_grad():
        cell.flow.weight.mul_(3.0)
        cell.flow.weight[10:13].mul_(100.0)
        cell.logits.normal_()
        cell.own_hidden.normal_(0.0, 0.3)
        cell.own_flow.normal_(0.0, 0.3)
    cell.elastic_scale.fill_(0.02)
    cell.rate_scale.fill_(2.0)
    return cell


def law_of(cell: GrainCell) -> GrainLaw:
    given = {"law": histories.law(3), "orientations": histories.orientations(3), "horizon": 1.0}
    return GrainLaw(cell, **given, trust=TrustMeasure(3, 1.0))


def walk(n: int, n_t: int = 12, size: float = 0.7) -> tuple[torch.Tensor, ...]:
    g = torch.Generator().manual_seed(3)
    d, v = size * torch.randn(n_t, 5, n, generator=g), torch.randn(n_t, n, generator=g)
    d[4:6] = 0.0
    return d, v, (0.2 + torch.rand(n_t, generator=g)) / 50.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "internal", "size", "rates"),
    [
        (37, 2, 0.7, None),
        (5, 0, 0.7, None),
        (5, 3, 50.0, None),
        (37, 2, 0.7, (1e-3, 1e2)),
        (5, 3, 20.0, (1e-3, 1e2)),
    ],
)
def test_values_and_gradients_are_those_of_autograd(n, internal, size, rates):
    cell = lively(internal=internal, rates=rates)
    # Fewer steps where they are large: round-off in the turns adds up.
    d, v, dt = walk(n, 12 if size < 1.0 else 3, size)
    if rates is not None:  # each path in its own time
        dt = dt[:, None] * torch.logspace(-3, 2, n)
    weight = torch.randn(*d.shape, generator=torch.Generator().manual_seed(5))
    ours = run(cell, d, v, dt)
    (ours * weight).sum().backward()
    found = [p.grad.clone() for p in cell.parameters()]
    cell = cell.double()
    cell.zero_grad()
    exact = cell.run(d.double(), v.double(), dt.double())
    (exact * weight).sum().backward()
    if rates is None:
        assert (exact.abs().max() > LARGEST) == (size > 1.0)  # the bounds at work
    torch.testing.assert_close(ours, exact.float(), rtol=2e-5, atol=1e-5)
    for gradient, p in zip(found, cell.parameters(), strict=True):
        assert (gradient - p.grad).norm() < 1e-4 * p.grad.norm()


@pytest.mark.slow
@pytest.mark.parametrize("rates", [None, (1e-3, 1e2)])
def test_compiled_step_is_torchs(rates):
    cell, n = lively(rates=rates), 37
    d, v, dt = walk(n)
    spins = torch.as_tensor(Rotation.random(n, random_state=0).as_matrix())
    A, y = (x.flatten(1).mT.contiguous() for x in cell.start(n))
    B, z = (x.double() for x in cell.start(n))
    exact = lively(rates=rates).double()
    weights, share = layers(cell.weights()), array(cell.shares())
    space = work_space(8, len(weights[4]), len(y) // 3, 3)
    r = spins.flatten(1).mT.float().contiguous()
    out = np.zeros((5, n), np.float32)
    with torch.no_grad():
        for t in range(len(d)):
            f = cell.rate_factor(d[t].T, dt[t])[None]
            new = (A.clone(), y.clone())
            blocks = [
                np.pad(x.numpy(), ((0, 0), (0, -n % PATHS))) for x in (d[t], f, v[t][None], r)
            ]
            total = np.zeros((5, PATHS), np.float32)
            for start in range(0, n, PATHS):
                here = min(PATHS, n - start)
                some = [np.ascontiguousarray(x[:, start : start + PATHS]) for x in blocks]
                amounts = np.full((2, PATHS), float(dt[t]), np.float32)
                amounts[0] = (
                    FAST * float(dt[t]) if rates is None else np.sqrt((some[0] ** 2).sum(0))
                )
                state = (A.numpy(), y.numpy(), amounts, np.float32(0.02))
                ends = (x.numpy() for x in new)
                block(weights, share, *some, *state, start, here, space, *ends, total)
                out[:, start : start + here] = total[:, :here]
            A, y = new
            B, z = exact(B, z, *(x.double() for x in (d[t].T, v[t], dt[t])))
            B = spins[:, None] @ B
        s = exact.stress(B, z)
    found = (A.mT.reshape(B.shape), y.mT.reshape(z.shape), torch.as_tensor(out.T))
    for a, b in zip(found, (B, z, s), strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=2e-5)


def test_update_solves_the_frozen_equations():
    cell = lively(grains=1).double()
    A, y = cell.start(1)
    d, v, dt = (x.double() for x in walk(1))
    for n in range(3):
        A, y = cell(A, y, d[n].T, v[n], dt[n])
    step = dt[3]
    new_A, new = cell(A, y, d[3].T, v[3], step)
    basis = from_components(isometry_inverse(3, deviatoric=True).T.copy())
    R = A[0, 0].detach().numpy()
    moved = R.T @ np.einsum("k,kij", d[3, :, 0].numpy(), basis) @ R
    moved = isometry(3, deviatoric=True) @ to_components(moved)
    f = float(cell.rate_factor(d[3].T, step))
    s = y[0, 0].detach().numpy()
    x = np.concatenate([moved * f, moved, v[3].numpy(), s])
    w = [t.detach().numpy() for t in cell.weights()]

    def silu(a):
        return a / (1.0 + np.exp(-a))

    o = w[4] @ silu(w[2] @ silu(w[0] @ x + w[1][:, 0]) + w[3][:, 0]) + w[5][:, 0]
    square = np.sum((s[:5] + moved / 2.0) ** 2)
    alpha = FAST * np.log1p(np.exp(o[:5])) * np.sqrt(square)
    target = o[5:10] * square / (square + SMALL**2)
    pull = moved / float(step)
    exact = solve_ivp(
        lambda t, s: pull - alpha * (s - target), (0, float(step)), s[:5], rtol=1e-11, atol=1e-12,
        method="Radau",
    ).y[:, -1]  # fmt: skip
    np.testing.assert_allclose(new[0, 0, :5].detach().numpy(), exact, atol=1e-7)
    plastic = 0.02 * np.linalg.norm(moved - (exact - s[:5]))
    decay = np.exp(-HARDENING * plastic * np.log1p(np.exp(o[13:15])))
    internal = o[15:17] + (s[5:] - o[15:17]) * decay
    np.testing.assert_allclose(new[0, 0, 5:].detach().numpy(), internal, atol=1e-4)
    turn = o[10:13] * plastic
    turn *= 2.0 * np.arctan(np.linalg.norm(turn) / 2.0) / np.linalg.norm(turn)
    expected = R @ Rotation.from_rotvec(turn).as_matrix()
    np.testing.assert_allclose(new_A[0, 0].detach().numpy(), expected, atol=1e-4)


def test_spin_is_a_rotation_however_large():
    w = torch.tensor([[0.0, 0.0, 0.0], [1e-9, 0, 0], [0.3, -0.2, 0.5], [30.0, 40.0, -5.0]]).double()
    length = w.norm(dim=1, keepdim=True)
    vectors = (w * 2.0 * torch.atan(length / 2.0) / length.clamp_min(1e-300)).numpy()
    np.testing.assert_allclose(cayley(w), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)


def test_turned_lattices_and_strains_give_the_turned_stress():
    cell, turned = lively().double(), lively().double()
    Q = Rotation.from_rotvec([0.4, -1.1, 0.6])
    quaternions = Rotation.from_quat(cell.turns.detach().numpy(), scalar_first=True)
    with torch.no_grad():
        turned.turns.copy_(torch.as_tensor((Q * quaternions).as_quat(scalar_first=True)))
    basis = torch.as_tensor(from_components(isometry_inverse(3, True).T.copy()))
    R = torch.as_tensor(Q.as_matrix())
    M = torch.einsum("aij,ik,bkl,jl->ab", basis, R, basis, R)
    d, v, dt = (x.double() for x in walk(4))
    torch.testing.assert_close(turned.run(M @ d, v, dt), M @ cell.run(d, v, dt))


def test_frame_of_a_simple_shear_turns_with_the_vorticity():
    """Of F = R U under simple shear the frame of U must turn by Rᵀ times that of F, which for small
    steps turns by half of the shear."""
    shear, n_t = 0.8, 2000
    F = np.tile(np.eye(3), (n_t + 1, 1, 1))
    F[:, 0, 1] = np.linspace(0.0, shear, n_t + 1)
    w, V = np.linalg.eigh(np.swapaxes(F, -1, -2) @ F)
    U = (V * np.sqrt(w)[:, None]) @ np.swapaxes(V, -1, -2)
    R = F @ np.linalg.inv(U)
    fixed = np.diag([1.0, -2.0, 1.0])
    d, T = unspun(to_components(U)[None], np.tile(to_components(fixed), (1, n_t + 1, 1)))
    half = Rotation.from_euler("z", -np.linspace(0.0, shear, n_t + 1)[:, None] / 2.0).as_matrix()
    Q = np.swapaxes(R, -1, -2) @ half
    expected = to_components(np.swapaxes(Q, -1, -2) @ fixed @ Q) @ isometry(3, True).T
    np.testing.assert_allclose(T[0], expected, atol=1e-5)
    stretching = np.zeros((3, 3))
    stretching[0, 1] = stretching[1, 0] = shear / n_t / 2.0
    q = half[:-1]
    expected = to_components(np.swapaxes(q, -1, -2) @ stretching @ q) @ isometry(3, True).T
    np.testing.assert_allclose(d[0], expected, atol=1e-3 * shear / n_t)


def test_rest_stays_without_stress_and_the_first_response_is_elastic():
    law = law_of(lively().double())
    U = np.tile(np.eye(3), (2, 50, 1, 1))
    assert np.abs(law.stress(U, 10.0)).max() == 0.0
    strain = 1e-7 * histories.walks(1, seed=3)[0, -1] / 0.1
    U = np.stack([np.eye(3), histories.stretch(strain)])
    e = U[1] - np.eye(3)
    expected = 2 * law.shear_modulus * deviator(e) + law.bulk_modulus * trace(e) * np.eye(3)
    sigma = law.stress(U, 1e-4)[1]
    np.testing.assert_allclose(sigma, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_a_small_stress_decays():
    law = law_of(lively().double())
    strain = 1e-6 * histories.walks(3, seed=3)[:, -1:]
    rest = np.tile(np.eye(3), (3, 1, 1, 1))
    U = np.concatenate([rest] + 400 * [histories.stretch(strain)], 1)
    s = np.linalg.norm(deviator(law.stress(U, 400.0)), axis=(2, 3))
    assert (np.diff(s[:, 1:], axis=1) < 0).all()


def test_pressure_is_closed_form_and_stress_turns_with_the_body():
    law = law_of(lively().double())
    rng = np.random.default_rng(2)
    F = torch.as_tensor(np.eye(3) + 0.05 * rng.normal(size=(4, 3, 3)).cumsum(0))[None]
    F = torch.cat([torch.eye(3, dtype=torch.float64)[None, None], F], dim=1)
    time = torch.linspace(0, 0.2, 5)
    sigma = drive(law, F, time)
    J = torch.linalg.det(F)
    torch.testing.assert_close(trace(sigma) / 3, law.bulk_modulus * (J - 1), rtol=1e-9, atol=1e-9)
    spun = F.clone()
    Q = torch.as_tensor(Rotation.random(4, random_state=1).as_matrix())
    spun[:, 1:] = Q @ F[:, 1:]
    turned = drive(law, spun, time)[:, 1:]
    torch.testing.assert_close(turned, Q @ sigma[:, 1:] @ Q.mT, rtol=1e-8, atol=1e-9)


def test_a_long_step_is_the_short_ones_it_is_divided_into():
    law = law_of(lively(longest_step=1.0 / 80.0).double())
    coarse = histories.stretch(histories.walks(3, seed=5))
    fine = np.repeat(coarse, 2, axis=1)[:, 1:]
    fine[:, 1::2] = (coarse[:, 1:] + coarse[:, :-1]) / 2.0
    fine[:, ::2] = coarse
    np.testing.assert_allclose(law.stress(coarse, 1.0), law.stress(fine, 1.0)[:, ::2], atol=1e-10)


def test_finer_steps_converge():
    law = law_of(lively().double())
    path = histories.walks(3, seed=5)
    times = np.linspace(0.0, 1.0, path.shape[1])

    def end(n_t: int) -> np.ndarray:
        at = np.linspace(0.0, 1.0, n_t + 1)
        U = histories.stretch(
            np.stack([[np.interp(at, times, c) for c in p.T] for p in path]).transpose(0, 2, 1)
        )
        return deviator(law.stress(U, 1.0))[:, -1]

    coarse, middle, fine = (end(n) for n in (160, 320, 640))
    assert np.linalg.norm(fine - middle) < 0.6 * np.linalg.norm(middle - coarse)
    assert np.linalg.norm(fine - middle) < 0.05 * np.linalg.norm(fine)


@pytest.mark.slow
def test_bounded_and_orthogonal_far_beyond_the_data():
    law = law_of(lively())
    rng = np.random.default_rng(0)
    strain = 0.3 * np.sin(np.linspace(0.0, 20.0, 601)[:, None] * rng.uniform(0.5, 2.0, (4, 1, 6)))
    U = histories.stretch(strain)
    U[:, 0] = np.eye(3)
    sigma = deviator(law.stress(U, 15.0))
    size = np.linalg.norm(sigma, axis=(-2, -1)) * np.linalg.det(U)
    assert size.max() < 2 * law.shear_modulus * 0.02 * 2 * LARGEST * np.sqrt(5)
    state = law.initial_state(4)
    for n in range(1, len(strain[0])):
        _, state = law.update(torch.tensor(U[:, n]).float(), 0.025 * n, 0.025, state)
    A = state["rotation"].unflatten(1, (-1, 3, 3))
    torch.testing.assert_close(A @ A.mT, torch.eye(3).expand_as(A), rtol=0.0, atol=1e-3)


@pytest.mark.slow
def test_training_beats_the_baselines_and_is_the_same_law_from_its_file(tmp_path):
    data = histories.training_data(300)
    law = fit(data, options(epochs=15))
    rows = data.test
    errors = errors_on(law, data.U[rows], data.sigma[rows], data.time)
    assert errors["law"]["deviatoric"]["mean"] < 0.15
    assert law.report["training"]["loss"][-1] < 0.5 * law.report["training"]["loss"][0]
    save_model(law, tmp_path / "grains.h5")
    again = load_model(tmp_path / "grains.h5")
    U = from_components(data.U[rows[:3]].astype(float))
    assert np.array_equal(law.stress(U, 1.0), again.stress(U, 1.0))


def test_laws_error_is_the_problems():
    """Frame and increments of the training are those of the law."""
    # A training takes any step whole, a law one that strains by less than 2%.
    data = histories.training_data(60, size=0.02)
    problem = Problem(data, {"grains": 4, "width": 16, "internal": 2})
    rows = data.validation_rows()
    law = GrainLaw.trained(problem.network, data, {})
    ours = errors_on(law, data.U[rows], data.sigma[rows], data.time)["law"]["deviatoric"]["mean"]
    assert problem.validate() == pytest.approx(ours, rel=0.01)


def test_bad_input():
    with pytest.raises(InputError, match="grains 0"):
        GrainCell(0, 8, 2)
    with pytest.raises(InputError, match="dimension 3"):
        fit(histories.training_data(60, dimension=2), options())


def test_split_of_a_step_is_its_polar_decomposition():
    U = torch.as_tensor(histories.stretch(histories.walks(150, size=0.5, seed=1)))
    d, r = stretch_and_turn(U[:, 10], U[:, 20])
    f = (U[:, 20] @ torch.linalg.inv(U[:, 10])).numpy()
    w, V = np.linalg.eigh(np.swapaxes(f, -1, -2) @ f)
    log = (V * np.log(w)[:, None] / 2.0) @ np.swapaxes(V, -1, -2)
    np.testing.assert_allclose(d, to_components(log) @ isometry(3, True).T, atol=1e-10)
    turn = f @ np.linalg.inv((V * np.sqrt(w)[:, None]) @ np.swapaxes(V, -1, -2))
    np.testing.assert_allclose(r, turn, atol=1e-10)


@pytest.mark.parametrize("rates", [None, (1e-3, 1e2)])
def test_compiled_update_is_torchs(rates):
    """Rotation, kinematics, grains and measure of trust in one loop; chunks with a remainder."""
    data = histories.training_data(60)
    law = GrainLaw.trained(lively(rates=rates), data, {})
    exact, n = law.to(dtype=torch.float64), 140
    U = histories.stretch(histories.walks(n, size=0.3, seed=2))
    F = torch.as_tensor(Rotation.random(n, random_state=3).as_matrix()[:, None] @ U)
    state, other = law.initial_state(n), exact.initial_state(n)
    for k in range(1, 20):
        sigma, state = law.update(F[:, k].float(), k / 40.0, 1.0 / 40.0, state)
        expected, other = exact.update(F[:, k], k / 40.0, 1.0 / 40.0, other)
    assert set(state) == set(other)
    scale = 0.02 * 2.0 * law.shear_modulus
    torch.testing.assert_close(sigma.double(), expected, rtol=1e-3, atol=1e-3 * scale)
    for name in state:
        torch.testing.assert_close(state[name].double(), other[name], rtol=2e-3, atol=2e-3)
    with pytest.raises(InputError, match="det F"):
        law.update(-F[:, 20].float(), 0.5, 0.025, state)
    with torch.no_grad():
        law.network.logits.copy_(torch.tensor([3.0, 0.0, -3.0]))
    changed, _ = law.update(F[:, 20].float(), 0.5, 0.025, state)
    with mock.patch.object(law, "compiles", lambda: False):
        again, _ = law.update(F[:, 20].float(), 0.5, 0.025, state)
    torch.testing.assert_close(changed, again, rtol=1e-3, atol=1e-3 * scale)
