# SPDX-License-Identifier: MIT
"""Full-field cells under mixed control, against closed forms, single crystals and prescribed F."""

import numpy as np
import pytest

from mlms_fenics.errors import InputError
from mlms_fenics.materials import CrystalLaw, SlipFamily, two_slip_crystal
from mlms_fenics.materials.crystal.elasticity import CubicElasticity
from mlms_fenics.materials.crystal.families import as_vectors
from mlms_fenics.materials.crystal.lattice import cubic_systems
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.unitcell import FFTCell
from mlms_fenics.unitcell.__main__ import main
from mlms_fenics.unitcell.loadings import LOADINGS, Loading, uniaxial_stress
from mlms_fenics.unitcell.mixed_cell import mixed_control_of_cell
from mlms_fenics.unitcell.mixed_control import mixed_control

Q8 = random_orientations(8, seed=3)
PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def strong() -> CrystalLaw:
    """A cubic crystal that stays elastic."""
    s, m = cubic_systems("{111}<110>")
    slip = SlipFamily("o", as_vectors(s), as_vectors(m), tau_0=1e3, rate=1e-3, rate_exponent=0.1,
                      flow="power")  # fmt: skip
    constants = CubicElasticity(C11=168.0, C12=121.0, C44=75.0)
    return CrystalLaw.anisotropic(constants, name="strong", dimension=3, density=8.9, slip=(slip,))


def laminate_stiffness(C: list[np.ndarray], share: list[float]) -> np.ndarray:
    """Effective C_ijkl of layers across x (Milton, The Theory of Composites, 2002, chapter 9).

    The strains of the layers differ by sym(a ⊗ n), with which the traction is the same in both.
    """
    K = share[1] * C[0][:, 0, :, 0] + share[0] * C[1][:, 0, :, 0]
    found = np.zeros((3, 3, 3, 3))
    for k in range(3):
        for l in range(3):
            E = np.zeros((3, 3))
            E[k, l] = 1.0
            E = 0.5 * (E + E.T)
            jump = np.einsum("ikl,kl->i", (C[0] - C[1])[:, 0], E)
            a = -np.linalg.solve(K, jump)
            for r, sign in ((0, share[1]), (1, -share[0])):
                strain = E + 0.5 * sign * (np.outer(a, [1, 0, 0]) + np.outer([1, 0, 0], a))
                found[:, :, k, l] += share[r] * np.einsum("ijkl,kl->ij", C[r], strain)
    return found


def test_a_laminate_under_uniaxial_stress_is_that_of_theory() -> None:
    law, Q = strong(), random_orientations(2, seed=5)
    grains = np.zeros((8, 1, 1), int)
    grains[5:] = 1
    asked = uniaxial_stress(1e-5, 1.0, 2)
    result = mixed_control_of_cell(FFTCell(law, grains, Q), asked, tolerance=1e-7, residual=1e-6)
    C = [np.einsum("ai,bj,ck,dl,ijkl->abcd", q, q, q, q, law.elasticity.tensor()) for q in Q]
    effective = laminate_stiffness(C, [5 / 8, 3 / 8])
    voigt = np.array([[effective[i, j, k, l] for k, l in PAIRS] for i, j in PAIRS])
    strain = np.linalg.inv(voigt)[:, 0]  # of σ_11 = 1, shears doubled
    strain *= 1e-5 / strain[0]
    expected = voigt[0] @ strain
    assert result.stress[-1, 0, 0] == pytest.approx(expected, rel=1e-4)
    H = result.F[-1] - np.eye(3)
    assert np.allclose(np.diag(H), strain[:3], rtol=0.0, atol=1e-9)
    assert np.allclose(H[[1, 0, 0], [2, 2, 1]], strain[3:], rtol=0.0, atol=1e-9)


def test_a_homogeneous_cell_is_the_single_crystal() -> None:
    law, Q = metal("copper"), Q8[:1]
    asked = uniaxial_stress(0.02, 1e-9, 4)
    cell = FFTCell(law, np.zeros((2, 2, 2), int), Q)
    found, single = mixed_control_of_cell(cell, asked), mixed_control(law, Q, asked)
    assert np.abs(found.stress - single.stress).max() < 2e-3 * np.abs(single.stress).max()
    assert np.abs(found.F - single.F).max() < 1e-4
    assert np.allclose(found.slip, single.slip, rtol=0.01, atol=1e-5)
    assert found.packed.shape == (8, law.n_state) and found.weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "loading"), [("copper", "uniaxial-stress"), ("magnesium-wang2014", "plane-strain")]
)
def test_stresses_are_met_and_prescribing_the_F_found_meets_them_again(name, loading) -> None:
    law, strain = metal(name), {"uniaxial-stress": 0.01, "plane-strain": -0.01}[loading]
    cell = FFTCell(law, voronoi_grains((4, 4, 4), 8, 1), Q8)
    asked = LOADINGS[loading](strain, 1e-9, 2)
    result = mixed_control_of_cell(cell, asked)
    free, size = np.isnan(asked.F[0]), np.abs(result.stress[-1]).max()
    assert np.abs(result.stress[-1][free]).max() < 1e-3 * size
    assert np.array_equal(result.F[:, ~free], asked.F[:, ~free])
    # Fluctuations average out, grains of one cell deform otherwise, and equilibrium is softer.
    assert np.allclose(result.local_F.mean(axis=0), result.F[-1], atol=1e-12)
    assert np.ptp(result.local_F[:, 0, 0]) > 1e-4
    volumes = np.bincount(cell.grains.ravel()) / 64.0
    taylor = mixed_control(law, Q8, asked, weights=volumes).stress[-1]
    main_one = (0, 0) if loading == "uniaxial-stress" else (2, 2)
    assert 0.6 < result.stress[-1][main_one] / taylor[main_one] < 1.0
    again = cell.solve(result.F[None], asked.duration, 1e-3).stress[0, -1]
    assert np.abs(again - result.stress[-1]).max() < 1e-2 * size


def test_nominal_stress_with_all_but_one_component_free() -> None:
    law = strong()
    cell = FFTCell(law, voronoi_grains((4, 4, 4), 4, 1), Q8[:4])
    P = np.linspace(0.0, 1.0, 3)[:, None, None] * np.diag([0.02, 0.01, -0.005])
    free = np.triu(np.ones((3, 3), bool))
    P[:, ~free] = np.nan
    F = np.where(free, np.nan, np.tile(np.eye(3), (3, 1, 1)))
    loading = Loading(F, P, 1.0, np.arange(3.0), "first-piola")
    result = mixed_control_of_cell(cell, loading, tolerance=1e-5, residual=1e-5)
    assert np.abs((result.first_piola - P)[:, free]).max() < 1e-5 * 0.02
    assert np.array_equal(result.F[:, ~free], F[:, ~free])


def test_what_cannot_be_is_refused(capsys) -> None:
    asked = uniaxial_stress(0.01, 1e-9, 2)
    flat = FFTCell(two_slip_crystal(), np.zeros((4, 4), int), np.eye(3)[None])
    with pytest.raises(InputError, match="three-dimensional law"):
        mixed_control_of_cell(flat, asked)
    two = FFTCell([metal("copper"), metal("gold")], np.arange(2).reshape(2, 1, 1), Q8[:2])
    with pytest.raises(InputError, match="one law for all grains"):
        mixed_control_of_cell(two, asked)
    assert main(["--cell", "fft", "--resolution", "0"]) == 2
    assert "--resolution is 0, but must be 1 to 256" in capsys.readouterr().err


def test_the_command_writes_what_that_of_the_average_does(tmp_path) -> None:
    given = "--cell fft --resolution 4 --grains 5 --strain 0.004 --steps 2 --law copper --out"
    assert main([*given.split(), str(tmp_path / "cu")]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"cu.csv", "cu.png", "cu_before.png", "cu_after.png", "cu_after.txt"}
    rows = np.loadtxt(tmp_path / "cu.csv", delimiter=",", skiprows=1)
    assert rows.shape[0] == 3 and rows[-1, 2] > 10.0
