# SPDX-License-Identifier: MIT
"""Strain histories of a body's elements: against the solver's own F, and as a file."""

import numpy as np
import pytest
from mpi4py import MPI
from scipy.linalg import polar

from mlms_fenics.data.harvested import read_paths
from mlms_fenics.errors import InputError
from mlms_fenics.impact import anvil_solver
from mlms_fenics.impact.harvested import (
    choose_deformed,
    largest_strain,
    stretch_histories,
    write_histories,
)
from mlms_fenics.materials import NeoHookean


def bar():
    law = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=1.738)
    return anvil_solver(MPI.COMM_SELF, law, velocity=100.0, diameter=1.0, height=1.0, size=0.25)


@pytest.fixture(scope="module")
def harvested():
    return stretch_histories(bar(), 0.2, (0.2, 0.1, 0.4), 8)


def test_histories_are_the_stretches_of_the_solver(harvested):
    whole, half, longer = harvested
    solver = bar()
    solver.run(0.2)
    U = np.stack([polar(F)[1] for F in solver.F])
    assert np.abs(U - np.eye(3)).max() > 0.01
    np.testing.assert_allclose(whole[:, -1], U, atol=1e-12)
    assert whole.shape == (len(solver.F), 9, 3, 3) and np.all(whole[:, 0] == np.eye(3))
    # The same run at other times: every second sample of one is a sample of the other.
    np.testing.assert_allclose(half[:, ::2], whole[:, :5], atol=1e-12)
    np.testing.assert_allclose(longer[:, :5], whole[:, ::2], atol=1e-12)
    assert np.array_equal(longer[:, 4], longer[:, 8])  # held after the end


def test_the_deformed_are_chosen_and_come_back_from_a_file(harvested, tmp_path):
    U = harvested[0]
    logarithm = np.array([np.diag([0.2, -0.1, -0.1]), np.zeros((3, 3))])
    assert largest_strain(np.exp(logarithm[:, None]) * np.eye(3)) == pytest.approx(
        [0.2 * np.sqrt(1.5), 0.0]
    )
    strain = largest_strain(U)
    least = float(np.median(strain))
    found = choose_deformed(U, least, 10_000, np.random.default_rng(1), "bar")
    assert len(found) == (strain >= least).sum()
    assert len(choose_deformed(U, least, 3, np.random.default_rng(1), "bar")) == 3
    write_histories(tmp_path / "paths.h5", found, 0.2)
    read = read_paths(tmp_path / "paths.h5")
    assert read.horizon == 0.2
    np.testing.assert_allclose(read.U, found, atol=1e-12)


def test_what_cannot_be_harvested_is_told(harvested):
    with pytest.raises(InputError, match="no element of the bar came so far"):
        choose_deformed(harvested[0], 5.0, 10, np.random.default_rng(1), "bar")
    with pytest.raises(InputError, match="horizons"):
        stretch_histories(bar(), 0.2, (0.0,), 8)
