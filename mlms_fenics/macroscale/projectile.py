# SPDX-License-Identifier: MIT
"""A rigid, flat-ended cylinder: the projectile of a plate impact, or a punch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.loop import CylinderData
from mlms_fenics.macroscale.contact import Contact, RigidBody, check_friction
from mlms_fenics.macroscale.contact_kernels import below, cylinder_distances
from mlms_fenics.numbers import check_finite, check_number, three_numbers


@dataclass(frozen=True)
class RigidCylinder(RigidBody):
    """A long rigid cylinder with one flat end, guided along its axis.

    Attributes:
        centre: of the flat end at time 0, mm.
        axis: out of the flat end, the way in which the cylinder moves, any length.
        radius: mm, > 0.
        velocity: at time 0 along the axis, mm/µs.
        mass: mg, > 0: the body slows the cylinder down; None keeps its velocity.
        friction: Coulomb's coefficient, on the end and on the side; 0 is frictionless.
    """

    centre: Sequence[float] = (0.0, 0.0, 0.0)
    axis: Sequence[float] = (0.0, 0.0, 1.0)
    radius: float = 1.0
    velocity: float = 0.0
    mass: float | None = None
    friction: float = 0.0

    def __post_init__(self) -> None:
        three_numbers("centre of a rigid cylinder", self.centre)
        three_numbers("axis of a rigid cylinder", self.axis, direction=True)
        check_number("radius of a rigid cylinder", self.radius, "mm")
        require(
            0.0 < self.radius < np.inf,
            f"radius of a rigid cylinder is {self.radius:g} mm, but must be positive",
        )
        check_finite("velocity of a rigid cylinder", self.velocity, "mm/µs")
        if self.mass is not None:
            check_number("mass of a rigid cylinder", self.mass, "mg")
        require(
            self.mass is None or 0.0 < self.mass < np.inf,
            f"mass of a rigid cylinder is {self.mass} mg, but must be positive, or None for a "
            "constant velocity",
        )
        check_friction(self.friction)

    def bind(
        self, nodes: np.ndarray, owned: int, coordinates: np.ndarray, comm: Any
    ) -> "CylinderContact":
        return CylinderContact(self, nodes, owned, coordinates, comm)


class CylinderContact(Contact):
    """Contact of one rank's boundary nodes with a `RigidCylinder`.

    Attributes:
        velocity: of the cylinder along its axis half a step ago, mm/µs.
        position: of its face along the axis, mm from where it began.
    """

    saved_common: tuple[str, ...] = ("velocity", "position")

    def __init__(
        self,
        cylinder: RigidCylinder,
        nodes: np.ndarray,
        owned: int,
        coordinates: np.ndarray,
        comm: Any,
    ) -> None:
        super().__init__(nodes, owned, cylinder.friction)
        self.axis = three_numbers("axis", cylinder.axis, direction=True)
        self.radius, self.mass = cylinder.radius, cylinder.mass
        self.velocity, self.position = float(cylinder.velocity), 0.0
        self._offset = coordinates[nodes] - np.asarray(cylinder.centre, dtype=float)
        self._ahead = np.zeros(len(nodes))
        self._comm = comm

    def data(self) -> CylinderData:
        return CylinderData(
            nodes=self.nodes,
            offset=self._offset,
            axis=self.axis,
            radius=float(self.radius),
            velocity=self.velocity,
            mass=None if self.mass is None else float(self.mass),
            friction=float(self.friction),
        )

    @property
    def momentum(self) -> np.ndarray:
        """Of the cylinder, mg mm/µs, `(3,)`; zero where it has no mass of its own."""
        return (self.mass or 0.0) * self.velocity * self.axis

    @property
    def kinetic_energy(self) -> float:
        """Of the cylinder, J; zero where it has no mass of its own."""
        return 0.5 * (self.mass or 0.0) * self.velocity**2

    def deepest(self, u: np.ndarray) -> float:
        x = self._offset + u[self.nodes]
        along = x @ self.axis
        aside = np.linalg.norm(x - along[:, None] * self.axis, axis=1)
        return float(np.minimum(-along, self.radius - aside).max(initial=-np.inf))

    def apply(
        self,
        u: np.ndarray,
        v: np.ndarray,
        force: np.ndarray,
        inverse_mass: np.ndarray,
        dt_mean: float,
        dt: float,
        time: float,
    ) -> None:
        given = (self.nodes, self._offset, self.axis, self.radius, self.position)
        found = (self._distance, self.normals, self._ahead)
        cylinder_distances(*given, self.velocity, u, v, dt, *found)
        if self.mass is not None and self._slow_down(v, inverse_mass, dt):
            cylinder_distances(*given, self.velocity, u, v, dt, *found)
        self._land(self.velocity * self.axis, v, force, inverse_mass, dt_mean, dt)
        self.position += dt * self.velocity
        if self.mass is not None and self.friction > 0.0:
            self._rub_side(dt_mean)

    def _slow_down(self, v: np.ndarray, inverse_mass: np.ndarray, dt: float) -> bool:
        """Velocity after the exchange of momentum with the nodes under the face; whether changed.

        M (V − V') = Σ m ⟨V' − w⟩, w what `below` has: concave and piecewise linear in V', so that
        Newton's iteration from above ends with the exact set of nodes.
        """
        before = self.velocity
        for _ in range(50):
            local = below(
                self.nodes, self.owned, self._ahead, self.axis, self.velocity, v, inverse_mass, dt
            )
            # A sum in the order of the ranks: all get the same, and again in every run.
            mass, momentum = np.sum(self._comm.allgather(local), axis=0)
            velocity = float((self.mass * before + momentum) / (self.mass + mass))
            if abs(velocity - self.velocity) <= 1e-15 * abs(before):
                break
            self.velocity = velocity
        return self.velocity != before

    def _rub_side(self, dt_mean: float) -> None:
        """Friction on the side takes axial momentum, too; the face has given its own already."""
        side = self.touching & (self.nodes < self.owned) & np.isnan(self._ahead)
        axial = float((self.rubbing[side] @ self.axis).sum())
        self.velocity -= dt_mean * sum(self._comm.allgather(axial)) / self.mass
