# SPDX-License-Identifier: MIT
"""Checkpoints of earlier versions are gone on with."""

import json

import h5py
import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.io.checkpoint import Checkpoint
from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.macroscale.saving import contents
from mlms_fenics.materials import Polycrystal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate import load_model


def impact(law) -> ExplicitSolver:
    box = mesh.create_unit_cube(MPI.COMM_WORLD, 1, 1, 2, mesh.CellType.hexahedron)
    return ExplicitSolver(box, law, velocity=lambda x: -0.1 * x)


def crystals(weights=None) -> Polycrystal:
    model = load_model()
    return Polycrystal(model.law, random_orientations(3, seed=5), weights=weights, tolerance=1e-3)


def edited(path, edit) -> None:
    """Change the record of the run in a checkpoint."""
    with h5py.File(path, "r+") as file:
        record = json.loads(file["record"][()].tobytes())
        edit(record["law"])
        del file["record"]
        file["record"] = np.frombuffer(json.dumps(record).encode(), dtype=np.uint8)


def as_taylor_material(law: dict) -> None:
    assert law["class"] == "Polycrystal"
    law["class"] = "TaylorMaterial"


def without_weights(law: dict) -> None:
    del law["weights"]


@pytest.mark.parametrize(
    ("law", "edit"), [(crystals, as_taylor_material), (load_model, without_weights)]
)
def test_laws_by_their_earlier_names(law, edit, tmp_path) -> None:
    solver, again = impact(law()), impact(law())
    for _ in range(3):
        solver.step()
    saver = Checkpoint(solver, tmp_path / "run.h5")
    saver.save()
    edited(saver.path, edit)
    Checkpoint(again, saver.path).restore()
    for run in (solver, again):
        run.step()
    one, other = (contents(run.body, run.motion) for run in (solver, again))
    for name in one.cell:
        assert np.array_equal(one.cell[name], other.cell[name]), name
    assert np.array_equal(one.nodal["u"], other.nodal["u"])


def test_other_weights_are_another_run(tmp_path) -> None:
    saver = Checkpoint(impact(crystals()), tmp_path / "run.h5")
    saver.save()
    edited(saver.path, without_weights)
    with pytest.raises(InputError, match="law, weights"):
        Checkpoint(impact(crystals([0.5, 0.3, 0.2])), saver.path).restore()
