# SPDX-License-Identifier: MIT
"""Thermodynamics and symmetry of the crystal law."""

import numpy as np
import pytest
import torch

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.materials import magnesium
from mlms_fenics.materials.crystal.lattice import hexagonal_rotations
from mlms_fenics.materials.crystal.points import CrystalState, advance
from mlms_fenics.materials.crystal.torch_form import CrystalTorch
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

LAW = magnesium()
MODEL = CrystalTorch(LAW)


def states(n, seed):
    """Random deformations and states with det F_in = 1."""
    rng = np.random.default_rng(seed)
    F = np.eye(3) + 0.15 * rng.standard_normal((n, 3, 3))
    F *= np.sign(np.linalg.det(F))[:, None, None]
    B = np.eye(3) + 0.15 * rng.standard_normal((n, 3, 3))
    B /= np.cbrt(np.linalg.det(B))[:, None, None]
    twins, slips = 0.05 * rng.random((n, LAW.n_twin)), 0.05 * rng.random((n, LAW.n_slip))
    y = np.concatenate((B.reshape(n, 9), twins, slips), axis=1)
    return torch.from_numpy(F), torch.from_numpy(y)


def test_stress_is_the_derivative_of_the_energy():
    F, y = states(50, 1)
    F.requires_grad_()
    energy = MODEL.elastic_energy(F @ MODEL.split(y)[0])
    (P,) = torch.autograd.grad(energy.sum(), F)
    sigma = P @ F.mT / torch.linalg.det(F)[:, None, None]
    torch.testing.assert_close(MODEL.cauchy(F, y), sigma, rtol=0, atol=1e-9)
    torch.testing.assert_close(sigma, sigma.mT, rtol=0, atol=1e-12)


def dissipation(F, y):
    """-∂W/∂(F_in, λ, e) · (their rates), all by automatic differentiation of the energies."""
    y = y.clone().requires_grad_()
    B, twins, slips = MODEL.split(y)
    energy = MODEL.elastic_energy(F @ B) + MODEL.stored_energy(twins, slips)
    (force,) = torch.autograd.grad(energy.sum(), y)
    with torch.no_grad():
        rate, _ = MODEL.rates(F, y)
        return -(force * rate).sum(-1)


def test_driving_forces_are_those_of_the_energies():
    """Each system's dissipation is (|τ| - g)|γ̇| or drive λ̇, so that none can be negative."""
    F, y = states(200, 2)
    assert (dissipation(F, y) >= 0).all()
    # Exactly: D = Σ τ_0 over |γ̇| with |γ̇| = γ̇_0 over², and likewise for the twins.
    rate, _ = MODEL.rates(F, y)
    _, twin_rate, slip_rate = MODEL.split(rate)
    tau_0, rate_0 = 0.0505, 0.1
    exact = tau_0 * (slip_rate * (slip_rate / rate_0).sqrt()).sum(-1)
    exact += tau_0 * (twin_rate * (twin_rate / rate_0).sqrt()).sum(-1)
    torch.testing.assert_close(dissipation(F, y), exact, rtol=1e-9, atol=0)


def test_thousand_random_paths_dissipate_and_keep_to_their_bounds():
    steps, n = 10, 1000
    settings = PathSettings(steps=steps, max_strain=0.5)
    U = np.stack([sample_path(settings, 7, k) for k in range(n)])
    F = U @ random_orientations(n, seed=2)[:, None]
    state = CrystalState.virgin(LAW, n)
    before = state
    for k in range(steps):
        sigma, state = advance(state, F[:, k], F[:, k + 1], 1.0 / steps, tolerance=1e-3)
        D = dissipation(torch.from_numpy(F[:, k + 1]), torch.from_numpy(state.packed))
        assert (D >= 0).all()
        np.testing.assert_allclose(np.linalg.det(state.F_in), 1.0, atol=1e-10)
        assert (state.twin_fraction >= before.twin_fraction).all()
        assert (state.twin_fraction.sum(1) <= 1.0).all()
        assert (state.slip >= before.slip).all()
        before = state
    assert np.isfinite(sigma).all() and (state.slip.sum(1) > 0.1).all()


def test_twins_fill_the_crystal_and_stop():
    law = magnesium(tau_0_twin=1e-3, rate=100.0)
    F = np.diag([0.93, 0.93, 0.93**-2])[None]  # c stretched
    state = CrystalState.virgin(law, 1)
    state.packed[:, 9] = 0.9999  # one variant has all but won
    for _ in range(20):
        _, state = advance(state, F, F, 0.05)
        assert state.twin_fraction.sum() <= 1.0 + 1e-15
        assert (state.twin_fraction >= 0).all()
    assert state.twin_fraction.sum() == pytest.approx(1.0, abs=1e-12)


def test_rest_and_elastic_unloading_leave_no_stress():
    Q = random_orientations(4, seed=1)
    rest = np.tile(np.eye(3), (5, 1, 1))
    np.testing.assert_allclose(TaylorAverage(LAW, Q).stress(rest, 1.0), 0.0, atol=1e-13)
    # So fast that nothing flows: 2% strain there and back within 1e-9 µs.
    E = np.array([[0.01, 0.02, 0], [0.02, -0.01, 0.005], [0, 0.005, 0.003]])
    there = np.eye(3) + np.array([0.0, 1.0, 0.0])[:, None, None] * E
    sigma = TaylorAverage(LAW, Q).stress(there, 1e-9)
    assert np.abs(sigma[1]).max() > 0.5
    assert np.abs(sigma[2]).max() < 1e-6


@pytest.fixture(scope="module")
def path():
    return sample_path(PathSettings(steps=10, max_strain=0.2), 3, 0)


def test_frame_indifference(path):
    """σ(R F) = R σ(F) Rᵀ, with R another rotation at every step."""
    R = random_orientations(11, seed=4)
    F, state = torch.from_numpy(path), torch.from_numpy(states(11, 3)[1].numpy())
    turn = torch.from_numpy(R)
    plain, turned = MODEL.cauchy(F, state), MODEL.cauchy(turn @ F, state)
    torch.testing.assert_close(turned, turn @ plain @ turn.mT, rtol=0, atol=1e-12)
    a, b = MODEL.rates(F, state)[0], MODEL.rates(turn @ F, state)[0]
    assert ((a - b).abs().max(1).values / a.abs().max(1).values).max() < 1e-12


def test_rotated_path_and_polycrystal(path):
    """⟨σ⟩(R U Rᵀ) with grains R Q is R ⟨σ⟩(U) Rᵀ."""
    Q, R = random_orientations(4, seed=5), random_orientations(1, seed=6)[0]
    sigma = TaylorAverage(LAW, Q).stress(path, 1.0)
    turned = TaylorAverage(LAW, R @ Q).stress(R @ path @ R.T, 1.0)
    assert np.abs(turned - R @ sigma @ R.T).max() / np.abs(sigma).max() < 1e-11


def test_hexagonal_symmetry(path):
    """A crystal turned by a symmetry of its lattice is the same crystal."""
    Q = random_orientations(1, seed=7)
    same = np.concatenate([Q @ R for R in hexagonal_rotations()])
    one = [TaylorAverage(LAW, g[None]).stress(path, 1.0) for g in same]
    assert len(one) == 12
    for sigma in one[1:]:
        assert np.abs(sigma - one[0]).max() / np.abs(one[0]).max() < 1e-11


def test_work_is_stored_or_dissipated():
    """∫P:Ḟ dt = ΔW + ∫D dt; the difference falls with the quadrature's step squared."""
    R = random_orientations(1, seed=8)[0]
    E = np.diag([0.05, -0.02, -0.03])
    gaps = []
    for steps in (50, 100, 200):
        t = np.linspace(0, 1, steps + 1)
        F = (np.eye(3) + t[:, None, None] * E) @ R
        state = CrystalState.virgin(LAW, 1)
        P, D, W = [np.zeros((3, 3))], [0.0], [0.0]
        for k in range(steps):
            sigma, state = advance(state, F[k][None], F[k + 1][None], 1.0 / steps, tolerance=1e-7)
            J, y = np.linalg.det(F[k + 1]), torch.from_numpy(state.packed)
            now = torch.from_numpy(F[k + 1][None])
            P.append(J * sigma[0] @ np.linalg.inv(F[k + 1]).T)
            D.append(float(dissipation(now, y)))
            B, twins, slips = MODEL.split(y)
            stored = MODEL.elastic_energy(now @ B) + MODEL.stored_energy(twins, slips)
            virgin = MODEL.stored_energy(torch.zeros(1, 6).double(), torch.zeros(1, 12).double())
            W.append(float(stored - virgin))
        power = np.einsum("tij,ij->t", np.array(P), E @ R)
        work, lost = np.trapezoid(power, t), np.trapezoid(D, t)
        gaps.append(abs(work - W[-1] - lost) / work)
    assert gaps[-1] < 1e-3
    orders = np.log2(np.array(gaps[:-1]) / gaps[1:])
    assert (orders > 1.7).all(), (gaps, orders)
