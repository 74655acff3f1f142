# SPDX-License-Identifier: MIT
"""Where the surface of a rigid body is, for contact that is found by iteration."""

from abc import ABC, abstractmethod

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.macroscale.contact import RigidBody, RigidPlane
from mlms_fenics.macroscale.projectile import RigidCylinder
from mlms_fenics.numbers import three_numbers


class Surface(ABC):
    """The surface of one rigid body beside one rank's nodes.

    Attributes:
        velocity: of the rigid body, mm/µs, `(3,)`.
        friction: Coulomb's coefficient.
    """

    velocity: np.ndarray
    friction: float

    @abstractmethod
    def begin(self, u: np.ndarray, time: float) -> None:
        """Note on which side the nodes are before a step, at displacement `u`, mm, `(n, 3)`."""

    @abstractmethod
    def gap(self, u: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gap, mm, `(n,)`, outer normal, `(n, 3)`, and ∂(normal)/∂u, 1/mm, `(n, 3, 3)`."""

    @abstractmethod
    def depth(self, u: np.ndarray) -> np.ndarray:
        """How deep nodes are inside at time 0, mm, negative outside, `(n,)`."""


class PlaneSurface(Surface):
    """That of a `RigidPlane`; X are the nodes' first positions, mm, `(n, 3)`."""

    def __init__(self, plane: RigidPlane, X: np.ndarray) -> None:
        self.normal = three_numbers("normal", plane.normal, direction=True)
        self.velocity, self.friction = plane.velocity * self.normal, plane.friction
        self._speed = plane.velocity
        self._gap = ((X - np.asarray(plane.point, dtype=float)) * self.normal).sum(axis=1)

    def begin(self, u: np.ndarray, time: float) -> None:
        return None

    def gap(self, u: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        gap = self._gap + (u * self.normal).sum(axis=1) - self._speed * time
        return gap, np.broadcast_to(self.normal, u.shape), np.zeros((len(u), 3, 3))

    def depth(self, u: np.ndarray) -> np.ndarray:
        return -self.gap(u, 0.0)[0]


class CylinderSurface(Surface):
    """Flat end and side of a `RigidCylinder` of constant velocity.

    A node meets the end if it was ahead of it when the step began, otherwise the side.
    """

    def __init__(self, cylinder: RigidCylinder, X: np.ndarray) -> None:
        require(
            cylinder.mass is None,
            f"mass of a rigid cylinder is {cylinder.mass} mg, but the implicit solver moves it at "
            "a constant velocity: give mass=None",
        )
        self._axis = three_numbers("axis", cylinder.axis, direction=True)
        self._radius, self._speed = cylinder.radius, cylinder.velocity
        self.velocity, self.friction = cylinder.velocity * self._axis, cylinder.friction
        self._offset = X - np.asarray(cylinder.centre, dtype=float)
        self._ahead = np.ones(len(X), dtype=bool)

    def begin(self, u: np.ndarray, time: float) -> None:
        along, radius, _ = self._polar(u)
        under = radius < self._radius
        self._ahead = (along - self._speed * time >= -1e-3 * self._radius) & under
        # Those beside the cylinder meet its side, those ahead of it and outside may meet its end.
        self._ahead |= ~under & (along - self._speed * time >= 0.0)

    def gap(self, u: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        along, radius, out = self._polar(u)
        ahead = along - self._speed * time
        under = radius < self._radius
        side = radius - self._radius
        gap = np.where(self._ahead, np.where(under, ahead, 1.0 + np.abs(side)),
                       np.where(ahead < 0.0, side, 1.0 + np.abs(ahead)))  # fmt: skip
        normal = np.where(self._ahead[:, None], self._axis, out)
        around = np.eye(3) - self._axis[:, None] * self._axis - out[:, :, None] * out[:, None, :]
        size = np.maximum(radius, 1e-300)[:, None, None]
        return gap, normal, np.where(self._ahead[:, None, None], 0.0, around / size)

    def depth(self, u: np.ndarray) -> np.ndarray:
        along, radius, _ = self._polar(u)
        return np.minimum(-along, self._radius - radius)

    def _polar(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = self._offset + u
        along = x @ self._axis
        aside = x - along[:, None] * self._axis
        radius = np.linalg.norm(aside, axis=1)
        return along, radius, aside / np.maximum(radius, 1e-300)[:, None]


def surface_of(body: RigidBody, X: np.ndarray) -> Surface:
    """The surface of a rigid body beside nodes at X, mm, `(n, 3)`.

    Raises:
        InputError: another kind of rigid body, or one with a mass.
    """
    if isinstance(body, RigidPlane):
        return PlaneSurface(body, X)
    if isinstance(body, RigidCylinder):
        return CylinderSurface(body, X)
    raise InputError(
        f"{type(body).__name__} is no rigid body that the implicit solver knows: take a RigidPlane "
        "or a RigidCylinder"
    )
