# SPDX-License-Identifier: MIT
"""Slow loading and implicit dynamics: Newton's method in every step, by PETSc."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import torch
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.geometry import NamedMesh
from mlms_fenics.macroscale.body import build_body
from mlms_fenics.macroscale.constraints import PrescribedVelocity
from mlms_fenics.macroscale.contact import RigidBody
from mlms_fenics.macroscale.energy import Energies
from mlms_fenics.macroscale.implicit.contact import bind_contacts
from mlms_fenics.macroscale.implicit.equilibrium import require_tangent
from mlms_fenics.macroscale.implicit.inertia import HHT
from mlms_fenics.macroscale.implicit.linear import check_linear
from mlms_fenics.macroscale.implicit.memory import Memory
from mlms_fenics.macroscale.implicit.newton import Newton
from mlms_fenics.macroscale.implicit.steps import Steps
from mlms_fenics.macroscale.implicit.trial import Trial
from mlms_fenics.macroscale.initial import Velocity, set_going
from mlms_fenics.macroscale.loads import Load
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.macroscale.placed_laws import place_laws, virgin_state
from mlms_fenics.macroscale.readings import Readings
from mlms_fenics.macroscale.stopwatch import Stopwatch
from mlms_fenics.materials import Material
from mlms_fenics.numbers import check_positive

_PARTS = ("law", "matrix", "linear", "exchange", "total")


class ImplicitSolver(Readings):
    """∇·P = ρ ü, or ∇·P = 0, of one body with one law, in the reference configuration.

    A step is found by Newton's method with line search on the law's consistent tangent, and is cut
    back where that does not converge. Time is as real as in `ExplicitSolver`: laws that depend on
    rates know how fast a slow loading is.

    All methods are collective. What is read from the motion (`u`, `v`, `sigma`, `time` ...) is in
    `Readings`; `v` is at `time`, without inertia the mean of the last step; `stable_dt` is the
    length that the next step is to have.

    Attributes:
        material: the law.
        stop: what `request_stop` was given on any rank, once all know of it; 0 before.
        iterations: of Newton's method in the last step, linear predictor included, and over again
            where contact had to be made closer.
        residuals: of the last step's iterations, over what is taken as zero; the last is <= 1.
        failed_steps: steps that were cut back so far.
        trial: the balance that Newton's method solves.
        law_stiffness: 0: what makes steps of `ExplicitSolver` unstable does not these.
        settings: the constructor's, but for mesh, law and initial velocity.
    """

    law_stiffness = 0.0

    def __init__(
        self,
        domain: mesh.Mesh | NamedMesh,
        material: Material | None = None,
        *,
        steps: Steps | float,
        laws: Mapping[str, Material] | None = None,
        contacts: Sequence[RigidBody] = (),
        constraints: Sequence[PrescribedVelocity] = (),
        loads: Sequence[Load] = (),
        dynamics: HHT | None = None,
        velocity: Velocity = (0.0, 0.0, 0.0),
        quadrature: str | None = None,
        degree: int = 1,
        two_dimensional: str | None = None,
        linear: str = "direct",
        tolerance: float | None = None,
    ) -> None:
        """Set up the run (collective).

        Args:
            domain: straight hexahedra, tetrahedra or quadrilaterals, mm; with `laws`, with names.
            material: the law; it must have a tangent.
            steps: their control, or the length of the first, µs.
            laws: of volumes by their names instead, as of `ExplicitSolver`.
            contacts: rigid bodies that the outer surface may touch.
            constraints: prescribed velocities and displacements; a later one wins on a shared
                component.
            loads: tractions, pressures and body forces.
            dynamics: None for a body without inertia.
            velocity: initial, mm/µs, as of `ExplicitSolver`; with `dynamics` only.
            quadrature: "full": hexahedra 2×2×2 and quadrilaterals 2×2 with mean dilatation,
                quadratic tetrahedra; "one-point" for linear tetrahedra, which lock where volume
                hardly changes. None is the one that the cells can have.
            degree: of the displacement: 1, or 2 on tetrahedra.
            two_dimensional: as of `ExplicitSolver`.
            linear: "direct" (MUMPS), or "gmres" or, for laws with a symmetric tangent, "cg", both
                with algebraic multigrid: less memory on large meshes.
            tolerance: out-of-balance force over the larger one of inner and outer forces at which a
                step is done; None is 1e-8, or 1e-5 with a law in single precision.

        Raises:
            InputError: on every rank, for anything out of range, a law without tangent, or elements
                that would need stabilisation.
        """
        domain, self.material, part = place_laws(domain, material, laws)
        material = self.material
        steps = steps if isinstance(steps, Steps) else Steps(steps)
        check_linear(linear)
        if tolerance is None:
            tolerance = 1e-8 if material.dtype == torch.float64 else 1e-5
        check_positive("tolerance", tolerance, largest=0.1)
        tetrahedra = domain.topology.cell_name() == "tetrahedron"
        quadrature = quadrature or ("full" if degree == 2 or not tetrahedra else "one-point")
        require(
            quadrature == "full" or tetrahedra,
            f"quadrature is {quadrature!r}, but hexahedra and quadrilaterals are integrated fully "
            'by the implicit solver: leave it out, or give "full"',
        )
        require_tangent(material, domain.comm)
        self._steps = steps
        parts: dict[str, Any] = {
            "contacts": list(contacts),
            "constraints": list(constraints),
            "loads": list(loads),
            "quadrature": quadrature,
            "degree": degree,
            "two_dimensional": two_dimensional,
        }
        self.settings: dict[str, Any] = {
            **parts,
            "solver": "implicit",
            "steps": steps,
            "dynamics": dynamics,
            "linear": linear,
            "tolerance": tolerance,
        }
        bare = build_body(domain, material, part=part, **{**parts, "contacts": []})
        self._memory = Memory(len(bare.mass))
        self.body = body = replace(
            bare,
            contacts=bind_contacts(bare, parts["contacts"]),
            others=[("implicit", self._memory)],
        )
        state = virgin_state(material, np.repeat(part, body.elements.per_cell))
        self.motion = motion = Motion(body.elements, state)
        set_going(body, motion, velocity, parts["contacts"], parts["constraints"])
        moves = domain.comm.allreduce(bool(motion.v_values.any()), op=MPI.LOR)
        require(
            dynamics is not None or not moves,
            "an initial velocity is given, but a body without inertia has none: leave it out, or "
            "give dynamics=HHT()",
        )
        motion.stable_dt = motion.first_dt = steps.first
        self.stopwatch = Stopwatch(_PARTS)
        self.trial = Trial(
            body, motion, material, self._memory, dynamics, tolerance, self.stopwatch
        )
        self._newton = Newton(self.trial, self.trial.matrix.matrix, linear, steps.most)
        if dynamics is not None:
            self.trial.start(steps.first)
        self._end_time, self._wanted = 0.0, 0
        self.stop, self.iterations, self.failed_steps, self._longest = 0, 0, 0, 0
        motion.initial_energy = self.energies().kinetic

    def step(self, limit: float = inf) -> float:
        """One step of at most `limit` µs; its length, µs.

        Raises:
            InputError: on every rank: the step is beyond what the law is made for.
            SimulationError: on every rank: no step converges that is not too short.
        """
        start = self.stopwatch.start()
        steps, motion = self._steps, self.motion
        dt = min(motion.stable_dt, limit)
        extrapolate = steps.extrapolate and motion.step_count > 0
        while not self._attempt(dt, extrapolate):
            self.failed_steps += 1
            if not extrapolate:
                dt *= steps.cut
            extrapolate = False
            if dt < steps.least:
                self.trial.raise_failure(
                    f"time {motion.time:.6g} µs, step {motion.step_count}: Newton's method does "
                    f"not converge even in steps of {dt / steps.cut:.3g} µs, the shortest allowed; "
                    f"residuals over the tolerance {_shown(self.residuals)}. Likely causes: a load "
                    "that the body cannot bear, buckling, or a first step that is too long"
                )
            motion.stable_dt = dt
        shortened = dt < min(motion.stable_dt, inf)
        self.trial.accept()
        motion.settle_at(self._end_time)
        after = steps.after(dt, self._longest)
        motion.stable_dt = max(after, motion.stable_dt) if shortened else after
        self.stop = self.comm.allreduce(self._wanted, op=MPI.MAX)
        self.stopwatch.seconds["total"] += self.stopwatch.clock() - start
        return dt

    def run(
        self, end_time: float, callback: Callable[["ImplicitSolver"], Any] | None = None
    ) -> None:
        """Step until `end_time` (µs) exactly, with `callback(solver)` after every step.

        It returns early where a stop was requested; `stop` is then not 0.

        Raises:
            InputError: `end_time` is not after `time`, or the law cannot be used so long.
            SimulationError: as `step`.
        """
        self.motion.check_end(end_time, self.material)
        self._end_time = end_time
        while self.time < end_time:
            left = end_time - self.time
            allowed = self.motion.stable_dt
            if left <= allowed * (1.0 + 1e-9):
                self.step(left)
            else:  # two halves rather than a whole step and a tiny one
                self.step(allowed if left >= 2.0 * allowed else 0.5 * left)
            if callback is not None:
                callback(self)
            if self.stop:
                return

    def request_stop(self, reason: int) -> None:
        """Let `run` return on all ranks after the next step; any rank may call it.

        Args:
            reason: > 0; the largest of all ranks becomes `stop`.
        """
        self._wanted = reason

    @property
    def timings(self) -> dict[str, float]:
        """Seconds spent in each part so far, on this rank."""
        return self.stopwatch.seconds

    @property
    def residuals(self) -> list[float]:
        return self._newton.residuals

    def reaction(self, number: int) -> np.ndarray:
        """Force of a constraint on the body, kN, `(3,)`: the sum at its components (collective)."""
        local = self.body.constraints[number].total(self._memory.reaction)
        return self.comm.allreduce(local, op=MPI.SUM)

    def energies(self) -> Energies:
        """Energies at `time`, J (collective)."""
        body, motion, n = self.body, self.motion, self.body.owned
        v = motion.v_values[:n]
        moving = self.settings["dynamics"] is not None
        kinetic = 0.5 * float(body.mass[:n] @ (v * v).sum(axis=1)) if moving else 0.0
        contact = sum(c.work for c in body.contacts)
        external = self._memory.work + sum(load.work for load in body.loads)
        local = np.array([kinetic, motion.work[0], contact, external])
        kinetic, internal, contact, external = self.comm.allreduce(local, op=MPI.SUM).tolist()
        return Energies(kinetic, internal, 0.0, 0.0, contact, external, motion.initial_energy)

    def _attempt(self, dt: float, extrapolate: bool) -> bool:
        """Try a step; whether it has converged."""
        trial, motion, n = self.trial, self.motion, self.body.owned
        target = trial.begin(dt)
        guess = motion.u_values.copy()
        if extrapolate:
            guess += dt / motion.dt * self._memory.increment
        self.iterations = self._longest = 1
        found, _ = trial.residual(guess[:n])
        if found is None:
            return False
        try:
            trial.linearise()
        except SimulationError:  # kept in `trial.failure`
            return False
        self.stopwatch.start()
        change = self._newton.linear_step(trial.lifted(target))
        self.stopwatch.lap("linear")
        if change is None:
            return False
        u = np.where(trial.held[:n], target[:n], guess[:n] + change)
        while True:
            before = self._laps()
            start = self.stopwatch.clock()
            converged = self._newton.solve(u)
            self.stopwatch.seconds["linear"] += (
                self.stopwatch.clock() - start - (self._laps() - before)
            )
            taken = max(len(self.residuals) - 1, 0)
            self.iterations += taken
            self._longest = max(self._longest, 1 + taken)
            if not converged:
                return False
            if trial.augment():
                return True

    def _laps(self) -> float:
        return sum(self.timings[part] for part in ("law", "matrix", "exchange"))


def _shown(residuals: Sequence[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in residuals[-6:]) or "none"
