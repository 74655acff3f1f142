# SPDX-License-Identifier: MIT
"""The reduced polycrystal as the material of the explicit code."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI
from reduced_polycrystal_data import reduced
from solver_state import assert_same, everything

from mlms_fenics.errors import InputError
from mlms_fenics.io import Checkpoint
from mlms_fenics.macroscale import ExplicitSolver, RigidPlane
from mlms_fenics.microstructure import random_orientations

Q = random_orientations(2, 8)


def impact(weights=(0.7, 0.3)):
    box = mesh.create_box(
        MPI.COMM_SELF, [[0, 0, 0], [1, 1, 2]], [2, 2, 4], mesh.CellType.hexahedron
    )
    law = reduced(Q, np.array(weights))
    return ExplicitSolver(box, law, velocity=(0.0, 0.0, -0.1), contacts=[RigidPlane()])


def test_impact_and_restart_are_bit_identical(tmp_path):
    solver = impact()
    solver.run(0.3)
    kept = everything(solver)
    Checkpoint(solver, tmp_path / "state.h5").save()
    again = impact()
    Checkpoint(again, tmp_path / "state.h5").restore()
    assert_same(again, kept)
    solver.run(0.6)
    again.run(0.6)
    assert_same(again, everything(solver))
    fields = solver.material.fields(solver.state)
    assert fields["slip"].max() > 1e-3  # it has yielded
    assert (fields["distance"] > 0.0).any()


def test_a_checkpoint_of_other_weights_is_refused(tmp_path):
    solver = impact()
    solver.run(0.1)
    Checkpoint(solver, tmp_path / "state.h5").save()
    with pytest.raises(InputError, match="law"):
        Checkpoint(impact(weights=(0.3, 0.7)), tmp_path / "state.h5").restore()
