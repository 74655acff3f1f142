# SPDX-License-Identifier: MIT
"""A distributed dolfinx mesh and its fields, in VTK's conventions and the input's order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from dolfinx import la
from dolfinx.fem import Function
from dolfinx.mesh import Mesh

from mlms_fenics import _compat
from mlms_fenics.errors import InputError, require
from mlms_fenics.io.ordering import InputOrder
from mlms_fenics.parallel import on_every_rank

Fields = Mapping[str, Any]

# Position in dolfinx's (tensor-product) vertex order of each vertex in VTK's order.
_TO_VTK = {
    "interval": (0, 1),
    "triangle": (0, 1, 2),
    "quadrilateral": (0, 1, 3, 2),
    "tetrahedron": (0, 1, 2, 3),
    "hexahedron": (0, 1, 3, 2, 4, 5, 7, 6),
    "prism": (0, 1, 2, 3, 4, 5),
    "pyramid": (0, 1, 3, 2, 4),
}


class MeshLayout:
    """A mesh of degree 1 and the way of its fields into files and pictures.

    Args:
        mesh: cells of degree 1 of one type.
        to_root: everything to rank 0 instead of an even share to each rank.

    Attributes:
        nodes: order of the mesh's nodes.
        cells: order of its cells.
        cell_name: such as "hexahedron".
        points: this rank's block of the coordinates, mm, *Shape* `(nodes.count, 3)`.
        connectivity: this rank's block of the cells' nodes, in VTK's order, *Shape*
            `(cells.count, vertices)`, int64.

    Raises:
        InputError: the cells are not of degree 1.
    """

    def __init__(self, mesh: Mesh, *, to_root: bool = False) -> None:
        geometry, topology = mesh.geometry, mesh.topology
        self.cell_name = _compat.cell_name(mesh)
        permutation = _TO_VTK.get(self.cell_name, ())
        self._dofmap = np.asarray(_compat.geometry_dofmap(mesh))
        require(
            self._dofmap.shape[1] == len(permutation),
            f"cells of type {self.cell_name} with {self._dofmap.shape[1]} nodes cannot be written: "
            "only cells of degree 1 can; make the mesh with straight edges",
        )
        self._mesh = mesh
        node_map, cell_map = geometry.index_map(), topology.index_map(topology.dim)
        self._n_nodes, self._n_cells = node_map.size_local, cell_map.size_local
        self._n_nodes_with_ghosts = self._n_nodes + node_map.num_ghosts
        self._n_cells_with_ghosts = self._n_cells + cell_map.num_ghosts
        self.nodes = InputOrder(
            mesh.comm, geometry.input_global_indices[: self._n_nodes], to_root=to_root
        )
        self.cells = InputOrder(
            mesh.comm, topology.original_cell_index[: self._n_cells], to_root=to_root
        )
        position = la.vector(node_map, 1, dtype=np.int64)
        position.array[: self._n_nodes] = self.nodes.position
        position.scatter_forward()
        cells = position.array[self._dofmap[: self._n_cells][:, list(permutation)]]
        self.points = self.nodes.collect(geometry.x[: self._n_nodes])
        self.connectivity = self.cells.collect(np.asarray(cells, dtype=np.int64))

    def collect(self, nodal: Fields, cell: Fields, dtype: Any = np.float64) -> tuple[dict, dict]:
        """This rank's blocks of the fields (collective).

        Args:
            nodal: by name, a Function (of degree 2: its vertices) with up-to-date ghosts, or an
                array by geometry node, *Shape* `(n, ...)` with n the owned nodes or all local ones.
            cell: by name, a Function with one value per cell (DG0 or one-point quadrature), or an
                array by cell, with or without the ghost cells.
            dtype: of the result.

        Returns:
            Two dictionaries of arrays, scalars *Shape* `(count,)`, vectors `(count, 3)`, tensors
            `(count, 3, 3)`; those of two dimensions are filled with zeros.

        Raises:
            InputError: on all ranks, where a field has a wrong shape on any.
        """
        owned_nodal, owned_cell = on_every_rank(
            self._mesh.comm,
            lambda: (
                {name: self._nodal(name, field) for name, field in nodal.items()},
                {name: self._cell(name, field) for name, field in cell.items()},
            ),
        )
        return (
            _collect_together(self.nodes, owned_nodal, self._n_nodes, dtype),
            _collect_together(self.cells, owned_cell, self._n_cells, dtype),
        )

    def _nodal(self, name: str, field: Any) -> np.ndarray:
        if isinstance(field, Function):
            dofs = field.function_space.dofmap.list
            quadratic = self.cell_name == "tetrahedron" and dofs.shape[1] == 10
            require(
                dofs.shape == self._dofmap.shape or quadratic,
                f"nodal field {name!r}: a Function of degree 1 on this mesh is needed, or of "
                "degree 2 on tetrahedra",
            )
            dofs = dofs[:, : self._dofmap.shape[1]]  # those of the vertices come first
            dof_of_node = np.zeros(self._n_nodes_with_ghosts, dtype=np.int64)
            dof_of_node[self._dofmap] = dofs
            field = _dof_values(field)[dof_of_node[: self._n_nodes]]
        return _three_dimensional(name, field, self._n_nodes, self._n_nodes_with_ghosts, "nodes")

    def _cell(self, name: str, field: Any) -> np.ndarray:
        if isinstance(field, Function):
            dofs = field.function_space.dofmap.list
            require(
                dofs.shape[1] == 1,
                f"cell field {name!r}: a Function with one value per cell is "
                "needed; average over the cell's quadrature points first",
            )
            field = _dof_values(field)[dofs[: self._n_cells, 0]]
        return _three_dimensional(name, field, self._n_cells, self._n_cells_with_ghosts, "cells")


@dataclass(frozen=True)
class Snapshot:
    """A whole body on one rank: what a picture needs.

    Attributes:
        points: mm, *Shape* `(n, 3)`, in the input's order, as are all others.
        connectivity: VTK's vertex order, *Shape* `(n_cells, vertices)`.
        cell_name: such as "hexahedron".
        nodal: fields by name, *Shape* `(n, ...)`.
        cell: fields by name, *Shape* `(n_cells, ...)`.
    """

    points: np.ndarray
    connectivity: np.ndarray
    cell_name: str
    nodal: dict[str, np.ndarray]
    cell: dict[str, np.ndarray]


def gatherer(mesh: Mesh) -> Callable[[Fields, Fields], Snapshot | None]:
    """A function that brings fields to rank 0 (collective, as is each of its calls).

    Returns:
        `gather(nodal, cell)`, which gives rank 0 a `Snapshot` and the others None; the fields are
        as `MeshLayout.collect` takes them.
    """
    layout = MeshLayout(mesh, to_root=True)

    def gather(nodal: Fields, cell: Fields) -> Snapshot | None:
        blocks = layout.collect(nodal, cell)
        if mesh.comm.rank != 0:
            return None
        return Snapshot(layout.points, layout.connectivity, layout.cell_name, *blocks)

    return gather


def _collect_together(
    order: InputOrder, fields: Mapping[str, np.ndarray], owned: int, dtype: Any
) -> dict[str, np.ndarray]:
    """All fields in one exchange: many small ones cost as much as one large."""
    if not fields:
        return {}
    widths = [int(np.prod(values.shape[1:])) for values in fields.values()]
    columns = np.concatenate(
        [v.reshape(owned, w) for v, w in zip(fields.values(), widths, strict=True)], axis=1
    )
    parts = np.split(order.collect(columns.astype(dtype)), np.cumsum(widths)[:-1], axis=1)
    return {
        name: part.reshape(order.count, *values.shape[1:])
        for (name, values), part in zip(fields.items(), parts, strict=True)
    }


def _dof_values(field: Function) -> np.ndarray:
    block, shape = field.function_space.dofmap.index_map_bs, field.ufl_shape
    require(
        block == int(np.prod(shape)),
        f"Function {field.name!r} has {block} values per node and shape {shape}: it is not of a "
        "Lagrange or quadrature element, so interpolate it into one first",
    )
    return field.x.array.reshape(-1, *shape)


def _three_dimensional(
    name: str, field: Any, owned: int, with_ghosts: int, what: str
) -> np.ndarray:
    values = np.asarray(field)
    if values.ndim == 0 or len(values) not in (owned, with_ghosts):
        raise InputError(
            f"field {name!r} has shape {values.shape}: its first axis must be the {what} of this "
            f"rank, {owned} without ghosts or {with_ghosts} with them"
        )
    values, shape = values[:owned], values.shape[1:]
    allowed = ((), (2,), (3,), (2, 2), (3, 3))
    require(
        shape in allowed,
        f"field {name!r} has values of shape {shape}: scalars, vectors and tensors of two or three "
        "dimensions can be written",
    )
    if shape and shape[0] == 2:
        padding = [(0, 0)] + [(0, 1)] * len(shape)
        values = np.pad(values, padding)
    return values
