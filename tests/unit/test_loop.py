# SPDX-License-Identifier: MIT
"""The torch loop: what it waits for, its blocks of steps, failures, restarts and refusals."""

import numpy as np
import pytest
import torch
from no_waiting import no_waiting
from solver_state import assert_same, everything, impact

from mlms_fenics.device import treated_as_apart
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.loop import Loop
from mlms_fenics.loop.resident import Resident
from mlms_fenics.macroscale import RigidCylinder, symmetry_plane
from mlms_fenics.macroscale.remote import RemoteResponse, problem_of
from mlms_fenics.macroscale.saving import contents, put_back
from mlms_fenics.materials import NeoHookean
from mlms_fenics.surrogate import load_model

ELASTIC = NeoHookean(43.0, 97.0, 8.93)
PUNCH = RigidCylinder((0.5, 0.5, 0.0), (0.0, 0.0, 1.0), 0.4, 0.1, mass=3.0, friction=0.2)
KINDS = {
    "plane": {},
    "cylinder": {"contacts": [PUNCH]},
    "full": {"quadrature": "full"},
    "viscous": {"constraints": [symmetry_plane(0)]},
}


def elastic(**options):
    return impact(law=ELASTIC, **options)


def problem_at_start(solver):
    return problem_of(solver.body, solver.motion, (0.06, 1.2))


def resident_of(solver, end_time):
    """The solver's problem, from its start, in a loop of its own."""
    loop = Loop(problem_at_start(solver), ELASTIC)
    loop.deform()
    stable, _ = loop.answer(None)
    loop.push(0.0, None)
    resident = Resident(loop, end_time, 0.8, 1.0, float(stable))
    resident.begin(0.0, 0.0, float(stable))
    return loop, resident


@pytest.fixture
def in_blocks():
    """Steps are taken in blocks, as on a device of its own."""
    with treated_as_apart():
        yield


@pytest.mark.parametrize("kind", KINDS)
def test_steps_wait_for_nothing_and_are_the_same(kind, monkeypatch):
    solver = elastic(**KINDS[kind], loop="torch")
    loop, resident = resident_of(solver, 100.0)
    with no_waiting(monkeypatch):
        for _ in range(20):
            resident.step()
    for _ in range(20):
        solver.step()
    time, dt, stable, failure = resident.end()
    assert failure is None
    assert (time, dt, stable) == (solver.time, solver.dt, solver.stable_dt)
    assert np.array_equal(loop.u.T.numpy(), solver.motion.u_values)
    assert np.array_equal(loop.v.T.numpy(), solver.motion.v_values)


def test_the_law_learnt_waits_for_nothing_in_it(monkeypatch):
    # In float64 the law of many rates takes the steps of so coarse a body whole there.
    law = load_model("one-microsecond", dtype=torch.float64)
    solver = impact(law=law, loop="torch")
    loop = Loop(problem_at_start(solver), law)
    resident = Resident(loop, 100.0, 0.8, 1.0, solver.stable_dt)
    loop.push(0.0, None)
    numbers = (0.0, 0.0, solver.stable_dt)
    for _ in range(10):
        resident.begin(*numbers)  # in as many parts as the solver divides the step into
        with treated_as_apart(), no_waiting(monkeypatch):
            resident.take(1)
        *numbers, failure = resident.end()
        assert failure is None
        solver.step()
    assert numbers[0] == pytest.approx(solver.time, rel=1e-13)
    assert np.abs(loop.u.T.numpy() - solver.motion.u_values).max() < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plane", "full"])
def test_torch_makes_whole_graphs_of_it(kind):
    """Traced without a break, and the same; the kernels are those of the eager loop here."""
    solver = elastic(**KINDS[kind])
    (plain, first), (traced, second) = resident_of(solver, 100.0), resident_of(solver, 100.0)
    traced.compile(backend="aot_eager")
    first.take(3)
    second.take(3)
    assert torch.equal(plain.u, traced.u) and torch.equal(plain.force, traced.force)


def test_waiting_is_found(monkeypatch):
    loop, _ = resident_of(elastic(), 100.0)
    with no_waiting(monkeypatch), pytest.raises(AssertionError, match="wait"):
        float(loop.deform()[0])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_on_the_host(kind):
    """On the device "meta" tensors have no values, and none goes with one of a CPU."""
    law = ELASTIC.to(device="meta")
    loop = Loop(problem_at_start(elastic(**KINDS[kind])), law, "meta")
    loop.push(0.0, None)
    resident = Resident(loop, 1.0, 0.8, 1.0, 0.1)
    resident.begin(0.0, 0.0, 0.1)
    for _ in range(2):
        resident.step()
    assert loop.u.device.type == "meta"
    with pytest.raises(NotImplementedError, match="meta tensor"):
        resident.end()


def test_a_run_in_blocks_is_one_of_steps(in_blocks, monkeypatch):
    solver, reference = elastic(loop="torch"), elastic()
    blocks = []
    plain = RemoteResponse.advance

    def advance(self, steps, *rest):
        blocks.append(steps)
        return plain(self, steps, *rest)

    monkeypatch.setattr(RemoteResponse, "advance", advance)
    for end_time in (3.0, 8.0):
        solver.run(end_time)
        reference.run(end_time)
    assert solver.time == 8.0
    assert solver.step_count == reference.step_count > sum(blocks) > 0.8 * solver.step_count
    assert np.abs(solver.motion.u_values - reference.motion.u_values).max() < 1e-12


@pytest.mark.parametrize("how", ["steps", "steps apart", "blocks"])
def test_inverted_elements_are_told_alike(how, request):
    def message(**loop):
        solver = elastic(**loop)
        motion = solver.motion
        motion.v_values[:, 2] = np.where(solver.elements.coordinates[:, 2] > 1.5, -9.0, 0.0)
        motion.edits += 1
        callback = (lambda _: None) if "steps" in how else None
        with pytest.raises(SimulationError) as caught:
            solver.run(20.0, callback)
        return str(caught.value)

    expected = message()
    if how != "steps":
        request.getfixturevalue("in_blocks")
    found = message(loop="torch")
    where, told = expected.split(", time")[0], expected.split(": det F")[1]
    assert where.split(" at ")[0] in found
    assert how == "blocks" or told in found


def test_a_restart_goes_on_bit_by_bit():
    options = {"contacts": [PUNCH], "constraints": [symmetry_plane(0)], "loop": "torch"}
    solver, other = impact(**options), impact(**options)
    for _ in range(30):
        solver.step()
    put_back(other.body, other.motion, contents(solver.body, solver.motion).copy())
    for _ in range(30):
        solver.step()
        other.step()
    assert_same(other, everything(solver))


def test_a_compiled_run_goes_on_in_torch():
    solver, other = impact(), impact(loop="torch")
    for _ in range(30):
        solver.step()
    put_back(other.body, other.motion, contents(solver.body, solver.motion).copy())
    for _ in range(10):
        solver.step()
        other.step()
    assert np.abs(solver.motion.u_values - other.motion.u_values).max() < 1e-13


@pytest.mark.parametrize(("options", "message"), [
    ({"loop": "fortran"}, "loop is 'fortran', but must be one of compiled, torch"),
    ({"loop": "torch", "assembly": "dolfinx"}, "the torch loop has its own"),
    ({"device": "abacus"}, "must be cpu, cuda"),
    ({"device": "cuda:99"}, "cannot be used here"),
])  # fmt: skip
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        elastic(**options)
