# SPDX-License-Identifier: MIT
"""The full-field cell against µSpectre, another FFT code (values of make_muspectre_cells.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from mlms_fenics.materials.crystal.families import SlipFamily
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.unitcell import FFTCell
from mlms_fenics.unitcell.fft_acceleration import Anderson
from mlms_fenics.unitcell.fft_grid import Grid
from mlms_fenics.unitcell.fft_solver import equilibrate

MUSPECTRE = json.loads(Path(__file__).with_name("muspectre_cells.json").read_text())
STIFFNESS = MUSPECTRE["stiffness"]
CELLS = [(d, o) for d in ("2D", "3D") for o in ("fourier", "rotated")]


def case(dimension, size, operator):
    one = MUSPECTRE[dimension]
    grains = np.array(one["grains"])
    return grains, np.array(one[size]["F"]), np.array(one[size][operator])


def difference(P, expected):
    return np.linalg.norm(P - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("dimension, operator", CELLS)
def test_small_strain_after_a_large_rotation(dimension, operator):
    d = int(dimension[0])
    grains, F, expected = case(dimension, "small", operator)
    never = SlipFamily("none", ((1.0, 0.0, 0.0),), ((0.0, 1.0, 0.0),), 1e9, 1e-6, 0.5)
    phases = [CrystalLaw("elastic", d, G, K / 2, 1.0, (never,)) for G, K in STIFFNESS]
    laws = [phases[g % len(phases)] for g in range(grains.max() + 1)]
    cell = FFTCell(laws, grains, [np.eye(d)] * len(laws), operator=operator)
    found = cell.solve(np.stack((np.eye(d), F)), 1.0, 1e-6)
    error = difference(found.P[-1], expected)
    print(f"{dimension}, {operator}, strains of 1e-5: ⟨P⟩ differs by {error:.1e}")
    # The two laws of elasticity differ by the strain, which is up to some 5e-5 in the soft grains.
    assert error < 1e-4
    other = case(dimension, "small", {"fourier": "rotated", "rotated": "fourier"}[operator])[2]
    assert difference(found.P[-1], other) > 0.01


@pytest.mark.parametrize("dimension, operator", CELLS)
def test_finite_strain_with_its_law(dimension, operator):
    d = int(dimension[0])
    grains, F_mean, expected = case(dimension, "large", operator)
    shear, bulk = np.array(STIFFNESS)[grains.ravel() % len(STIFFNESS)].T

    def saint_venant_kirchhoff(cells, F):
        E = 0.5 * (np.einsum("bkiN,bkjN->bijN", F, F) - np.eye(d)[:, :, None])
        trace = np.einsum("bkkN->bN", E)[:, None, None]
        S = (bulk - 2 / 3 * shear) * trace * np.eye(d)[:, :, None] + 2 * shear * E
        return np.einsum("bikN,bkjN->bijN", F, S), np.zeros(F[:, 0, 0].shape)

    grid = Grid(grains.shape, tuple(float(n) for n in grains.shape), operator)
    found = equilibrate(
        grid,
        saint_venant_kirchhoff,
        F_mean[None],
        [np.zeros(grid.size)],
        [Anderson(grid.size)],
        (10.0, 8.0),
        1e-7,
        1e-5,
        200,
    )[0]
    assert found.residual <= 1e-7
    error = difference(found.P.mean(-1), expected)
    print(f"{dimension}, {operator}, strains of 10%: ⟨P⟩ differs by {error:.1e}")
    assert error < 1e-8
