# SPDX-License-Identifier: MIT
"""The checks of learnt laws find the faults that were put in, of the size that was put in."""

import numpy as np
import pytest
import surrogate_histories as histories
import torch
from judged_laws import ElasticLaw, elastic_stress

from mlms_fenics.judge.baselines import ZERO, fit_baselines
from mlms_fenics.judge.calibration import calibration
from mlms_fenics.judge.causality import diverging_paths, future_change
from mlms_fenics.judge.consistency import beyond_the_horizon, self_consistency
from mlms_fenics.judge.cost import costs
from mlms_fenics.judge.discretisation import discretisation
from mlms_fenics.judge.energy_check import closed_cycles, stress_work, tangents
from mlms_fenics.judge.isotropy import isotropy, rotations
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials import J2, JohnsonCook, Polycrystal, magnesium, two_slip_crystal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate.histories import exponential, logarithm, resampled, run, turned
from mlms_fenics.surrogate.metrics import path_errors
from mlms_fenics.unitcell import TaylorAverage

TIME = np.linspace(0.0, 1.0, histories.N_T + 1)


@pytest.fixture(scope="module")
def U() -> np.ndarray:
    return exponential(histories.walks(6))


def exact(**faults) -> ElasticLaw:
    return ElasticLaw(**faults).to(dtype=torch.float64)


def test_log_and_resampling(U):
    assert np.allclose(logarithm(U), histories.walks(6), atol=1e-12)
    fine = np.linspace(0.0, 1.0, 4 * histories.N_T + 1)
    assert np.allclose(resampled(U, TIME, fine)[:, ::4], U, atol=1e-14)
    middle = resampled(U, TIME, np.array([0.0, 1.5 / histories.N_T]))[:, 1]
    assert np.allclose(middle, 0.5 * (U[:, 1] + U[:, 2]), atol=1e-14)
    Q = rotations(5, 3)
    assert np.allclose(Q @ np.swapaxes(Q, 1, 2), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(Q), 1.0)
    assert np.allclose(from_components(turned(U, Q[0])), Q[0] @ from_components(U) @ Q[0].T)


@pytest.mark.parametrize("dimension", [2, 3])
def test_reference_is_the_taylor_average(dimension):
    crystal = magnesium() if dimension == 3 else two_slip_crystal()
    horizon = 1.0 if dimension == 3 else 1e6
    Q = random_orientations(3, 0, dimension)
    U = exponential(histories.walks(2, dimension))
    truth = to_components(TaylorAverage(crystal, Q).stress(from_components(U), horizon, 1e-5))
    ours = Polycrystal(crystal, Q, tolerance=1e-5)
    size = np.abs(truth).max()
    assert np.abs(ours.stress(U, TIME * horizon) - truth).max() < 1e-4 * size
    if dimension == 3:
        stepwise = run(ours, U, TIME * horizon)[0]
        assert np.abs(stepwise - truth).max() < 1e-3 * size


def test_baselines_recover_the_law_that_made_the_data(U):
    crystal = histories.law()
    K, G = crystal.bulk_modulus, crystal.shear_modulus
    elastic = {
        "young": 9 * K * G / (3 * K + G),
        "poisson": (3 * K - 2 * G) / (6 * K + 2 * G),
        "density": 1.0,
    }
    made = run(J2(yield_stress=0.3, hardening=0.8, **elastic), U, TIME)[0]
    zero, j2, johnson_cook = fit_baselines(crystal, U, made, TIME)
    assert zero.name == ZERO and not zero.parameters
    assert j2.parameters["yield_stress"] == pytest.approx(0.3, rel=0.02)
    assert j2.parameters["hardening"] == pytest.approx(0.8, rel=0.05)
    # Johnson-Cook holds no linear hardening, but comes close.
    difference = johnson_cook.stress(U, TIME) - j2.stress(U, TIME)
    assert np.linalg.norm(difference) < 0.1 * np.linalg.norm(made)
    assert johnson_cook.parameters["C"] < 0.05  # the data know no rate
    # All have the crystal's pressure, which J2's own law is not.
    J = np.linalg.det(from_components(U))
    for baseline in (zero, j2, johnson_cook):
        p = baseline.stress(U, TIME)[..., :3].mean(-1)
        assert np.allclose(p, K * (J - 1.0), atol=1e-9)


def test_johnson_cook_baseline_learns_rate_dependence(U):
    crystal = histories.law()
    K, G = crystal.bulk_modulus, crystal.shear_modulus
    law = JohnsonCook(
        young=9 * K * G / (3 * K + G),
        poisson=(3 * K - 2 * G) / (6 * K + 2 * G),
        density=1.0,
        A=0.1,
        B=0.2,
        n=0.5,
        C=0.3,
        m=1.0,
        melting_temperature=1e3,
        specific_heat=1e-3,
        taylor_quinney=0.0,
        reference_rate=1e-3,
    )
    truth = run(law, U, TIME)[0]
    _, j2, johnson_cook = fit_baselines(crystal, U, truth, TIME)
    errors = [
        path_errors(b.stress(U, TIME), truth, TIME)["deviatoric"].mean() for b in (j2, johnson_cook)
    ]
    assert errors[1] < 0.5 * errors[0] and errors[1] < 0.02


def test_causality(U):
    assert future_change(exact(), U, 1.0) == {
        "on-line": {"largest_mpa": 0.0, "largest": 0.0, "mean": 0.0}
    }
    found = future_change(exact(seen=2.0), U, 1.0)
    assert found["on-line"]["largest_mpa"] == 0.0
    assert 1.0 < found["off-line"]["largest_mpa"] < 2e3 * 1.0
    twice = future_change(exact(seen=4.0), U, 1.0)["off-line"]["largest_mpa"]
    assert twice == pytest.approx(2 * found["off-line"]["largest_mpa"], rel=1e-6)
    drawn = diverging_paths(exact(seen=2.0), U, 1.0)
    half = histories.N_T // 2
    assert np.allclose(drawn["U"][:, : half + 1], drawn["U"][:1, : half + 1], atol=1e-12)
    assert np.ptp(drawn["U"][:, -1], axis=0).max() > 0.01
    assert np.allclose(drawn["on-line"][:, : half + 1], drawn["on-line"][:1, : half + 1], atol=1e-9)


def test_isotropy(U):
    numbers, _ = isotropy(exact(), U, TIME)
    assert numbers["law"]["deviatoric"]["max"] < 1e-9
    numbers, drawn = isotropy(exact(favourite=5.0), U, TIME)
    assert 0.01 < numbers["law"]["deviatoric"]["mean"] < 0.3
    assert drawn["law"].shape == (5, len(TIME), 6)
    # One grain is far from isotropic; the law, which is, errs by that.
    single = Polycrystal(histories.law(), np.eye(3)[None])
    numbers, _ = isotropy(exact(), U[:1], TIME, single)
    assert numbers["polycrystal"]["deviatoric"]["mean"] > 0.2


def test_self_consistency(U):
    found = self_consistency(exact(), U, TIME)
    assert set(found) == {"finer", "coarser", "irregular"}
    assert max(found.values()) < 1e-12
    # Stress that counts steps: four times finer is four times as much.
    faulty = self_consistency(exact(per_step=1e-2), U, TIME)
    assert min(faulty.values()) > 0.01


def test_discretisation(U):
    grid = discretisation(exact(per_step=1e-3), U[:2], elastic_stress(U[:2]), TIME)
    assert grid["steps"] == [50, 100, 200, 500, 1000] and "pca" not in grid
    # Stress that counts steps; the elastic part differs by the interpolation of the data alone.
    error = np.array(grid["on-line"]["deviatoric"])
    assert error / error[-1] == pytest.approx(np.array(grid["steps"]) / 1000, abs=0.02)


def test_work(U):
    # ∫ J σ : dlog U of an elastic law is its energy: G |dev log U|² + K (J²/2 − J + 1/2).
    law = histories.law()
    strain = logarithm(U)
    e = from_components(strain) - np.eye(3) * strain[..., :3].sum(-1)[..., None, None] / 3
    J = np.exp(strain[..., :3].sum(-1))
    energy = law.shear_modulus * np.square(e).sum((-2, -1))
    energy += law.bulk_modulus * (J * J / 2 - J + 0.5)
    work = stress_work(U, elastic_stress(U))
    assert np.abs(work - energy).max() < 2e-3 * energy.max()


def test_closed_cycles(U):
    dissipating, _ = closed_cycles(exact(viscosity=1.0), U, TIME)
    assert dissipating["violations"] == 0 and dissipating["mean_work_gpa"] > 0
    making, _ = closed_cycles(exact(viscosity=-1.0), U, TIME)
    assert making["violations"] == making["cycles"] == len(U)
    assert making["largest_violation"] > 0.5
    assert making["mean_work_gpa"] == pytest.approx(-dissipating["mean_work_gpa"], rel=1e-2)


def test_tangent(U):
    small = exponential(1e-3 * histories.walks(3))
    numbers, _ = tangents(ElasticLaw(), small, TIME, samples=5)
    for step in ("step/1", "step/10"):
        for part in ("total", "deviatoric"):
            assert numbers[step][part]["largest"] == pytest.approx(1.0, abs=2e-3)
    # A viscous stress adds η/Δt: ten times as much at a tenth of the step.
    viscous, _ = tangents(ElasticLaw(viscosity=0.1), small, TIME, samples=5)
    added = [viscous[s]["deviatoric"]["largest"] - 1.0 for s in ("step/1", "step/10")]
    expected = 0.1 * histories.N_T / (2 * histories.law().shear_modulus)
    assert added == pytest.approx([expected, 10 * expected], rel=0.02)


def test_beyond_the_horizon(U):
    assert (
        "trained for histories of 1 µs"
        in beyond_the_horizon(exact(limited=True), U, TIME)["refused"]
    )
    found = beyond_the_horizon(exact(), U, TIME)
    assert found["bounded"] and 1.0 < found["growth"] < 3.0


def test_calibration():
    rng = np.random.default_rng(0)
    distance = rng.uniform(0.1, 3.0, 50)
    errors = {"deviatoric": 0.1 * distance**2, "von_mises_mpa": -distance}
    parts = (slice(0, 20), slice(20, None))
    found = calibration(
        [distance[part] for part in parts],
        [{k: v[part] for k, v in errors.items()} for part in parts],
    )
    assert found["deviatoric"]["spearman"] == pytest.approx(1.0)
    assert found["von_mises_mpa"]["spearman"] == pytest.approx(-1.0)
    assert found["deviatoric"]["median_inside"] < 0.1 < found["deviatoric"]["median_outside"]
    assert found["outside"] == (distance > 1).mean()


def test_cost_orders_the_laws(U):
    grains = Polycrystal(histories.law(), random_orientations(32, 0))
    found = costs({"law": exact(), "grains": grains}, U, TIME, points=64, seconds=0.05)
    assert 0 < found["law"] < found["grains"]
