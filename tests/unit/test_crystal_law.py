# SPDX-License-Identifier: MIT
"""The laws' parameters, and the compiled kernel against the torch one."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.vector_math import exp_bounded, log_positive, power
from mlms_fenics.materials import CrystalLaw, SlipFamily, magnesium, two_slip_crystal
from mlms_fenics.materials.crystal import kernel as ck
from mlms_fenics.materials.crystal import step as cs
from mlms_fenics.materials.crystal.paths import crystal_tables
from mlms_fenics.materials.crystal.torch_form import CrystalTorch


def test_magnesium_is_table_a1():
    law = magnesium()
    assert (law.n_slip, law.n_twin, law.dimension) == (12, 6, 3)
    assert (law.shear_modulus, law.bulk_modulus, law.density) == (25.0, 48.0, 10.0)
    basal, prismatic, pyramidal = law.slip
    assert (basal.hardening, basal.saturation, basal.latent) == (7.1, 0.7e-3, 0.0)
    assert (prismatic.hardening, prismatic.saturation, prismatic.latent) == (40.0, 0.17, 0.02)
    assert (pyramidal.hardening, pyramidal.saturation, pyramidal.latent) == (30.0, 0.2, 0.025)
    (twin,) = law.twins
    assert (twin.hardening, twin.latent, twin.shear) == (0.007, 40.0, 0.129)
    for family in (*law.slip, *law.twins):
        assert family.rate == pytest.approx(0.1)  # 1e5 /s in 1/µs
        assert (family.rate_exponent, family.tau_0) == (0.5, pytest.approx(0.0505))
        assert "Table A.1" in family.source
    assert "assumption" in basal.source and "assumption" not in pyramidal.source


def test_two_slip_crystal():
    law = two_slip_crystal()
    assert (law.n_slip, law.n_twin, law.dimension) == (2, 0, 2)
    assert (law.shear_modulus, law.lambda_e) == (19.0, 24.0)
    np.testing.assert_allclose(
        law.slip_schmid, [[[0, 1, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [-1, 0, 0], [0, 0, 0]]]
    )
    assert law.slip[0].rate == pytest.approx(1e-6)


@pytest.mark.parametrize("law", [magnesium(detwinning=True), two_slip_crystal(rate_exponent=0.2)])
def test_a_law_survives_json(law):
    assert CrystalLaw.from_dict(json.loads(json.dumps(law.to_dict()))) == law


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate_exponent": 0.0}, "rate_exponent m = 0.0 must lie in"),
        ({"rate_exponent": 2.0}, r"\(0, 1\]"),
        ({"tau_0_basal": -1.0}, "slip family 'basal': tau_0 = -1.0 must be positive"),
        ({"tau_0_twin": float("nan")}, "twin family 'tensile_twin': tau_0"),
        ({"rate": -1.0}, "rate = -1.0 must be positive"),
        ({"density": 0.0}, "density = 0.0 must be positive"),
    ],
)
def test_parameters_out_of_range(change, message):
    with pytest.raises(InputError, match=message):
        magnesium(**change)


def test_more_bad_laws():
    law = magnesium()
    with pytest.raises(InputError, match="shear_modulus = -25"):
        replace(law, shear_modulus=-25.0)
    with pytest.raises(InputError, match="must lie in the plane"):
        replace(law, dimension=2)
    with pytest.raises(InputError, match="system 0: direction and normal must be orthonormal"):
        SlipFamily("x", ((1.0, 0.0, 0.0),), ((1.0, 0.0, 0.0),), 0.1, 0.1, 0.5)
    with pytest.raises(InputError, match="not a crystal law's dictionary"):
        CrystalLaw.from_dict({"name": "x"})


def random_states(law, n, seed):
    """Deformations and states far from rest, at which every term of the law is at work."""
    rng = np.random.default_rng(seed)
    F = np.eye(3) + 0.1 * rng.standard_normal((n, 3, 3))
    B = np.eye(3) + 0.1 * rng.standard_normal((n, 3, 3))
    B /= np.cbrt(np.linalg.det(B))[:, None, None]
    twins = 0.01 * rng.random((n, law.n_twin))
    slips = 0.01 * rng.random((n, law.n_slip))
    return F, np.concatenate((B.reshape(n, 9), twins, slips), axis=1)


@pytest.mark.parametrize(
    "law",
    [
        magnesium(),
        magnesium(rate_exponent=0.2),
        magnesium(rate_exponent=0.3, detwinning=True),
        magnesium(rate_exponent=1.0),
        two_slip_crystal(),
    ],
    ids=["magnesium", "1/m = 5", "1/m = 3.33, detwinning", "1/m = 1", "two-slip"],
)
def test_compiled_and_torch_rates_agree_to_round_off(law):
    n_state = 9 + law.n_twin + law.n_slip
    F, y = random_states(law, ck.L, seed=1)
    w = np.zeros(cs.ROWS * ck.L)
    w[: 9 * ck.L] = F.reshape(ck.L, 9).T.ravel()
    S = np.zeros(cs.STATE_ROWS * ck.L)
    S[cs.Y0 * ck.L : (cs.Y0 + n_state) * ck.L] = y.T.ravel()
    slip, twin = crystal_tables(law)
    ck.rates(w, S, cs.Y0, cs.F3, slip, twin, law.detwinning, law.shear_modulus)
    compiled = S[cs.F3 * ck.L : (cs.F3 + n_state) * ck.L].reshape(n_state, ck.L).T
    stiffness = w[ck.STIFFNESS * ck.L : (ck.STIFFNESS + 1) * ck.L]
    model = CrystalTorch(law)
    rates, bound = model.rates(torch.from_numpy(F), torch.from_numpy(y))
    # Each point against its own largest rate: their sizes differ by orders of magnitude.
    size = np.abs(compiled).max(1, keepdims=True)
    assert (size > 0).all()
    np.testing.assert_allclose(compiled / size, rates.numpy() / size, rtol=0, atol=2e-13)
    np.testing.assert_allclose(stiffness, bound.numpy(), rtol=2e-13)


def test_vector_functions_against_numpy():
    x = np.concatenate((np.linspace(-700, 700, 1001), np.logspace(-300, -1, 300)))
    got = np.array([exp_bounded(v) for v in x])
    np.testing.assert_allclose(got, np.exp(x), rtol=5e-16)
    assert exp_bounded(-1e9) == pytest.approx(np.exp(-700.0))
    x = np.concatenate((np.logspace(-290, 290, 581), 1 + np.linspace(-1e-3, 1e-3, 101)))
    got = np.array([log_positive(v) for v in x])
    np.testing.assert_allclose(got, np.log(x), rtol=4e-16, atol=1e-16)
    assert power(0.3, 2.7) == pytest.approx(0.3**2.7, rel=1e-14)
    assert power(0.0, 1.5) < 1e-300
