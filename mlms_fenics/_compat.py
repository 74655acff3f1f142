# SPDX-License-Identifier: MIT
"""Everything that differs between dolfinx 0.9, 0.10 and 0.11, in one place."""

import logging
from typing import Any

import basix
import basix.ufl
import dolfinx
import numpy as np
import ufl
from dolfinx import fem, la, mesh
from dolfinx.io.utils import distribute_entity_data

# ffcx, when imported, has all warnings sent to a logger that nobody listens to.
logging.captureWarnings(False)

Tagged = tuple[mesh.Mesh, mesh.MeshTags, mesh.MeshTags]


def create_mesh(comm: Any, cells: np.ndarray, points: np.ndarray, cell: str) -> mesh.Mesh:
    """A mesh of straight cells given on any ranks, with points given likewise (collective).

    Args:
        comm: mpi4py communicator.
        cells: numbers of the points of each cell in dolfinx's order, `(n, k)`, int64.
        points: `(m, dimension)`.
        cell: name of the cells' type.
    """
    element = basix.ufl.element(
        "Lagrange",
        cell,
        1,
        basix.LagrangeVariant.equispaced,
        shape=(points.shape[1],),
        dtype=points.dtype,
    )
    return mesh.create_mesh(comm, cells=cells, x=points, e=ufl.Mesh(element))


def entity_tags(
    domain: mesh.Mesh, dimension: int, parts: np.ndarray, values: np.ndarray
) -> mesh.MeshTags:
    """Tags of parts of a mesh that are given by their input nodes on any ranks (collective).

    Args:
        domain: of `create_mesh`.
        dimension: of the parts.
        parts: nodes of each part in dolfinx's order, as in the input, `(n, k)`; each is part of a
            cell and there once.
        values: tag of each, `(n,)`, int32.
    """
    domain.topology.create_connectivity(dimension, 0)
    domain.topology.create_connectivity(dimension, domain.topology.dim)
    local, values = distribute_entity_data(domain, dimension, np.ascontiguousarray(parts), values)
    if dimension == 0:
        nodes, first = np.unique(local, return_index=True)
        return mesh.meshtags(domain, 0, nodes.astype(np.int32), values[first])
    adjacency = dolfinx.graph.adjacencylist(local)
    return mesh.meshtags_from_entities(domain, dimension, adjacency, values)


def gmsh_permutation(cell: str, width: int) -> np.ndarray:
    """Columns of gmsh's nodes of a cell in dolfinx's order."""
    return np.asarray(dolfinx.cpp.io.perm_gmsh(dolfinx.cpp.mesh.to_type(cell), width))


def part_of_cell(cell: str, dimension: int) -> str:
    """Type of the parts of a cell: "quadrilateral" of a hexahedron for 2, "interval" for 1."""
    kind = dolfinx.cpp.mesh.to_type(cell)
    return dolfinx.cpp.mesh.to_string(dolfinx.cpp.mesh.cell_entity_type(kind, dimension, 0))


def geometry_dofmap(domain: mesh.Mesh) -> np.ndarray:
    """Rows of `domain.geometry.x` of each local cell, *Shape* `(n_cells, n_nodes)`."""
    geometry = domain.geometry
    return geometry.dofmaps[0] if hasattr(geometry, "dofmaps") else geometry.dofmap


def coordinate_element(domain: mesh.Mesh) -> Any:
    """The coordinate element of a mesh with one cell type."""
    geometry = domain.geometry
    return geometry.cmaps[0] if hasattr(geometry, "cmaps") else geometry.cmap


def cell_name(domain: mesh.Mesh) -> str:
    """`"hexahedron"`, `"tetrahedron"`, ..."""
    return domain.topology.cell_name()


def vector(space: fem.FunctionSpace) -> la.Vector:
    """A zero vector with the layout of `space`."""
    return la.vector(space.dofmap.index_map, space.dofmap.index_map_bs)


def assemble_into(array: np.ndarray, form: fem.Form) -> None:
    """Add this rank's part of a linear form to `array` (which is not zeroed first)."""
    fem.assemble_vector(array, form)


def evaluate(expression: fem.Expression, domain: mesh.Mesh, cells: np.ndarray) -> np.ndarray:
    """Values of an Expression, *Shape* `(n_cells, n_points * size)` in every version."""
    return np.asarray(expression.eval(domain, cells)).reshape(len(cells), -1)
