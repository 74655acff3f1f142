# SPDX-License-Identifier: MIT
"""Velocities and displacements prescribed on parts of the boundary or of the body."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from dolfinx import fem, la, mesh

from mlms_fenics import _compat
from mlms_fenics.errors import InputError, require
from mlms_fenics.loop import HeldData
from mlms_fenics.macroscale.places import called, tagged
from mlms_fenics.numbers import check_finite

Locator = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PrescribedVelocity:
    """Some components of the velocity on some nodes, constant or given in time.

    `PrescribedVelocity((facet_tags, LATERAL), components=(0, 1))` holds the lateral surface of the
    cylinder; `PrescribedVelocity(lambda x: np.isclose(x[0], 0), components=(0,))` is a symmetry
    plane.

    Attributes:
        where: a function of coordinates `(3, n)` that returns n booleans, or tags and a tag: of
            facets, of edges or of nodes, such as a `NamedMesh` gives by name.
        value: mm/µs, or a function of the time in µs that returns it.
        components: which of 0, 1, 2.
    """

    where: Locator | tuple[mesh.MeshTags, int]
    value: float | Callable[[float], float] = 0.0
    components: Sequence[int] = (0, 1, 2)

    def __post_init__(self) -> None:
        require(
            _are_components(self.components),
            f"components are {self.components}, but must be among 0, 1, 2",
        )
        if not callable(self.value):
            check_finite("prescribed velocity, if no function,", self.value, "mm/µs")

    def velocity(self, time: float, dt: float) -> float:
        """Velocity at mid-step of a step of `dt` µs, whose middle is at `time` µs."""
        return self.value(time) if callable(self.value) else self.value


@dataclass(frozen=True)
class PrescribedDisplacement(PrescribedVelocity):
    """As `PrescribedVelocity`, but `value` gives the displacement, mm, as a function of the time.

    It begins at 0 at time 0; the nodes are where it says at the end of every step.
    """

    value: Callable[[float], float] = lambda time: 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_first = self.value(0.0) if callable(self.value) else self.value
        require(
            callable(self.value) and at_first == 0.0,
            f"prescribed displacement is {at_first} mm at the start, but must be a function of the "
            "time that begins at 0: a body cannot jump",
        )

    def velocity(self, time: float, dt: float) -> float:
        return (self.value(time + 0.5 * dt) - self.value(time - 0.5 * dt)) / dt


def _are_components(given: Any) -> bool:
    try:
        components = list(given)
    except TypeError:
        return False
    whole = all(isinstance(c, int | np.integer) and c in (0, 1, 2) for c in components)
    return bool(components) and whole


def symmetry_plane(axis: int, at: float = 0.0) -> PrescribedVelocity:
    """Nodes of the plane x_axis = `at` (mm) stay in it, free along it.

    Args:
        axis: 0, 1 or 2.
        at: where, mm; nodes within 1e-9 mm (and 1e-9 of `at`) are in the plane.

    Raises:
        InputError: another axis, or a place that is no number.
    """
    check_finite("place of a symmetry plane", at, "mm")
    require(_are_components([axis]), f"axis of a symmetry plane is {axis}, but must be 0, 1 or 2")
    return PrescribedVelocity(
        lambda x: np.isclose(x[axis], at, rtol=1e-9, atol=1e-9), components=(axis,)
    )


class BoundVelocity:
    """A `PrescribedVelocity` on one rank's nodes.

    Attributes:
        nodes: `(n,)`; those below the number of owned nodes are this rank's own.
        work: done on the body in all steps by this rank's own nodes, J.
        saved_nodal, saved_sums, saved_common: names of what a restart needs, as of `Contact`.
    """

    saved_nodal: tuple[str, ...] = ("_acceleration",)
    saved_cell: tuple[str, ...] = ()
    saved_sums: tuple[str, ...] = ("work",)
    saved_common: tuple[str, ...] = ()

    def __init__(self, given: PrescribedVelocity, space: fem.FunctionSpace, owned: int) -> None:
        self.nodes = marked_nodes(space, given.where)
        self.components = list(given.components)
        self._velocity = given.velocity
        self._constant = None if callable(given.value) else float(given.value)
        self._own = self.nodes < owned
        self._index = np.ix_(self.nodes, self.components)
        self._acceleration = np.zeros((len(self.nodes), len(self.components)))
        self.work = 0.0

    def data(self) -> HeldData:
        """What the loop on a device needs to know of it."""
        value = self._velocity if self._constant is None else self._constant
        return HeldData(self.nodes, np.array(self.components, dtype=np.int64), value)

    def apply(
        self,
        v: np.ndarray,
        force: np.ndarray,
        mass: np.ndarray,
        dt_mean: float,
        dt: float,
        time: float,
    ) -> None:
        """Set the mid-step velocities `v`; `time` is at mid-step, other arguments as in contact."""
        value = self._velocity(time, dt)
        predicted = v[self._index]
        m = mass[self.nodes][:, None]
        before = predicted - dt_mean * force[self._index] / m
        work = m * (value - predicted) * 0.5 * (before + value)
        self.work += float(work[self._own].sum())
        self._acceleration = (value - before) / dt_mean
        v[self._index] = value

    def mark(self, held: np.ndarray) -> None:
        """Mark the prescribed components in `held`, `(n_nodes, 3)`."""
        held[self._index] = True

    def prescribe(self, target: np.ndarray, u: np.ndarray, dt: float, time: float) -> None:
        """Set where the nodes are to be after a step of `dt` µs from `u`; `time` at mid-step."""
        target[self._index] = u[self._index] + dt * self._velocity(time, dt)

    def total(self, nodal: np.ndarray) -> np.ndarray:
        """Sum of nodal values, `(n_nodes, 3)`, at the prescribed components of own nodes."""
        total = np.zeros(3)
        own = np.ix_(self.nodes[self._own], self.components)
        total[self.components] = nodal[own].sum(axis=0)
        return total

    def hold(self, acceleration: np.ndarray, inverse_mass: np.ndarray) -> None:
        """Set `acceleration` to the prescribed one."""
        acceleration[self._index] = self._acceleration

    def last_half_step(
        self, v: np.ndarray, force: np.ndarray, mass: np.ndarray, dt: float
    ) -> float:
        """Work from mid-step to the end of the step, J: `work` ends at mid-step."""
        reaction = mass[self.nodes][:, None] * self._acceleration - force[self._index]
        mean = v[self._index] + 0.25 * dt * self._acceleration
        return 0.5 * dt * float((reaction * mean)[self._own].sum())


def marked_nodes(
    space: fem.FunctionSpace, where: Locator | tuple[mesh.MeshTags, int]
) -> np.ndarray:
    """Nodes of this rank, ghosts included, that a locator or a tag marks (collective).

    Ranks agree on shared nodes, also where only one of them owns the marked facet, edge or node.

    Raises:
        InputError: nothing is marked on any rank.
    """
    domain = space.mesh
    if callable(where):
        x = space.tabulate_dof_coordinates()
        nodes = np.flatnonzero(np.asarray(where(x.T), dtype=bool))
        what = "the locator"
    else:
        tags, tag = tagged(where)
        domain.topology.create_connectivity(tags.dim, domain.topology.dim)
        nodes = fem.locate_dofs_topological(space, tags.dim, tags.find(tag), False)
        what = called(where)
    nodes = _agreed(space, nodes)
    if domain.comm.allreduce(len(nodes)) == 0:
        raise InputError(f"{what} marks no node: check the location against the mesh")
    return nodes


def boundary_nodes(space: fem.FunctionSpace) -> np.ndarray:
    """Nodes of this rank, ghosts included, on the outer surface (collective)."""
    domain = space.mesh
    tdim = domain.topology.dim
    domain.topology.create_connectivity(tdim - 1, tdim)
    facets = mesh.exterior_facet_indices(domain.topology)
    return _agreed(space, fem.locate_dofs_topological(space, tdim - 1, facets, False))


def _agreed(space: fem.FunctionSpace, nodes: Any) -> np.ndarray:
    marker = _compat.vector(space)
    marker.array.reshape(-1, 3)[nodes] = 1.0
    marker.scatter_reverse(la.InsertMode.add)
    marker.scatter_forward()
    return np.flatnonzero(marker.array[::3]).astype(np.int64)
