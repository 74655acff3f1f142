# SPDX-License-Identifier: MIT
"""A step that is tried: what is out of balance in it, and its acceptance."""

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.exchange import NodeExchange
from mlms_fenics.macroscale.implicit.block_matrix import BlockMatrix
from mlms_fenics.macroscale.implicit.equilibrium import Equilibrium
from mlms_fenics.macroscale.implicit.inertia import HHT, Inertia
from mlms_fenics.macroscale.implicit.memory import Memory
from mlms_fenics.macroscale.implicit.newton import Balance
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.macroscale.stopwatch import Stopwatch
from mlms_fenics.materials import Material
from mlms_fenics.parallel import on_every_rank

# Force over the P-wave modulus times an element's face below which all is rounding.
_ROUNDING = 3e-14


class Trial(Balance):
    """The balance of forces at the end of a step, for Newton's method.

    Args:
        body: that moves, with `memory` among its others.
        motion: up to the last step that was accepted.
        material: the law.
        memory: of the last accepted step.
        scheme: of the inertia; None for none.
        tolerance: of the out-of-balance force over the larger one of internal and outer forces.
        watch: with the parts law, matrix, exchange.

    Attributes:
        held: prescribed components, `(n_nodes, 3)`.
        matrix: of the balance.
        failure: why the last displacement was impossible on this rank.
    """

    def __init__(
        self,
        body: Body,
        motion: Motion,
        material: Material,
        memory: Memory,
        scheme: HHT | None,
        tolerance: float,
        watch: Stopwatch,
    ) -> None:
        self._body, self._motion, self._memory, self._watch = body, motion, memory, watch
        self._tolerance = tolerance
        self._exchange = NodeExchange(body.elements.space)
        self._equilibrium = Equilibrium(body, motion, material)
        self._inertia = Inertia(scheme, body.mass)
        self._u = np.zeros_like(motion.u_values)
        self._force, self._out = np.zeros_like(self._u), np.zeros_like(self._u)
        self._time, self._dt = 0.0, 0.0
        self.held = np.zeros(self._u.shape, dtype=bool)
        for constraint in body.constraints:
            constraint.mark(self.held)
        if body.flat:
            self.held[:, 2] = True
        self.matrix = BlockMatrix(body.elements, self.held)
        self._facets = [
            None if nodes is None else self.matrix.places(nodes)
            for nodes in (load.facets for load in body.loads)
        ]
        self.failure: Exception | None = None
        volume, cells = body.comm.allreduce(
            np.array([body.elements.volume.sum(), len(body.elements.dofs)])
        )
        moduli = body.moduli
        modulus = float((moduli.bulk + 4.0 / 3.0 * moduli.shear).max(initial=0.0))
        modulus = body.comm.allreduce(modulus, op=MPI.MAX)
        self._least = _ROUNDING * modulus * (volume / cells) ** (2.0 / 3.0)

    def start(self, dt: float) -> None:
        """Make a virgin body at time 0 move as it is held and loaded (collective).

        Args:
            dt: of the first step, µs, whose mean velocity the held components have.
        """
        motion, body, memory = self._motion, self._body, self._memory
        target = np.zeros_like(motion.u_values)
        for constraint in body.constraints:
            constraint.prescribe(target, motion.u_values, dt, 0.5 * dt)
        motion.v_values[:] = np.where(self.held, target / dt, motion.v_values)
        for load in body.loads:
            load.add(motion.u_values, motion.force, 0.0)
        if body.flat:
            motion.force[:, 2] = 0.0
        memory.acceleration[:] = np.where(self.held, 0.0, motion.force / body.mass[:, None])

    def begin(self, dt: float) -> np.ndarray:
        """Start a step of `dt` µs; where the held components of all nodes are at its end, mm."""
        motion = self._motion
        self._time, self._dt = motion.time + dt, dt
        memory = self._memory
        self._inertia.begin(
            motion.u_values.copy(), motion.v_values.copy(), memory.acceleration, motion.force, dt
        )
        for contact in self._body.contacts:
            contact.begin(motion.u_values, motion.time, dt)
        target = motion.u_values.copy()
        for constraint in self._body.constraints:
            constraint.prescribe(target, motion.u_values, dt, motion.time + 0.5 * dt)
        return target

    def residual(self, u: np.ndarray) -> tuple[np.ndarray | None, float]:
        body, n, force = self._body, len(u), self._force
        self._watch.start()
        self._u[:n] = u
        self._exchange.update(self._u)
        force[:] = 0.0
        self.failure = self._equilibrium.evaluate(self._u, self._time, self._dt, force)
        self._watch.lap("law")
        self._exchange.add(force)
        self._exchange.update(force)
        internal = float((force[:n] ** 2).sum())
        given = np.zeros_like(force)
        for load in body.loads:
            load.add(self._u, given, self._time)
        for contact in body.contacts:
            contact.add(self._u, given)
        outer = float((given[:n] ** 2).sum())
        force += given
        if body.flat:
            force[:, 2] = 0.0
        self._out[:n] = self._inertia.balance(force[:n], u)
        out = -np.where(self.held[:n], 0.0, self._out[:n])
        bad = 0.0 if self.failure is None else 1.0 + isinstance(self.failure, InputError)
        sums = body.comm.allreduce(np.array([internal, outer]), op=MPI.SUM)
        worst = body.comm.allreduce(bad, op=MPI.MAX)
        self._watch.lap("exchange")
        if worst > 1.0:
            self._tell(InputError)
        limit = max(self._tolerance * float(sums.max()) ** 0.5, self._least)
        return (out if worst == 0.0 else None), limit

    def linearise(self) -> None:
        self._watch.start()
        body, matrix = self._body, self.matrix
        self.failure = self._equilibrium.linearise()
        if body.comm.allreduce(float(self.failure is not None), op=MPI.MAX) > 0.0:
            self._tell(Exception)
        self._watch.lap("law")
        matrix.clear()
        matrix.add(self._equilibrium.matrices)
        for load, places in zip(body.loads, self._facets, strict=True):
            if places is not None:
                matrix.add(load.stiffness(self._u, self._time), places)
        for contact in body.contacts:
            matrix.add_diagonal(*contact.stiffness(self._u))
        inertia = self._inertia.stiffness()
        if len(inertia):
            n = body.owned
            matrix.add_diagonal(np.arange(n), inertia[:n, None, None] * np.eye(3))
        matrix.finish(self._inertia.factor)
        self._watch.lap("matrix")

    def lifted(self, target: np.ndarray) -> np.ndarray:
        """Force at own nodes by which Newton's first step is to bring held nodes to `target`.

        That of the last `residual`, less what their motion pulls at the free ones.
        """
        n = self._body.owned
        moved = np.where(self.held, target - self._u, 0.0)
        out = self._out[:n] - self.matrix.times(moved[:n])
        return np.where(self.held[:n], 0.0, out)

    def augment(self) -> bool:
        """Whether all contacts are as close as they should be, after better forces (collective)."""
        good = [contact.augment(self._u) for contact in self._body.contacts]
        return bool(self._body.comm.allreduce(float(all(good)), op=MPI.MIN) > 0.0)

    def accept(self) -> None:
        """Make the last `residual`'s displacement the motion's (collective)."""
        motion, memory, body = self._motion, self._memory, self._body
        u = self._u
        self._equilibrium.accept()
        moved = u - motion.u_values
        velocity, acceleration = self._inertia.motion(u, self.held)
        reaction = body.mass[:, None] * acceleration - self._force
        n = body.owned
        held = np.where(self.held[:n], reaction[:n] + memory.reaction[:n], 0.0)
        memory.work += 0.5 * float((held * moved[:n]).sum())
        memory.reaction[:] = np.where(self.held, reaction, 0.0)
        memory.acceleration[:], memory.increment[:] = acceleration, moved
        scratch = np.zeros_like(u)
        for load in body.loads:
            load.apply(u, moved / self._dt, scratch, self._dt, self._time)
        for contact in body.contacts:
            contact.accept(u, moved, self._dt)
        motion.u_values[:], motion.v_values[:] = u, velocity
        motion.force[:] = self._force
        motion.time, motion.dt = self._time, self._dt
        motion.step_count += 1

    def raise_failure(self, otherwise: str) -> None:
        """Raise what failed last on any rank, or a `SimulationError` that says `otherwise`."""
        self._tell(Exception)
        raise SimulationError(otherwise)

    def _tell(self, kind: type) -> None:
        def tell() -> None:
            if isinstance(self.failure, kind):
                raise self.failure

        on_every_rank(self._body.comm, tell)
