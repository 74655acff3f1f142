# SPDX-License-Identifier: MIT
"""Without hardening and twins the law is the standard power-law crystal: against other work."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import expm

from mlms_fenics.kinematics.tensors import deviator, frobenius, to_components
from mlms_fenics.materials import cubic_crystal, magnesium
from mlms_fenics.materials.crystal.lattice import cubic_rotations
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

NEML = json.loads(Path(__file__).with_name("neml_single_crystals.json").read_text())


def power_law_fcc(case):
    slip = {
        "{111}<110>": {
            "tau_0": case["tau_0"][0],
            "rate": case["rate"],
            "rate_exponent": 1 / case["n"],
        }
    }
    return cubic_crystal(
        "fcc", shear_modulus=case["G"], lambda_e=case["K"] / 2, density=1.0, slip=slip
    )


def power_law_magnesium(case):
    basal, prismatic, pyramidal = case["tau_0"][0], case["tau_0"][3], case["tau_0"][6]
    law = magnesium(
        tau_0_basal=basal,
        tau_0_prismatic=prismatic,
        tau_0_pyramidal=pyramidal,
        rate=case["rate"],
        rate_exponent=1 / case["n"],
    )
    bare = {"hardening": 0.0, "saturation": 0.0, "latent": 0.0}
    return replace(law, twins=(), slip=tuple(replace(f, **bare) for f in law.slip))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("fcc", power_law_fcc),
        ("hcp", power_law_magnesium),
        ("fcc, n = 20", power_law_fcc),
        ("hcp, n = 20", power_law_magnesium),
        ("fcc, n = 50", power_law_fcc),
        ("hcp, n = 50", power_law_magnesium),
    ],
)
def test_single_crystals_of_neml(name, make):
    """NEML 1.5.4 (see make_neml_single_crystals.py), 2% strain, three orientations."""
    law = make(NEML[name])
    U = np.stack([expm(np.array(NEML["D"]) * k / 40) for k in range(41)])
    for Q, expected in zip(NEML["Q"], NEML[name]["stress"], strict=True):
        sigma = deviator(TaylorAverage(law, np.array(Q)[None]).stress(U, 1.0))[[10, 20, 30, 40]]
        found, expected = to_components(sigma), np.array(expected)
        error = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
        print(f"\n{name}: relative difference to NEML {error}")
        assert error.max() < 2e-3


@pytest.mark.parametrize("lattice", ["fcc", "bcc"])
def test_taylor_factor(lattice):
    """Random texture in tension, m → 0: 3.067 (Kocks 1970), for {111}⟨110⟩ and {110}⟨111⟩ alike."""
    family = {"fcc": "{111}<110>", "bcc": "{110}<111>"}[lattice]
    # γ̇_0 is about the rate of an active system, so that its τ is τ_0.
    slip = {family: {"tau_0": 0.05, "rate": 0.02, "rate_exponent": 0.02}}
    law = cubic_crystal(lattice, shear_modulus=50.0, lambda_e=50.0, density=1.0, slip=slip)
    strain = np.linspace(0, 0.02, 5)
    U = np.stack([np.diag([np.exp(e), np.exp(-e / 2), np.exp(-e / 2)]) for e in strain])
    sigma = TaylorAverage(law, random_orientations(1000, seed=1)).stress(U, 0.5, 1e-3)[-1]
    factor = (sigma[0, 0] - (sigma[1, 1] + sigma[2, 2]) / 2) / 0.05
    print(f"\n{lattice}: Taylor factor {factor:.3f}")
    assert factor == pytest.approx(3.067, rel=0.015)


def test_cubic_symmetry():
    slip = {
        f: {"tau_0": 0.05, "rate": 0.1, "rate_exponent": 0.2, "hardening": 2.0, "saturation": 0.1}
        for f in ("{110}<111>", "{112}<111>")
    }
    law = cubic_crystal("bcc", shear_modulus=80.0, lambda_e=80.0, density=7.8, slip=slip)
    U = np.stack([expm(np.array(NEML["D"]) * k / 10) for k in range(11)])
    Q = random_orientations(1, seed=2)[0]
    one = [TaylorAverage(law, (Q @ R)[None]).stress(U, 1.0) for R in cubic_rotations()]
    for sigma in one[1:]:
        assert frobenius(sigma - one[0]).max() < 1e-11 * frobenius(one[0]).max()
