# SPDX-License-Identifier: MIT
"""The recurrent neural operator: its form, its update, its training."""

import argparse

import numpy as np
import pytest
import surrogate_histories as histories
import torch
from scipy.integrate import solve_ivp
from training_options import training_options

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.kinematics.tensors import deviator, to_components, trace
from mlms_fenics.materials import drive
from mlms_fenics.surrogate import load_model, save_model
from mlms_fenics.surrogate.recurrent.cell import FAST, LARGEST, SMALL, RecurrentCell
from mlms_fenics.surrogate.recurrent.grids import longest_strides, random_nodes
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw, elastic_coordinates
from mlms_fenics.surrogate.recurrent.training import fit
from mlms_fenics.surrogate.trust import TrustMeasure


def options(**changes) -> argparse.Namespace:
    values = {"epochs": 1, "batch": 32, "rate": 1e-2, "weight_decay": 0.0, "patience": 100}
    values |= {"internal": 4, "width": 32, "branches": 1}
    return training_options(**{**values, **changes})


def untrained(dimension: int = 3, seed: int = 0) -> RecurrentLaw:
    torch.manual_seed(seed)
    cell = RecurrentCell(5 if dimension == 3 else 3, 4, 32).double()
    cell.elastic_scale.fill_(0.01)
    cell.strain_scale.fill_(0.1)
    cell.volume_scale.fill_(0.05)
    trust = TrustMeasure(dimension, 1.0)
    return RecurrentLaw(
        cell,
        law=histories.law(dimension),
        orientations=histories.orientations(dimension),
        horizon=1.0,
        trust=trust,
    )


@pytest.fixture(scope="module")
def trained() -> tuple[RecurrentLaw, object]:
    data = histories.training_data(400)
    return fit(data, options(epochs=30)), data


def test_update_solves_the_frozen_equations_exactly():
    cell = untrained().network
    n, dt = 3, torch.tensor(0.07, dtype=torch.float64)
    g = torch.Generator().manual_seed(1)
    y0 = torch.randn(n, 9, generator=g, dtype=torch.float64)
    e0 = 0.1 * torch.randn(n, 5, generator=g, dtype=torch.float64)
    e1 = e0 + 0.01 * torch.randn(n, 5, generator=g, dtype=torch.float64)
    v1 = torch.zeros(n, 1, dtype=torch.float64)
    drivers, increment = cell.drivers(e0, e1, v1, dt), (e1 - e0) / cell.elastic_scale
    ours = cell(y0, drivers, increment, dt)
    h = torch.nn.functional.silu(drivers + cell.from_state(y0))
    rates, targets = cell.flow(torch.nn.functional.silu(cell.hidden(h))).chunk(2, dim=-1)
    drive_ = (y0[:, :5] + 0.5 * increment).norm(dim=-1, keepdim=True)
    gate = (drive_**2 / (drive_**2 + SMALL**2)).expand(-1, 5)
    targets = targets * torch.cat([gate, torch.ones(n, 4)], dim=1)
    alpha = (torch.nn.functional.softplus(rates) * FAST * drive_).detach().numpy().ravel()
    target = targets.detach().numpy().ravel()
    pull = torch.nn.functional.pad(increment / dt, (0, 4)).detach().numpy().ravel()
    exact = solve_ivp(
        lambda t, y: pull - alpha * (y - target),
        (0.0, float(dt)),
        y0.numpy().ravel(),
        method="Radau",
        rtol=1e-11,
        atol=1e-12,
    )
    np.testing.assert_allclose(ours.detach().numpy().ravel(), exact.y[:, -1], atol=1e-8)


@pytest.mark.parametrize("dimension", [2, 3])
def test_rest_stays_without_stress(dimension):
    law = untrained(dimension)
    U = np.tile(np.eye(dimension), (2, 50, 1, 1))
    assert np.abs(law.stress(U, 10.0)).max() == 0.0


def test_a_small_stress_decays():
    """The state of rest is stable, whatever the weights."""
    for seed in range(5):
        law = untrained(seed=seed)
        strain = 1e-6 * histories.walks(3, seed=3)[:, -1:]
        U = np.concatenate(
            [np.tile(np.eye(3), (3, 1, 1, 1))] + 400 * [histories.stretch(strain)], 1
        )
        s = np.linalg.norm(deviator(law.stress(U, 400.0)), axis=(2, 3))
        assert (np.diff(s[:, 1:], axis=1) < 0).all()


def test_first_response_is_elastic_with_the_crystals_moduli():
    law = untrained()
    strain = 1e-7 * histories.walks(1, seed=3)[0, -1] / 0.1
    U = np.stack([np.eye(3), histories.stretch(strain)])
    sigma = law.stress(U, 1e-3)[1]
    e = U[1] - np.eye(3)
    expected = 2 * law.shear_modulus * deviator(e) + law.bulk_modulus * trace(e) * np.eye(3)
    np.testing.assert_allclose(sigma, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_in_plane_coordinates_are_those_of_the_3d_deviator():
    c = np.random.default_rng(0).normal(size=3)
    full = np.array([c[0], c[1], 0.0, c[2], 0.0, 0.0])
    deviatoric = full - np.array([1, 1, 1, 0, 0, 0]) * full[:3].sum() / 3
    ours = elastic_coordinates(2) @ c
    np.testing.assert_allclose(ours, isometry(2) @ deviatoric[[0, 1, 3]], atol=1e-15)


def test_pressure_is_closed_form_and_stress_turns_with_the_body():
    law = untrained()
    rng = np.random.default_rng(2)
    F = torch.as_tensor(np.eye(3) + 0.05 * rng.normal(size=(4, 3, 3)).cumsum(0))[None]
    F = torch.cat([torch.eye(3, dtype=torch.float64)[None, None], F], dim=1)
    time = torch.linspace(0, 0.2, 5)
    sigma = drive(law, F, time)
    J = torch.linalg.det(F)
    torch.testing.assert_close(trace(sigma) / 3, law.bulk_modulus * (J - 1), rtol=1e-9, atol=1e-9)
    Q = torch.linalg.qr(torch.as_tensor(rng.normal(size=(3, 3))))[0]
    Q = Q * torch.linalg.det(Q).sign()
    spun = F.clone()
    spun[:, 1:] = Q @ F[:, 1:]
    turned = drive(law, spun, time)[:, 1:]
    torch.testing.assert_close(turned, Q @ sigma[:, 1:] @ Q.T, rtol=1e-8, atol=1e-9)


def test_training_beats_the_baseline_and_holds_off_the_grid(trained):
    law, data = trained
    from mlms_fenics.surrogate.evaluate import errors_on

    rows = data.test
    rows_of = errors_on(law, data.U[rows], data.sigma[rows], data.time)
    ours = min(row["deviatoric"]["mean"] for row in rows_of.values())
    assert ours < 0.35  # zero deviator is 1.0 by definition
    # The same paths on every second sample: a step that the data do not have.
    from mlms_fenics.kinematics.tensors import from_components, to_components

    fine = law.stress(from_components(data.U[rows].astype(float)), 1.0)[:, ::2]
    coarse = law.stress(from_components(data.U[rows][:, ::2].astype(float)), 1.0)
    E = isometry(3, deviatoric=True).T
    a, b = to_components(fine) @ E, to_components(coarse) @ E
    assert np.linalg.norm(a - b) < 0.2 * np.linalg.norm(a)


def test_beyond_the_horizon_it_stays_bounded(trained):
    law, _ = trained
    strain = histories.walks(5, seed=9)
    strain = np.concatenate([strain, strain[:, ::-1]], axis=1)  # out and back, twice the horizon
    sigma, _ = law.stress_and_distance(histories.stretch(strain), 2.0)
    limit = 2 * law.shear_modulus * np.abs(strain).max()
    assert np.isfinite(sigma).all() and np.linalg.norm(deviator(sigma), axis=(2, 3)).max() < limit
    law.check_end_time(2.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_weights_lead_beyond_the_bounds(dtype):
    """A state far from all training data is wrong, but finite."""
    law = untrained().to(dtype=dtype)
    for weight in law.network.parameters():
        weight.mul_(5.0)
    U = torch.as_tensor(histories.stretch(6.0 * histories.walks(5, seed=8)), dtype=dtype)
    state, largest = law.initial_state(len(U)), 0.0
    for n in range(1, U.shape[1]):
        sigma, state = law.stretch(U[:, n], n / 40, 1 / 40, state)
        assert state["internal"][:, law.network.elastic :].abs().max() <= LARGEST * (1 + 1e-6)
        largest = max(largest, float(state["internal"].abs().max()))
        assert torch.isfinite(sigma).all()
    # Elastically the strain alone would bring a hundred.
    assert LARGEST / 4 < largest < 3 * LARGEST


def test_saved_law_gives_the_same_stress(trained, tmp_path):
    law, _ = trained
    save_model(law, tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5", device="cpu")
    assert isinstance(again, RecurrentLaw)
    U = histories.stretch(histories.walks(2, seed=4))
    np.testing.assert_array_equal(again.stress(U, 1.0), law.stress(U, 1.0))


def test_same_seed_same_weights():
    data = histories.training_data(60)
    first, second = (fit(data, options()).network.state_dict() for _ in range(2))
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_random_grids_keep_the_corners():
    g = torch.Generator().manual_seed(0)
    grids = [random_nodes(200, 2, g) for _ in range(80)]
    for nodes in grids:
        assert nodes[0] == 0 and nodes[-1] == 200 and bool((nodes.diff() > 0).all())
        assert set(range(0, 201, 2)) <= set(nodes.tolist())
    assert {frozenset(nodes.diff().tolist()) for nodes in grids} == {
        frozenset({1.0}),
        frozenset({2.0}),
        frozenset({1.0, 2.0}),
    }
    fine = [random_nodes(200, 1, g) for _ in range(60)]
    assert {float(nodes[1]) for nodes in fine} == {1.0, 0.5, 0.25}
    assert all(len(nodes) == 201 for nodes in fine)


def test_corners_of_polygons_are_found():
    U = to_components(histories.stretch(histories.walks(3, seed=3)))
    n_t = U.shape[1] - 1
    for stride in (2, 4, 8):
        time = np.arange(n_t + 1) / stride
        low = np.minimum(time.astype(int), n_t // stride - 1)
        part = (time - low)[:, None]
        kept = U[:, ::stride]
        polygon = kept[:, low] * (1 - part) + kept[:, low + 1] * part
        assert (longest_strides(polygon.astype(np.float32)) == 2).all()
    assert (longest_strides(U.astype(np.float32)) == 1).all()


def test_long_steps_are_divided():
    law = untrained()
    law.network.longest_step = 0.05
    U = np.stack([np.eye(3), histories.stretch(histories.walks(1, seed=3)[0, -1])])
    time = np.linspace(0.0, 1.0, 5)[:, None, None]
    fine = law.stress(U[0] + time * (U[1] - U[0]), 0.2)
    once = law.stress(U, 0.2)
    np.testing.assert_allclose(once[1], fine[-1], rtol=1e-9, atol=1e-12)
    law.network.longest_step = None
    assert np.abs(law.stress(U, 0.2)[1] - fine[-1]).max() > 1e-4


def test_the_past_does_not_depend_on_the_future():
    law = untrained().to(dtype=torch.float32)
    U = histories.stretch(histories.walks(4, seed=6))
    other = U.copy()
    other[:, 20:] = np.eye(3)
    np.testing.assert_array_equal(law.stress(U, 1.0)[:, :20], law.stress(other, 1.0)[:, :20])


@pytest.mark.parametrize(
    ("changes", "words"), [({"width": 0}, "width 0"), ({"internal": -1}, "internal variables -1")]
)
def test_bad_sizes_are_named(changes, words):
    with pytest.raises(InputError, match=words):
        fit(histories.training_data(60), options(**changes))


def test_a_model_can_be_taught_more(trained, tmp_path):
    law, data = trained
    save_model(law, tmp_path / "first.h5")
    again = fit(data, options(epochs=1, rate=1e-6, seed=3, start_from=tmp_path / "first.h5"))
    # A learning rate of nothing keeps what was known; a fresh start would not.
    U = histories.stretch(histories.walks(2, seed=4))
    np.testing.assert_allclose(again.stress(U, 1.0), law.stress(U, 1.0), atol=2e-3)
    assert again.report["start_from"] == law.report
    unsaid = {name: None for name in ("internal", "width", "branches")}
    again = fit(data, options(epochs=1, rate=1e-6, start_from=tmp_path / "first.h5", **unsaid))
    assert again.network.options["width"] == law.network.options["width"]
    with pytest.raises(InputError, match="same --internal"):
        fit(data, options(width=16, start_from=tmp_path / "first.h5"))
