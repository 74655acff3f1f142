# SPDX-License-Identifier: MIT
"""Histories at points of the body, as columns of a recorder's table."""

from collections.abc import Callable, Sequence

import numpy as np
from dolfinx.mesh import MeshTags

from mlms_fenics.errors import require
from mlms_fenics.io.probes import Probe, owned_coordinates, owned_displacement, owned_velocity
from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.macroscale.constraints import marked_nodes
from mlms_fenics.numbers import three_numbers

CellField = Callable[[ExplicitSolver], np.ndarray]


class NodeHistory(Probe):
    """One component of displacement (mm) or velocity (mm/µs) at a place.

    Args:
        solver: collective.
        place: reference position, mm, for the node nearest to it; or tags and a tag, such as
            `NamedMesh.nodes` gives by name, for the mean over their nodes.
        field: "u" or "v" (half a step before the time).
        component: 0, 1 or 2.

    Attributes:
        node: reference position of the node found, or mean of those of the nodes, mm.

    Raises:
        InputError: another field or component, or a tag that marks no node.
    """

    def __init__(
        self,
        solver: ExplicitSolver,
        place: Sequence[float] | tuple[MeshTags, int],
        field: str,
        component: int,
    ) -> None:
        require(field in ("u", "v"), f"field of a node history is {field!r}, but must be u or v")
        known = isinstance(component, int | np.integer) and component in (0, 1, 2)
        require(known, f"component is {component}, but must be 0, 1 or 2")
        self.unit = "mm" if field == "u" else "mm/us"
        self._values = owned_displacement if field == "u" else owned_velocity
        self._component = component
        X = owned_coordinates(solver)
        if isinstance(place, tuple) and isinstance(place[0], MeshTags):
            nodes = marked_nodes(solver.elements.space, place)
            self._rows = nodes[nodes < len(X)]
            self._count = solver.comm.allreduce(len(self._rows))
            mean = solver.comm.allreduce(X[self._rows].sum(axis=0)) / self._count
            self.node = tuple(mean.tolist())
        else:
            row, self.node = _nearest(solver, X, place)
            self._rows, self._count = np.array([] if row is None else [row], dtype=np.int64), 1

    def sums(self, solver: ExplicitSolver) -> np.ndarray:
        return np.array([self._values(solver)[self._rows, self._component].sum() / self._count])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return sums[0]


class ElementHistory(Probe):
    """A scalar of the element whose centre is nearest to a place.

    Args:
        solver: collective.
        place: reference position, mm.
        field: of the solver, one value per own cell, such as `lambda s: s.sigma[:, 2, 2]` with
            one-point elements, or one of the law's fields.
        unit: of the field.

    Attributes:
        centre: reference position of the element found, mm.
    """

    def __init__(
        self, solver: ExplicitSolver, place: Sequence[float], field: CellField, unit: str = ""
    ) -> None:
        self.unit, self._field = unit, field
        centres = solver.elements.coordinates[solver.elements.dofs].mean(axis=1)
        self._row, self.centre = _nearest(solver, centres.reshape(-1, 3), place)

    def sums(self, solver: ExplicitSolver) -> np.ndarray:
        if self._row is None:
            return np.zeros(1)
        return np.array([float(self._field(solver)[self._row])])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return sums[0]


def _nearest(
    solver: ExplicitSolver, X: np.ndarray, place: Sequence[float]
) -> tuple[int | None, tuple[float, ...]]:
    """Row of the nearest of all ranks' positions where this rank has it, and that position."""
    comm = solver.comm
    distance = np.linalg.norm(X - three_numbers("place of a history", place), axis=1)
    # Equally near ones: the same whatever the ranks, by position.
    best = (np.inf, (), -1, -1)
    if len(X):
        least = np.flatnonzero(distance <= distance.min() * (1.0 + 1e-9) + 1e-12)
        row = min(least, key=lambda k: tuple(X[k].round(9)))
        best = (round(float(distance[row]), 9), tuple(X[row].round(9).tolist()), comm.rank, row)
    _, position, rank, row = min(comm.allgather(best))
    return (int(row) if rank == comm.rank else None), position
