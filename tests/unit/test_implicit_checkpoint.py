# SPDX-License-Identifier: MIT
"""An implicit run is recorded, stopped and gone on with as an explicit one."""

import json

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI
from solver_state import assert_same, everything

from mlms_fenics.errors import InputError
from mlms_fenics.io import Checkpoint, Recorder
from mlms_fenics.macroscale import (
    HHT,
    ImplicitSolver,
    PrescribedDisplacement,
    PrescribedVelocity,
    RigidPlane,
    Steps,
)
from mlms_fenics.materials import J2

COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)


def pressed(**changes) -> ImplicitSolver:
    domain = mesh.create_unit_cube(MPI.COMM_SELF, 2, 2, 2, mesh.CellType.hexahedron)
    given = {
        "steps": Steps(0.1, largest=0.2),
        "constraints": [
            PrescribedVelocity(lambda x: np.isclose(x[2], 0.0)),
            PrescribedDisplacement(lambda x: np.isclose(x[0], 0.0), lambda t: 0.02 * t,
                                   components=(0,)),
        ],
        "contacts": [RigidPlane((0, 0, 1), (0, 0, -1), velocity=0.05, friction=0.1)],
        **changes,
    }  # fmt: skip
    return ImplicitSolver(domain, COPPER, **given)


@pytest.mark.parametrize("dynamics", [None, HHT(-0.1)])
def test_restart_is_bit_identical(tmp_path, dynamics: HHT | None) -> None:
    solver, saved = pressed(dynamics=dynamics), {}

    def after_step(s: ImplicitSolver) -> None:
        if s.step_count in (1, 3):
            Checkpoint(s, tmp_path / f"{s.step_count}.h5").save()
            saved[tmp_path / f"{s.step_count}.h5"] = everything(s)

    solver.run(1.0, after_step)
    assert len(saved) == 2 and solver.step_count > 4
    for path, state in saved.items():
        again = pressed(dynamics=dynamics)
        Checkpoint(again, path).restore()
        assert_same(again, state)
        again.run(1.0)
        assert_same(again, everything(solver))
        assert again.energies() == solver.energies()
    with pytest.raises(InputError, match="tolerance"):
        Checkpoint(pressed(dynamics=dynamics, tolerance=1e-6), path).restore()


def test_recorder_writes_fields_history_and_checkpoints(tmp_path) -> None:
    solver = pressed()
    recorder = Recorder(
        solver, tmp_path, name="pressed", end_time=1.0, outputs=2, rows=10, checkpoint_every=2
    )
    recorder.run()
    assert (tmp_path / "pressed.xdmf").exists() and (tmp_path / "checkpoint.h5").exists()
    assert len(recorder.snapshots) == 2
    history = recorder.history
    assert history["time"][-1] == 1.0 and len(history["time"]) > 4
    assert history["contact_force_z"][-1] == pytest.approx(solver.contact_force[2])
    assert history["internal"][-1] == pytest.approx(
        history["contact"][-1] + history["external"][-1], rel=1e-5
    )
    assert set(recorder.seconds) >= {"law", "matrix", "linear", "output", "total"}
    json.dumps(recorder.seconds)


def test_a_requested_stop_ends_the_run() -> None:
    solver = pressed()
    solver.run(1.0, lambda s: s.request_stop(3))
    assert solver.stop == 3 and solver.step_count == 2
