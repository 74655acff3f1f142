# SPDX-License-Identifier: MIT
"""The Taylor average: invariances, bad input, failures, and the same law step by step."""

import numpy as np
import pytest
import torch

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.materials import Polycrystal, drive, magnesium, two_slip_crystal
from mlms_fenics.materials.crystal.points import CrystalState, advance
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

LAW = magnesium()
Q = random_orientations(8, seed=3)
PATHS = np.stack([sample_path(PathSettings(steps=20, max_strain=0.2), 1, k) for k in range(4)])
REFERENCE = TaylorAverage(LAW, Q).solve(PATHS, 1.0)


def relative(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def test_shape_symmetry_and_rest():
    sigma = REFERENCE.stress
    assert sigma.shape == PATHS.shape and sigma.dtype == np.float64
    np.testing.assert_array_equal(sigma, sigma.swapaxes(-1, -2))
    np.testing.assert_array_equal(sigma[:, 0], 0.0)
    assert (REFERENCE.status == 1).all() and REFERENCE.message == [""] * 4
    assert (REFERENCE.substeps >= 20 * 8).all() and (REFERENCE.smallest_step > 0).all()
    np.testing.assert_array_equal(TaylorAverage(LAW, Q).stress(PATHS[0], 1.0), sigma[0])


def test_mean_pressure_is_exact():
    p = np.trace(REFERENCE.stress, axis1=-2, axis2=-1) / 3
    exact = LAW.bulk_modulus * (np.linalg.det(PATHS) - 1)
    np.testing.assert_allclose(p, exact, atol=1e-13)


def test_a_path_does_not_depend_on_its_batch():
    taylor = TaylorAverage(LAW, Q)
    np.testing.assert_array_equal(taylor.stress(PATHS[[2]], 1.0)[0], REFERENCE.stress[2])
    many = np.tile(PATHS, (5, 1, 1, 1)).reshape(5, 4, *PATHS.shape[1:])
    np.testing.assert_array_equal(
        taylor.stress(many, 1.0), np.broadcast_to(REFERENCE.stress, many.shape)
    )


def test_the_order_of_grains_does_not_matter():
    shuffled = TaylorAverage(LAW, Q[[5, 2, 7, 0, 3, 1, 6, 4]]).stress(PATHS, 1.0)
    assert relative(shuffled, REFERENCE.stress) < 1e-12


def test_identical_grains_are_the_single_crystal():
    single = TaylorAverage(LAW, Q[:1]).stress(PATHS, 1.0)
    assert relative(TaylorAverage(LAW, Q[[0] * 7]).stress(PATHS, 1.0), single) < 1e-12


def test_torch_path_equals_the_compiled_one():
    on_torch = TaylorAverage(LAW, Q, device="cpu").solve(PATHS[:2], 1.0)
    assert relative(on_torch.stress, REFERENCE.stress[:2]) < 1e-10
    np.testing.assert_array_equal(on_torch.substeps, REFERENCE.substeps[:2])
    np.testing.assert_array_equal(on_torch.rejected, REFERENCE.rejected[:2])


def test_material_follows_the_same_path():
    sigma = drive(Polycrystal(LAW, Q), torch.from_numpy(PATHS), torch.linspace(0, 1, 21))
    assert relative(sigma.numpy(), REFERENCE.stress) < 1e-4


def test_material_turns_with_the_body():
    material = Polycrystal(LAW, Q)
    time = torch.linspace(0, 1, 21)
    turn = random_orientations(21, seed=8)
    turn[0] = np.eye(3)
    F = torch.from_numpy(PATHS[:2])
    R = torch.from_numpy(turn)
    still = drive(material, F, time)
    turned = drive(material, R @ F, time)
    expected = R @ still @ R.mT
    assert relative(turned.numpy(), expected.numpy()) < 1e-9


def test_material_reports_slip_and_twins():
    material = Polycrystal(LAW, Q[:2])
    _, state = material.update(torch.from_numpy(PATHS[:, 5]), 0.25, 0.25, material.initial_state(4))
    fields = material.fields(state)
    assert fields["slip"].shape == (4,) and (fields["slip"] > 1e-3).all()
    assert (fields["twin_fraction"] >= 0).all()


def test_points_step_by_step():
    state = CrystalState.virgin(LAW, 4)
    for k in range(20):
        sigma, state = advance(state, PATHS[:, k] @ Q[0], PATHS[:, k + 1] @ Q[0], 0.05)
    single = TaylorAverage(LAW, Q[:1]).stress(PATHS, 1.0)
    assert relative(sigma, single[:, -1]) < 1e-4
    np.testing.assert_allclose(np.linalg.det(state.F_in), 1.0, atol=1e-12)
    assert state.slip.shape == (4, 12) and state.twin_fraction.shape == (4, 6)


def test_two_dimensions():
    law = two_slip_crystal()
    settings = PathSettings(steps=20, max_strain=0.2, dimension=2)
    U = sample_path(settings, 1, 0)
    flat = random_orientations(3, seed=1, dimension=2)
    sigma = TaylorAverage(law, flat).stress(U, 1e6)
    assert sigma.shape == (21, 2, 2)
    full_U, full_Q = np.tile(np.eye(3), (21, 1, 1)), np.tile(np.eye(3), (3, 1, 1))
    full_U[:, :2, :2], full_Q[:, :2, :2] = U, flat
    full = TaylorAverage(law, full_Q).stress(full_U, 1e6)
    np.testing.assert_array_equal(full[:, :2, :2], sigma)
    assert np.abs(full[-1, 2, 2]) > 0  # plane strain, not plane stress


def test_what_cannot_be_done_is_reported_and_the_rest_goes_on():
    paths = PATHS.copy()
    paths[1, 5:] = np.diag([1e200, 1e200, 1.0])  # finite, but its determinant is not
    taylor = TaylorAverage(LAW, Q)
    results = taylor.solve(paths, 1.0)
    np.testing.assert_array_equal(results.status, [1, 2, 1, 1])
    np.testing.assert_array_equal(results.stress[[0, 2, 3]], REFERENCE.stress[[0, 2, 3]])
    assert np.isnan(results.stress[1]).all()
    assert results.message[0] == ""
    assert "met the tolerance in the interval at t = 0.2 µs" in results.message[1]
    on_torch = TaylorAverage(LAW, Q[:1], device="cpu").solve(paths[:2, ::4], 1.0)
    np.testing.assert_array_equal(on_torch.status, [1, 2])
    with pytest.raises(SimulationError, match="1 of 4 paths failed, first path 1: no substep"):
        taylor.stress(paths, 1.0)


def changed(path, entry, value):
    U = PATHS.copy()
    U[path, entry] = value
    return U


@pytest.mark.parametrize(
    ("U", "message"),
    [
        (changed(2, 7, np.diag([1.0, 1.0, -0.1])), "path 2, entry 7, is not positive definite"),
        (changed(1, 3, np.nan), "path 1, entry 3, is not finite"),
        (changed(3, 1, np.eye(3) + np.eye(3, k=1)), "path 3, entry 1, is not symmetric"),
        (changed(1, 0, 1.1 * np.eye(3)), "path 1, entry 0, is not the identity"),
        (PATHS[..., :2, :2], "U must have shape"),
        (PATHS[0, :1], "n_t ≥ 1"),
    ],
)
def test_bad_paths(U, message):
    with pytest.raises(InputError, match=message):
        TaylorAverage(LAW, Q).stress(U, 1.0)


def test_bad_numbers_and_orientations():
    taylor = TaylorAverage(LAW, Q)
    for horizon in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(InputError, match=r"horizon is .*, but must be positive"):
            taylor.stress(PATHS, horizon)
    for tolerance in (0.0, -1e-4, 0.2, np.nan):
        with pytest.raises(
            InputError, match=r"tolerance is .*, but must be positive and at most 0\.1"
        ):
            taylor.stress(PATHS, 1.0, tolerance)
    with pytest.raises(InputError, match="orientation 1 is no rotation"):
        TaylorAverage(LAW, np.stack([np.eye(3), np.diag([1.0, 1.0, -1.0])]))
    with pytest.raises(InputError, match=r"shape \(n_grains, 3, 3\)"):
        TaylorAverage(LAW, np.eye(3))
    with pytest.raises(InputError, match="out of its plane"):
        TaylorAverage(two_slip_crystal(), Q)
    with pytest.raises(InputError, match="must have shape"):
        advance(CrystalState.virgin(LAW, 2), np.eye(3), np.eye(3), 0.1)
    with pytest.raises(InputError, match="det F must be positive, but at point 1"):
        F1 = np.stack([np.eye(3), -np.eye(3)])
        advance(CrystalState.virgin(LAW, 2), np.stack([np.eye(3)] * 2), F1, 0.1)
