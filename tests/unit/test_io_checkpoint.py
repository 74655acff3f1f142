# SPDX-License-Identifier: MIT
"""Checkpoints: bit-identical restart, refusals, and what a killed or failed writer leaves."""

import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import solver_state
from dolfinx import mesh
from mpi4py import MPI
from solver_state import COPPER, assert_same, everything, impact

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.io import Checkpoint
from mlms_fenics.macroscale import (
    BodyForce,
    ExplicitSolver,
    Hourglass,
    PrescribedVelocity,
    RigidCylinder,
    RigidPlane,
    Traction,
)
from mlms_fenics.materials import J2, NeoHookean

COMM = MPI.COMM_SELF
END = 1.5
HELPERS = os.path.dirname(solver_state.__file__)  # so that processes find them


@pytest.mark.parametrize("parallel", [True, False])
def test_restart_from_any_step_is_bit_identical(tmp_path, parallel):
    solver, saved, steps = impact(), {}, (1, 7, 20)
    assert np.abs(solver.u.x.array).max() == 0.0

    def after_step(s):
        if s.step_count in steps:
            path = tmp_path / f"{s.step_count}.h5"
            Checkpoint(s, path, parallel=parallel).save()
            saved[path] = everything(s)

    solver.run(END, after_step)
    assert len(saved) == 3 and solver.step_count > 25
    assert solver.state["plastic_strain"].max() > 0.01
    assert solver.contact_impulse[2] > 0.0
    for path, state in saved.items():
        again = impact()
        Checkpoint(again, path).restore()
        assert_same(again, state)
        again.run(END)
        assert_same(again, everything(solver))
        assert again.energies() == solver.energies()


def test_a_restored_run_ends_as_one_that_was_not_interrupted_with_history(tmp_path):
    solver = impact()
    solver.run(0.5)
    Checkpoint(solver, tmp_path / "c.h5").save()
    before = everything(solver)
    solver.run(END)
    # Into a solver that has already gone elsewhere.
    used = impact()
    used.run(0.9)
    Checkpoint(used, tmp_path / "c.h5").restore()
    assert_same(used, before)
    used.run(END)
    assert_same(used, everything(solver))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"copper": {"young": 110.0}}, "law, shear_modulus: 43.3.* then, 40.7.* now"),
        ({"law": NeoHookean(43.0, 130.0, 8.93)}, "law, class: J2 then, NeoHookean now"),
        ({"safety": 0.7}, "settings, safety: 0.8 then, 0.7 now"),
        ({"hourglass": Hourglass("elastic")}, "settings, hourglass, form: secant then, elastic"),
        ({"contacts": []}, "settings, contacts"),
        ({"contacts": [RigidPlane((0, 0, -0.1))]}, "settings, contacts 0, point 2: 0.0 then, -0.1"),
        ({"divisions": (3, 3, 5)}, "mesh, elements: 54 then, 45 now"),
        ({"divisions": (3, 6, 3)}, "another mesh"),
        ({"stretch": 0.01}, "another mesh"),
    ],
)
def test_another_run_is_refused_by_name(tmp_path, changes, words):
    solver = impact()
    solver.run(0.2)
    Checkpoint(solver, tmp_path / "c.h5").save()
    other = impact(**changes)
    before = everything(other)
    with pytest.raises(InputError, match=words):
        Checkpoint(other, tmp_path / "c.h5").restore()
    assert_same(other, before)


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    solver = impact()
    checkpoint = Checkpoint(solver, tmp_path / "c.h5")
    with pytest.raises(InputError, match="no such file"):
        checkpoint.restore()
    (tmp_path / "c.h5").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="not a whole HDF5 file"):
        checkpoint.restore()
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["u"] = [1.0]
    with pytest.raises(InputError, match="no checkpoint of this package"):
        checkpoint.restore()
    checkpoint.save()
    with h5py.File(tmp_path / "c.h5", "a") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(InputError, match="version 99"):
        checkpoint.restore()
    checkpoint.save()
    with h5py.File(tmp_path / "c.h5", "a") as file:
        del file["cell/F"]
    with pytest.raises(InputError, match="lacks 'cell/F'"):
        checkpoint.restore()


def loaded(cell, options):
    """A block between a projectile with friction and a held end, pulled aside and heavy."""
    domain = mesh.create_box(COMM, [[0, 0, 0], [1, 1, 2]], (2, 2, 4), cell)
    side = mesh.locate_entities_boundary(domain, 2, lambda x: np.isclose(x[0], 1.0))
    tags = mesh.meshtags(domain, 2, side, np.full(len(side), 3, dtype=np.int32))
    return ExplicitSolver(
        domain,
        J2(**COPPER),
        contacts=[
            RigidCylinder((0.5, 0.5, 2.01), (0, 0, -1), 0.8, velocity=0.3, mass=5.0, friction=0.2)
        ],
        constraints=[PrescribedVelocity(lambda x: np.isclose(x[2], 0.0))],
        loads=[Traction((tags, 3), lambda t: (0.1 * t, 0.0, 0.0)), BodyForce((0.0, 1e-3, 0.0))],
        **options,
    )


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        (mesh.CellType.hexahedron, {"hourglass": Hourglass("viscous", 0.1)}),
        (mesh.CellType.hexahedron, {"quadrature": "full"}),
        (mesh.CellType.tetrahedron, {}),
        (mesh.CellType.tetrahedron, {"degree": 2}),
    ],
)
def test_every_element_contact_and_load(tmp_path, cell, options):
    solver = loaded(cell, options)
    solver.run(0.5)
    Checkpoint(solver, tmp_path / "c.h5").save()
    again = loaded(cell, options)
    Checkpoint(again, tmp_path / "c.h5").restore()
    assert_same(again, everything(solver))
    for s in (solver, again):
        s.run(0.8)
    assert_same(again, everything(solver))
    assert 0.0 < solver.contacts[0].velocity < 0.3
    assert np.abs(solver.contacts[0].impulse[:2]).max() > 0.0 and solver.loads[0].work > 0.0
    assert again.energies() == solver.energies()


KILLED = """
from solver_state import impact

from mlms_fenics.io import Checkpoint

solver = impact()
solver.run(0.2)
checkpoint = Checkpoint(solver, {path!r})
while True:
    checkpoint.save()
    print("saved", flush=True)
"""


def test_killed_while_writing_leaves_the_previous_one(tmp_path):
    path = tmp_path / "c.h5"
    code = KILLED.format(path=str(path))
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=HELPERS,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout.readline() == "saved\n"
        beside = path.with_name(".c.h5.part")
        deadline = time.monotonic() + 20.0
        # Stopped first, so that the kill meets it with a file half written.
        while time.monotonic() < deadline:
            os.kill(process.pid, signal.SIGSTOP)
            if beside.exists():
                break
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.001)
        assert beside.exists()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL and beside.exists()
    again, reference = impact(), impact()
    Checkpoint(again, path).restore()
    reference.run(0.2)
    assert_same(again, everything(reference))
    Checkpoint(again, path).save()
    assert not beside.exists()


@pytest.mark.slow
def test_a_full_disk_leaves_the_previous_one(tmp_path):
    code = f"""
import resource, signal
from solver_state import impact

from mlms_fenics.errors import SimulationError
from mlms_fenics.io import Checkpoint

for parallel in (True, False):
    solver = impact()
    solver.run(0.2)
    checkpoint = Checkpoint(solver, {str(tmp_path / "c.h5")!r}, parallel=parallel)
    checkpoint.save()
    solver.run(0.4)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        checkpoint.save()
    except SimulationError as error:
        print("refused:", error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=HELPERS, capture_output=True, text=True)
    assert done.stdout.count("refused: no room") == 2, done.stdout + done.stderr
    again, reference = impact(), impact()
    Checkpoint(again, tmp_path / "c.h5").restore()
    reference.run(0.2)
    assert_same(again, everything(reference))
    with pytest.raises(SimulationError, match="writing"):
        target = tmp_path / "d.h5"
        checkpoint = Checkpoint(again, target)
        target.mkdir()
        (target / "x").write_text("in the way")
        checkpoint.save()
