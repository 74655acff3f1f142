# SPDX-License-Identifier: MIT
"""What is said and recorded of a run: summary, command line, progress, probes, trust, recorder."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from dolfinx import mesh
from mpi4py import MPI
from xdmf_reading import read_grids

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.io import Checkpoint, Recorder, Summary, read_history
from mlms_fenics.io.command import Parser
from mlms_fenics.io.front import FrontTracker
from mlms_fenics.io.probes import ContactForce, FootRadius, Length, evaluate
from mlms_fenics.io.report import add_run
from mlms_fenics.macroscale import ExplicitSolver, RigidPlane
from mlms_fenics.materials import NeoHookean
from mlms_fenics.progress import Progress

COMM = MPI.COMM_SELF


class WithDistance(NeoHookean):
    """An elastic law that says a point is as far from its data as it has moved in time."""

    def initial_state(self, n):
        return {"distance": torch.zeros(n, dtype=torch.float64)}

    def update(self, F, time, dt, state):
        sigma, _ = super().update(F, time, dt, {})
        rank = torch.linspace(0.0, 1.0, len(F), dtype=torch.float64)
        return sigma, {"distance": 4.0 * time * rank}

    def fields(self, state):
        return state


def block_solver(law=None, speed=0.01, layers=8):
    block = mesh.create_box(
        COMM, [[-0.5, -0.5, 0], [0.5, 0.5, 2.0]], [2, 2, layers], mesh.CellType.hexahedron
    )
    law = law or NeoHookean(25.0, 48.0, 10.0)
    plane = RigidPlane(point=(0, 0, 0), normal=(0, 0, 1))
    return ExplicitSolver(block, law, velocity=(0, 0, -speed), contacts=[plane])


def test_summary_shows_and_saves(tmp_path):
    summary = Summary()
    summary.add("Run", "steps", 12345)
    summary.add("Run", "time", 1.23456789, "us")
    summary.add("Run", "place", [1.0, 2.5], "mm")
    summary.add("End", "ratio", math.nan)
    summary.add("End", "count", np.int64(3))
    lines = summary.text().splitlines()
    assert lines[0] == "Run" and "12,345" in lines[1] and lines[2].endswith("1.235 us")
    summary.save(tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text()) == {
        "Run": {"steps": 12345, "time [us]": 1.23456789, "place [mm]": [1.0, 2.5]},
        "End": {"ratio": None, "count": 3},
    }
    with pytest.raises(InputError, match="cannot write"):
        summary.save(tmp_path / "no" / "s.json")


@pytest.mark.parametrize("rank", [0, 1])
def test_parser_speaks_on_one_rank_and_fails_on_all(capsys, rank):
    parser = Parser(rank, prog="demo")
    parser.add_argument("--number", type=int)
    with pytest.raises(InputError, match="number"):
        parser.parse_args(["--number", "x"])
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--help"])
    assert ended.value.code == 0
    assert ("--number" in capsys.readouterr().out) is (rank == 0)


@pytest.mark.parametrize("shown", [True, False])
def test_progress_lines(capsys, shown):
    progress = Progress(2.0, "µs", shown, every=0.0)
    progress.show(0.5, "step 10")
    progress.close()
    text = capsys.readouterr().err
    assert ("0.5/2 µs, step 10" in text and "left" in text) is shown


def test_probes_see_the_deformed_body():
    solver = block_solver()
    probes = {"length": Length(), "radius": FootRadius(solver), "force": ContactForce(2)}
    assert evaluate(solver, {}) == {}
    at_rest = {"length": 2.0, "radius": 0.5 * 2**0.5, "force": 0.0}
    assert evaluate(solver, probes) == pytest.approx(at_rest)
    X = solver.elements.coordinates
    u = solver.u.x.array.reshape(-1, 3)
    u[:, 2] = -0.25 * X[:, 2] + 1.0
    u[:, 0] = np.where(X[:, 2] < 0.1, 0.2 * X[:, 0], 5.0 * X[:, 0])
    solver.contacts[0].force[:] = (1.0, 2.0, 3.0)
    deformed = {"length": 1.5, "radius": np.hypot(0.6, 0.5), "force": 3.0}
    assert evaluate(solver, probes) == pytest.approx(deformed)


def test_front_tracker_measures_a_prescribed_front():
    solver = block_solver(layers=40)
    z = solver.elements.coordinates[:, 2]
    tracker = FrontTracker(40, 2.0, 0.01)
    speed, width = 2.5, 0.08
    v = solver.v.x.array.reshape(-1, 3)
    fake = SimpleNamespace(elements=solver.elements, v=solver.v, comm=COMM, dt=0.02, time=0.0)
    for k in range(60):
        fake.time = 0.02 * k
        front = speed * (fake.time - 0.5 * fake.dt)
        v[:, 2] = -0.01 * 0.5 * (1.0 + np.tanh((z - front) / width))
        seen = evaluate(fake, {"front": tracker})["front"]
        assert math.isnan(seen) or seen == pytest.approx(front, abs=0.01)
    assert tracker.speed_measured() == pytest.approx(speed, rel=2e-3)
    assert math.isnan(FrontTracker(40, 2.0, 0.01).speed_measured())


def test_recorder_writes_everything(tmp_path):
    solver = block_solver(WithDistance(25.0, 48.0, 10.0))
    recorder = Recorder(
        solver, tmp_path, name="block", end_time=0.5, outputs=4, rows=20, keep=2,
        probes={"length": Length()},
    )  # fmt: skip
    recorder.run()
    grids = read_grids(tmp_path / "block.xdmf")
    np.testing.assert_allclose([g[0] for g in grids], [0, 0.125, 0.25, 0.375, 0.5], atol=1e-12)
    for _, body, nodal, cell in grids:
        assert set(nodal) == {"u", "v"}
        assert set(cell) == {"sigma", "sigma_M", "e_d", "e_v", "distance"}
        # The measures once more, from the file's own displacement and stress.
        deviator = cell["sigma"] - np.trace(cell["sigma"], axis1=1, axis2=2)[:, None, None] / 3 * (
            np.eye(3)
        )
        mises = np.sqrt(1.5 * np.einsum("nij,nij->n", deviator, deviator))
        np.testing.assert_allclose(cell["sigma_M"], mises, atol=1e-12)
        before = body.compute_cell_sizes()["Volume"]
        body.points = np.asarray(body.points) + nodal["u"]
        after = body.compute_cell_sizes()["Volume"]
        # The one-point rule's det F is the volume's to second order in the hourglass modes.
        np.testing.assert_allclose(cell["e_v"], after / before - 1.0, atol=2e-5)
    table = read_history(tmp_path / "history.csv")
    assert table["time"][0] == 0.0 and table["time"][-1] == 0.5
    assert (np.diff(table["time"]) > 0).all() and len(table["time"]) >= 5
    gained = table["contact"] + table["external"] + 0.5 * 20.0 * 0.01**2
    held = table["kinetic"] + table["internal"] + table["hourglass"] + table["viscous"]
    scale = np.maximum(table["kinetic"] + table["internal"], 0.5 * 20.0 * 0.01**2)
    np.testing.assert_allclose(table["balance"], (held - gained) / scale, atol=1e-10)
    assert table["length"][-1] == pytest.approx(np.ptp(body.points[:, 2]), rel=1e-12)
    assert [t for t, _ in recorder.snapshots] == pytest.approx([0.25, 0.5])
    # Cells whose rank / 31 exceeds 1 / (4 · 0.5) are outside.
    assert table["outside_training"][-1] == pytest.approx(0.5)
    assert table["max_distance"][-1] == pytest.approx(2.0)
    # The distance of the farthest cell is 4 t: it crosses 1 between two rows.
    crossed = int(np.argmax(table["time"] > 0.25))
    assert recorder.trust.first == pytest.approx(table["time"][crossed])
    summary = Summary()
    add_run(summary, recorder)
    saved = summary.as_dict()
    assert saved["Run"]["steps"] == solver.step_count
    assert saved["Run"]["elements"] == 32
    energy = saved["Energy"]
    assert energy["initial kinetic [J]"] == pytest.approx(0.5 * 20.0 * 0.01**2)
    spent = recorder.seconds
    assert spent["total"] == pytest.approx(sum(v for k, v in spent.items() if k != "total"))
    assert min(spent.values()) >= 0.0


def test_failed_run_says_where_its_outputs_are(tmp_path):
    class Breaks(NeoHookean):
        def update(self, F, time, dt, state):
            sigma, state = super().update(F, time, dt, state)
            return (sigma * math.nan if time > 0.3 else sigma), state

    solver = block_solver(Breaks(25.0, 48.0, 10.0))
    recorder = Recorder(solver, tmp_path, name="block", end_time=0.5, outputs=4)
    with pytest.raises(SimulationError, match=r"not finite.*last good state.*outputs up to then"):
        recorder.run()
    grids = read_grids(tmp_path / "block.xdmf")
    assert len(grids) == 3 and np.isfinite(grids[-1][3]["sigma"]).all()
    again = block_solver(Breaks(25.0, 48.0, 10.0))
    Checkpoint(again, recorder.checkpoint).restore()
    assert again.time < 0.3 and np.isfinite(again.sigma).all()


def test_recorder_refuses_nonsense(tmp_path):
    solver = block_solver()
    for bad in ({"outputs": 0}, {"rows": 0}):
        with pytest.raises(InputError, match="at least 1"):
            Recorder(solver, tmp_path, name="block", end_time=0.5, **bad)
