# SPDX-License-Identifier: MIT
"""Metals of the library against measured and published behaviour."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mlms_fenics.materials import CrystalLaw
from mlms_fenics.materials.crystal.lattice import cubic_rotations
from mlms_fenics.materials.crystal.reorientation import lattice_after
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage
from mlms_fenics.unitcell.loadings import crystal_along, plane_strain, uniaxial_stress
from mlms_fenics.unitcell.mixed_control import mixed_control

DATA = Path(__file__).parent / "data"


def tension_error(law, name, direction, rate, nominal, crystals=4):
    """Root mean square of the stress's error by that of the measured stress.

    Exactly along the axis all systems act alike, which strong collinear interactions make
    unstable: a crystal of the laboratory is some degrees off, to a side that is not known. The mean
    of such crystals, 3 degrees off, is compared. Along [111] copper's are still so near to it that
    each may turn either way: the error of four's mean scatters by a fifth with the tolerance.
    """
    strain, stress = np.loadtxt(
        DATA / f"{name}_single_crystal_{direction}.csv", delimiter=",", skiprows=1, unpack=True
    )
    loading = uniaxial_stress(float(strain[-1]), rate * 1e-6, 50)
    mean = np.zeros(len(strain))
    for axis in np.random.default_rng(0).normal(size=(crystals, 3)):
        off = Rotation.from_rotvec(np.radians(3.0) * axis / np.linalg.norm(axis)).as_matrix()
        result = mixed_control(law, off @ crystal_along([int(c) for c in direction]), loading)
        if nominal:
            curve = result.F[:, 0, 0] - 1, result.first_piola[:, 0, 0]
        else:
            curve = loading.strain, result.stress[:, 0, 0]
        mean += 1e3 * np.interp(strain, *curve) / crystals
    return float(np.sqrt(((mean - stress) ** 2).sum() / (stress**2).sum()))


# What the numbers reach as they are published; docs/metals.md has the whole table. DAMASK compares
# copper by nominal stress and strain, aluminium by true ones.
@pytest.mark.parametrize(
    ("name", "direction", "rate", "nominal", "crystals", "largest"),
    [
        ("copper", "001", 3e-3, True, 4, 0.17),
        ("copper", "111", 3e-3, True, 12, 0.22),
        ("aluminium", "111", 4.5e-3, False, 4, 0.12),
    ],
)
@pytest.mark.slow
def test_single_crystals_with_published_numbers(name, direction, rate, nominal, crystals, largest):
    error = tension_error(metal(name), name, direction, rate, nominal, crystals)
    assert error < largest


def without_hardening():
    """{111}⟨110⟩, n = 20, τ_0 = 1 MPa."""
    slip = replace(metal("copper").slip[0], tau_0=1e-3, rate=1e-9, strength=None)
    return CrystalLaw("fcc", 3, 80.0, 90.0, 8.9, (slip,))


def test_taylor_factor_of_random_face_centred_grains():
    """2.97 to 2.98 at the start, about 3.19 at strain 1: n = 20, no hardening, published code."""
    law = without_hardening()
    e = np.linspace(0, 1, 51)
    U = np.array([np.diag(np.exp([x, -x / 2, -x / 2])) for x in e])
    sigma = TaylorAverage(law, random_orientations(500, seed=0)).stress(U, 1e9, 1e-3)
    factor = (sigma[:, 0, 0] - 0.5 * (sigma[:, 1, 1] + sigma[:, 2, 2])) / 1e-3
    assert 2.965 < factor[2] < 2.98
    assert factor[-1] == pytest.approx(3.19, abs=0.015)


def share(orientations, plane, direction):
    """Volume within 15 degrees of a component of a rolled sheet (normal z, rolled along x)."""
    z, x = (np.array(v) / np.linalg.norm(v) for v in (plane, direction))
    ideal = np.array([x, np.cross(z, x), z])
    turns = [np.diag(d) for d in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))]
    variants = np.array([D @ ideal @ R for D in turns for R in cubic_rotations()])
    cosine = (np.einsum("vij,gij->gv", variants, orientations).max(1) - 1) / 2
    return float((cosine > np.cos(np.radians(15))).mean())


@pytest.mark.slow
def test_rolling_makes_the_copper_texture():
    """Plane strain to 1: full constraints give copper and S, little brass and Goss, no cube.

    Hirsch & Lücke, Acta Metall. 36 (1988) 2883.
    """
    Q = random_orientations(200, seed=0)
    result = mixed_control(without_hardening(), Q, plane_strain(-1.0, 1e-9, 50))
    after = lattice_after(result.F[-1], result.packed, Q)
    found = {
        "copper": share(after, (1, 1, 2), (1, 1, -1)),
        "S": share(after, (1, 2, 3), (6, 3, -4)),
        "brass": share(after, (0, 1, 1), (2, 1, -1)),
        "Goss": share(after, (0, 1, 1), (1, 0, 0)),
        "cube": share(after, (0, 0, 1), (1, 0, 0)),
    }
    assert found["copper"] > 0.3
    assert found["S"] > 0.4
    assert found["copper"] > found["brass"] > found["Goss"]
    assert found["cube"] < 0.03


def channel_die(load, across):
    """Magnesium pressed along z to 6%, held along y: stress at 1%, slips, twins, by family."""
    law = metal("magnesium-wang2014")
    z, y = (np.array(v, float) / np.linalg.norm(v) for v in (load, across))
    result = mixed_control(law, np.array([[np.cross(y, z), y, z]]), plane_strain(-0.06, 1e-9, 30))
    shear = dict(zip((f.name for f in law.slip), result.slip[-1], strict=True))
    for f, fraction in zip(law.twins, result.twin_fraction[-1], strict=True):
        shear[f.name] = fraction * f.shear
    return -1e3 * result.stress[5, 2, 2], shear


C, A, R = (0, 0, 1), (1, 0, 0), (0, 1, 0)  # c, ⟨11-20⟩, ⟨10-10⟩


def test_channel_die_of_kelley_and_hosford():
    """Trans. Metall. Soc. AIME 242 (1968) 5: seven orientations, what acts and what is hard."""
    orders = {"A": (C, R), "B": (C, A), "C": (R, C), "D": (A, C), "E": (R, A), "F": (A, R)}
    found = {k: channel_die(*v) for k, v in orders.items()}
    found["G"] = channel_die((1, 0, 1), R)
    stress = {k: s for k, (s, _) in found.items()}
    # Pressed along c nothing but <c+a> and compression twins can give way.
    for k in "AB":
        shear = found[k][1]
        hard = shear["pyramidal_ca"] + shear["compression_twin"]
        assert hard > 0.98 * sum(shear.values())
    # With c held, prismatic slip.
    for k in "CD":
        assert found[k][1]["prismatic"] > 0.9 * sum(found[k][1].values())
    # Where c may lengthen, tensile twins, nearly the whole crystal by 6%.
    for k in "EF":
        shear = found[k][1]
        assert max(shear, key=shear.get) == "tensile_twin"
        assert shear["tensile_twin"] / 0.129 > 0.85
    assert found["G"][1]["basal"] > 0.9 * sum(found["G"][1].values())
    assert min(stress["A"], stress["B"]) > max(stress["C"], stress["D"])
    assert min(stress["C"], stress["D"]) > stress["F"] > stress["E"] > 2 * stress["G"]
