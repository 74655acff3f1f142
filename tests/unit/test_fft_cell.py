# SPDX-License-Identifier: MIT
"""The full-field cell's input checks, its iteration's parts, and what it leaves on failure."""

import json

import h5py
import numpy as np
import pytest

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.materials import CrystalLaw, magnesium, two_slip_crystal
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.unitcell import FFTCell, fft_path
from mlms_fenics.unitcell.fft_acceleration import Anderson, Extrapolation

HORIZON = 2e5


def cell(**options):
    grains = voronoi_grains((8, 8), 4, 1)
    return FFTCell(two_slip_crystal(), grains, random_orientations(4, 1, dimension=2), **options)


def path(n, size=0.02):
    t = np.linspace(0, 1, n + 1)[:, None, None]
    return np.eye(2) + t * size * np.array([[1.0, 0.4], [0.4, -0.9]])


def test_anderson_solves_a_linear_system():
    random = np.random.default_rng(0)
    A = np.diag(np.linspace(0.05, 1.0, 8))
    b, x = random.random(8), np.zeros(8)
    anderson = Anderson(8, memory=10)
    for _ in range(10):  # as many steps as unknowns, and two: exact like GMRES
        x = anderson.step(x, b - A @ x)
    assert np.abs(A @ x - b).max() < 1e-9
    basic, y = Anderson(8, memory=0), np.zeros(8)
    for _ in range(10):
        y = basic.step(y, b - A @ y)
    assert np.abs(A @ y - b).max() > 0.1


def test_extrapolation_learns_the_order():
    def parabola(t):
        return np.array([1.0 + t, 2 * t * t, -t + 3 * t * t])

    guess = Extrapolation(parabola(0.0))
    for t in (0.5, 0.7, 1.2, 1.5):  # uneven steps
        guess.add(t, parabola(t))
    assert np.allclose(guess.guess(2.0), parabola(2.0), atol=1e-12)


def test_wrong_input():
    law, grains = two_slip_crystal(), voronoi_grains((8, 8), 4, 1)
    Q = random_orientations(4, 1, dimension=2)
    for arguments, message in (
        ((law, grains, Q[:3]), "3 orientations for 4 grains"),
        ((law, grains.astype(float), Q), "whole numbers"),
        ((law, np.where(grains == 1, 7, grains), Q), "grain 1 is absent"),
        ((law, np.zeros((2, 2, 2), int), Q[:1]), "3 axes"),
        (([law, magnesium()], grains, Q), "2 laws for 4 grains"),
    ):
        with pytest.raises(InputError, match=message):
            FFTCell(*arguments)
    with pytest.raises(InputError, match="operator 'willot'"):
        cell(operator="willot")
    with pytest.raises(InputError, match="entry 1, is not symmetric"):
        cell().stress(np.array([np.eye(2), [[1.0, 0.1], [0.0, 1.0]]]), 1.0)
    with pytest.raises(InputError, match=r"horizon is .*, but must be positive"):
        cell().stress(path(2), -1.0)


def test_shapes():
    U = path(3)
    sigma = cell().stress(U, HORIZON)
    assert sigma.shape == U.shape and not sigma[0].any()
    full = np.broadcast_to(np.eye(3), (4, 3, 3)).copy()
    full[:, :2, :2] = U
    in_space = cell().stress(full, HORIZON)
    assert np.array_equal(in_space[:, :2, :2], sigma) and in_space[-1, 2, 2] != 0
    assert cell().solve(U[None, None], HORIZON).stress.shape == (1, 1, 4, 2, 2)


def test_halving(monkeypatch):
    whole = cell().solve(path(4), HORIZON, 1e-5)
    original = fft_path.Settings
    monkeypatch.setattr(
        "mlms_fenics.unitcell.fft_cell.Settings",
        lambda *a, max_iterations: original(*a, max_iterations=5),
    )
    halved = cell().solve(path(4), HORIZON, 1e-5)
    assert halved.rejected > 0 and halved.substeps > 4
    assert halved.residual.max() <= 1e-5 and halved.smallest_step < HORIZON / 4
    # Smaller steps lie closer to what very small ones give.
    fine = cell().solve(path(64), HORIZON, 1e-5).stress[::16]
    errors = [np.abs(r.stress - fine).max() / np.abs(fine).max() for r in (halved, whole)]
    assert errors[0] < errors[1] < 0.05


def test_failure_names_step_and_keeps_the_state(tmp_path, monkeypatch):
    original = fft_path.Settings
    monkeypatch.setattr(
        "mlms_fenics.unitcell.fft_cell.Settings",
        lambda *a, max_iterations: original(*a, max_iterations=4, max_halvings=0),
    )
    U = np.concatenate((np.repeat(np.eye(2)[None], 3, axis=0), path(2, size=0.3)[1:]))
    file = tmp_path / "last.h5"
    with pytest.raises(SimulationError, match=r"increment 3 of 4, t = 150000 µs.*residual \S+, w"):
        cell().stress(U, HORIZON, failure_file=file)
    with h5py.File(file) as saved:
        assert saved.attrs["time"] == pytest.approx(1e5)
        assert saved["F"].shape == saved["P"].shape == (2, 2, 8, 8)
        assert np.abs(saved["F"][()].mean((2, 3)) - np.eye(2)).max() < 1e-14
        assert CrystalLaw.from_dict(json.loads(saved.attrs["laws"])[0]) == two_slip_crystal()
    results = cell().solve(np.stack((U, np.broadcast_to(np.eye(2), U.shape))), HORIZON)
    assert results.status.tolist() == [2, 1] and "residual" in results.message[0]
    assert np.isnan(results.stress[0]).all() and np.abs(results.stress[1]).max() < 1e-12


def test_trials_start_from_the_committed_state():
    seen = []
    one = cell()
    result = one.solve(path(6), HORIZON, observe=lambda c, t, k, f: seen.append(f.F.copy()))
    from mlms_fenics.materials.crystal.paths import integrate_paths

    # The whole history of one point, integrated at once, gives the point's stress at the end.
    full = np.broadcast_to(np.eye(3), (1, 7, 3, 3)).copy()
    full[0, 1:, :2, :2] = np.array(seen)[:, :, :, 11]
    Q = one.orientations[one.grains.ravel()[11]]
    last = integrate_paths(one.law, full, Q[None], np.full(6, HORIZON / 6), 1e-6)
    d, F = last.deviator[0, 0, -1], full[0, -1, :2, :2]
    pressure = one.law.bulk_modulus * (np.linalg.det(F) - 1)
    sigma = np.array([[d[0] + pressure, d[3]], [d[3], d[1] + pressure]])
    P = []
    one.solve(path(6), HORIZON, observe=lambda c, t, k, f: P.append(f.P[:, :, 11].copy()))
    found = P[-1] @ F.T / np.linalg.det(F)
    assert result.iterations.max() > 1
    assert np.abs(found - sigma).max() < 1e-4 * np.abs(sigma).max()
