# SPDX-License-Identifier: MIT
"""Explicit dynamics: central differences with lumped mass and half-step velocities."""

from collections.abc import Callable, Sequence
from math import inf
from time import perf_counter
from typing import Any

import numpy as np
import torch
from dolfinx import fem, mesh
from mpi4py import MPI

from mlms_fenics import _compat
from mlms_fenics.errors import require
from mlms_fenics.macroscale import axisymmetric, diagnosis, kernels, plane
from mlms_fenics.macroscale.assembly import ASSEMBLIES, add_internal_force
from mlms_fenics.macroscale.constraints import BoundVelocity, PrescribedVelocity, boundary_nodes
from mlms_fenics.macroscale.contact import RigidBody
from mlms_fenics.macroscale.element import build_elements, internal_force, lumped
from mlms_fenics.macroscale.energy import Energies, energies
from mlms_fenics.macroscale.exchange import NodeExchange
from mlms_fenics.macroscale.hourglass import Hourglass, hourglass_control
from mlms_fenics.macroscale.initial import Velocity, refuse_penetration, set_velocity
from mlms_fenics.macroscale.loads import Load
from mlms_fenics.macroscale.stiffness import POLICIES, step_share
from mlms_fenics.materials import Material, State
from mlms_fenics.parallel import on_every_rank

# Steps between looks at the energy and at the law's stiffness.
_CHECK_EVERY = 200


class ExplicitSolver:
    """ρ ü = ∇·P of one body with one law, in the reference configuration.

    All methods and the properties `contact_force` and `momentum` are collective.

    Attributes:
        u: displacement at `time`, mm.
        v: velocity half a step before `time`, mm/µs (at `time` 0, the initial velocity).
        time: µs.
        dt: length of the last step, µs.
        stop: what `request_stop` was given on any rank, once all know of it; 0 before.
        stable_dt: stable step at `time` over all ranks, before the safety factor, µs.
        step_count: steps done.
        law_stiffness: largest stiffness of the law over the one that its moduli declare, at points
            looked at now and then in `run`; the step is stable where it is below 1/safety², or
            where steps have been shortened for it, see `stiffness`.
        state: of the law, at the points of this rank's own cells.
        sigma: Cauchy stress at `time`, GPa, `(n_points, 3, 3)`; elements with one point have as
            many as cells, others have the points of a cell together.
        P: first Piola-Kirchhoff stress with bulk viscosity, GPa; what is assembled.
        nodal_mass: lumped, of all nodes of this rank, owned first, then ghosts, mg.
        timings: seconds spent in each part so far, on this rank.
        clock: that `timings` is measured with; `time.process_time` where the machine is busy.
        settings: the constructor's, but for mesh, law and initial velocity.
    """

    def __init__(
        self,
        domain: mesh.Mesh,
        material: Material,
        *,
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
    ) -> None:
        """Set up the run (collective).

        Args:
            domain: straight hexahedra, tetrahedra or quadrilaterals, mm.
            material: the law.
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

        Raises:
            InputError: on every rank, for anything out of range.
        """
        require(0.0 < safety <= 1.0, f"safety is {safety:g}, but must be in (0, 1]: 0.8 is usual")
        require(
            len(viscosity) == 2 and all(0.0 <= c < inf for c in viscosity),
            f"bulk viscosity coefficients are {viscosity}, but must be two numbers, not negative",
        )
        require(
            assembly in ASSEMBLIES,
            f"assembly is {assembly!r}, but must be one of {', '.join(ASSEMBLIES)}",
        )
        require(
            stiffness in POLICIES,
            f"stiffness is {stiffness!r}, but must be one of {', '.join(POLICIES)}",
        )
        self.mesh, self.material = domain, material
        self.comm = domain.comm
        self.elements = build_elements(domain, quadrature, degree, two_dimensional)
        V = self.elements.space
        self._flat = two_dimensional is not None
        turned = self.elements.axisymmetric
        self._deform = axisymmetric.deformation if turned else kernels.deformation
        self._add_force = axisymmetric.add_internal_force if turned else add_internal_force
        self._owned = V.dofmap.index_map.size_local
        self.u, self.v = fem.Function(V, name="u"), fem.Function(V, name="v")
        self.P = fem.Function(self.elements.stress_space, name="P")
        self._u, self._v = self.u.x.array.reshape(-1, 3), self.v.x.array.reshape(-1, 3)
        self._P = self.P.x.array.reshape(-1, 3, 3)
        self._force_vector = _compat.vector(V)
        self._force = self._force_vector.array.reshape(-1, 3)
        self._exchange = NodeExchange(V)
        self._form = internal_force(self.elements, self.P) if assembly == "dolfinx" else None
        self.nodal_mass = self._mass = lumped(self.elements, material.density)
        self._inverse_mass = 1.0 / self._mass
        n = len(self.elements.volume)
        self._F = np.zeros((n, 3, 3))
        self._F_old = np.broadcast_to(np.eye(3), (n, 3, 3)).copy()
        self._F_mean = np.zeros((n, 3, 3)) if self.elements.mean_dilatation else None
        self.sigma = np.zeros((n, 3, 3))
        self._viscous = np.zeros(n)
        self._smallest_share = material.density * self.elements.shares.min(axis=1, initial=inf)
        self._work = np.zeros(2)
        self._parameters = (
            float(material.density), float(material.bulk_modulus), float(material.shear_modulus),
            float(viscosity[0]), float(viscosity[1]), 1.0 if self._flat else 2.0, float(turned),
        )  # fmt: skip
        self._safety = safety
        # What a restart must agree with; see saving.record.
        self.settings: dict[str, Any] = {
            "contacts": list(contacts),
            "constraints": list(constraints),
            "loads": list(loads),
            "hourglass": hourglass or Hourglass(),
            "viscosity": list(viscosity),
            "safety": safety,
            "quadrature": quadrature,
            "degree": degree,
            "assembly": assembly,
            "two_dimensional": two_dimensional,
            "stiffness": stiffness,
        }
        self._hourglass = hourglass_control(hourglass, self.elements, material)
        self.state: State = material.initial_state(n)
        self.time, self.dt, self.step_count = 0.0, 0.0, 0
        self.clock: Callable[[], float] = perf_counter
        self.timings = dict.fromkeys(
            (
                "law",
                "kinematics",
                "stress",
                "hourglass",
                "assembly",
                "contact",
                "exchange",
                "total",
            ),
            0.0,
        )
        self._agreement = np.zeros(3)
        self._stop_wanted = 0
        self._end_time = 0.0
        self.stop = 0
        self.law_stiffness = 0.0

        boundary = boundary_nodes(V) if contacts else np.zeros(0, dtype=np.int64)
        self.contacts = [
            body.bind(boundary, self._owned, self.elements.coordinates, self.comm)
            for body in contacts
        ]
        held = [*constraints, *plane.axis(self.elements, self.comm)]
        self.constraints = [BoundVelocity(c, V, self._owned) for c in held]
        self.loads = [load.bind(self.elements, self._mass, self._owned) for load in loads]
        on_every_rank(self.comm, lambda: set_velocity(self._v, velocity, self.elements.coordinates))
        if self._flat:
            on_every_rank(
                self.comm, lambda: plane.refuse_motion_across(self._v, self.settings, turned)
            )
        refuse_penetration(self.elements, self.u.x.array.reshape(-1, 3), self.contacts, self.comm)
        self._share = 1.0
        self._evaluate(0.0)
        self._share = step_share(self, safety, stiffness)
        self.stable_dt *= self._share
        self._first_dt = self.stable_dt
        self._initial_energy = self.energies().kinetic

    def step(self, limit: float = inf) -> float:
        """One step of at most `limit` µs; its length, µs.

        Raises:
            SimulationError: on every rank: an inverted element, a law that fails, stress that is
                not finite, or a collapsing step.
        """
        start = self.clock()
        dt = min(self._safety * self.stable_dt, limit)
        dt_mean = 0.5 * (self.dt + dt)
        kernels.advance(self._v, self._force, self._inverse_mass, dt_mean)
        for constraint in self.constraints:
            constraint.apply(self._v, self._force, self._mass, dt_mean, dt, self.time + 0.5 * dt)
        for contact in self.contacts:
            contact.apply(
                self._u, self._v, self._force, self._inverse_mass, dt_mean, dt, self.time + dt
            )
        kernels.move(self._u, self._v, dt)
        self.time += dt
        if abs(self.time - self._end_time) <= 1e-12 * self._end_time:
            self.time = self._end_time  # not past it by a rounding error, which a law may refuse
        self.step_count += 1
        self.dt = dt
        self.timings["contact"] += self.clock() - start
        self._evaluate(dt)
        self.timings["total"] += self.clock() - start
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
        require(
            self.time < end_time < inf,
            f"end time is {end_time:g} µs, but must be finite and after the present time, "
            f"{self.time:g} µs",
        )
        self.material.check_end_time(end_time)
        self._end_time = end_time
        while self.time < end_time:
            left = end_time - self.time
            allowed = self._safety * self.stable_dt
            if left <= allowed:
                self.step(left)
            else:  # two halves rather than a whole step and a tiny one
                self.step(allowed if left >= 2.0 * allowed else 0.5 * left)
            if self.step_count % _CHECK_EVERY == 0:
                self.law_stiffness = diagnosis.watch_law(
                    self, 1.0 / (self._safety * self._share) ** 2
                )
                diagnosis.refuse_runaway(self)
            if callback is not None:
                callback(self)
            if self.stop:
                return

    def request_stop(self, reason: int) -> None:
        """Let `run` return on all ranks after the next step; costs nothing, any rank may call it.

        Args:
            reason: > 0; the largest of all ranks becomes `stop`.
        """
        self._stop_wanted = reason

    @property
    def F(self) -> np.ndarray:
        """Deformation gradients at `time`, *Shape* `(n_points, 3, 3)`, this rank's own cells."""
        return self._F

    def cell_mean(self, values: np.ndarray) -> np.ndarray:
        """Means over each cell of values at its points, *Shape* `(n_points, ...)`."""
        return self.elements.mean(values)

    @property
    def contact_force(self) -> np.ndarray:
        """Force of all contacts on the body in the last step, kN, `(3,)`."""
        local = sum((c.force for c in self.contacts), np.zeros(3))
        return self.comm.allreduce(local, op=MPI.SUM)

    @property
    def contact_impulse(self) -> np.ndarray:
        """Impulse of all contacts on the body so far, kN µs = mg mm/µs, `(3,)`."""
        local = sum((c.impulse for c in self.contacts), np.zeros(3))
        return self.comm.allreduce(local, op=MPI.SUM)

    @property
    def momentum(self) -> np.ndarray:
        """Σ m v at the time of `v`, mg mm/µs, `(3,)`."""
        n = self._owned
        return self.comm.allreduce(self._mass[:n] @ self._v[:n], op=MPI.SUM)

    def energies(self) -> Energies:
        """Energies at `time`, J."""
        return energies(self)

    def _evaluate(self, dt: float) -> None:
        """Stress, forces and stable step for the present displacement."""
        timings, clock = self.timings, self.clock
        t0 = clock()
        self._F, self._F_old = self._F_old, self._F
        if self.step_count == 0:
            self._F[:] = np.eye(3)
        elements = self.elements
        smallest, where = self._deform(self._u, elements.dofs, elements.gradients, self._F)
        t1 = clock()
        failure: Exception | None = None
        if len(self._F) and not 0.0 < smallest < inf:
            failure = diagnosis.failure(
                self, where, f"det F is {smallest:g}: the element is inverted or holds NaN"
            )
        elif dt > 0.0 and len(self._F):
            try:
                self._call_law(dt)
            except Exception as error:  # handed to all ranks below
                failure = diagnosis.law_failure(self, None, f"the material law failed: {error}")
                failure.__cause__ = error
        t2 = clock()
        stable = inf
        if failure is None:
            stable, bad = kernels.stresses(
                self._F, self._F_old, self.sigma, self._P, elements.points, elements.metric,
                elements.volume, self._smallest_share, self._viscous, self._parameters, dt,
                self._work,
            )  # fmt: skip
            if bad >= 0:
                failure = diagnosis.law_failure(
                    self, bad, "the material law returned a stress that is not finite"
                )
        t3 = clock()
        self._agree(stable, failure)
        t4 = clock()
        self._force_vector.array[:] = 0.0
        if self._form is not None:
            _compat.assemble_into(self._force_vector.array, self._form)
        else:
            self._add_force(
                self._P, elements.points, elements.gradients, elements.volume, elements.dofs,
                self._force,
            )  # fmt: skip
        t5 = clock()
        if self._hourglass is not None:
            self._hourglass.add(self._u, self._F, self.sigma, dt, self._force)
        t6 = clock()
        self._exchange.add(self._force)
        self._exchange.update(self._force)
        for load in self.loads:
            load.apply(self._u, self._v, self._force, dt, self.time)
        if self._flat:
            self._force[:, 2] = 0.0
        t7 = clock()
        timings["kinematics"] += t1 - t0
        timings["law"] += t2 - t1
        timings["stress"] += t3 - t2
        timings["assembly"] += t5 - t4
        timings["hourglass"] += t6 - t5
        timings["exchange"] += t4 - t3 + t7 - t6

    def _call_law(self, dt: float) -> None:
        law, per_cell, volume = self.material, self.elements.per_cell, self.elements.volume
        F_law = self._F
        if self._F_mean is not None:
            F_law = self._F_mean
            kernels.mean_dilatation(self._F, volume, per_cell, F_law)
        F = torch.from_numpy(F_law).to(dtype=law.dtype, device=law.device)
        with torch.no_grad():
            sigma, self.state = law.update(F, self.time, dt, self.state)
        self.sigma[:] = sigma.detach().cpu().numpy()
        if self._F_mean is not None:
            kernels.mean_pressure(self._F, F_law, volume, per_cell, self.sigma)

    def _agree(self, stable: float, failure: Exception | None) -> None:
        """Least stable step over ranks; if any rank failed, all raise the same error."""
        self._agreement[0] = stable
        self._agreement[1] = 0.0 if failure is None else -1.0
        self._agreement[2] = -self._stop_wanted
        self.comm.Allreduce(MPI.IN_PLACE, self._agreement, op=MPI.MIN)
        self.stable_dt = self._share * float(self._agreement[0])
        self.stop = -int(self._agreement[2])
        if self._agreement[1] < 0.0:

            def tell() -> None:
                if failure is not None:
                    raise failure

            on_every_rank(self.comm, tell)
        if self.step_count > 0:
            diagnosis.refuse_collapse(self, self._first_dt)
