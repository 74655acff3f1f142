# SPDX-License-Identifier: MIT
"""Mixed control of strain and stress, and where lattices point afterwards."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from mlms_fenics.errors import InputError
from mlms_fenics.materials import CrystalLaw, SlipFamily
from mlms_fenics.materials.crystal.families import as_vectors
from mlms_fenics.materials.crystal.lattice import cubic_systems
from mlms_fenics.materials.crystal.reorientation import lattice_after, lattice_with_twins
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage
from mlms_fenics.unitcell.__main__ import main
from mlms_fenics.unitcell.loadings import (
    LOADINGS,
    Loading,
    crystal_along,
    plane_strain,
    uniaxial_stress,
)
from mlms_fenics.unitcell.mixed_control import mixed_control


def strong(shear_modulus=50.0, lambda_e=60.0):
    """A crystal that stays elastic."""
    s, m = cubic_systems("{111}<110>")
    slip = SlipFamily("o", as_vectors(s), as_vectors(m), tau_0=1e3, rate=1e-3, rate_exponent=0.1,
                      flow="power")  # fmt: skip
    return CrystalLaw("elastic", 3, shear_modulus, lambda_e, 8.0, (slip,))


def test_youngs_modulus_and_poissons_ratio():
    G, K = 50.0, 120.0
    result = mixed_control(
        strong(), random_orientations(2, seed=1), uniaxial_stress(1e-5, 1.0, 2), residual=1e-8
    )
    E, nu = 9 * K * G / (3 * K + G), (3 * K - 2 * G) / (2 * (3 * K + G))
    assert result.stress[-1, 0, 0] == pytest.approx(E * 1e-5, rel=1e-4)
    assert result.F[-1, 1, 1] - 1 == pytest.approx(-nu * 1e-5, rel=1e-4)
    rest = result.stress[-1] - np.diag([result.stress[-1, 0, 0], 0.0, 0.0])
    assert np.abs(rest).max() < 1e-8 * E * 1e-5


@pytest.mark.parametrize("loading", LOADINGS)
@pytest.mark.parametrize("name", ["copper", "magnesium-wang2014"])
def test_prescribed_stresses_are_met(loading, name):
    asked = LOADINGS[loading](-0.04 if loading == "plane-strain" else 0.04, 1e-9, 8)
    weights = np.array([1.0, 2.0, 3.0])
    result = mixed_control(metal(name), random_orientations(3, seed=2), asked, weights=weights)
    free = np.isnan(asked.F[0])
    size = np.abs(result.stress).max()
    assert np.abs(result.stress[:, free]).max() < 1e-3 * size
    assert np.array_equal(result.F[:, ~free], asked.F[:, ~free])
    assert np.allclose(result.stress, result.stress.swapaxes(1, 2))
    assert np.allclose(np.linalg.det(result.F), 1.0, atol=4e-3)  # all but elastic
    P = result.first_piola[-1]
    assert np.allclose(P @ result.F[-1].T, np.linalg.det(result.F[-1]) * result.stress[-1])


def test_nominal_stresses_are_met_under_load_control():
    steps = np.linspace(0, 1, 6)[:, None, None]
    P = steps * np.array([[0.12, 0.02, 0.0], [0.0, -0.03, 0.01], [0.0, 0.0, 0.04]])
    free = np.triu(np.ones((3, 3), bool))
    P[:, ~free] = np.nan
    F = np.where(free, np.nan, np.tile(np.eye(3), (6, 1, 1)))
    loading = Loading(F, P, 1e8, steps.ravel(), "first-piola")
    result = mixed_control(metal("copper"), random_orientations(3, seed=7), loading)
    assert np.abs((result.first_piola - P)[:, free]).max() < 1e-3 * np.abs(result.stress).max()
    assert result.slip[-1].sum() > 0.01


def test_all_of_F_prescribed_is_the_taylor_average():
    law, Q = metal("copper"), random_orientations(4, seed=3)
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    D = np.array([[0.03, 0.01, 0.0], [0.01, -0.02, 0.005], [0.0, 0.005, -0.01]])
    F = np.array([expm(t * D) for t in np.linspace(0, 1, 9)])
    loading = Loading(F, np.full_like(F, np.nan), 3e7, np.linspace(0, 1, 9))
    result = mixed_control(law, Q, loading, weights=weights, tolerance=1e-4)
    exact = TaylorAverage(law, Q, weights=weights).stress(F, 3e7, 1e-4)
    assert np.abs(result.stress - exact).max() < 1e-3 * np.abs(exact).max()


def test_what_was_found_is_met_again_by_prescribing_it():
    law, Q = metal("aluminium"), crystal_along([1, 2, 3])
    first = mixed_control(law, Q, uniaxial_stress(0.05, 1e-9, 10))
    again = Loading(first.F, np.full_like(first.F, np.nan), 5e7, first.loading.strain)
    found = mixed_control(law, Q, again).stress
    assert np.abs(found - first.stress).max() < 5e-3 * np.abs(first.stress).max()


def test_single_slip_turns_the_slip_direction_towards_the_axis():
    """Tension with one system: λ turns by sin λ₁/sin λ₀ = l₀/l (Schmid & Boas)."""
    law = metal("copper")
    slip = law.slip[0]
    one = replace(
        slip, direction=slip.direction[:1], normal=slip.normal[:1], strength=None, rate_exponent=0.2
    )
    # The others, of no account, keep the crystal able to shear in every way.
    rest = replace(
        slip, name="rest", direction=slip.direction[1:], normal=slip.normal[1:], strength=None,
        tau_0=1e3 * slip.tau_0, rate_exponent=0.2,
    )  # fmt: skip
    law = replace(law, slip=(one, rest), interaction=())
    s, m = np.array(one.direction[0]), np.array(one.normal[0])
    axis = np.cos(np.radians(50)) * s + np.sin(np.radians(50)) * m  # λ = 50°
    Q = crystal_along(axis)
    result = mixed_control(law, Q, uniaxial_stress(0.1, 1e-9, 10))
    (after,) = lattice_after(result.F[-1], result.packed, Q)
    angle = np.arccos((after @ s)[0])
    assert np.sin(angle) == pytest.approx(np.sin(np.radians(50)) / np.exp(0.1), abs=2e-3)


def test_a_turned_body_turns_its_lattices():
    law, Q = metal("copper"), random_orientations(3, seed=4)
    (R,) = random_orientations(1, seed=5)
    packed = np.zeros((3, law.n_state))
    packed[:, [0, 4, 8]] = 1.0
    assert np.allclose(lattice_after(R, packed, Q), R @ Q)


def test_twins_turn_the_c_axis_by_86_degrees_and_share_the_volume():
    law, Q = metal("magnesium-wang2014"), random_orientations(2, seed=6)
    packed = np.zeros((2, law.n_state))
    packed[:, [0, 4, 8]] = 1.0
    packed[0, 9], packed[1, 9 + 6] = 0.25, 0.5  # a tensile twin, a compression twin
    orientations, weights = lattice_with_twins(law, Q, packed, np.array([0.4, 0.6]))
    assert np.allclose(weights, [0.3, 0.3, 0.1, 0.3])
    assert np.allclose(np.linalg.det(orientations), 1.0)
    angles = [np.degrees(np.arccos(abs(orientations[2 + k][:, 2] @ Q[k][:, 2]))) for k in range(2)]
    assert angles[0] == pytest.approx(86.3, abs=0.1)
    assert angles[1] == pytest.approx(56.2, abs=0.1)


def test_command_writes_curves_pictures_and_orientations(tmp_path, capsys):
    out = tmp_path / "mg"
    arguments = ["--law", "magnesium-wang2014", "--grains", "3", "--steps", "4"]
    assert main([*arguments, "--strain", "-0.02", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "tensile_twin: volume fraction" in said
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"mg.csv", "mg.png", "mg_before.png", "mg_after.png", "mg_after.txt"}
    with open(tmp_path / "mg.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    assert float(rows[-1]["strain"]) == -0.02
    assert float(rows[-1]["stress_11_MPa"]) < -20
    assert main(["--along", "1", "1", "1", "--steps", "2", "--out", str(tmp_path / "single")]) == 0
    assert not (tmp_path / "single_after.png").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"F": (0, 1)}, "component 12: prescribe either F or the stress"),
        ({"F": (0, 0), "stress": (1, 1)}, "component 11: prescribe either F or the stress"),
        ({"duration": -1.0}, "duration"),
        ({"measure": "kirchhoff"}, "must be 'cauchy' or 'first-piola'"),
        ({"strain": np.zeros(3)}, "strain must have shape"),
    ],
)
def test_bad_loadings(change, message):
    good = plane_strain(-0.1, 1e-9, 4)
    values = {"F": good.F.copy(), "stress": good.stress.copy()}
    values |= {"duration": good.duration, "strain": good.strain}
    for name, value in change.items():
        if name in ("F", "stress"):
            values[name][:, *value] = 1.0 if np.isnan(values[name][0][value]) else np.nan
        else:
            values[name] = value
    with pytest.raises(InputError, match=message):
        Loading(**values)


def test_a_rotation_that_no_stress_determines_is_refused():
    F = np.tile(np.eye(3), (3, 1, 1))
    stress = np.full((3, 3, 3), np.nan)
    for i, j in ((0, 1), (1, 0)):
        F[:, i, j], stress[:, i, j] = np.nan, 0.0
    with pytest.raises(InputError, match="F12 and F21 are both to be found"):
        Loading(F, stress, 1.0, np.arange(3.0))


def test_bad_numbers():
    for strain, steps in ((0.0, 3), (np.nan, 3), (0.1, 0), (9.0, 3)):
        with pytest.raises(InputError, match=r"strain|steps"):
            uniaxial_stress(strain, 1e-9, steps)
    with pytest.raises(InputError, match="rate"):
        uniaxial_stress(0.1, 0.0, 3)
    with pytest.raises(InputError, match="parallel"):
        crystal_along([1, 1, 1], [2, 2, 2])


def test_a_bad_command_is_one_line(capsys):
    assert main(["--along", "1", "0", "0", "--orientations", "x.txt"]) != 0
    assert "give it or --orientations, not both" in capsys.readouterr().err
