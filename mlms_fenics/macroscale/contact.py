# SPDX-License-Identifier: MIT
"""Unilateral frictionless contact with rigid bodies, imposed kinematically.

A node that would end the step inside the rigid body gets the normal velocity that puts it on the
surface; the force is what that takes. It can only push, so a node separates as soon as it wants to.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from mlms_fenics.errors import InputError, require


class RigidBody(ABC):
    """A rigid obstacle; `bind` makes its contact with one rank's boundary nodes."""

    @abstractmethod
    def bind(self, nodes: np.ndarray, owned: int, coordinates: np.ndarray) -> "Contact":
        """Contact with `nodes` (of which those below `owned` are this rank's own)."""


class Contact(ABC):
    """One body's contact with the nodes of one rank.

    Attributes:
        force: on the body in the last step, kN, `(3,)`, of this rank's own nodes.
        impulse: of all steps, kN µs, likewise.
        work: done on the body in all steps, J, likewise.
        nodes: that it may touch, of this rank, ghosts included.
        saved_nodal: names of what a restart needs, per entry of `nodes`.
        saved_sums: likewise, parts of sums over ranks.
        saved_common: likewise, equal on all ranks.
    """

    saved_nodal: tuple[str, ...] = ("touching",)
    saved_sums: tuple[str, ...] = ("force", "impulse", "work")
    saved_common: tuple[str, ...] = ()
    nodes: np.ndarray
    force: np.ndarray
    impulse: np.ndarray
    work: float

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

    @abstractmethod
    def hold(self, acceleration: np.ndarray) -> None:
        """Take from `acceleration` what the contact resists at the nodes that touch."""

    @abstractmethod
    def last_half_step(self, v: np.ndarray, force: np.ndarray, dt: float) -> float:
        """Work from mid-step to the end of the step, J: `work` ends at mid-step."""


@dataclass(frozen=True)
class RigidPlane(RigidBody):
    """The half-space (x − point)·normal < 0, rigid and frictionless.

    Attributes:
        point: on the plane at time 0, mm.
        normal: out of the half-space, any length.
        velocity: of the plane along its normal, mm/µs.
    """

    point: Sequence[float] = (0.0, 0.0, 0.0)
    normal: Sequence[float] = (0.0, 0.0, 1.0)
    velocity: float = 0.0

    def __post_init__(self) -> None:
        for name in ("point", "normal"):
            value = np.asarray(getattr(self, name), dtype=float)
            if value.shape != (3,) or not np.isfinite(value).all():
                raise InputError(f"{name} of a rigid plane is {value}, but must be three numbers")
        require(
            float(np.linalg.norm(self.normal)) > 0.0,
            "normal of a rigid plane is zero: give a direction out of the wall",
        )
        require(
            bool(np.isfinite(self.velocity)), "velocity of a rigid plane must be a finite number"
        )

    def bind(self, nodes: np.ndarray, owned: int, coordinates: np.ndarray) -> "PlaneContact":
        return PlaneContact(self, nodes, owned, coordinates)


class PlaneContact(Contact):
    """Contact of one rank's boundary nodes with a `RigidPlane`."""

    def __init__(
        self, plane: RigidPlane, nodes: np.ndarray, owned: int, coordinates: np.ndarray
    ) -> None:
        self.normal = np.asarray(plane.normal, dtype=float) / np.linalg.norm(plane.normal)
        self.speed = plane.velocity
        self.nodes = nodes
        self.owned = owned
        # Not by @, whose rounding depends on the row: a ghost must land as its owner does.
        away = (coordinates[nodes] - np.asarray(plane.point, dtype=float)) * self.normal
        self.gap = away[:, 0] + away[:, 1] + away[:, 2]
        self.touching = np.zeros(len(nodes), dtype=np.bool_)
        self.force = np.zeros(3)
        self.impulse = np.zeros(3)
        self.work = 0.0

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
        impulse, work = _land(
            self.nodes, self.owned, self.gap, self.normal, self.speed * time, u, v, force,
            inverse_mass, dt_mean, dt, self.touching,
        )  # fmt: skip
        np.multiply(self.normal, impulse / dt_mean, out=self.force)
        self.impulse += impulse * self.normal
        self.work += work

    def hold(self, acceleration: np.ndarray) -> None:
        nodes = self.nodes[self.touching]
        into = np.minimum(acceleration[nodes] @ self.normal, 0.0)
        acceleration[nodes] -= into[:, None] * self.normal

    def last_half_step(self, v: np.ndarray, force: np.ndarray, dt: float) -> float:
        nodes = self.nodes[self.touching & (self.nodes < self.owned)]
        push = np.maximum(-force[nodes] @ self.normal, 0.0)
        return 0.5 * dt * float(push @ (v[nodes] @ self.normal))


@numba.njit(cache=True, error_model="numpy")
def _land(nodes, owned, gap, normal, shift, u, v, force, inverse_mass, dt_mean, dt, touching):
    n0, n1, n2 = normal
    impulse, work = 0.0, 0.0
    for k in range(nodes.shape[0]):
        i = nodes[k]
        vn = v[i, 0] * n0 + v[i, 1] * n1 + v[i, 2] * n2
        un = u[i, 0] * n0 + u[i, 1] * n1 + u[i, 2] * n2
        distance = gap[k] + un + dt * vn - shift
        touching[k] = distance < 0.0
        if distance < 0.0:
            push = -distance / dt
            v[i, 0] += push * n0
            v[i, 1] += push * n1
            v[i, 2] += push * n2
            if i < owned:
                fn = force[i, 0] * n0 + force[i, 1] * n1 + force[i, 2] * n2
                before = vn - dt_mean * fn * inverse_mass[i]
                given = push / inverse_mass[i]
                impulse += given
                work += given * 0.5 * (before + vn + push)
    return impulse, work
