# SPDX-License-Identifier: MIT
"""Run with `mpirun -n 3 python -m mpi4py -m pytest tests/parallel/mpi/laws_by_part.py`."""

import numpy as np
import pytest
from bars_of_two_laws import LENGTH, bimetal_bar
from mpi4py import MPI
from scipy.spatial import cKDTree
from solver_state import COPPER

from mlms_fenics.errors import InputError
from mlms_fenics.io import Checkpoint
from mlms_fenics.macroscale import ExplicitSolver, RigidPlane
from mlms_fenics.materials import J2, NeoHookean

WORLD, SELF = MPI.COMM_WORLD, MPI.COMM_SELF
LAWS = {"body": J2(**COPPER), "head": NeoHookean(10.0, 20.0, 3.0)}


def impact(comm: MPI.Intracomm, laws=LAWS) -> ExplicitSolver:
    wall = RigidPlane((-LENGTH, 0.0, 0.0), (1.0, 0.0, 0.0))
    return ExplicitSolver(
        bimetal_bar(comm, 12, 2), laws=laws, velocity=(-0.3, 0.0, 0.0), contacts=[wall]
    )


def compare(one: ExplicitSolver, other: ExplicitSolver) -> None:
    tree = cKDTree(one.elements.coordinates)
    distance, index = tree.query(other.elements.coordinates)
    assert distance.max(initial=0.0) < 1e-12
    for name in ("u", "v"):
        expected = getattr(one, name).x.array.reshape(-1, 3)
        difference = getattr(other, name).x.array.reshape(-1, 3) - expected[index]
        assert np.abs(difference).max(initial=0.0) <= 1e-9 * np.abs(expected).max(), name
    assert other.energies().internal == pytest.approx(one.energies().internal, rel=1e-9)


def test_ranks_agree_with_one() -> None:
    one, many = impact(SELF), impact(WORLD)
    assert many.stable_dt == pytest.approx(one.stable_dt, rel=1e-12)
    for solver in (one, many):
        solver.run(2.0)
    compare(one, many)


def test_a_checkpoint_goes_on_on_one_rank(folder) -> None:
    solver = impact(WORLD)
    solver.run(1.0)
    Checkpoint(solver, folder / "c.h5").save()
    alone = impact(SELF)
    Checkpoint(alone, folder / "c.h5").restore()
    parts = alone.state["part"].numpy()
    middle = alone.elements.coordinates[alone.elements.dofs].mean(axis=1)[:, 0]
    assert np.array_equal(parts == 1, middle > 0.0)
    for run in (solver, alone):
        run.run(2.0)
    compare(alone, solver)


def test_all_ranks_refuse_alike() -> None:
    with pytest.raises(InputError, match="24 elements of the mesh are in none"):
        impact(WORLD, {"head": LAWS["head"]})
    with pytest.raises(InputError, match="no volume 'tail'"):
        impact(WORLD, {**LAWS, "tail": LAWS["head"]})
