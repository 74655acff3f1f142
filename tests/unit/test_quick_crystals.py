# SPDX-License-Identifier: MIT
"""Quick crystals: their sweeps, their compiled step, their choice, and what they refuse."""

import argparse
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation
from training_options import training_options

from mlms_fenics.data import laws
from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.strain import isometry_inverse
from mlms_fenics.kinematics.tensors import deviator, from_components, to_components, trace
from mlms_fenics.materials import CrystalLaw, drive, magnesium
from mlms_fenics.materials.crystal.elasticity import HexagonalElasticity
from mlms_fenics.surrogate import load_model, save_model
from mlms_fenics.surrogate.fitting.data import assemble
from mlms_fenics.surrogate.quick.cell import CrystalSet
from mlms_fenics.surrogate.quick.law import QuickCrystals
from mlms_fenics.surrogate.quick.tables import arrays, obstacle
from mlms_fenics.surrogate.quick.training import choose, fit
from mlms_fenics.surrogate.trust import TrustMeasure
from mlms_fenics.unitcell import TaylorAverage

LAWS = ["copper", "ferrite"]


def of(name: str, exponent: float | None = None):
    law = laws.LAWS[name]()
    if exponent is None:
        return law
    return replace(law, slip=tuple(replace(f, rate_exponent=exponent) for f in law.slip))


def crystals(law, m: int = 3, sweeps: int = 2) -> QuickCrystals:
    network = CrystalSet(m, law.n_slip, sweeps)
    Q = Rotation.random(m, random_state=4).as_matrix()
    with torch.no_grad():
        network.orientations.copy_(torch.as_tensor(Q))
        network.weights.copy_(torch.arange(1.0, m + 1) / (m * (m + 1) / 2))
    trust = TrustMeasure(3, 1.0)
    return QuickCrystals(network, law=law, orientations=Q, horizon=1.0, trust=trust)


def walk(n: int, n_t: int = 60, size: float = 0.1, seed: int = 0) -> np.ndarray:
    """U `(n, n_t + 1, 3, 3)` of smooth random walks at nearly constant volume."""
    rng = np.random.default_rng(seed)
    knots = rng.normal(size=(n, 7, 6)).cumsum(1) * size / 7**0.5
    at = np.linspace(0.0, 6.0, n_t + 1)
    low = np.minimum(at.astype(int), 5)
    part = (at - low)[:, None]
    E = knots[:, low] * (1 - part) + knots[:, low + 1] * part
    E = from_components(E - E[:, :1])
    E = deviator(E) + 0.05 * (E - deviator(E))
    w, V = np.linalg.eigh(E)
    return (V * np.exp(w)[..., None, :]) @ np.swapaxes(V, -1, -2)


def stress_of(law: QuickCrystals, U: np.ndarray) -> np.ndarray:
    """Without the warning of a measure of trust that has seen nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return law.stress(U, 1.0)


def differs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Relative L² difference of the deviators of each history."""
    a, b = deviator(a), deviator(b)
    return np.sqrt(np.square(a - b).sum((1, 2, 3)) / np.square(b).sum((1, 2, 3)))


@pytest.mark.parametrize("name", LAWS)
def test_a_step_of_many_sweeps_minimises_the_incremental_energy(name):
    """|σ|²/2 in the elastic metric and the dissipation's potential, by scipy's own means."""
    law = crystals(of(name), 1, sweeps=400).to(dtype=torch.float64)
    P, _, _, m, *_ = (np.asarray(x, float) for x in law.tables[:4])
    two_G, C, rates, g = (np.asarray(x, float) for x in law.tables[9:])
    e, dt = np.array([2e-3, -1e-3, 3e-3, 1e-3, -2e-3]), 0.01
    g = g + 0.05

    def energy(x):
        rest = e - x @ P
        scaled = np.abs(x) / (rates * dt)
        power = scaled ** (1.0 + m)
        value = 0.5 * two_G * rest @ C @ rest + (g * rates * dt * power / (1.0 + m)).sum()
        return 1e6 * value, 1e6 * (-two_G * P @ C @ rest + g * scaled**m * np.sign(x))

    tried = np.random.default_rng(0).normal(size=(8, len(P))) * 1e-3
    options = {"maxiter": 100_000, "maxfun": 100_000, "ftol": 1e-16, "gtol": 1e-12}
    found = [minimize(energy, x, jac=True, method="L-BFGS-B", options=options) for x in tried]
    best = min(found, key=lambda one: one.fun).x
    zeros = torch.zeros(1, 1, len(P), dtype=torch.float64)
    s = torch.zeros(1, 1, 5, dtype=torch.float64)
    given = (torch.as_tensor(e)[None, None], dt, s, torch.as_tensor(g)[None, None], zeros)
    s, _, x = law._advanced(*given)
    exact = C @ (e - best @ P)
    # Systems that slip by less than `LEAST` of the strain count as still.
    assert np.linalg.norm(s[0, 0].numpy() - exact) < 0.02 * np.linalg.norm(exact)
    assert energy(x[0, 0].numpy())[0] < energy(best)[0] * (1.0 + 1e-3)


@pytest.mark.parametrize(
    ("name", "exponent"), [("copper", None), ("copper", 0.02), ("ferrite", None)]
)
def test_they_come_to_the_taylor_average(name, exponent):
    law = of(name, exponent)
    U = walk(6)
    fine = np.repeat(U, 8, axis=1)[:, 7:]
    for k in range(1, 8):  # U linear between, as the average takes it
        fine[:, k::8] = U[:, :-1] + (U[:, 1:] - U[:, :-1]) * k / 8
    few, many = crystals(law), crystals(law, sweeps=12)
    Q, w = few.orientations, few.network.weights.numpy()
    exact = TaylorAverage(law, Q, weights=w).stress(U, 1.0, 1e-4)
    coarse, best = (
        differs(stress_of(few, U), exact),
        differs(stress_of(many, fine)[:, ::8], exact),
    )
    # Sixty steps of up to 1%, with corners, of three grains only.
    assert coarse.mean() < (0.2 if exponent else 0.15)
    assert best.mean() < 0.4 * coarse.mean() and best.mean() < 0.04


@pytest.mark.parametrize("name", LAWS)
def test_compiled_step_is_torchs(name):
    law = crystals(of(name))
    U = torch.as_tensor(walk(140, 8))
    R = torch.as_tensor(Rotation.random(140, random_state=1).as_matrix())
    state, exact = law.initial_state(140), law.to(dtype=torch.float64).initial_state(140)
    double = law.to(dtype=torch.float64)
    assert law.compiles() and not double.compiles()
    for n in range(1, 9):
        ours, state = law.update(R @ U[:, n], n / 60, 1 / 60, state)
        theirs, exact = double.update(R @ U[:, n], n / 60, 1 / 60, exact)
        size = float(deviator(theirs.numpy()).std())
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=2e-3 * size)
    for entry in ("stress", "strength", "rotation", "distance"):
        ours, theirs = state[entry].double(), exact[entry]
        assert (ours - theirs).norm() < 2e-3 * max(float(theirs.norm()), 1e-3)


def test_rest_pressure_frame_and_first_response():
    law = crystals(of("copper")).to(dtype=torch.float64)
    assert np.abs(law.stress(np.tile(np.eye(3), (2, 5, 1, 1)), 1.0)).max() == 0.0
    U = torch.as_tensor(walk(1, 6))[:, :5]
    time = torch.linspace(0, 0.1, 5)
    sigma = drive(law, U, time)
    J = torch.linalg.det(U)
    torch.testing.assert_close(trace(sigma) / 3, law.bulk_modulus * (J - 1), rtol=1e-9, atol=1e-9)
    Q = torch.as_tensor(Rotation.random(4, random_state=1).as_matrix())
    spun = U.clone()
    spun[:, 1:] = Q @ U[:, 1:]
    turned = drive(law, spun, time)[:, 1:]
    torch.testing.assert_close(turned, Q @ sigma[:, 1:] @ Q.mT, rtol=1e-8, atol=1e-9)
    # Elastic at first: what the crystals' own constants make of a small strain, in Taylor's way.
    e = from_components(np.array([2e-7, -1e-7, -1e-7, 3e-7, 1e-7, -2e-7]))
    first = law.stress(np.stack([np.eye(3), np.eye(3) + e]), 1e-3)[1]
    C, q = law.law.elasticity.tensor(), law.orientations
    each = np.einsum("gia,gjb,gkc,gld,abcd,kl->gij", q, q, q, q, C, e)
    expected = np.einsum("g,gij->ij", law.network.weights.numpy(), each)
    np.testing.assert_allclose(first, expected, atol=2e-3 * np.abs(expected).max())


def test_bounded_after_jumps_however_long_the_step():
    law = crystals(of("copper"))
    rng = np.random.default_rng(0)
    strongest = law.law.slip[0].strength.g_inf * (1e3 / 3e-9) ** 0.05
    state = law.initial_state(64)
    for n in range(1, 40):
        E = deviator(from_components(0.2 * rng.normal(size=(64, 6))))
        U = np.linalg.eigh(E)
        F = torch.as_tensor((U[1] * np.exp(U[0])[:, None]) @ np.swapaxes(U[1], -1, -2))
        sigma, state = law.update(F, float(n), 1.0, state)
        size = np.linalg.norm(deviator(sigma.double().numpy()), axis=(1, 2)).max()
        # A polycrystal is at most some six times as strong as a system in this norm.
        assert size < 12.0 * strongest
        A = state["rotation"].unflatten(1, (-1, 3, 3))
        torch.testing.assert_close(A @ A.mT, torch.eye(3).expand_as(A), rtol=0.0, atol=1e-3)


@pytest.mark.parametrize("exponent", [None, 0.02])
def test_what_follows_a_hold_begins_anew(exponent):
    """In a hold stress relaxes by slips without any strain, which the next step must not scale."""
    law = of("copper", exponent)
    few = crystals(law)
    part = np.diag([1.0, -0.6, -0.4])
    steps = np.concatenate((np.ones(8), np.zeros(3), np.ones(8), np.zeros(2), np.ones(4)))
    ends = np.concatenate(([0.0], 0.01 * steps.cumsum()))
    U = np.exp(ends[:, None] * np.diag(part))[:, :, None] * np.eye(3)
    exact = TaylorAverage(law, few.orientations, weights=few.network.weights.numpy())
    error = differs(stress_of(few, U[None]), exact.stress(U, 1.0, 1e-4)[None])
    assert error.max() < (0.2 if exponent else 0.15)


def test_tangent_is_that_of_differences():
    law = crystals(of("copper"), 2).to(dtype=torch.float64)
    state = law.initial_state(2)
    U = torch.as_tensor(walk(2, 20, size=0.05))
    for n in range(1, 6):
        _, state = law.update(U[:, n], n / 20, 1 / 20, state)
    _, _, A = law.linearise(U[:, 6], 0.3, 1 / 20, state)
    h = 1e-7
    for i, j in ((0, 0), (1, 2)):
        ends = []
        for sign in (1.0, -1.0):
            F = U[:, 6].clone()
            F[:, i, j] += sign * h
            sigma = law.update(F, 0.3, 1 / 20, state)[0]
            ends.append(torch.linalg.det(F)[:, None, None] * sigma @ torch.linalg.inv(F).mT)
        slope = (ends[0] - ends[1]) / (2.0 * h)
        assert (A[..., i, j] - slope).norm() < 1e-4 * slope.norm()


def test_choice_of_few_columns():
    rng = np.random.default_rng(0)
    G = rng.normal(size=(12, 500)).astype(np.float32)
    w = np.array([0.5, 0.3, 0.2])
    chosen, weights, errors = choose(G, w @ G[[7, 2, 9]], 3)
    assert sorted(chosen) == [2, 7, 9] and errors[-1] < 1e-2
    np.testing.assert_allclose(weights[np.argsort(chosen)], [0.3, 0.5, 0.2], atol=1e-3)
    assert (np.diff(errors) <= 1e-9).all()


@pytest.mark.slow
def test_fit_is_the_same_law_from_its_file_and_knows_the_whole_cell(tmp_path):
    law = of("copper")
    Q = Rotation.random(12, random_state=0).as_matrix()
    U = walk(60, 40)
    sigma = TaylorAverage(law, Q).stress(U, 1.0, 1e-3)
    data = assemble(
        to_components(U).astype(np.float32),
        to_components(sigma).astype(np.float32),
        time=np.linspace(0.0, 1.0, 41),
        law=law,
        orientations=Q,
    )

    def errors(m: int) -> float:
        made = fit(data, options(grains=m))
        assert made.report["training"]["validation"][0] < 0.5
        rows = data.test
        found = made.stress(from_components(data.U[rows].astype(float)), 1.0)
        return float(differs(found, from_components(data.sigma[rows].astype(float))).mean())

    few, all_of_them = errors(4), errors(100)
    assert all_of_them < 0.1 and few > 1.5 * all_of_them and few < 0.35
    made = fit(data, options(grains=4))
    save_model(made, tmp_path / "m.h5")
    again = load_model(tmp_path / "m.h5")
    assert again.architecture == "quick"
    assert np.array_equal(made.stress(U[:2], 1.0), again.stress(U[:2], 1.0))


@pytest.mark.slow
def test_sweeps_and_crystals_are_weighed_against_each_other():
    law = of("copper", 0.02)
    Q = Rotation.random(12, random_state=0).as_matrix()
    U = walk(50, 40)
    arrays = [
        to_components(x).astype(np.float32) for x in (U, TaylorAverage(law, Q).stress(U, 1.0))
    ]
    time = np.linspace(0.0, 1.0, 41)
    data = assemble(*arrays, time=time, law=law, orientations=Q)
    made = fit(data, options(grains=8))
    tried = made.report["tried"]
    assert [(one["sweeps"], one["grains"]) for one in tried] == [(2, 8), (3, 6), (5, 4)]
    best = min(tried, key=lambda one: one["validation"])
    assert made.network.options["sweeps"] == best["sweeps"]
    assert made.network.options["grains"] == best["grains"]
    assert made.report["training"]["validation"] == [best["validation"]]


def options(**given) -> argparse.Namespace:
    return training_options(**{"grains": None, "sweeps": None, **given})


def test_laws_that_are_none_for_sweeps():
    assert obstacle(of("copper")) == "" and obstacle(None) != ""
    with pytest.raises(InputError, match="its crystal twins: take another"):
        arrays(magnesium())
    hexagonal = HexagonalElasticity(C11=59.5, C12=26.1, C13=21.8, C33=65.6, C44=16.3)
    given = {"name": "none", "dimension": 3, "density": 1.7, "slip": of("copper").slip}
    coupled = CrystalLaw.anisotropic(hexagonal, **given)
    assert obstacle(coupled) == "its elastic constants couple volume and shape"
    soft = of("copper", 0.5)
    assert "below 4" in obstacle(soft)
    with pytest.raises(InputError, match="sweeps 0: must be at least 1"):
        CrystalSet(3, 12, 0)
    network = CrystalSet(2, 24)
    given = {"orientations": np.eye(3)[None], "horizon": 1.0, "trust": TrustMeasure(3, 1.0)}
    with pytest.raises(InputError, match="made for 24 slip systems, its crystal law has 12"):
        QuickCrystals(network, law=of("copper"), **given)
    assert isometry_inverse(3, True).shape == (6, 5)
