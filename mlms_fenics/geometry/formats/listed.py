# SPDX-License-Identifier: MIT
"""A body of the elements, sets of elements, of faces and of nodes that a mesh file lists."""

import warnings
from dataclasses import dataclass, field, replace

import numpy as np

from mlms_fenics import _compat
from mlms_fenics.errors import require
from mlms_fenics.geometry.arrays import (
    ArrayGroup,
    MeshArrays,
    merged,
    repeats,
    tidied,
    warn_of_repeats,
)
from mlms_fenics.geometry.straight import corners_of, warn_of_straightened

# Cells that a body may have, by dimension; nodes are in VTK's order.
BODIES = {3: ("hexahedron", "tetrahedron"), 2: ("quadrilateral", "triangle")}
# Numbers of nodes of those of second order, too.
_SECOND_ORDER = {
    "hexahedron": (20, 24, 27), "tetrahedron": (10,), "quadrilateral": (8, 9), "triangle": (6, 7),
}  # fmt: skip
_FACET = {"hexahedron": 4, "tetrahedron": 3, "quadrilateral": 2, "triangle": 2}
_DIMENSION = {name: dimension for dimension, cells in BODIES.items() for name in cells}


@dataclass(frozen=True)
class Block:
    """Elements of one type.

    Attributes:
        kind: what the file calls the type.
        cell: name of the cell, as in `BODIES`, or None for a type that no body here can have.
        rows: rows of points of each element in VTK's order, *Shape* `(n, k)`.
    """

    kind: str
    cell: str | None
    rows: np.ndarray


@dataclass
class Listed:
    """What a mesh file lists.

    Attributes:
        points: *Shape* `(n, 3)`.
        blocks: elements.
        ignored: number of elements by type that carry no body: springs, masses, rigid parts.
        elements: of each named set, the block and the row of its elements, `(n, 2)`.
        faces: of each named set, the nodes of its faces (in two dimensions: edges), `(n, k)`.
        nodes: of each named set, rows of points, `(n,)`.
        curved: blocks of second order as the file has them; see `add`.
    """

    points: np.ndarray
    blocks: list[Block] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)
    elements: dict[str, np.ndarray] = field(default_factory=dict)
    faces: dict[str, np.ndarray] = field(default_factory=dict)
    nodes: dict[str, np.ndarray] = field(default_factory=dict)
    curved: list[Block] = field(default_factory=list)

    def add(self, block: Block) -> None:
        """Add a block, one of second order as a straight one by its corners."""
        if block.rows.shape[1] in _SECOND_ORDER.get(block.cell or "", ()):
            self.curved.append(block)
            block = replace(block, rows=block.rows[:, : corners_of(str(block.cell))])
        self.blocks.append(block)

    def between_corners(self) -> np.ndarray:
        """Rows of points that only elements of second order have, and not as corners."""
        whole = [block.rows.ravel() for block in self.curved]
        corners = [block.rows.ravel() for block in self.blocks]
        nothing = [np.zeros(0, dtype=np.int64)]
        return np.setdiff1d(np.concatenate(nothing + whole), np.concatenate(nothing + corners))


def listed_arrays(mesh: Listed, dimension: int, what: str) -> MeshArrays:
    """The body that all elements of as many dimensions make, and its groups.

    Sets of elements of one dimension less become groups of facets. Sets that lie wholly elsewhere,
    such as reference points, are kept as empty ones: they are refused where they are named.

    Args:
        mesh: what is listed.
        dimension: of the body, 2 or 3.
        what: it is, for messages.

    Raises:
        InputError: there are no such elements, or they are of several types, or of one that is not
            of `BODIES`, or see `arrays.tidied`.
    """
    body = [k for k, block in enumerate(mesh.blocks) if _of(block) == dimension]
    for block in mesh.blocks:
        width = block.rows.shape[1] if block.cell is None else corners_of(block.cell)
        require(
            block.rows.shape[1] == width,
            f"{what} has elements of type {block.kind} with {block.rows.shape[1]} nodes, but they "
            f"have {width}",
        )
    kinds = sorted({mesh.blocks[k].kind for k in body})
    cells = sorted({mesh.blocks[k].cell for k in body})
    unknown = sorted({block.kind for block in mesh.blocks if block.cell is None})
    allowed = " or ".join(BODIES[dimension])
    advice = f"mesh the body with elements of one type, {allowed}"
    require(not unknown, f"{what} has elements of type {', '.join(unknown)}: {advice}")
    others = sorted({block.kind for block in mesh.blocks} | set(mesh.ignored))
    hint = f", but of {', '.join(others)}" if others else ""
    if dimension == 3 and any(_of(block) == 2 for block in mesh.blocks):
        advice += "; a flat body is read with dimension=2"
    require(bool(body), f"{what} has no elements of {dimension} dimensions{hint}: {advice}")
    require(len(cells) == 1, f"{what} has elements of several types ({', '.join(kinds)}): {advice}")
    if mesh.ignored:
        left = ", ".join(f"{count} {kind}" for kind, count in mesh.ignored.items())
        warnings.warn(f"{what}: elements that carry no body are left out: {left}", stacklevel=3)
    curved = [(b.kind, str(b.cell), b.rows) for b in mesh.curved if _of(b) == dimension]
    warn_of_straightened(mesh.points, curved, what)
    rows = np.concatenate([mesh.blocks[k].rows for k in body])
    warn_of_repeats(repeats(rows), what)
    starts = np.zeros(len(mesh.blocks), dtype=np.int64)
    starts[body] = np.cumsum([0, *(len(mesh.blocks[k].rows) for k in body)])[:-1]
    groups = []
    for name, members in mesh.elements.items():
        groups += _element_groups(mesh, name, members, starts, cells[0])
    for name, faces in mesh.faces.items():
        groups.append(_facet_group(name, faces, cells[0]))
    between = mesh.between_corners()
    for name, nodes in mesh.nodes.items():
        nodes = np.setdiff1d(nodes, between)
        groups.append(ArrayGroup(name, 0, 0, nodes[:, None]))
    groups = [replace(group, tag=tag) for tag, group in enumerate(merged(groups), 1)]
    permutation = _compat.gmsh_permutation(cells[0], rows.shape[1])  # also VTK's
    arrays = MeshArrays(mesh.points, cells[0], rows[:, permutation], tuple(groups))
    return tidied(arrays, what, whole_groups_elsewhere=True)


def _of(block: Block) -> int:
    return _DIMENSION.get(block.cell or "", 0)


def _facet_group(name: str, faces: np.ndarray, cell: str) -> ArrayGroup:
    """Faces of which the cell has none, such as triangles of a hexahedron, are off the body."""
    width, dimension = _FACET[cell], _DIMENSION[cell] - 1
    if faces.shape[1] == width:
        return ArrayGroup(name, dimension, 0, faces)
    return ArrayGroup(name, dimension, 0, np.zeros((0, width), np.int64), len(faces))


def _element_groups(
    mesh: Listed, name: str, members: np.ndarray, starts: np.ndarray, cell: str
) -> list[ArrayGroup]:
    dimension = _DIMENSION[cell]
    dimensions = np.array([_of(block) for block in mesh.blocks])[members[:, 0]]
    made = []
    inside = members[dimensions == dimension]
    if len(inside) or len(members) == 0:
        rows = starts[inside[:, 0]] + inside[:, 1]
        made.append(ArrayGroup(name, dimension, 0, rows))
    around = members[dimensions == dimension - 1]
    by_width: dict[int, list[np.ndarray]] = {}
    for k in np.unique(around[:, 0]):
        rows = mesh.blocks[k].rows
        chosen = rows[around[around[:, 0] == k, 1]]
        by_width.setdefault(rows.shape[1], []).append(chosen)
    for parts in by_width.values():
        made.append(_facet_group(name, np.concatenate(parts), cell))
    return made
