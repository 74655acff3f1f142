# SPDX-License-Identifier: MIT
"""Unilateral contact with rigid bodies, imposed kinematically, with or without friction.

A node that would end the step inside the rigid body gets the normal velocity that puts it on the
surface; the force is what that takes. It can only push, so a node separates as soon as it wants to.
Coulomb friction takes from its sliding velocity what it can, at most all of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.loop import CylinderData, PlaneData
from mlms_fenics.macroscale.contact_kernels import land, plane_distances
from mlms_fenics.numbers import check_finite, check_number, three_numbers


class RigidBody(ABC):
    """A rigid obstacle; `bind` makes its contact with one rank's boundary nodes."""

    @abstractmethod
    def bind(self, nodes: np.ndarray, owned: int, coordinates: np.ndarray, comm: Any) -> "Contact":
        """Contact with `nodes` (of which those below `owned` are this rank's own)."""


class Contact(ABC):
    """One body's contact with the nodes of one rank.

    Attributes:
        force: on the body in the last step, kN, `(3,)`, of this rank's own nodes.
        impulse: of all steps, kN µs, likewise.
        work: done on the body in all steps, J, likewise.
        nodes: that it may touch, of this rank, ghosts included.
        touching: which of them do, `(n,)`.
        normals: out of the rigid body at them, `(n, 3)`.
        rubbing: force of friction on them, kN, `(n, 3)`.
        saved_nodal: names of what a restart needs, per entry of `nodes`.
        saved_sums: likewise, parts of sums over ranks.
        saved_common: likewise, equal on all ranks.
    """

    saved_nodal: tuple[str, ...] = ("touching", "normals", "rubbing")
    saved_cell: tuple[str, ...] = ()
    saved_sums: tuple[str, ...] = ("force", "impulse", "work")
    saved_common: tuple[str, ...] = ()

    def __init__(self, nodes: np.ndarray, owned: int, friction: float) -> None:
        self.nodes, self.owned, self.friction = nodes, owned, friction
        self.touching = np.zeros(len(nodes), dtype=np.bool_)
        self.normals = np.zeros((len(nodes), 3))
        self.rubbing = np.zeros((len(nodes), 3))
        self.force, self.impulse, self.work = np.zeros(3), np.zeros(3), 0.0
        self._distance = np.zeros(len(nodes))
        self._given = np.zeros(3)

    @abstractmethod
    def data(self) -> PlaneData | CylinderData:
        """What the loop on a device needs to know of it."""

    @abstractmethod
    def deepest(self, u: np.ndarray) -> float:
        """Largest penetration of this rank's nodes, mm; negative where all are outside."""

    @abstractmethod
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
        """Correct the half-step velocities `v` so that no node enters.

        Args:
            u: displacements at the beginning of the step, mm, `(n_nodes, 3)`.
            v: predicted velocities at mid-step, mm/µs, `(n_nodes, 3)`; corrected in place.
            force: nodal forces at the beginning, kN, `(n_nodes, 3)`.
            inverse_mass: 1/mg, `(n_nodes,)`.
            dt_mean: mean of the last and this step, µs: what `force` acted over.
            dt: this step, µs.
            time: at its end, µs.
        """

    def hold(self, acceleration: np.ndarray, inverse_mass: np.ndarray) -> None:
        """Take from `acceleration` what the contact resists at the nodes that touch."""
        nodes, normals = self.nodes[self.touching], self.normals[self.touching]
        into = np.minimum((acceleration[nodes] * normals).sum(axis=1), 0.0)
        rubbing = self.rubbing[self.touching] * inverse_mass[nodes, None]
        acceleration[nodes] += rubbing - into[:, None] * normals

    def last_half_step(self, v: np.ndarray, force: np.ndarray, dt: float) -> float:
        """Work from mid-step to the end of the step, J: `work` ends at mid-step."""
        own = self.touching & (self.nodes < self.owned)
        nodes, normals = self.nodes[own], self.normals[own]
        push = np.maximum(-(force[nodes] * normals).sum(axis=1), 0.0)
        given = push[:, None] * normals + self.rubbing[own]
        return 0.5 * dt * float((given * v[nodes]).sum())

    def _land(
        self,
        surface: np.ndarray,
        v: np.ndarray,
        force: np.ndarray,
        inverse_mass: np.ndarray,
        dt_mean: float,
        dt: float,
    ) -> None:
        """Bring nodes of negative `_distance` to the surface, which moves at `surface`, mm/µs."""
        self.work += land(
            self.nodes, self.owned, self._distance, self.normals, surface, self.friction, v, force,
            inverse_mass, dt_mean, dt, self.touching, self.rubbing, self._given,
        )  # fmt: skip
        np.divide(self._given, dt_mean, out=self.force)
        self.impulse += self._given


def check_friction(friction: float) -> None:
    """Raise `InputError` where a coefficient of friction is impossible."""
    check_number("coefficient of friction", friction)
    require(
        0.0 <= friction < np.inf,
        f"coefficient of friction is {friction:g}, but must be finite and not negative",
    )


@dataclass(frozen=True)
class RigidPlane(RigidBody):
    """The half-space (x − point)·normal < 0.

    Attributes:
        point: on the plane at time 0, mm.
        normal: out of the half-space, any length.
        velocity: of the plane along its normal, mm/µs.
        friction: Coulomb's coefficient; 0 is frictionless.
    """

    point: Sequence[float] = (0.0, 0.0, 0.0)
    normal: Sequence[float] = (0.0, 0.0, 1.0)
    velocity: float = 0.0
    friction: float = 0.0

    def __post_init__(self) -> None:
        three_numbers("point of a rigid plane", self.point)
        three_numbers("normal of a rigid plane", self.normal, direction=True)
        check_finite("velocity of a rigid plane", self.velocity, "mm/µs")
        check_friction(self.friction)

    def bind(
        self, nodes: np.ndarray, owned: int, coordinates: np.ndarray, comm: Any
    ) -> "PlaneContact":
        return PlaneContact(self, nodes, owned, coordinates)


class PlaneContact(Contact):
    """Contact of one rank's boundary nodes with a `RigidPlane`."""

    def __init__(
        self, plane: RigidPlane, nodes: np.ndarray, owned: int, coordinates: np.ndarray
    ) -> None:
        super().__init__(nodes, owned, plane.friction)
        self.normal = three_numbers("normal", plane.normal, direction=True)
        self.normals[:] = self.normal
        self.speed = plane.velocity
        # Not by @, whose rounding depends on the row: a ghost must land as its owner does.
        away = (coordinates[nodes] - np.asarray(plane.point, dtype=float)) * self.normal
        self.gap = away[:, 0] + away[:, 1] + away[:, 2]

    def data(self) -> PlaneData:
        return PlaneData(self.nodes, self.gap, self.normal, float(self.speed), float(self.friction))

    def deepest(self, u: np.ndarray) -> float:
        return float(np.max(-self.gap - u[self.nodes] @ self.normal, initial=-np.inf))

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
        shift = self.speed * time
        plane_distances(self.nodes, self.gap, self.normal, shift, u, v, dt, self._distance)
        self._land(self.speed * self.normal, v, force, inverse_mass, dt_mean, dt)
