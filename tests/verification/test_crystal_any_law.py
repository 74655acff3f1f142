# SPDX-License-Identifier: MIT
"""Crystals of other flow, strength and elasticity than the source's against a plain statement."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from plain_any_crystal import PlainCrystal
from scipy.linalg import expm, polar

from mlms_fenics.materials import CrystalLaw, SlipFamily, TwinFamily, cubic_crystal
from mlms_fenics.materials.crystal.elasticity import CubicElasticity, HexagonalElasticity
from mlms_fenics.materials.crystal.families import as_vectors
from mlms_fenics.materials.crystal.implicit_engine import OK
from mlms_fenics.materials.crystal.lattice import cubic_systems, hexagonal_systems
from mlms_fenics.materials.crystal.strength import PowerStrength, VoceStrength
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import fibre_texture, random_orientations
from mlms_fenics.unitcell import TaylorAverage

COPPER = CubicElasticity(168.9, 121.8, 75.8)
MAGNESIUM = HexagonalElasticity(59.5, 25.6, 21.4, 61.7, 16.5)


def fcc(strength, n=20.0, drag=0.0, elasticity=COPPER, interaction=()):
    s, m = cubic_systems("{111}<110>")
    slip = SlipFamily(
        "octahedral", as_vectors(s), as_vectors(m), tau_0=0.02, rate=1e-3, rate_exponent=1 / n,
        flow="power", drag=drag, strength=strength,
    )  # fmt: skip
    common = {"name": "fcc", "dimension": 3, "density": 8.9, "slip": (slip,)}
    common["interaction"] = interaction
    if elasticity is None:
        return CrystalLaw(shear_modulus=48.3, lambda_e=70.0, **common)
    return CrystalLaw.anisotropic(elasticity, **common)


def hcp(n=20.0):
    families = []
    for k, (name, tau_0) in enumerate((("basal", 0.01), ("prismatic", 0.055), ("pyramidal", 0.06))):
        s, m = hexagonal_systems(name, 1.624)
        families.append(
            SlipFamily(
                name,
                as_vectors(s),
                as_vectors(m),
                tau_0=tau_0,
                rate=1e-3,
                rate_exponent=1 / n,
                flow="power",
                strength=PowerStrength(0.5, 0.04 * (k + 2), 2.25),
            )
        )
    s, m = hexagonal_systems("tensile_twin", 1.624)
    twin = TwinFamily(
        "tension", as_vectors(s), as_vectors(m), tau_0=0.04, rate=1e-3, rate_exponent=1 / n,
        shear=0.129, flow="power", strength=PowerStrength(0.05),
    )  # fmt: skip
    return CrystalLaw.anisotropic(
        MAGNESIUM, name="hcp", dimension=3, density=1.738, slip=tuple(families), twins=(twin,)
    )


def latent():
    """Self hardening 1, latent 1.4 within 12 systems."""
    q = np.full((12, 12), 1.4)
    np.fill_diagonal(q, 1.0)
    return tuple(map(tuple, q))


def copper_source(n):
    values = {"tau_0": 0.016, "rate": 1e-6, "rate_exponent": 1 / n}
    values |= {"hardening": 0.25, "saturation": 0.117, "latent": 0.02}
    return cubic_crystal(
        "fcc", shear_modulus=48.3, lambda_e=70.0, density=8.9, slip={"{111}<110>": values}
    )


LAWS = {
    "power, cubic": fcc(PowerStrength(0.35, 0.0964, 0.6)),
    "power, interaction": fcc(PowerStrength(0.35, 0.0964, 0.6), interaction=latent()),
    "power, of its own, interaction": fcc(
        PowerStrength(0.35, 0.0964, 0.6, "own"), interaction=latent()
    ),
    "power, of its own, saturated": fcc(PowerStrength(2.0, 0.03, 2.0, "own"), interaction=latent()),
    "no hardening, isotropic": fcc(None, elasticity=None),
    "Voce": fcc(VoceStrength(0.05, 0.4, 0.02), elasticity=None),
    "1/m = 50": fcc(VoceStrength(0.05, 0.4, 0.02), n=50.0),
    "drag": fcc(PowerStrength(0.35, 0.0964, 0.6), drag=0.05),
    "twins, hexagonal": hcp(),
}


def corner_path(steps=8, strain=0.03, seed=3):
    """Two straight legs in different directions, each with some change of volume."""
    rng = np.random.default_rng(seed)
    legs = []
    for _ in range(2):
        d = rng.normal(size=(3, 3))
        d = d + d.T
        legs.append(strain * d / np.linalg.norm(d))
    t = np.linspace(0, 2, steps + 1)
    return np.array([expm(min(x, 1.0) * legs[0] + max(x - 1.0, 0.0) * legs[1]) for x in t])


@pytest.mark.parametrize("name", LAWS)
def test_against_a_plain_statement_integrated_by_radau(name):
    law = LAWS[name]
    U, Q = corner_path(), random_orientations(1, seed=5)
    C = (
        law.elasticity.tensor()
        if law.elasticity is not None
        else _isotropic(law.bulk_modulus, law.shear_modulus)
    )
    exact = PlainCrystal(law, C).cauchy_history(U @ Q[0], 0.3)
    size = np.abs(exact).max()
    errors = []
    for tolerance in (1e-2, 1e-4):
        found = TaylorAverage(law, Q).stress(U, 0.3, tolerance)
        errors.append(np.abs(found - exact).max() / size)
    assert errors[0] < 1e-2
    assert errors[1] < 1e-4


def test_a_failed_stage_leaves_nothing_to_the_next():
    """Loose steps of a stiff crystal that twins: one fails, and is taken again at half its length.

    What the failed one had made of the skew part of the Mandel stress, which only unequal elastic
    constants give, kept all shorter ones from converging.
    """
    law = metal("magnesium-extruded")
    Q = fibre_texture(64, seed=0, sample_axis=(0.0, 0.0, 1.0), spread=20.0)[:1]
    strain = np.linspace(0.0, -0.05, 9)
    U = np.stack([np.diag(np.exp([e, -e / 2, -e / 2])) for e in strain])
    exact = PlainCrystal(law, law.elasticity.tensor()).cauchy_history(U @ Q[0], 25.0)
    for tolerance, error in ((1e-2, 5e-2), (1e-4, 5e-3)):  # errors of steps add up as it twins
        found = TaylorAverage(law, Q).solve(U[None], 25.0, tolerance)
        assert found.status[0] == OK and found.rejected[0] > 0
        assert np.abs(found.stress[0] - exact).max() < error * np.abs(exact).max()


def _isotropic(K, G):
    eye = np.eye(3)
    unit = 0.5 * (np.einsum("ik,jl->ijkl", eye, eye) + np.einsum("il,jk->ijkl", eye, eye))
    volume = np.einsum("ij,kl->ijkl", eye, eye)
    return K * volume + 2 * G * (unit - volume / 3)


@pytest.mark.parametrize("elasticity", [COPPER, MAGNESIUM])
def test_elastic_constants_come_back_from_small_strains(elasticity):
    strong = replace(fcc(None, elasticity=elasticity).slip[0], tau_0=1e3)
    law = replace(fcc(None, elasticity=elasticity), slip=(strong,))
    Q = random_orientations(1, seed=2)
    C = np.einsum("ia,jb,kc,ld,abcd->ijkl", Q[0], Q[0], Q[0], Q[0], elasticity.tensor())
    small = 1e-6
    for i in range(3):
        for j in range(i, 3):
            e = np.zeros((3, 3))
            e[i, j] = e[j, i] = small
            U = np.stack((np.eye(3), np.eye(3) + e))
            sigma = TaylorAverage(law, Q).stress(U, 1.0)[-1]
            assert np.allclose(sigma, np.einsum("ijkl,kl->ij", C, e), atol=3e-6 * small * 200)


@pytest.mark.parametrize("name", ["Voce", "1/m = 50", "twins, hexagonal", "drag"])
def test_turned_crystal_and_path_turn_the_stress(name):
    """To 1% of the tolerance, as a rounding error may make one Newton iteration more or less."""
    law = LAWS[name]
    Q, (R,) = random_orientations(4, seed=1), random_orientations(1, seed=9)
    U = corner_path()
    sigma = TaylorAverage(law, Q).stress(U, 0.3)
    turned = TaylorAverage(law, R @ Q).stress(R @ U @ R.T, 0.3)
    assert np.abs(turned - R @ sigma @ R.T).max() < 1e-2 * 1e-4 * np.abs(sigma).max()


@pytest.mark.parametrize("n", [20, 50])
@pytest.mark.parametrize("path", ["straight", "corner"])
def test_explicit_and_implicit_steps_agree_on_the_source_form(n, path):
    """Copper of the source's form, real rate exponents: explicit steps are exact, but dear."""
    law, Q = copper_source(n), random_orientations(6, seed=4)
    U = corner_path(40)
    if path == "straight":
        U = np.array([expm(t * np.diag([0.06, -0.04, -0.015])) for t in np.linspace(0, 1, 41)])
    exact = TaylorAverage(law, Q).stress(U, 0.3, 1e-6)  # explicit at this tolerance
    size = np.linalg.norm(exact - np.trace(exact, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3))
    size = size / np.sqrt(len(U))
    for tolerance in (1e-2, 1e-3):
        found = TaylorAverage(law, Q).stress(U, 0.3, tolerance)
        assert np.abs(found - exact).max() < 2 * tolerance * size


@pytest.mark.parametrize("name", ["Voce", "power, cubic", "twins, hexagonal"])
def test_the_plain_stress_is_the_derivative_of_the_energy(name):
    law = LAWS[name]
    plain = PlainCrystal(law, law.elasticity.tensor() if law.elasticity else _isotropic(140, 48.3))
    A = np.eye(3) + 0.05 * np.random.default_rng(1).normal(size=(3, 3))
    torched = torch.tensor(A, requires_grad=True)
    (S,) = torch.autograd.grad(plain.energy(torched), torched)
    assert np.allclose(plain.first_piola(A), S.numpy(), atol=1e-12)


def test_polar_of_the_path_is_itself():
    """The paths above are symmetric and positive, as stretches must be."""
    for F in corner_path():
        R, U = polar(F)
        assert np.allclose(R, np.eye(3), atol=1e-12)
        assert np.allclose(U, F, atol=1e-12)
