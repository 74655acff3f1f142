# SPDX-License-Identifier: MIT
"""Explicit dynamics: central differences with lumped mass and half-step velocities."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np
import torch
from dolfinx import mesh

from mlms_fenics.errors import require
from mlms_fenics.geometry import NamedMesh
from mlms_fenics.macroscale import diagnosis
from mlms_fenics.macroscale.agreement import Agreement
from mlms_fenics.macroscale.body import build_body
from mlms_fenics.macroscale.constraints import PrescribedVelocity
from mlms_fenics.macroscale.contact import RigidBody
from mlms_fenics.macroscale.hourglass import Hourglass
from mlms_fenics.macroscale.initial import Velocity, set_going
from mlms_fenics.macroscale.loads import Load
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.macroscale.placed_laws import place_laws, virgin_state
from mlms_fenics.macroscale.readings import Readings
from mlms_fenics.macroscale.remote import RemoteResponse, loop_device
from mlms_fenics.macroscale.response import Response, check_response
from mlms_fenics.macroscale.stiffness import check_policy, step_share
from mlms_fenics.macroscale.stopwatch import Stopwatch
from mlms_fenics.materials import Material
from mlms_fenics.numbers import check_number

# Steps between looks at the energy and at the law's stiffness.
_CHECK_EVERY = 200
_PARTS = (
    "law", "kinematics", "stress", "hourglass", "assembly", "contact", "exchange", "total",
)  # fmt: skip


class ExplicitSolver(Readings):
    """ρ ü = ∇·P of one body, in the reference configuration.

    All methods are collective. What is read from the motion (`u`, `v`, `sigma`, `time` ...) is in
    `Readings`.

    Attributes:
        material: the law, or a `LawsByPart`.
        stop: what `request_stop` was given on any rank, once all know of it; 0 before.
        law_stiffness: largest stiffness of the law over the one that its moduli declare, at points
            looked at now and then in `run`; the step is stable where it is below 1/safety², or
            where steps have been shortened for it, see `stiffness`.
        stopwatch: measures `timings`; its `clock` is `time.process_time` where the machine is busy.
        settings: the constructor's, but for mesh, law, initial velocity, device and loop.
    """

    def __init__(
        self,
        domain: mesh.Mesh | NamedMesh,
        material: Material | None = None,
        *,
        laws: Mapping[str, Material] | None = None,
        velocity: Velocity = (0.0, 0.0, 0.0),
        contacts: Sequence[RigidBody] = (),
        constraints: Sequence[PrescribedVelocity] = (),
        loads: Sequence[Load] = (),
        hourglass: Hourglass | None = None,
        viscosity: tuple[float, float] = (0.06, 1.2),
        safety: float = 0.8,
        quadrature: str | None = None,
        degree: int = 1,
        assembly: str = "fused",
        two_dimensional: str | None = None,
        stiffness: str = "measured",
        device: torch.device | str = "cpu",
        loop: str | None = None,
    ) -> None:
        """Set up the run (collective).

        Args:
            domain: straight hexahedra, tetrahedra or quadrilaterals, mm; with `laws`, the named
                mesh that `geometry.read_mesh` returns.
            material: the law.
            laws: instead of one: the laws of volumes (in two dimensions: surfaces) by their names,
                which together hold each element once.
            velocity: initial, mm/µs: three numbers, or a function of the coordinates `(3, n)` that
                returns `(3, n)`.
            contacts: rigid bodies that the outer surface may touch.
            constraints: prescribed velocities and displacements; a later one wins on a shared
                component.
            loads: tractions, pressures and body forces.
            hourglass: of hexahedra; None is the default form and coefficient.
            viscosity: linear and quadratic coefficient of the bulk viscosity, dimensionless.
            safety: step over stable step, in (0, 1].
            quadrature: "one-point" (the default of linear elements; hexahedra and quadrilaterals
                are stabilised), "full": hexahedra 2×2×2 and quadrilaterals 2×2 with mean
                dilatation, or quadratic tetrahedra.
            degree: of the displacement: 1, or 2 on tetrahedra. Linear tetrahedra lock where volume
                hardly changes, as in plastic flow; the others do not
                (`demos/copper_taylor_bar.py`). Quadratic ones have a short stable step.
            assembly: of the internal force: "fused", or "dolfinx" for that of its form, which is
                the same to rounding and takes longer.
            two_dimensional: what a mesh of two dimensions is: "plane-strain", 1 mm thick, or
                "axisymmetric", the half section of a body of revolution: first coordinate the
                radius, second along the axis. Vectors and tensors keep three components, the third
                out of the plane (the hoop's in axisymmetry); masses, forces and energies are those
                of the whole turn, in which radial forces have no resultant but a sum.
            stiffness: of a law that is found stiffer than its moduli by more than the safety factor
                covers: "measured" shortens the steps, "declared" refuses it.
            device: where the loop over the elements runs, as of `device.chosen`; each rank may have
                its own. The law stays on the device that it was made for, best the same.
            loop: "compiled", on the CPU only and the default there, or "torch", on any device: all
                arrays of the motion then live there, and what is read from the solver is fetched
                when it is asked for.

        Raises:
            InputError: on every rank, for anything out of range.
        """
        check_number("safety", safety)
        require(0.0 < safety <= 1.0, f"safety is {safety:g}, but must be in (0, 1]: 0.8 is usual")
        check_response(viscosity, assembly)
        check_policy(stiffness)
        domain, self.material, part = place_laws(domain, material, laws)
        remote = loop_device(domain.comm, device, loop, assembly)
        self._safety, material = safety, self.material
        parts: dict[str, Any] = {
            "contacts": list(contacts),
            "constraints": list(constraints),
            "loads": list(loads),
            "hourglass": hourglass or Hourglass(),
            "quadrature": quadrature,
            "degree": degree,
            "two_dimensional": two_dimensional,
        }
        # What a restart must agree with; see `records.record`.
        self.settings: dict[str, Any] = {
            **parts,
            "viscosity": list(viscosity),
            "safety": safety,
            "assembly": assembly,
            "stiffness": stiffness,
        }
        self.body = body = build_body(domain, material, part=part, **parts)
        state = virgin_state(material, np.repeat(part, body.elements.per_cell))
        motion = Motion(body.elements, state)
        self.stopwatch = Stopwatch(_PARTS)
        self._agreement = Agreement(body.comm)
        self._end_time, self._share = 0.0, 1.0
        self.stop, self.law_stiffness = 0, 0.0
        set_going(body, motion, velocity, parts["contacts"], parts["constraints"])
        given = (body, motion, material, viscosity)
        self._response = (
            Response(*given, assembly, self.stopwatch)
            if remote is None
            else RemoteResponse(*given, remote, self.stopwatch)
        )
        self.evaluate(0.0)
        self._share = step_share(material, motion, safety, stiffness, body.comm)
        motion.stable_dt *= self._share
        motion.first_dt = motion.stable_dt
        motion.initial_energy = self.energies().kinetic

    @property
    def motion(self) -> Motion:
        """The motion at present; a loop on a device sends what has changed.

        Whoever changes what is in it adds 1 to its `edits`.
        """
        return self._response.present()

    @property
    def _numbers(self) -> Motion:
        return self._response.motion

    def step(self, limit: float = inf) -> float:
        """One step of at most `limit` µs; its length, µs.

        Raises:
            SimulationError: on every rank: an inverted element, a law that fails, stress that is
                not finite, or a collapsing step.
        """
        watch, motion = self.stopwatch, self._response.motion
        start = watch.start()
        dt = min(self._safety * motion.stable_dt, limit)
        self._response.move(dt)
        motion.time += dt
        motion.settle_at(self._end_time)
        motion.step_count += 1
        motion.dt = dt
        self.evaluate(dt)
        watch.seconds["total"] += watch.clock() - start
        return dt

    def run(
        self, end_time: float, callback: Callable[["ExplicitSolver"], Any] | None = None
    ) -> None:
        """Step until `end_time` (µs) exactly, with `callback(solver)` after every step.

        It returns early where a stop was requested; `stop` is then not 0.

        Raises:
            InputError: `end_time` is not after `time`, or the law cannot be used so long.
            SimulationError: as `step`; also where energy grows without bound.
        """
        self._response.motion.check_end(end_time, self.material)
        self._end_time = end_time
        while self.time < end_time:
            left = end_time - self.time
            allowed = self._safety * self.stable_dt
            ahead = 1 if callback is not None else self._steps_ahead(left, allowed)
            if ahead > 1:
                self._response.advance(ahead, end_time, self._safety, self._share)
            elif left <= allowed:
                self.step(left)
            else:  # two halves rather than a whole step and a tiny one
                self.step(allowed if left >= 2.0 * allowed else 0.5 * left)
            if self.step_count % _CHECK_EVERY == 0:
                self._watch()
            if callback is not None:
                callback(self)
            if self.stop:
                return

    def request_stop(self, reason: int) -> None:
        """Let `run` return on all ranks after the next step; costs nothing, any rank may call it.

        Args:
            reason: > 0; the largest of all ranks becomes `stop`.
        """
        self._agreement.wanted = reason

    @property
    def timings(self) -> dict[str, float]:
        """Seconds spent in each part so far, on this rank."""
        return self.stopwatch.seconds

    def evaluate(self, dt: float) -> None:
        """Stress, forces and stable step for the present displacement, reached in `dt` µs.

        `step` does so itself; to be called where displacements were set by hand. The law's state
        goes on by the step.

        Raises:
            SimulationError: as `step`.
        """
        self.stopwatch.start()
        motion = self._response.motion
        stable, failure = self._response.stress(dt)
        stable, self.stop = self._agreement.reach(stable, failure)
        motion.stable_dt = self._share * stable
        if motion.step_count > 0:
            diagnosis.refuse_collapse(self.body, motion)
        self.stopwatch.lap("exchange")
        self._response.forces(dt)

    def _steps_ahead(self, left: float, allowed: float) -> int:
        """How many steps may be taken without a look at the time.

        Args:
            left: time to the end, µs.
            allowed: length of the next step, µs.
        """
        if not self._response.resident:
            return 1
        return max(1, min(_CHECK_EVERY - self.step_count % _CHECK_EVERY, int(0.5 * left / allowed)))

    def _watch(self) -> None:
        """Look at the law's stiffness and at the energy."""
        parts = (self.material, self.body, self.motion)
        limit = 1.0 / (self._safety * self._share) ** 2
        self.law_stiffness = diagnosis.watch_law(*parts, self.law_stiffness, limit)
        diagnosis.refuse_runaway(self.energies().balance, *parts)
