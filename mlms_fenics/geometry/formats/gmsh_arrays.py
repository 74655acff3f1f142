# SPDX-License-Identifier: MIT
"""What gmsh knows of a mesh, as arrays; by itself, not one tag per element."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlms_fenics import _compat
from mlms_fenics.errors import require
from mlms_fenics.geometry.arrays import (
    WORDS,
    ArrayGroup,
    MeshArrays,
    merged,
    repeats,
    tidied,
    warn_of_repeats,
)
from mlms_fenics.geometry.straight import EDGES, corners_of, warn_of_straightened

# First word of gmsh's name of an element type, of whatever order: dolfinx's name of the cell.
_CELLS = {
    "Line": "interval",
    "Triangle": "triangle",
    "Quadrilateral": "quadrilateral",
    "Tetrahedron": "tetrahedron",
    "Hexahedron": "hexahedron",
    "Point": "point",
}


@dataclass
class _Found:
    """Elements of one physical group by gmsh's name of their type, as rows of nodes."""

    name: str
    dimension: int
    tag: int
    blocks: list[tuple[str, np.ndarray]] = field(default_factory=list)
    repeated: int = 0

    def straight(self) -> list[tuple[str, np.ndarray]]:
        """Name of the cell, or gmsh's of a type that is none, and corners of each block."""
        made = []
        for kind, rows in self.blocks:
            cell = _cell_of(kind)
            made.append((cell, rows[:, : corners_of(cell)] if cell in EDGES else rows))
        return made


def gmsh_arrays(model: Any, dimension: int, what: str) -> MeshArrays:
    """The body that the physical groups of gmsh's current model make.

    Groups may overlap, and each element counts once however often it is named. Two groups of one
    name and dimension are one.

    Args:
        model: `gmsh.model` with a mesh.
        dimension: of the body, 2 or 3: which physical groups make it.
        what: it is, for messages.

    Raises:
        InputError: there is no such group, elements are of several types or of one that no cell
            is, or see `arrays.tidied`.
    """
    tags, points, _ = model.mesh.getNodes()
    order = np.argsort(tags)
    tags, points = tags[order], points.reshape(-1, 3)[order]
    groups = _groups(model, tags)
    blocks = [block for g in groups if g.dimension == dimension for block in g.blocks]
    cells = [block for g in groups if g.dimension == dimension for block in g.straight()]
    names = [kind for _, kind in sorted({(rows.shape[1], kind) for kind, rows in blocks})]
    kind, number = ("Volume", "three") if dimension == 3 else ("Surface", "two")
    require(
        bool(names),
        f"{what} has no physical {kind.lower()} with elements: add one in gmsh, such as "
        f'Physical {kind}("body") = {{1}}, and mesh in {number} dimensions',
    )
    require(
        len({cell for cell, _ in cells}) == 1,
        f"{what} has elements of several types ({', '.join(names)}): mesh the body with one",
    )
    cell = cells[0][0]
    require(
        cell in EDGES,
        f"{what} has elements of type {names[0]}: mesh the body with tetrahedra or hexahedra, or "
        "in two dimensions with quadrilaterals",
    )
    if any(g.dimension > dimension and g.blocks for g in groups):
        require(False, f"{what} has physical volumes: read it with dimension=3")
    _warn_of_lost_names(groups, what)
    curved = [(kind, cell, rows) for kind, rows in blocks if rows.shape[1] > corners_of(cell)]
    warn_of_straightened(points, curved, what)
    permutation = _compat.gmsh_permutation(cell, corners_of(cell))
    warn_of_repeats(sum(g.repeated for g in groups), what)
    starts = iter(np.cumsum([0, *(len(rows) for _, rows in cells)])[:-1])
    made = [
        _cell_group(g, starts) if g.dimension == dimension else _lower_group(g, cell)
        for g in groups
    ]
    rows = np.concatenate([rows for _, rows in cells])[:, permutation]
    mesh = MeshArrays(points, cell, rows, merged(made))
    return tidied(mesh, what)


def _groups(model: Any, tags: np.ndarray) -> list[_Found]:
    found = []
    for dimension, tag in model.getPhysicalGroups():
        group = _Found(model.getPhysicalName(dimension, tag) or str(tag), dimension, tag)
        for entity in model.getEntitiesForPhysicalGroup(dimension, tag):
            # Formats before 4 list an element once for each group that it is in.
            times = len(model.getPhysicalGroupsForEntity(dimension, entity))
            kinds, _, nodes = model.mesh.getElements(dimension, entity)
            for kind, numbers in zip(kinds.tolist(), nodes, strict=True):
                name, _, _, width, _, _ = model.mesh.getElementProperties(kind)
                rows = np.searchsorted(tags, numbers).astype(np.int64).reshape(-1, width)
                again = repeats(rows)
                if again > (times - 1) * (len(rows) - again):
                    group.repeated += again
                group.blocks.append((name, rows))
        found.append(group)
    return found


def _cell_group(group: _Found, starts: Any) -> ArrayGroup:
    rows = [next(starts) + np.arange(len(block)) for _, block in group.blocks]
    parts = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
    return ArrayGroup(group.name, group.dimension, group.tag, parts)


def _cell_of(kind: str) -> str:
    """dolfinx's name of a cell by gmsh's of the element's type; that itself where there is none."""
    return _CELLS.get(kind.split()[0], kind)


def _lower_group(group: _Found, cell: str) -> ArrayGroup:
    """Parts in dolfinx's order of nodes; those that no cell of the body can have are counted."""
    kind = _compat.part_of_cell(cell, group.dimension)
    blocks = group.straight()
    rows = [block for k, block in blocks if k == kind]
    elsewhere = sum(len(block) for k, block in blocks if k != kind)
    width = rows[0].shape[1] if rows else 1
    parts = np.concatenate([np.zeros((0, width), dtype=np.int64), *rows])
    if group.dimension:
        parts = parts[:, _compat.gmsh_permutation(kind, width)] if rows else parts
    return ArrayGroup(group.name, group.dimension, group.tag, parts, elsewhere)


def _warn_of_lost_names(groups: list[_Found], what: str) -> None:
    """gmsh keeps a name for the first of the groups of a dimension that were given it."""
    for dimension, (kind, _) in WORDS.items():
        here = [g for g in groups if g.dimension == dimension]
        bare = [g.name for g in here if g.name == str(g.tag)]
        if 0 < len(bare) < len(here):
            warnings.warn(
                f"{what}: the physical {kind} {', '.join(bare)} has no name, and goes by its "
                "number: gmsh drops a name that another group of the same dimension has",
                stacklevel=3,
            )
