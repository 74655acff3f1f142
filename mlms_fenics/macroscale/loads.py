# SPDX-License-Identifier: MIT
"""Given forces: dead traction on parts of the surface, and body force; see also `pressure`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import ufl
from dolfinx import fem, mesh

from mlms_fenics import _compat
from mlms_fenics.loop import DeadLoadData, PressureData
from mlms_fenics.macroscale.element import Elements
from mlms_fenics.macroscale.exchange import NodeExchange
from mlms_fenics.macroscale.places import outer_facets, tagged
from mlms_fenics.numbers import three_numbers

Vector = Sequence[float] | Callable[[float], Sequence[float]]


class Load(ABC):
    """A force on the body."""

    @abstractmethod
    def bind(self, elements: Elements, mass: np.ndarray, owned: int) -> "BoundLoad":
        """The load on this rank's nodes (collective)."""


class DeadLoad(Load):
    """A force that does not follow the body; `bind` spreads it over one rank's nodes."""

    value: Vector
    by_mass: ClassVar[bool] = False

    @abstractmethod
    def weights(self, elements: Elements, mass: np.ndarray) -> np.ndarray:
        """What `value` is multiplied with at each node of this rank, ghosts too (collective)."""

    def bind(self, elements: Elements, mass: np.ndarray, owned: int) -> "BoundLoad":
        """The load on this rank's nodes (collective)."""
        return BoundLoad(self.value, self.weights(elements, mass), owned, self.by_mass)


@dataclass(frozen=True)
class Traction(DeadLoad):
    """Force per reference area, of constant direction however the surface turns (a dead load).

    Attributes:
        where: facet tags and the tag of the loaded facets.
        value: GPa, three numbers, or a function of the time in µs that returns them.
    """

    where: tuple[mesh.MeshTags, int]
    value: Vector

    def __post_init__(self) -> None:
        _check(self.value, "traction")

    def weights(self, elements: Elements, mass: np.ndarray) -> np.ndarray:
        tags, tag = tagged(self.where)
        space = elements.space
        domain = space.mesh
        outer_facets(domain, self.where, "a traction")
        ds = ufl.Measure("ds", domain=domain, subdomain_data=tags)
        ones = ufl.as_vector((1.0, 1.0, 1.0))
        vector = _compat.vector(space)
        _compat.assemble_into(
            vector.array,
            fem.form(elements.thickness * ufl.inner(ones, ufl.TestFunction(space)) * ds(tag)),
        )
        nodal = vector.array.reshape(-1, 3)
        exchange = NodeExchange(space)
        exchange.add(nodal)
        exchange.update(nodal)
        return nodal[:, 0].copy()


@dataclass(frozen=True)
class BodyForce(DeadLoad):
    """Force per mass, such as gravity.

    Attributes:
        value: mm/µs², three numbers, or a function of the time in µs that returns them.
    """

    value: Vector
    by_mass: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check(self.value, "body force")

    def weights(self, elements: Elements, mass: np.ndarray) -> np.ndarray:
        return mass.copy()


class BoundLoad:
    """A `Load` on one rank's nodes.

    Attributes:
        work: done on the body so far by this rank's own nodes, J.
        nodes, saved_nodal, saved_sums, saved_common: what a restart needs, as of `Contact`.
    """

    saved_nodal: tuple[str, ...] = ()
    saved_cell: tuple[str, ...] = ()
    saved_sums: tuple[str, ...] = ("work",)
    saved_common: tuple[str, ...] = ("last",)

    def __init__(
        self, value: Vector, weights: np.ndarray, owned: int, by_mass: bool = False
    ) -> None:
        self._by_mass = by_mass
        self.nodes = np.flatnonzero(weights)
        self.weights = weights[self.nodes]
        self._own = self.nodes < owned
        self._value = value
        self.last = np.zeros(3)
        self.work = 0.0

    def data(self) -> DeadLoadData | PressureData:
        """What the loop on a device needs to know of it."""
        value = self._value if callable(self._value) else np.asarray(self._value, dtype=float)
        return DeadLoadData(self.nodes, None if self._by_mass else self.weights, value)

    @property
    def facets(self) -> np.ndarray | None:
        """Nodes of the facets on which the load follows the body, `(n, m)`; None for a dead one."""
        return None

    def add(self, u: np.ndarray, force: np.ndarray, time: float) -> None:
        """Add the load at `time` and displacement `u` to `force`, kN (collective)."""
        force[self.nodes] += self.weights[:, None] * self._given(time)

    def stiffness(self, u: np.ndarray, time: float) -> np.ndarray:
        """−∂(force)/∂u of the nodes of each of `facets`, kN/mm, `(n, 3 m, 3 m)`."""
        return np.zeros((0, 0, 0))

    def apply(
        self, u: np.ndarray, v: np.ndarray, force: np.ndarray, dt: float, time: float
    ) -> None:
        """Add the load at `time` to `force`, kN; `v` moved the nodes to `u` for `dt` until then."""
        given = self._given(time)
        moved = dt * (self.weights[self._own] @ v[self.nodes[self._own]])
        self.work += float(0.5 * (given + self.last) @ moved)
        self.last = given
        force[self.nodes] += self.weights[:, None] * given

    def _given(self, time: float) -> np.ndarray:
        return np.asarray(self._value(time) if callable(self._value) else self._value, dtype=float)


def _check(value: Vector, what: str) -> None:
    if callable(value):
        value = value(0.0)
    three_numbers(f"{what}, given or returned by its function,", value)
