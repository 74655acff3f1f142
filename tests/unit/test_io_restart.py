# SPDX-License-Identifier: MIT
"""Runs that end early and are gone on with: signals, wall time, failures, output schedules."""

import itertools
import math
import os
import signal

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI
from xdmf_reading import read_grids

from mlms_fenics.errors import InputError, Stopped
from mlms_fenics.errors import SimulationError as Failed
from mlms_fenics.io import Checkpoint, Recorder, read_history, stopping
from mlms_fenics.io import recorder as recorder_module
from mlms_fenics.io.front import FrontTracker
from mlms_fenics.io.probes import Length, Probe
from mlms_fenics.io.recorder import output_times
from mlms_fenics.macroscale import ExplicitSolver, RigidPlane
from mlms_fenics.materials import J2, NeoHookean

COMM = MPI.COMM_SELF
END = 1.0


def copper_block(law=None):
    block = mesh.create_box(
        COMM, [[-0.5, -0.5, 0], [0.5, 0.5, 2.0]], [2, 2, 8], mesh.CellType.hexahedron
    )
    law = law or J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
    return ExplicitSolver(block, law, velocity=(0, 0, -0.2), contacts=[RigidPlane()])


class At(Probe):
    """Calls a function once the given time is reached."""

    def __init__(self, time, call):
        self.time, self.call = time, call

    def value(self, solver, sums, maxima):
        if solver.time >= self.time and self.call is not None:
            self.call()
            self.call = None
        return 0.0


def make(folder, *, at=None, law=None, **options):
    probes = {"length": Length(), "front": FrontTracker(8, 2.0, 0.2), "at": at or At(9.0, None)}
    options = {"outputs": 5, "rows": 30, "keep": 5, **options}
    return Recorder(copper_block(law), folder, name="block", end_time=END, probes=probes, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    recorder = make(tmp_path_factory.mktemp("whole"))
    recorder.run()
    return recorder


def assert_as_whole(recorder, whole):
    for name in ("history.csv", "block.xdmf"):
        assert (recorder.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    grids = [read_grids(r.folder / "block.xdmf") for r in (recorder, whole)]
    for (t, _, nodal, cell), (t0, _, nodal0, cell0) in zip(*grids, strict=True):
        assert t == t0
        for fields, expected in ((nodal, nodal0), (cell, cell0)):
            assert fields.keys() == expected.keys()
            assert all(np.array_equal(fields[key], expected[key]) for key in fields)
    assert len(recorder.snapshots) == len(whole.snapshots) == 5
    for (t, body), (t0, body0) in zip(recorder.snapshots, whole.snapshots, strict=True):
        assert t == t0
        for part in ("points", "connectivity"):
            assert np.array_equal(getattr(body, part), getattr(body0, part))
        assert np.array_equal(body.nodal["u"], body0.nodal["u"])
        assert all(np.array_equal(body.cell[key], body0.cell[key]) for key in body0.cell)
    assert recorder.energies == whole.energies
    fronts = [r._probes["front"] for r in (recorder, whole)]
    assert fronts[0].times == fronts[1].times and len(fronts[0].times) > 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_the_run_with_a_checkpoint_and_nothing_is_lost(tmp_path, whole, number):
    before = signal.getsignal(number)
    recorder = make(tmp_path, at=At(0.5, lambda: os.kill(os.getpid(), number)))
    with pytest.raises(Stopped, match=rf"stopped at 0\.5.*{number.name}.*restart") as stopped:
        recorder.run()
    assert stopped.value.status == 4
    assert signal.getsignal(number) == before
    assert len(read_grids(tmp_path / "block.xdmf")) == 3
    again = make(tmp_path, restart=recorder.checkpoint)
    assert again.solver.time == recorder.solver.time
    again.run()
    assert_as_whole(again, whole)


def test_what_was_written_after_the_checkpoint_is_replaced(tmp_path, whole):
    # As if it had been killed at 0.9 µs: an output and rows beyond the checkpoint are there.
    def kill():
        raise KeyboardInterrupt

    recorder = make(tmp_path, at=At(0.9, kill), checkpoint_every=20)
    with pytest.raises(KeyboardInterrupt):
        recorder.run()
    with open(tmp_path / "history.csv", "a") as file:
        file.write("0.95,0.0")
    again = make(tmp_path, restart=recorder.checkpoint, checkpoint_every=20)
    assert again.solver.step_count % 20 == 0 and 0.0 < again.solver.time < 0.9
    again.run()
    assert_as_whole(again, whole)


def test_wall_time_in_many_pieces(tmp_path, whole, monkeypatch):
    ticks = itertools.count()  # a clock of its own: a busy machine changes nothing
    monkeypatch.setattr(stopping, "perf_counter", lambda: 0.004 * next(ticks))
    recorder, pieces, restart = None, 0, None
    while pieces < 200:
        recorder = make(tmp_path, wall_time=0.02, restart=restart)
        try:
            recorder.run()
            break
        except Stopped as stopped:
            assert "the wall time is over" in str(stopped)
            pieces, restart = pieces + 1, recorder.checkpoint
    assert pieces >= 2
    assert_as_whole(recorder, whole)


def test_restart_into_another_folder_starts_new_files(tmp_path, whole):
    recorder = make(tmp_path / "a", at=At(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    with pytest.raises(Stopped):
        recorder.run()
    again = make(tmp_path / "b", restart=recorder.checkpoint)
    again.run()
    rows, expected = (read_history(r.folder / "history.csv") for r in (again, whole))
    assert (
        rows["time"][0] == recorder.solver.time and rows["kinetic"][-1] == expected["kinetic"][-1]
    )
    with pytest.raises(InputError, match="nothing is left to do"):
        Checkpoint(again.solver, tmp_path / "end.h5").save()
        make(tmp_path / "c", restart=tmp_path / "end.h5")


class Breaks(NeoHookean):
    def update(self, F, time, dt, state):
        sigma, state = super().update(F, time, dt, state)
        if time > 0.3:
            sigma[7] = math.nan
        return sigma, state


def test_a_failure_leaves_the_last_good_state(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "_KEEP_EVERY", 1)
    recorder = make(tmp_path, law=Breaks(43.0, 130.0, 8.93))
    words = r"element \d+ at \(.*\) mm, time 0\.3.*not finite.*Likely causes.*last good state"
    with pytest.raises(Failed, match=words) as failed:
        recorder.run()
    assert failed.value.status == 3
    time, _, nodal, cell = read_grids(tmp_path / "block.xdmf")[-1]
    assert 0.25 < time <= 0.3
    assert all(np.isfinite(values).all() for values in (*nodal.values(), *cell.values()))
    again = copper_block(Breaks(43.0, 130.0, 8.93))
    Checkpoint(again, recorder.checkpoint).restore()
    assert again.time == time


def test_outputs_by_time_and_by_steps(tmp_path):
    recorder = make(tmp_path, every=0.3)
    recorder.run()
    times = [grid[0] for grid in read_grids(tmp_path / "block.xdmf")]
    np.testing.assert_allclose(times, [0.0, 0.3, 0.6, 0.9, 1.0], rtol=1e-14)
    by_steps = make(tmp_path, every_steps=25)
    by_steps.run()
    steps = by_steps.solver.step_count
    assert len(read_grids(tmp_path / "block.xdmf")) == 1 + steps // 25 + (steps % 25 > 0)
    assert output_times(1.0, 4, None, None) == [0.25, 0.5, 0.75, 1.0]
    assert output_times(1.0, 4, 0.5, None) == [0.5, 1.0]
    for bad in ({"every": 0.0}, {"every": math.nan}, {"every_steps": 0}, {"wall_time": 0.0},
                {"every": 0.1, "every_steps": 3}, {"checkpoint_every": -1}):  # fmt: skip
        with pytest.raises(InputError):
            make(tmp_path, **bad)


def test_files_of_another_run_are_not_gone_on_with(tmp_path):
    recorder = make(tmp_path, at=At(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    with pytest.raises(Stopped):
        recorder.run()
    with pytest.raises(InputError, match=r"holds float64.*float32"):
        make(tmp_path, restart=recorder.checkpoint, dtype=np.float32)
    (tmp_path / "history.csv").write_text("time,other\n")
    with pytest.raises(InputError, match="other columns"):
        make(tmp_path, restart=recorder.checkpoint)
