# SPDX-License-Identifier: MIT
"""The answer of a body by the torch loop: its arrays on a device, host and device kept alike."""

from math import inf
from typing import Any

import numpy as np
import torch
from mpi4py import MPI

from mlms_fenics.device import at_hand, chosen
from mlms_fenics.errors import require
from mlms_fenics.loop import Loop, Problem
from mlms_fenics.loop.exchange import Ranks
from mlms_fenics.loop.resident import Failure, Resident
from mlms_fenics.macroscale import diagnosis
from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.exchange import NodeExchange
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.macroscale.stopwatch import Stopwatch
from mlms_fenics.materials import Material
from mlms_fenics.parallel import on_every_rank

LOOPS = ("compiled", "torch")


def problem_of(body: Body, motion: Motion, viscosity: tuple[float, float]) -> Problem:
    """The problem of a body that starts as it moves at present, as arrays of this rank.

    Args:
        body: whose.
        motion: of it.
        viscosity: linear and quadratic coefficient of the bulk viscosity.
    """
    e = body.elements
    return Problem(
        cell=e.cell,
        per_cell=e.per_cell,
        mean_dilatation=e.mean_dilatation,
        axisymmetric=e.axisymmetric,
        owned=body.owned,
        viscosity=(float(viscosity[0]), float(viscosity[1])),
        coordinates=e.coordinates,
        velocity=motion.v_values.copy(),
        dofs=e.dofs,
        gradients=e.gradients,
        metric=e.metric,
        volume=e.volume,
        shares=e.shares,
        hourglass=None if body.hourglass is None else body.hourglass.data(),
        contacts=[contact.data() for contact in body.contacts],
        held=[constraint.data() for constraint in body.constraints],
        loads=[load.data() for load in body.loads],
    )


class RemoteResponse:
    """As `Response`, by a `Loop` (the constructor is collective).

    Args:
        body: of the law.
        motion: of the body, with its first velocity; what is in it is used when it was set anew
            (`Motion.edits`), and is brought up to the present by `fetch`.
        material: the law.
        viscosity: linear and quadratic coefficient of the bulk viscosity.
        device: of the loop.
        stopwatch: as of `Response`.

    Attributes:
        motion: of the body; its numbers are always of the present.
    """

    def __init__(
        self,
        body: Body,
        motion: Motion,
        material: Material,
        viscosity: tuple[float, float],
        device: torch.device,
        stopwatch: Stopwatch,
    ) -> None:
        self._body, self.motion, self._watch = body, motion, stopwatch
        exchange = NodeExchange(body.elements.space)
        ranks = Ranks(body.comm, exchange.ghosts, exchange.shared, device)
        problem, moduli = problem_of(body, motion, viscosity), body.moduli
        of_cells = (moduli.density, moduli.bulk, moduli.shear)
        state = {name: values.clone() for name, values in motion.state.items()}
        self.loop = Loop(problem, material, device, ranks, of_cells, state)
        self._taken = motion.edits
        self._stale = True
        self._resident: tuple[tuple[float, ...], Resident] | None = None

    def move(self, dt: float) -> None:
        """Velocities and displacements over a step of `dt` µs from the motion's time."""
        self.take_up()
        motion = self.motion
        self._stale = True
        self.loop.move(0.5 * (motion.dt + dt), dt, motion.time)
        self._watch.lap("contact")

    def stress(self, dt: float) -> tuple[float, Exception | None]:
        """See `Response.stress`."""
        loop, lap = self.loop, self._watch.lap
        self._stale = True
        determinant = loop.deform()
        lap("kinematics")
        failure: Exception | None = None
        if at_hand(loop.device):  # a law on a GPU says nothing of what it cannot take
            failure = self._inverted(*_looked_at(*determinant))
        if failure is None and dt > 0.0:
            failure = self._ask_law(dt)
        lap("law")
        stable = inf
        if failure is None:
            lowest, where, stable, point = _looked_at(*determinant, *loop.answer(dt or None))
            failure = self._inverted(lowest, where)
            if failure is None and point >= 0:
                failure = self._failure(Failure("stress", int(point)))
        lap("stress")
        return stable, failure

    def _inverted(self, lowest: float, where: float) -> Exception | None:
        if not len(self._body.elements.dofs) or 0.0 < lowest < inf:
            return None
        return self._failure(Failure("determinant", int(where), lowest))

    def _ask_law(self, dt: float) -> Exception | None:
        if not len(self._body.elements.dofs):
            return None
        try:
            self.loop.ask_law(self.motion.time, dt)
        except Exception as error:  # handed to all ranks by who called
            failure = diagnosis.law_failure(
                self._body, self.motion, None, f"the material law failed: {error}"
            )
            failure.__cause__ = error
            return failure
        return None

    def forces(self, dt: float) -> None:
        """See `Response.forces`."""
        self.loop.push(self.motion.time, dt or None)
        self._watch.lap("assembly")

    def _failure(self, found: Failure) -> Exception:
        motion = self.present()
        if found.kind == "determinant":
            return diagnosis.inverted(self._body, motion, found.point, found.value)
        return diagnosis.not_finite(self._body, motion, found.point)

    def advance(self, steps: int, end_time: float, safety: float, share: float) -> None:
        """Take so many steps towards `end_time`, µs, without a look at any number on the way.

        The loop must be `resident`, and `end_time` at least twice as far as these steps reach at
        their present length.

        Args:
            steps: how many.
            end_time: of the run, µs.
            safety: step over stable step.
            share: of the step that the law's moduli allow; in the motion's stable step.

        Raises:
            SimulationError: as of `ExplicitSolver.step`, at the end of the steps.
        """
        self.take_up()
        motion = self.motion
        start = self._watch.start()
        given = (end_time, safety, share, motion.first_dt)
        if self._resident is None or self._resident[0] != given:
            self._resident = given, Resident(self.loop, *given)
        resident = self._resident[1]
        resident.begin(motion.time, motion.dt, motion.stable_dt)
        resident.take(steps)
        self._stale = True
        motion.time, motion.dt, motion.stable_dt, failure = resident.end()
        motion.step_count += steps
        self._watch.seconds["total"] += self._watch.clock() - start
        if failure is not None and failure.kind == "collapse":
            motion.stable_dt = failure.value
            diagnosis.refuse_collapse(self._body, self.present())
        if failure is not None:
            raise self._failure(failure)

    def take_up(self) -> None:
        """Bring what was set in the host's motion to the device, if any was."""
        motion, loop = self.motion, self.loop
        if self._taken == motion.edits:
            return
        _put(loop.u, motion.u_values.T)
        _put(loop.v, motion.v_values.T)
        _put(loop.force, motion.force.T)
        _put(loop.F, motion.F.transpose(1, 2, 0))
        _put(loop.sigma, motion.sigma.transpose(1, 2, 0))
        _put(loop.P, motion.P_values[self._body.elements.points].transpose(1, 2, 0))
        _put(loop.viscous, motion.viscous)
        _put(loop.work, motion.work)
        for name, values in motion.state.items():
            loop.state[name].copy_(values)
        for host, remote in self._parts():
            for name, order in remote.saved.items():
                values = np.asarray(getattr(host, name))
                _put(getattr(remote, name), _turned_back(values, order))
        self._taken, self._stale = motion.edits, False

    @property
    def resident(self) -> bool:
        """Whether `advance` is to be used; on a CPU there is nothing to wait for."""
        return self.loop.resident and not at_hand(self.loop.device)

    def present(self) -> Motion:
        """The host's motion, with the memory of the body's parts brought up to the present."""
        if self._stale:
            self._fetch()
        return self.motion

    def _fetch(self) -> None:
        motion, loop = self.motion, self.loop
        motion.u_values[:], motion.v_values[:] = _got(loop.u.T), _got(loop.v.T)
        motion.force[:] = _got(loop.force.T)
        motion.F[:], motion.sigma[:] = (_got(x.permute(2, 0, 1)) for x in (loop.F, loop.sigma))
        motion.P_values[self._body.elements.points] = _got(loop.P.permute(2, 0, 1))
        motion.viscous[:], motion.work[:] = _got(loop.viscous), _got(loop.work)
        motion.state = {name: values.clone() for name, values in loop.state.items()}
        for host, remote in self._parts():
            for name, order in remote.saved.items():
                values = getattr(remote, name)
                values = _got(values if order is None else values.permute(order))
                old = getattr(host, name)
                array = isinstance(old, np.ndarray)
                new = np.array(values, order="C") if array else type(old)(values)
                setattr(host, name, new)
        self._stale = False

    def _parts(self) -> list[tuple[Any, Any]]:
        """Parts of the body with those of the loop."""
        body, loop = self._body, self.loop
        pairs = list(zip(body.contacts, loop.contacts, strict=True))
        pairs += zip(body.constraints, loop.held, strict=True)
        pairs += zip(body.loads, loop.loads, strict=True)
        return pairs + ([(body.hourglass, loop.hourglass)] if body.hourglass else [])


def chosen_device(comm: Any, name: torch.device | str | None) -> torch.device:
    """`device.chosen` on every rank; ranks of a machine share its GPUs in turn (collective).

    Raises:
        InputError: on every rank: no such device.
    """
    together = comm.Split_type(MPI.COMM_TYPE_SHARED)
    local = together.rank
    together.Free()
    return on_every_rank(comm, lambda: chosen(name, local))


def loop_device(
    comm: Any, device: torch.device | str, loop: str | None, assembly: str
) -> torch.device | None:
    """Where the torch loop is to run; None for the compiled loop on the CPU (collective).

    Raises:
        InputError: no such device or loop, or settings that do not go together.
    """
    where = chosen_device(comm, device)
    require(
        loop is None or loop in LOOPS,
        f"loop is {loop!r}, but must be one of {', '.join(LOOPS)}, or None",
    )
    compiled = loop == "compiled" or (loop is None and where.type == "cpu")
    require(
        not (compiled and where.type != "cpu"),
        f"the compiled loop runs on the CPU, but device is {where}: give loop='torch' or None",
    )
    require(
        compiled or assembly == "fused",
        f"assembly is {assembly!r}, but the torch loop has its own: leave it out",
    )
    return None if compiled else where


def _looked_at(*values: torch.Tensor) -> list[float]:
    """Numbers of tensors without axes, for which the host waits once."""
    return torch.stack([value.double() for value in values]).tolist()


def _got(values: torch.Tensor) -> np.ndarray:
    # Put in order on the device, which does it far quicker.
    return values.detach().contiguous().cpu().numpy()


def _put(tensor: torch.Tensor, values: np.ndarray) -> None:
    tensor.copy_(torch.from_numpy(np.array(values, order="C")))


def _turned_back(values: np.ndarray, order: tuple[int, ...] | None) -> np.ndarray:
    return values if order is None else values.transpose(np.argsort(order))
