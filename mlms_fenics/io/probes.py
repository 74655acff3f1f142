# SPDX-License-Identifier: MIT
"""Scalars of a running simulation that depend on the body's shape (all calls collective)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from dolfinx.mesh import MeshTags
from mpi4py import MPI

from mlms_fenics.macroscale import ExplicitSolver, deviatoric_strain, von_mises
from mlms_fenics.macroscale.constraints import marked_nodes

_NOTHING = np.zeros(0)


class Probe(ABC):
    """A scalar made of sums and largest values over ranks.

    Probes do not communicate themselves: `evaluate` reduces for all of them together, since each
    reduction costs the same however little it carries.

    Attributes:
        unit: of the value.
    """

    unit: str = ""

    def sums(self, solver: ExplicitSolver) -> np.ndarray:
        """What this rank adds to the sums, *Shape* `(n,)`, the same n on all ranks."""
        return _NOTHING

    def maxima(self, solver: ExplicitSolver) -> np.ndarray:
        """This rank's candidates for the largest values, likewise."""
        return _NOTHING

    def resume(self, time: np.ndarray, dt: np.ndarray, values: np.ndarray) -> None:
        """Take up the history of a run that is restarted: times, steps, µs, and own values."""
        return None

    @abstractmethod
    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        """The value at the solver's present time, on all ranks."""


def evaluate(solver: ExplicitSolver, probes: Mapping[str, Probe]) -> dict[str, float]:
    """Values of all probes at the solver's present time (collective)."""
    if not probes:
        return {}
    reduced = []
    for name, operation in (("sums", MPI.SUM), ("maxima", MPI.MAX)):
        parts = [np.asarray(getattr(p, name)(solver), dtype=float) for p in probes.values()]
        together = np.concatenate(parts)
        if len(together):
            solver.comm.Allreduce(MPI.IN_PLACE, together, op=operation)
        reduced.append(np.split(together, np.cumsum([len(part) for part in parts])[:-1]))
    return {
        name: float(probe.value(solver, sums, maxima))
        for (name, probe), sums, maxima in zip(probes.items(), *reduced, strict=True)
    }


class Length(Probe):
    """Extent of the deformed body along z, mm."""

    unit = "mm"

    def maxima(self, solver: ExplicitSolver) -> np.ndarray:
        z = owned_coordinates(solver)[:, 2] + owned_displacement(solver)[:, 2]
        return np.array([z.max(initial=-np.inf), (-z).max(initial=-np.inf)])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return maxima.sum()


class FootRadius(Probe):
    """Largest distance from the z axis of the foot's nodes, mm.

    Args:
        solver: collective.
        where: the foot: tags and a tag, such as `NamedMesh.surface` gives by name; None for the
            nodes that began at the lowest z.
    """

    unit = "mm"

    def __init__(self, solver: ExplicitSolver, where: tuple[MeshTags, int] | None = None) -> None:
        X = owned_coordinates(solver)
        if where is not None:
            nodes = marked_nodes(solver.elements.space, where)
            self._foot = nodes[nodes < len(X)]
            self._reference = X[self._foot]
            return
        extremes = np.array([X[:, 2].max(initial=-np.inf), (-X[:, 2]).max(initial=-np.inf)])
        solver.comm.Allreduce(MPI.IN_PLACE, extremes, op=MPI.MAX)
        self._foot = np.flatnonzero(X[:, 2] + extremes[1] < 1e-9 * extremes.sum())
        self._reference = X[self._foot]

    def maxima(self, solver: ExplicitSolver) -> np.ndarray:
        x = self._reference + owned_displacement(solver)[self._foot]
        return np.array([np.hypot(x[:, 0], x[:, 1]).max(initial=0.0)])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return maxima[0]


class ContactForce(Probe):
    """One component of the force of all contacts on the body in the last step, kN."""

    unit = "kN"

    def __init__(self, component: int) -> None:
        self.component = component

    def sums(self, solver: ExplicitSolver) -> np.ndarray:
        return np.array([sum(contact.force[self.component] for contact in solver.contacts)])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return sums[0]


class LargestStress(Probe):
    """Largest von Mises stress of all elements, GPa."""

    unit = "GPa"

    def maxima(self, solver: ExplicitSolver) -> np.ndarray:
        return np.array([von_mises(solver.sigma).max(initial=0.0)])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return maxima[0]


class LargestStrain(Probe):
    """Largest deviatoric strain measure e_d of all elements."""

    def maxima(self, solver: ExplicitSolver) -> np.ndarray:
        return np.array([deviatoric_strain(solver.F).max(initial=0.0)])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return maxima[0]


def owned_coordinates(solver: ExplicitSolver) -> np.ndarray:
    """Reference positions of this rank's own nodes, mm, *Shape* `(n, 3)`."""
    return solver.elements.coordinates[: _owned(solver)]


def owned_displacement(solver: ExplicitSolver) -> np.ndarray:
    """Displacements of this rank's own nodes, mm, *Shape* `(n, 3)`."""
    return solver.u.x.array.reshape(-1, 3)[: _owned(solver)]


def owned_velocity(solver: ExplicitSolver) -> np.ndarray:
    """Velocities of this rank's own nodes half a step ago, mm/µs, *Shape* `(n, 3)`."""
    return solver.v.x.array.reshape(-1, 3)[: _owned(solver)]


def _owned(solver: ExplicitSolver) -> int:
    return solver.elements.space.dofmap.index_map.size_local
