# SPDX-License-Identifier: MIT
"""The full-field cell against periodic finite elements of the same grains and law."""

import numpy as np
import pytest
from periodic_cell import PeriodicCell
from refine_periodic_cells import refine, table
from test_fft_exact import elastic, neo_hookean, path

from mlms_fenics.materials import two_slip_crystal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage


def orders(rows):
    differences = [row[0] for row in rows]
    return np.log2(np.divide(differences[:-1], differences[1:]))


def test_finite_elements_of_one_grain_are_the_point():
    F, zero = path(1, size=0.2), np.zeros((2, 2), int)
    cell = PeriodicCell(elastic(20.0, 30.0), zero, np.eye(2)[None])
    P = cell.stress(F, 1.0)
    assert np.abs(P[1] - neo_hookean(F[1], 20.0, 30.0)).max() < 1e-12 * np.abs(P).max()
    law, Q, F = two_slip_crystal(), random_orientations(1, 3, dimension=2), path(4, size=0.03)
    P = PeriodicCell(law, zero, Q[:, :2, :2]).stress(F, 1e5)
    sigma = P @ F.swapaxes(1, 2) / np.linalg.det(F)[:, None, None]
    point = TaylorAverage(law, Q).stress(F, 1e5, tolerance=1e-6)
    assert np.abs(sigma - point).max() < 1e-5 * np.abs(point).max()


def test_elastic_averages_converge_to_each_other():
    sizes = (8, 16, 32)
    rows = refine("elastic", sizes)
    print(table(sizes, rows))
    assert (orders(rows) > 1.2).all()
    assert rows[-1][0] < 5e-4
    # Complete integration of compatible elements is an upper bound, whatever the grid.
    powers = [(row[1][-1] * (path(1, size=0.1)[-1] - np.eye(2))).sum() for row in rows]
    assert powers[0] > powers[1] > powers[2]


@pytest.mark.slow
def test_slip_averages_converge_to_each_other():
    sizes = (8, 16)
    rows = refine("slip", sizes)
    print(table(sizes, rows))
    assert orders(rows)[0] > 1.5
    assert rows[-1][0] < 0.02
    # Most of the stress of crystals that do not slip is gone.
    law = two_slip_crystal()
    rigid = neo_hookean(path(8, size=0.01)[-1], law.shear_modulus, law.lambda_e)
    assert np.linalg.norm(rows[-1][2][-1]) < 0.8 * np.linalg.norm(rigid)
