# SPDX-License-Identifier: MIT
"""Run with `mpirun -n 3 python -m mpi4py -m pytest tests/parallel/mpi/checkpoint.py`."""

import numpy as np
import pytest
from mpi4py import MPI
from scipy.spatial import cKDTree

from mlms_fenics.errors import InputError, SimulationError, Stopped
from mlms_fenics.geometry import LATERAL, cylinder_mesh
from mlms_fenics.io import Checkpoint, ElementHistory, NodeHistory, Recorder, read_history
from mlms_fenics.io import recorder as recorder_module
from mlms_fenics.io.probes import evaluate
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, RigidPlane
from mlms_fenics.macroscale.saving import contents
from mlms_fenics.materials import J2

WORLD, SELF = MPI.COMM_WORLD, MPI.COMM_SELF
MIDDLE, END = 0.3, 0.6


class Breaks(J2):
    """Fails on the last rank after some time."""

    def update(self, F, time, dt, state):
        sigma, new = super().update(F, time, dt, state)
        if time > MIDDLE and WORLD.rank == WORLD.size - 1:
            sigma[0] = np.nan
        return sigma, new


def impact(comm: MPI.Intracomm, young: float = 117.0, law: type[J2] = J2) -> ExplicitSolver:
    domain, _, facets = cylinder_mesh(comm, 1.0, 1.0, 0.25)
    return ExplicitSolver(
        domain,
        law(young=young, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93),
        velocity=(0.0, 0.0, -0.2),
        contacts=[RigidPlane()],
        constraints=[PrescribedVelocity((facets, LATERAL), 0.0, (0,))],
    )


def compare(one: ExplicitSolver, other: ExplicitSolver, tolerance: float) -> None:
    tree = cKDTree(one.elements.coordinates)
    distance, index = tree.query(other.elements.coordinates)
    assert distance.max(initial=0.0) < 1e-12
    for name in ("u", "v"):
        expected = getattr(one, name).x.array.reshape(-1, 3)
        difference = getattr(other, name).x.array.reshape(-1, 3) - expected[index]
        assert np.abs(difference).max(initial=0.0) <= tolerance * np.abs(expected).max(), name
    for name in ("kinetic", "internal", "hourglass", "viscous", "contact", "external", "initial"):
        a, b = getattr(one.energies(), name), getattr(other.energies(), name)
        assert b == pytest.approx(a, rel=max(tolerance, 1e-12)), name
    np.testing.assert_allclose(other.contact_impulse, one.contact_impulse, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("parallel", [True, False])
def test_same_ranks_bit_by_bit(folder, parallel) -> None:
    solver = impact(WORLD)
    solver.run(MIDDLE)
    Checkpoint(solver, folder / "c.h5", parallel=parallel).save()
    solver.run(END)
    again = impact(WORLD)
    Checkpoint(again, folder / "c.h5").restore()
    again.run(END)
    assert again.step_count == solver.step_count
    one, other = contents(solver.body, solver.motion), contents(again.body, again.motion)
    for part in ("nodal", "cell", "sums", "common"):
        for key, values in getattr(one, part).items():
            assert np.array_equal(values, getattr(other, part)[key]), (part, key)
    assert again.energies() == solver.energies()


def test_other_numbers_of_ranks_to_rounding(folder) -> None:
    alone, shared = impact(SELF), impact(WORLD)
    own = folder / f"alone{WORLD.rank}.h5"
    for solver, path in ((alone, own), (shared, folder / "shared.h5")):
        solver.run(MIDDLE)
        Checkpoint(solver, path).save()
    alone.run(END)
    narrowed, widened = impact(SELF), impact(WORLD)
    Checkpoint(narrowed, folder / "shared.h5").restore()
    Checkpoint(widened, folder / "alone0.h5").restore()
    compare(shared, shared, 0.0)
    compare(narrowed, shared, 0.0)
    for solver in (narrowed, widened):
        solver.run(END)
        assert solver.step_count == alone.step_count
        compare(alone, solver, 1e-9)


def test_refused_on_all_ranks_alike(folder) -> None:
    solver = impact(WORLD)
    Checkpoint(solver, folder / "c.h5").save()
    with pytest.raises(InputError, match="law, ") as caught:
        Checkpoint(impact(WORLD, young=100.0), folder / "c.h5").restore()
    with pytest.raises(InputError, match="no such file"):
        Checkpoint(solver, folder / "d.h5").restore()
    assert len(set(WORLD.allgather(str(caught.value)))) == 1


def test_a_stop_wanted_by_one_rank_stops_all_with_a_checkpoint(folder) -> None:
    solver = impact(WORLD)
    recorder = Recorder(solver, folder / "cut", name="body", end_time=END, outputs=2)
    if WORLD.rank == WORLD.size - 1:
        solver.request_stop(15)
    with pytest.raises(Stopped, match="SIGTERM"):
        recorder.run()
    assert solver.step_count == 1
    again = Recorder(
        impact(WORLD), folder / "cut", name="body", end_time=END, outputs=2,
        restart=recorder.checkpoint,
    )  # fmt: skip
    whole = Recorder(impact(WORLD), folder / "whole", name="body", end_time=END, outputs=2)
    for run in (again, whole):
        run.run()
    one, other = ((folder / name / "history.csv").read_bytes() for name in ("cut", "whole"))
    assert one == other


def test_failure_on_one_rank_leaves_the_last_good_state(folder, monkeypatch) -> None:
    monkeypatch.setattr(recorder_module, "_KEEP_EVERY", 1)
    solver = impact(WORLD, law=Breaks)
    recorder = Recorder(solver, folder, name="body", end_time=END, outputs=2)
    with pytest.raises(SimulationError, match=r"element \d+ at .*last good state") as caught:
        recorder.run()
    assert len(set(WORLD.allgather(str(caught.value)))) == 1
    good = impact(WORLD, law=Breaks)
    Checkpoint(good, recorder.checkpoint).restore()
    assert MIDDLE - 0.1 < good.time <= MIDDLE
    assert np.isfinite(good.sigma).all()
    assert read_history(folder / "history.csv")["time"][-1] <= MIDDLE


def test_histories_at_points_do_not_depend_on_the_ranks() -> None:
    values = []
    for comm in (SELF, WORLD):
        solver = impact(comm)
        probes = {
            "u": NodeHistory(solver, (0.3, 0.1, 0.9), "u", 2),
            "v": NodeHistory(solver, (0.0, 0.5, 0.0), "v", 1),
            "sigma": ElementHistory(solver, (0.0, 0.0, 0.1), lambda s: s.sigma[:, 2, 2], "GPa"),
        }
        solver.run(MIDDLE)
        values.append(evaluate(solver, probes) | {"node": probes["u"].node})
    assert values[0]["node"] == values[1].pop("node") == pytest.approx(values[0].pop("node"))
    assert values[1] == pytest.approx(values[0], rel=1e-9)
    assert all(abs(value) > 1e-4 for value in values[0].values())
