# SPDX-License-Identifier: MIT
"""A mesh as plain arrays, as a file or gmsh gives it, and what is put right in it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import basix
import numpy as np

from mlms_fenics.errors import require

# What a group of each dimension is called, and what it holds.
WORDS = {
    3: ("volume", "elements"),
    2: ("surface", "faces"),
    1: ("curve", "edges"),
    0: ("point set", "nodes"),
}
# Other end first: a cell of left-handed numbering becomes one of right-handed.
_MIRRORED = {
    "hexahedron": (4, 5, 6, 7, 0, 1, 2, 3),
    "tetrahedron": (0, 2, 1, 3),
    "quadrilateral": (0, 2, 1, 3),
    "triangle": (0, 2, 1),
}


@dataclass(frozen=True)
class ArrayGroup:
    """Parts of the body that have a name.

    Attributes:
        name: in the file.
        dimension: of the parts: that of the body, or any lower one.
        tag: its number in the file.
        parts: nodes of each part, *Shape* `(n, k)`; of a group of cells, their rows, `(n,)`.
        elsewhere: how many parts there are that are no part of the body whatever it is.
    """

    name: str
    dimension: int
    tag: int
    parts: np.ndarray
    elsewhere: int = 0


@dataclass(frozen=True)
class MeshArrays:
    """A body of straight cells of one type.

    Attributes:
        points: *Shape* `(n, 3)`, in the file's unit of length.
        cell: "hexahedron", "tetrahedron", "quadrilateral" or "triangle".
        cells: rows of `points` of each cell in dolfinx's order, *Shape* `(m, k)`, int64.
        groups: in the file's order.
    """

    points: np.ndarray
    cell: str
    cells: np.ndarray
    groups: tuple[ArrayGroup, ...]

    @property
    def dimension(self) -> int:
        """Of the cells."""
        return len(basix.topology(basix.CellType[self.cell])) - 1


def tidied(mesh: MeshArrays, what: str, whole_groups_elsewhere: bool = False) -> MeshArrays:
    """Only nodes that cells use, each cell and each part of a group once, all right-handed.

    Args:
        mesh: as read.
        what: it is, for messages.
        whole_groups_elsewhere: keep groups that have no part on the body, as empty ones.

    Raises:
        InputError: a position is not finite, a cell has a node twice, or parts of a group are not
            of the body; the message names the group and how many.
    """
    if mesh.dimension == 2:
        _refuse_slope(mesh, what)
    bad = int((~np.isfinite(mesh.points[mesh.cells]).all(axis=(1, 2))).sum())
    require(bad == 0, f"{what} has {bad} elements with nodes at no finite position")
    ordered = np.sort(mesh.cells, axis=1)
    bad = int((ordered[:, 1:] == ordered[:, :-1]).any(axis=1).sum())
    require(
        bad == 0,
        f"{what} has {bad} elements with one node twice (collapsed ones): mesh the body with "
        f"whole elements of type {mesh.cell}",
    )
    first, place = _first_of_each(mesh.cells)
    cells = _right_handed(mesh, first)
    used = np.unique(cells)
    number = np.full(len(mesh.points), -1, dtype=np.int64)
    number[used] = np.arange(len(used))
    body = replace(mesh, points=mesh.points[used], cells=number[cells], groups=())
    _refuse_overlap(body, what)
    groups = []
    for group in mesh.groups:
        if group.dimension == mesh.dimension:
            parts = _once(place[group.parts][:, None])[:, 0]
        else:
            parts = number[_once(group.parts)]
        group = replace(group, parts=parts)
        groups.append(_on_body_only(body, group, what, whole_groups_elsewhere))
    return replace(body, groups=tuple(groups))


def _refuse_slope(mesh: MeshArrays, what: str) -> None:
    x = mesh.points[np.unique(mesh.cells)]
    low, high = float(x[:, 2].min()), float(x[:, 2].max())
    require(
        not high - low > 1e-9 * float(np.ptp(x[:, :2])),
        f"{what} is read in two dimensions, but its z goes from {low:g} to {high:g}: put the body "
        "into the x-y plane",
    )


def by_membership(
    mesh: MeshArrays, dimension: int
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, ...]]]:
    """All parts of the groups of one dimension, each once, and which groups each is in.

    Args:
        mesh: tidied.
        dimension: of the groups.

    Returns:
        Nodes of each part, *Shape* `(n, k)`; for each a number, `(n,)`, int32; and by that number
        the places of its groups among all.
    """
    here = [k for k, group in enumerate(mesh.groups) if group.dimension == dimension]
    filled = [k for k in here if len(mesh.groups[k].parts)]
    if dimension == mesh.dimension:
        parts, places = mesh.cells, [mesh.groups[k].parts for k in filled]
    elif filled:
        together = np.concatenate([mesh.groups[k].parts for k in filled])
        first, which = _first_of_each(together)
        parts = together[first]
        places = np.split(which, np.cumsum([len(mesh.groups[k].parts) for k in filled])[:-1])
    else:
        return np.zeros((0, 1), np.int64), np.zeros(0, np.int32), [()]
    number = np.zeros(len(parts), dtype=np.int32)
    members: list[tuple[int, ...]] = [()]
    for k, rows in zip(filled, places, strict=True):
        before, which = np.unique(number[rows], return_inverse=True)
        number[rows] = len(members) + which.reshape(-1)
        members += [(*members[m], k) for m in before]
    return parts, number, members


def _refuse_overlap(body: MeshArrays, what: str) -> None:
    """No face of three elements, which elements only have that lie in each other.

    dolfinx's memory does not stand it. A hash settles whether there can be any.
    """
    sides = basix.topology(basix.CellType[body.cell])[body.dimension - 1]
    mixed = _mixed(np.arange(len(body.points)))
    keys = np.sort(np.concatenate([mixed[body.cells[:, side]].sum(axis=1) for side in sides]))
    if not (keys[2:] == keys[:-2]).any():
        return
    faces = np.concatenate([np.sort(body.cells[:, side], axis=1) for side in sides])
    found, times = np.unique(faces, axis=0, return_counts=True)
    many = found[times > 2]
    where = body.points[many[0]].mean(axis=0) if len(many) else ""
    require(
        len(many) == 0,
        f"{what} has {len(many)} faces of more than two elements, the first at {where}: elements "
        "lie in each other; repair the mesh",
    )


def warn_of_repeats(count: int, what: str) -> None:
    """One warning of elements that a file lists again with the same nodes."""
    if count:
        warnings.warn(
            f"{what} lists {count} elements more than once (same nodes): each is read once",
            stacklevel=3,
        )


def repeats(rows: np.ndarray) -> int:
    """How many rows have the same numbers as an earlier one, in whatever order."""
    return len(rows) - len(_first_of_each(rows)[0])


def merged(groups: Sequence[ArrayGroup]) -> tuple[ArrayGroup, ...]:
    """Groups of one name and dimension made one, with the tag of the first."""
    found: dict[tuple[int, str], ArrayGroup] = {}
    for group in groups:
        key = (group.dimension, group.name)
        if key in found:
            before = found[key]
            filled = [g.parts for g in (before, group) if len(g.parts)] or [before.parts]
            elsewhere = before.elsewhere + group.elsewhere
            group = replace(before, parts=np.concatenate(filled), elsewhere=elsewhere)
        found[key] = group
    return tuple(found.values())


def _first_of_each(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First row of each set of numbers, ascending, and for each row its place among those."""
    rows = np.sort(rows, axis=1)
    # A hash settles the usual case, that nothing is there twice, without comparing rows.
    if len(np.unique(_mixed(rows).sum(axis=1))) == len(rows):
        return np.arange(len(rows)), np.arange(len(rows))
    _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[which.reshape(-1)]


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers so well stirred that sums of a few tell their sets apart, uint64."""
    mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(32))


def _once(rows: np.ndarray) -> np.ndarray:
    return rows[_first_of_each(rows)[0]]


def _right_handed(mesh: MeshArrays, rows: np.ndarray) -> np.ndarray:
    """The cells of `rows`, those with a negative Jacobian at the centre turned round."""
    cells, dimension = mesh.cells[rows], mesh.dimension
    element = basix.create_element(basix.ElementFamily.P, basix.CellType[mesh.cell], 1)
    centre = basix.geometry(basix.CellType[mesh.cell]).mean(axis=0, keepdims=True)
    slope = element.tabulate(1, centre)[1:, 0, :, 0]
    jacobian = np.einsum("cai,ka->cik", mesh.points[cells][..., :dimension], slope)
    left = np.linalg.det(jacobian) < 0.0
    cells[left] = cells[left][:, list(_MIRRORED[mesh.cell])]
    return cells


def _on_body_only(body: MeshArrays, group: ArrayGroup, what: str, keep: bool) -> ArrayGroup:
    off = group.elsewhere
    if group.dimension < body.dimension:
        off += int((~_on_body(body, group)).sum())
    kind, parts = WORDS[group.dimension]
    total = len(group.parts) + group.elsewhere
    if keep and 0 < off == total:
        return replace(group, parts=group.parts[:0], elsewhere=total)
    require(
        off == 0,
        f"{what}: {off} of the {total} {parts} of the {kind} {group.name!r} are not on the body "
        f"(on none of its {len(body.cells)} elements): take them out, or add what they are on to "
        "the body",
    )
    return group


def _on_body(body: MeshArrays, group: ArrayGroup) -> np.ndarray:
    """Which parts of a group of lower dimension are parts of cells."""
    topology = basix.topology(basix.CellType[body.cell])[group.dimension]
    width = len(topology[0])
    if len(group.parts) == 0 or group.parts.shape[1] < width:
        return np.zeros(len(group.parts), dtype=bool)
    wanted = np.sort(group.parts[:, :width], axis=1)
    inside = (wanted >= 0).all(axis=1)
    if group.dimension == 0:
        return inside
    marked = np.zeros(len(body.points), dtype=bool)
    marked[wanted[inside]] = True
    near = [body.cells[:, corners] for corners in topology]
    found = np.concatenate([rows[marked[rows].all(axis=1)] for rows in near])
    found = np.unique(np.sort(found, axis=1), axis=0)
    both = np.concatenate([found, wanted])
    _, which = np.unique(both, axis=0, return_inverse=True)
    which = which.reshape(-1)
    return np.isin(which[len(found) :], which[: len(found)])
