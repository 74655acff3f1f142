# SPDX-License-Identifier: MIT
"""Everything that differs between dolfinx 0.9, 0.10 and 0.11, in one place."""

import logging
from typing import Any

import numpy as np
from dolfinx import fem, la, mesh

try:  # 0.10 and later
    from dolfinx.io import gmsh as _gmsh_io
except ImportError:  # 0.9
    from dolfinx.io import gmshio as _gmsh_io

# ffcx, when imported, has all warnings sent to a logger that nobody listens to.
logging.captureWarnings(False)

Tagged = tuple[mesh.Mesh, mesh.MeshTags, mesh.MeshTags]


def model_to_mesh(model: Any, comm: Any, rank: int = 0, dimension: int = 3) -> Tagged:
    """Mesh, cell tags and facet tags of a gmsh model that lives on `rank` (collective)."""
    domain, cells, facets = _gmsh_io.model_to_mesh(model, comm, rank, gdim=dimension)[:3]
    return domain, cells, facets


def read_from_msh(path: str, comm: Any, rank: int = 0) -> Tagged:
    """Mesh, cell tags and facet tags of a gmsh file (collective)."""
    domain, cells, facets = _gmsh_io.read_from_msh(str(path), comm, rank, gdim=3)[:3]
    return domain, cells, facets


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
