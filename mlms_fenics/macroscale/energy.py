# SPDX-License-Identifier: MIT
"""The energy balance of a run."""

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.motion import Motion


@dataclass(frozen=True)
class Energies:
    """Energies of the whole body, J (sums over all ranks).

    Attributes:
        kinetic: ½ Σ m |v|² at the time of the stress.
        internal: work of the law's stress so far, stored and dissipated.
        hourglass: work against the hourglass forces so far.
        viscous: dissipated by bulk viscosity so far.
        contact: work done on the body by contact so far; negative where nodes are stopped.
        external: work done on the body by prescribed velocities and loads so far.
        initial: kinetic energy at the start.
    """

    kinetic: float
    internal: float
    hourglass: float
    viscous: float
    contact: float
    external: float
    initial: float

    @property
    def total(self) -> float:
        """Kinetic + internal + hourglass + viscous − contact − external, J; constant ideally."""
        return (
            self.kinetic + self.internal + self.hourglass + self.viscous
            - self.contact - self.external
        )  # fmt: skip

    @property
    def balance(self) -> float:
        """(total − initial) over the largest of the energies involved; zero ideally."""
        scale = max(abs(self.initial), abs(self.kinetic) + abs(self.internal), 1e-300)
        return (self.total - self.initial) / scale


def energies(body: Body, motion: Motion) -> Energies:
    """Energies at the motion's time, J (collective): velocities go on for half a step to it."""
    n, mass, inverse = body.owned, body.mass, body.inverse_mass
    v, force, dt = motion.v_values, motion.force, motion.dt
    acceleration = force * inverse[:, None]
    for part in (*body.constraints, *body.contacts):
        part.hold(acceleration, inverse)
    contact = sum(c.work + c.last_half_step(v, force, dt) for c in body.contacts)
    external = sum(c.work + c.last_half_step(v, force, mass, dt) for c in body.constraints)
    external += sum(load.work for load in body.loads)
    now = v[:n] + 0.5 * dt * acceleration[:n]
    work, viscous = motion.work
    hourglass = body.hourglass.work if body.hourglass else 0.0
    kinetic = 0.5 * float(mass[:n] @ (now * now).sum(axis=1))
    local = np.array([kinetic, work - viscous, hourglass, viscous, contact, external])
    values = body.comm.allreduce(local, op=MPI.SUM)
    return Energies(*(float(x) for x in values), initial=motion.initial_energy)
