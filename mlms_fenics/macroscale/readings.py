# SPDX-License-Identifier: MIT
"""What one reads from a run, whatever solver makes it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from dolfinx import fem, mesh
from mpi4py import MPI

from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.constraints import BoundVelocity
from mlms_fenics.macroscale.contact import Contact
from mlms_fenics.macroscale.element import Elements
from mlms_fenics.macroscale.energy import Energies, energies
from mlms_fenics.macroscale.loads import BoundLoad
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.materials import State


class Readings:
    """Body and motion of a run under short names.

    The properties `contact_force`, `contact_impulse` and `momentum`, and `energies`, are
    collective.

    Attributes:
        body: what moves.
        motion: its state.
    """

    body: Body
    motion: Motion

    @property
    def mesh(self) -> mesh.Mesh:
        return self.body.mesh

    @property
    def comm(self) -> Any:
        """Communicator of the mesh."""
        return self.body.comm

    @property
    def elements(self) -> Elements:
        return self.body.elements

    @property
    def contacts(self) -> Sequence[Contact]:
        """With this rank's nodes, in the order of the rigid bodies given."""
        return self._present_body().contacts

    @property
    def constraints(self) -> Sequence[BoundVelocity]:
        return self._present_body().constraints

    @property
    def loads(self) -> Sequence[BoundLoad]:
        return self._present_body().loads

    @property
    def nodal_mass(self) -> np.ndarray:
        """Lumped, of all nodes of this rank, owned first, then ghosts, mg, *Shape* `(n_nodes,)`."""
        return self.body.mass

    @property
    def u(self) -> fem.Function:
        """Displacement at `time`, mm."""
        return self.motion.u

    @property
    def v(self) -> fem.Function:
        """Velocity half a step before `time`, mm/µs (at `time` 0, the initial velocity)."""
        return self.motion.v

    @property
    def P(self) -> fem.Function:
        """First Piola-Kirchhoff stress with bulk viscosity, GPa; what is assembled."""
        return self.motion.P

    @property
    def F(self) -> np.ndarray:
        """Deformation gradients at `time`, *Shape* `(n_points, 3, 3)`, this rank's own cells."""
        return self.motion.F

    @property
    def sigma(self) -> np.ndarray:
        """Cauchy stress at `time`, GPa, *Shape* `(n_points, 3, 3)`.

        Elements with one point have as many as cells; others have the points of a cell together.
        """
        return self.motion.sigma

    @property
    def state(self) -> State:
        """Of the law, at the points of this rank's own cells."""
        return self.motion.state

    @property
    def time(self) -> float:
        """µs."""
        return self._numbers.time

    @property
    def dt(self) -> float:
        """Length of the last step, µs."""
        return self._numbers.dt

    @property
    def stable_dt(self) -> float:
        """Stable step at `time` over all ranks, before the safety factor, µs."""
        return self._numbers.stable_dt

    @property
    def step_count(self) -> int:
        """Steps done."""
        return self._numbers.step_count

    def cell_mean(self, values: np.ndarray) -> np.ndarray:
        """Means over each cell of values at its points, *Shape* `(n_points, ...)`."""
        return self.body.elements.mean(values)

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
        n = self.body.owned
        return self.comm.allreduce(self.body.mass[:n] @ self.motion.v_values[:n], op=MPI.SUM)

    def energies(self) -> Energies:
        """Energies at `time`, J."""
        return energies(self.body, self.motion)

    @property
    def _numbers(self) -> Motion:
        """The motion, of which only numbers need to be of the present."""
        return self.motion

    def _present_body(self) -> Body:
        """The body, its parts' memory at the motion's time."""
        _ = self.motion  # brings the parts up to it
        return self.body
