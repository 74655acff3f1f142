# SPDX-License-Identifier: MIT
"""Metals by name and from YAML, systems of one's own, interaction matrices."""

import json

import numpy as np
import pytest

from mlms_fenics.data.laws import LAWS, law_from_options
from mlms_fenics.errors import InputError
from mlms_fenics.materials import CrystalLaw, SlipFamily
from mlms_fenics.materials.crystal import lattice
from mlms_fenics.materials.crystal.families import as_vectors
from mlms_fenics.materials.crystal.interaction import fcc_interaction
from mlms_fenics.materials.crystal.miller import equivalents, system
from mlms_fenics.materials.library import METALS, crystal_from_text, metal, read_crystal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

COPPER = """
name: mine
lattice: fcc
density: 8.96
elasticity: {C11: 168900, C12: 121800, C44: 75800}
slip:
  - systems: "{111}<110>"
    rate: 1e-3
    n: 20
    tau_0: 16
    strength: {tau_1: 50, theta_0: 300}
"""


@pytest.mark.parametrize("name", METALS)
def test_every_metal_deforms_and_survives_json(name):
    law = metal(name)
    assert law == LAWS[name]()
    assert CrystalLaw.from_dict(json.loads(json.dumps(law.to_dict()))) == law
    assert law.source and all(f.source for f in law.families)
    U = np.array([np.diag([1 + e, 1 - e / 2, 1 - e / 2]) for e in np.linspace(0, 0.02, 5)])
    sigma = TaylorAverage(law, random_orientations(3, seed=1)).stress(U, 2e7, 1e-2)
    assert np.isfinite(sigma).all()
    assert 0.005 < sigma[-1, 0, 0] - sigma[-1, 1, 1] < 3.0


def test_units_are_converted_once():
    law = metal("copper")
    (slip,) = law.slip
    assert slip.tau_0 == pytest.approx(1.6e-3)  # GPa
    assert slip.rate == pytest.approx(3e-9)  # 1/µs
    assert slip.strength.g_inf == pytest.approx(0.0964)
    assert slip.strength.a == 0.6
    assert round(law.elasticity.C44, 9) == pytest.approx(75.8)
    drag = crystal_from_text(COPPER + "    drag: 1.0e-4\n").slip[0].drag
    assert drag == pytest.approx(0.1)  # 1e-4 MPa s = 0.1 GPa µs


# The systems and kinds of junction of DAMASK 2 (lattice.f90), of which 6 stands for sessile there.
DAMASK_SYSTEMS = """
0 1 -1 1 1 1    -1 0 1 1 1 1    1 -1 0 1 1 1
0 -1 -1 -1 -1 1    1 0 1 -1 -1 1    -1 1 0 -1 -1 1
0 -1 1 1 -1 -1    -1 0 -1 1 -1 -1    1 1 0 1 -1 -1
0 1 1 -1 1 -1    1 0 -1 -1 1 -1    -1 -1 0 -1 1 -1
"""
DAMASK_KINDS = """
122465355456 212645546535 221553564654 465122456355 645212535546 553221654564
355456122465 546535212645 564654221553 456355465122 535546645212 654564553221
"""


def test_junctions_against_the_table_of_damask():
    v = np.array(DAMASK_SYSTEMS.split(), float).reshape(12, 6)
    s, m = lattice.unit(v[:, :3]), lattice.unit(v[:, 3:])
    family = SlipFamily("o", as_vectors(s), as_vectors(m), tau_0=1, rate=1, rate_exponent=1)
    kinds = np.array([list(row) for row in DAMASK_KINDS.split()], float)
    assert np.array_equal(fcc_interaction([1, 2, 3, 4, 5, 5, 6], family), kinds)
    named = {"self": 1, "coplanar": 2, "collinear": 3, "orthogonal": 4, "glissile": 5, "sessile": 6}
    assert np.array_equal(fcc_interaction(named, family), kinds)


def test_blocks_of_magnesium():
    law = metal("magnesium-wang2014")
    q = np.array(law.interaction)
    assert q.shape == (30, 30)
    assert (q[:18, 18:] == 0).all()  # twins do not harden slip
    assert (q[18:, :18] == 3).all()  # 150 of 50 MPa
    assert (q[:18, :18] == 1).all()
    assert (q[18:, 18:] == 1).all()


@pytest.mark.parametrize(
    ("family", "plane", "direction", "twin"),
    [
        ("pyramidal_a", (1, 0, -1, 1), (-1, 2, -1, 0), False),
        ("pyramidal_ca", (1, 0, -1, 1), (-1, -1, 2, 3), False),
        ("pyramidal", (1, 1, -2, 2), (-1, -1, 2, 3), False),
        ("prismatic", (0, 1, -1, 0), (2, -1, -1, 0), False),
        ("tensile_twin", (1, 0, -1, 2), (-1, 0, 1, 1), True),
        ("compression_twin", (1, 0, -1, 1), (1, 0, -1, -2), True),
    ],
)
def test_families_are_the_orbits_of_their_indices(family, plane, direction, twin):
    s, m = lattice.hexagonal_systems(family, 1.624)
    orbit = equivalents("hcp", *system("hcp", plane, direction, 1.624), twin=twin)
    P, Q = (np.einsum("ai,aj->aij", *pair).reshape(-1, 9) for pair in ((s, m), orbit))
    assert len(P) == len(Q)
    overlap = P @ Q.T if twin else np.abs(P @ Q.T)
    assert np.allclose(np.sort(overlap.max(1)), 1.0)
    assert np.allclose(np.sort(overlap.max(0)), 1.0)
    assert np.abs((s * m).sum(1)).max() < 1e-15


def test_the_123_family_has_24_systems():
    s, m = lattice.cubic_systems("{123}<111>")
    orbit = equivalents("bcc", *system("bcc", (1, 2, -3), (1, 1, 1)))
    assert len(s) == len(orbit[0]) == 24
    assert np.abs((s * m).sum(1)).max() < 1e-15
    # The Schmid factor along a cube axis: 3/√14 1/√3.
    assert np.abs(s[:, 0] * m[:, 0]).max() == pytest.approx(3 / np.sqrt(42))


def test_compression_twins_shorten_the_c_axis_and_shear_as_published():
    s, m = lattice.hexagonal_systems("compression_twin", 1.624)
    assert (s[:, 2] * m[:, 2] < -0.3).all()
    # Christian & Mahajan 1995, Table for magnesium: 0.129 and 0.138.
    assert lattice.twin_shear("tensile_twin", 1.624) == pytest.approx(0.129, abs=5e-4)
    assert lattice.twin_shear("compression_twin", 1.624) == pytest.approx(0.138, abs=5e-4)
    with pytest.raises(InputError, match="shears against its name"):
        lattice.twin_shear("tensile_twin", 1.856)  # zinc


def test_systems_of_ones_own(tmp_path):
    own = COPPER.replace(
        '- systems: "{111}<110>"',
        "- systems: {plane: [1, 1, 1], direction: [0, 1, -1]}\n    name: octahedral",
    )
    named, mine = crystal_from_text(COPPER), crystal_from_text(own)
    overlap = np.einsum("aij,bij->ab", named.slip_schmid, mine.slip_schmid)
    assert overlap.shape == (12, 12)
    assert np.allclose(np.abs(overlap).max(1), 1.0)
    few = COPPER.replace(
        '- systems: "{111}<110>"',
        "- name: two\n    systems: [{plane: [1, 1, 1], direction: [0, 1, -1]},"
        " {plane: [0, 0, 1], direction: [1, 0, 0]}]",
    )
    assert crystal_from_text(few).n_slip == 2
    file = tmp_path / "mine.yaml"
    file.write_text(few)
    assert law_from_options(str(file)) == read_crystal(file)


def test_an_option_changes_a_strength():
    law = law_from_options("copper", 0.1, ["octahedral.strength.h_0=0.5", "octahedral.tau_0=0.01"])
    assert law.slip[0].strength.h_0 == 0.5
    assert law.slip[0].tau_0 == 0.01
    assert law.slip[0].rate_exponent == 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: mine", "name: mine\nlatice: fcc"), "unknown keys latice"),
        (("density: 8.96", ""), "density missing"),
        (("lattice: fcc", "lattice: cubic"), "must be one of fcc, bcc, hcp"),
        (
            ("lattice: fcc", "lattice: fcc\nc_over_a: 1.6"),
            "c_over_a is wanted with the lattice hcp",
        ),
        (('"{111}<110>"', '"{110}<111>"'), "fcc has no family"),
        (('"{111}<110>"', "basal"), "fcc has no family"),
        (
            ('"{111}<110>"', "{plane: [1, 1, 1], direction: [0, 1, 1]}\n    name: x"),
            "no system of 'fcc': the direction does not lie in the plane",
        ),
        (
            ('"{111}<110>"', "{plane: [1, 1, 0, 1], direction: [0, 1, 1]}\n    name: x"),
            "must be 3 integers",
        ),
        (
            ('"{111}<110>"', "{plane: [1, 1, 1], direction: [0, 1, -1]}"),
            "needs a `name`",
        ),
        (
            ("{C11: 168900, C12: 121800, C44: 75800}", "{C11: 1, C12: 2, C44: 3}"),
            "not positive definite",
        ),
        (("{C11: 168900, C12: 121800, C44: 75800}", "{C11: 1}"), "C12, C44 missing"),
        (("tau_0: 16", "tau_0: soft"), "tau_0 = 'soft' must be a number"),
        (("n: 20", "n: 0.05"), "n = 0.05 must be at least 1"),
        (("tau_1: 50, theta_0: 300", "tau: 50"), "strength is"),
        (("slip:", "interaction: {a: {b: 1}}\nslip:"), "no family 'a'"),
        (("slip:", "slip: ["), "is no YAML"),
    ],
)
def test_bad_files_are_refused_in_one_line(change, message):
    assert change[0] in COPPER
    with pytest.raises(InputError, match=message.replace("{", r"\{")) as caught:
        crystal_from_text(COPPER.replace(*change))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("crystal")


def test_bad_names_and_junctions():
    with pytest.raises(InputError, match="unknown metal 'unobtainium'"):
        metal("unobtainium")
    with pytest.raises(InputError, match="cannot read the crystal file"):
        read_crystal("/nowhere.yaml")
    (slip,) = crystal_from_text(COPPER).slip
    with pytest.raises(InputError, match="both glissile ones the same"):
        fcc_interaction([1, 1, 5, 0.5, 1, 2, 1], slip)
    with pytest.raises(InputError, match="missing sessile"):
        fcc_interaction(
            dict.fromkeys(("self", "coplanar", "collinear", "orthogonal", "glissile"), 1), slip
        )
    with pytest.raises(InputError, match="must add up to 0"):
        system("hcp", (1, 1, 1, 1), (1, -1, 0, 0), 1.6)
