# SPDX-License-Identifier: MIT
"""A batch of no paths or no points gives an empty result of the right shape."""

import numpy as np
import pytest
import torch

from mlms_fenics.kinematics.strain import log_strain
from mlms_fenics.kinematics.tensors import polar
from mlms_fenics.materials import J2, Polycrystal, drive, johnson_cook, magnesium, two_slip_crystal
from mlms_fenics.materials.crystal.points import CrystalState, advance
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import FFTCell, TaylorAverage

LAW = magnesium()
Q = random_orientations(4, seed=3)
NONE = np.zeros((0, 6, 3, 3))


@pytest.mark.parametrize("device", [None, "cpu"])
def test_taylor_average(device):
    result = TaylorAverage(LAW, Q, device=device).solve(NONE, 1.0)
    assert result.stress.shape == NONE.shape and result.message == []
    assert result.status.shape == (0,) and result.substeps.shape == (0,)


def test_crystal_points():
    state = CrystalState.virgin(LAW, 0)
    sigma, state = advance(state, NONE[:, 0], NONE[:, 1], 0.1)
    assert sigma.shape == (0, 3, 3) and len(state.packed) == 0


def test_macroscale_polycrystal():
    sigma = drive(Polycrystal(LAW, Q), torch.zeros(0, 3, 3, 3), [0.0, 0.1, 0.2])
    assert sigma.shape == (0, 3, 3, 3)


def test_kinematics_and_homogeneous_laws():
    F = torch.zeros(0, 3, 3, dtype=torch.float64)
    R, U = polar(F)
    assert R.shape == U.shape == F.shape and log_strain(U).shape == (0, 6)
    copper = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
    for law in (copper, johnson_cook("OFHC copper")):
        assert drive(law, torch.zeros(0, 3, 3, 3), [0.0, 0.1, 0.2]).shape == (0, 3, 3, 3)


def test_full_field_cell():
    orientations = random_orientations(2, seed=1, dimension=2)
    cell = FFTCell(two_slip_crystal(), np.arange(16).reshape(4, 4) % 2, orientations)
    result = cell.solve(np.zeros((0, 6, 2, 2)), 1.0)
    assert result.stress.shape == (0, 6, 2, 2) and result.message == []
    assert result.iterations.shape == (0, 5) and result.status.shape == (0,)
    assert cell.stress(np.zeros((0, 6, 2, 2)), 1.0).shape == (0, 6, 2, 2)
