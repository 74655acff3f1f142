# SPDX-License-Identifier: MIT
"""Q takes the lattice to the sample: seen by the unit cell, through files and back."""

import numpy as np

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.materials import magnesium
from mlms_fenics.microstructure import (
    fibre_texture,
    random_orientations,
    read_orientations,
    write_orientations,
)
from mlms_fenics.unitcell import TaylorAverage


def test_turning_body_and_path_turns_the_stress(tmp_path):
    """σ(R U Rᵀ; R Q) = R σ(U; Q) Rᵀ, which holds for Q from lattice to sample alone."""
    law, Q, R = magnesium(), random_orientations(2, 0), random_orientations(1, 9)[0]
    write_orientations(tmp_path / "turned.txt", R @ Q)
    turned = read_orientations(tmp_path / "turned.txt")
    U = sample_path(PathSettings(steps=20, max_strain=0.1), 0, 0)
    sigma = TaylorAverage(law, Q).stress(U, 1.0, 1e-6)
    expected = R @ sigma @ R.T
    result = TaylorAverage(law, turned).stress(R @ U @ R.T, 1.0, 1e-6)
    scale = np.abs(expected).max()
    assert np.abs(result - expected).max() < 1e-5 * scale
    # The opposite reading of the file is told apart.
    wrong = TaylorAverage(law, turned.swapaxes(1, 2)).stress(R @ U @ R.T, 1.0, 1e-6)
    assert np.abs(wrong - expected).max() > 1e-2 * scale


def test_magnesium_is_stronger_along_c_than_across_basal_planes_at_45_degrees():
    """Compressed along c there is neither basal slip nor tensile twinning (Kelley & Hosford)."""
    law = magnesium(tau_0_basal=0.005, tau_0_prismatic=0.2, tau_0_pyramidal=0.2)
    path = PathSettings(protocol="uniaxial", direction=(1, 0, 0), max_strain=0.05, steps=20)
    U = sample_path(path, 0, 1)  # compression along x

    def strength(c_axis):
        sigma = TaylorAverage(law, fibre_texture(6, 0, c_axis)).stress(U, 10.0)[-1]
        return -(sigma[0, 0] - 0.5 * (sigma[1, 1] + sigma[2, 2]))

    assert strength((1, 0, 0)) > 1.5 * strength((1, 1, 0)) > 0
