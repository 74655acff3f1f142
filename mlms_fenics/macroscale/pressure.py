# SPDX-License-Identifier: MIT
"""Pressure on the deformed surface: a load that follows the body."""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Any

import basix
import numba
import numpy as np
from dolfinx import mesh

from mlms_fenics.loop import PressureData
from mlms_fenics.macroscale.element import SUPPORTED, Elements
from mlms_fenics.macroscale.exchange import NodeExchange
from mlms_fenics.macroscale.loads import BoundLoad, Load
from mlms_fenics.macroscale.places import outer_facets
from mlms_fenics.macroscale.pressure_stiffness import add_pressure_stiffness
from mlms_fenics.numbers import check_finite


@dataclass(frozen=True)
class Pressure(Load):
    """Force −p n per deformed area, n the deformed surface's outer normal.

    Attributes:
        where: facet tags and the tag of the loaded facets.
        value: p, GPa, positive where it pushes on the body, or a function of the time in µs.
    """

    where: tuple[mesh.MeshTags, int]
    value: float | Callable[[float], float]

    def __post_init__(self) -> None:
        at_first = self.value(0.0) if callable(self.value) else self.value
        check_finite("pressure, given or returned by its function,", at_first, "GPa")

    def bind(self, elements: Elements, mass: np.ndarray, owned: int) -> "BoundLoad":
        return BoundPressure(self, elements, owned)


class BoundPressure(BoundLoad):
    """A `Pressure` on one rank's facets.

    Attributes:
        last: its forces at the end of the last step on `nodes`, kN, `(n, 3)`.
    """

    saved_nodal = ("last",)
    saved_common = ()

    def __init__(self, given: Pressure, elements: Elements, owned: int) -> None:
        self._value, self.work = given.value, 0.0
        self._X, self._turned = elements.coordinates, elements.axisymmetric
        self._facets, self._tables, self._signs = _facets(given.where, elements)
        self._exchange = NodeExchange(elements.space)
        self._force = np.zeros_like(self._X)
        marked = np.zeros_like(self._X)
        marked[self._facets] = 1.0
        self._sum(marked)
        self.nodes = np.flatnonzero(marked[:, 0])
        self._own = self.nodes < owned
        self.last = np.zeros((len(self.nodes), 3))

    def data(self) -> PressureData:
        value = self._value if callable(self._value) else float(self._value)
        return PressureData(self._facets, *self._tables, self._signs, value)

    @property
    def facets(self) -> np.ndarray:
        return self._facets

    def add(self, u: np.ndarray, force: np.ndarray, time: float) -> None:
        self._force[:] = 0.0
        _add_pressure(
            self._X, u, self._facets, *self._tables, self._signs, self._pressure(time),
            self._turned, self._force,
        )  # fmt: skip
        self._sum(self._force)
        force[self.nodes] += self._force[self.nodes]

    def stiffness(self, u: np.ndarray, time: float) -> np.ndarray:
        width = 3 * self._facets.shape[1]
        matrices = np.zeros((len(self._facets), width, width))
        add_pressure_stiffness(
            self._X, u, self._facets, *self._tables, self._signs, self._pressure(time),
            self._turned, matrices,
        )  # fmt: skip
        return matrices

    def apply(
        self, u: np.ndarray, v: np.ndarray, force: np.ndarray, dt: float, time: float
    ) -> None:
        self.add(u, force, time)
        present = self._force[self.nodes]
        mean = 0.5 * (present + self.last)[self._own]
        self.work += dt * float((mean * v[self.nodes[self._own]]).sum())
        self.last = present

    def _pressure(self, time: float) -> float:
        return float(self._value(time) if callable(self._value) else self._value)

    def _sum(self, nodal: np.ndarray) -> None:
        self._exchange.add(nodal)
        self._exchange.update(nodal)


Tables = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _facets(
    where: tuple[mesh.MeshTags, int], elements: Elements
) -> tuple[np.ndarray, Tables, np.ndarray]:
    """Nodes of this rank's own loaded facets, `(n, m)`, tables at their points, and signs, `(n,)`.

    Raises:
        InputError: see `outer_facets`.
    """
    domain, space = elements.space.mesh, elements.space
    tdim = domain.topology.dim
    outer = outer_facets(domain, where, "a pressure")
    domain.topology.create_connectivity(tdim, tdim - 1)
    to_cell = domain.topology.connectivity(tdim - 1, tdim)
    to_facet = domain.topology.connectivity(tdim, tdim - 1)
    cells = [int(to_cell.links(facet)[0]) for facet in outer]
    pairs = [
        (cell, int(np.flatnonzero(to_facet.links(cell) == facet)[0]))
        for cell, facet in zip(cells, outer, strict=True)
        if cell < len(elements.dofs)
    ]
    layout = space.dofmap.dof_layout
    local = [layout.entity_closure_dofs(tdim - 1, k) for _, k in pairs]
    # Shape functions of the cell on the reference facet, of all its facets' kinds.
    cell_type = SUPPORTED[elements.cell]
    weights, values, slopes = _on_facets(cell_type, 2 if elements.dofs.shape[1] == 10 else 1)
    m = len(local[0]) if local else 1
    nodes = np.zeros((len(pairs), m), dtype=np.int32)
    shape = np.zeros((len(pairs), len(weights), m))
    along = np.zeros((len(pairs), 2, len(weights), m))
    for row, ((cell, k), columns) in enumerate(zip(pairs, local, strict=True)):
        nodes[row] = elements.dofs[cell, columns]
        shape[row] = values[k][:, columns]
        along[row] = slopes[k][:, :, columns]
    X, signs = elements.coordinates, np.ones(len(pairs))
    for row, (cell, _) in enumerate(pairs):
        tangents = np.einsum("dqa,ai->di", along[row], X[nodes[row]])
        normal = np.cross(tangents[0], tangents[1] if tdim == 3 else [0.0, 0.0, 1.0])
        inside = X[elements.dofs[cell]].mean(axis=0)
        signs[row] = np.sign(normal @ (X[nodes[row]].mean(axis=0) - inside))
    first, second = (np.ascontiguousarray(along[:, d]) for d in (0, 1))
    return nodes, (weights, shape, first, second), signs


def _on_facets(cell: Any, degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights `(q,)`, N `(facets, q, n)` and derivatives `(facets, 2, q, n)` along each facet.

    Those of two dimensions have one direction along the facet; the second is then zero.
    """
    element = basix.create_element(
        basix.ElementFamily.P, cell, degree, lagrange_variant=basix.LagrangeVariant.gll_warped
    )
    vertices, topology = basix.geometry(cell), basix.topology(cell)
    flat = vertices.shape[1] == 2
    facets = topology[1 if flat else 2]
    kind = {2: "interval", 3: "triangle", 4: "quadrilateral"}[len(facets[0])]
    points, weights = basix.make_quadrature(basix.CellType[kind], 6)
    values, slopes = [], []
    for facet in facets:
        corner = vertices[facet[0]]
        axes = np.stack([vertices[k] - corner for k in facet[1 : 1 + points.shape[1]]])
        table = element.tabulate(1, corner + points @ axes)[..., 0]
        values.append(table[0])
        along = np.einsum("di,iqa->dqa", axes, table[1:])
        slopes.append(along if not flat else np.concatenate([along, np.zeros_like(along)]))
    return weights, np.array(values), np.array(slopes)


@numba.njit(cache=True, error_model="numpy")
def _add_pressure(X, u, facets, weights, shape, first, second, signs, pressure, turned, force):
    """Add −p ∫ N_a n da over the deformed facets to the nodal forces, kN.

    Args:
        facets: their nodes, `(n, m)`.
        weights: of the points of the reference facet, `(q,)`.
        shape: N_a at the points of each facet, `(n, q, m)`.
        first, second: its derivatives along the facet, likewise; `second` is zero on a line.
        signs: 1 where first × second points outwards, otherwise −1.
        turned: whether the facets are lines turned about the second axis.
    """
    for f in range(facets.shape[0]):
        for q in range(weights.shape[0]):
            a0, a1, a2, b0, b1, b2, radius = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            line = True
            for a in range(facets.shape[1]):
                i = facets[f, a]
                x, y, z = X[i, 0] + u[i, 0], X[i, 1] + u[i, 1], X[i, 2] + u[i, 2]
                d, e = first[f, q, a], second[f, q, a]
                if e != 0.0:
                    line = False
                a0, a1, a2 = a0 + d * x, a1 + d * y, a2 + d * z
                b0, b1, b2 = b0 + e * x, b1 + e * y, b2 + e * z
                radius += shape[f, q, a] * x
            if line:
                b0, b1, b2 = 0.0, 0.0, 1.0
            w = -pressure * signs[f] * weights[q]
            if turned:
                w *= 2.0 * pi * radius
            n0, n1, n2 = a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0
            for a in range(facets.shape[1]):
                i, s = facets[f, a], w * shape[f, q, a]
                force[i, 0] += s * n0
                force[i, 1] += s * n1
                force[i, 2] += s * n2
