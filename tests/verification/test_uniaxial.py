# SPDX-License-Identifier: MIT
"""Uniaxial stress of any law: closed forms of elasticity, Hill's r-values, and mixed control."""

import numpy as np
import pytest

from mlms_fenics.errors import InputError
from mlms_fenics.materials import Hill, NeoHookean, Polycrystal
from mlms_fenics.materials.library import metal
from mlms_fenics.materials.uniaxial import uniaxial_stress
from mlms_fenics.microstructure import fibre_texture
from mlms_fenics.unitcell import loadings
from mlms_fenics.unitcell.mixed_control import mixed_control


def test_small_strains_have_youngs_modulus_and_poissons_ratio() -> None:
    G, K = 25.0, 48.0
    young, poisson = 9.0 * K * G / (3.0 * K + G), (3.0 * K - 2.0 * G) / (6.0 * K + 2.0 * G)
    axis = np.array([1.0, 2.0, -1.0])
    F, stress = uniaxial_stress(NeoHookean(G, K, 1.7), axis, 1e-4, 1.0, 2)
    assert stress[-1] == pytest.approx(1e-4 * young, rel=2e-3)
    unit = axis / np.linalg.norm(axis)
    E = F[-1] - np.eye(3)
    assert unit @ E @ unit == pytest.approx(1e-4, rel=1e-3)
    assert np.trace(E) == pytest.approx((1.0 - 2.0 * poisson) * 1e-4, rel=1e-2)


@pytest.mark.parametrize("strain", [0.1, -0.1])
def test_hills_r_value_comes_out(strain) -> None:
    F, G, H = 0.7895, 0.5263, 0.4737
    law = Hill(
        young=7e4, poisson=0.3, density=2.7, coefficients=(F, G, H, 1.9, 1.2, 2.5), A=0.3, B=0.2
    )
    deformed, stress = uniaxial_stress(law, (1.0, 0.0, 0.0), strain, 1.0, 10)
    width, thickness = np.log(deformed[-1, 1, 1]), np.log(deformed[-1, 2, 2])
    assert width / thickness == pytest.approx(H / G, rel=2e-3)
    # G + H = 1: the flow stress is that along x.
    assert stress[-1] == pytest.approx(np.sign(strain) * (0.3 + 0.2 * 0.1), rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("strain", [0.05, -0.05])
def test_textured_magnesium_is_that_of_mixed_control(strain) -> None:
    crystal = metal("magnesium-wang2014")
    Q = fibre_texture(6, 0, spread=20.0)
    law = Polycrystal(crystal, Q, tolerance=1e-3)
    _, stress = uniaxial_stress(law, (1.0, 0.0, 0.0), strain, 0.1, 20)
    other = mixed_control(crystal, Q, loadings.uniaxial_stress(strain, 0.1, 20))
    np.testing.assert_allclose(
        stress[2:], other.stress[2:, 0, 0], atol=5e-3 * np.abs(other.stress).max()
    )


def test_numbers_out_of_range_are_refused() -> None:
    law = NeoHookean(25.0, 48.0, 1.7)
    usual = {"axis": (1, 0, 0), "strain": 0.1, "rate": 1.0, "steps": 2}
    for changes in ({"strain": 3.0}, {"rate": 0.0}, {"steps": 0}, {"axis": (0.0, 0.0, 0.0)}):
        with pytest.raises(InputError, match=next(iter(changes))):
            uniaxial_stress(law, **(usual | changes))
