# SPDX-License-Identifier: MIT
"""Elements of second and higher order, read as straight ones by their corners."""

import warnings
from collections.abc import Sequence

import numpy as np

# Edges by their corners, in the order of gmsh, VTK and Abaqus.
EDGES = {
    "interval": ((0, 1),),
    "triangle": ((0, 1), (1, 2), (2, 0)),
    "quadrilateral": ((0, 1), (1, 2), (2, 3), (3, 0)),
    "tetrahedron": ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)),
    "hexahedron": (
        (0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4),
        (0, 4), (1, 5), (2, 6), (3, 7),
    ),
}  # fmt: skip


def corners_of(cell: str) -> int:
    """Number of corners of a cell; in every program's order they come first."""
    return 1 + max(max(edge) for edge in EDGES[cell])


def beside_edges(points: np.ndarray, cell: str, rows: np.ndarray) -> tuple[float, float]:
    """How far edges' nodes of elements lie beside the straight edges at most.

    Behind the corners every program lists the nodes on edges, in an order of its own: each is
    measured from the edge that is nearest.

    Args:
        points: *Shape* `(n, 3)`.
        cell: name of the elements' type.
        rows: of points of each element, *Shape* `(m, k)`; k more than there are corners.

    Returns:
        The distance, in the points' unit, and the largest over its own edge's length.
    """
    corners, edges = corners_of(cell), EDGES[cell]
    per_edge = 2 if rows.shape[1] >= corners + 2 * len(edges) else 1
    middle = points[rows[:, corners : corners + per_edge * len(edges)]]
    ends = points[rows[:, :corners]]
    nearest = np.full(middle.shape[:2], np.inf)
    length = np.ones(middle.shape[:2])
    for a, b in edges:
        along = (ends[:, b] - ends[:, a])[:, None]
        squared = np.maximum((along**2).sum(axis=-1), np.finfo(float).tiny)
        offset = middle - ends[:, a][:, None]
        share = np.clip((offset * along).sum(axis=-1) / squared, 0.0, 1.0)
        distance = np.linalg.norm(offset - share[..., None] * along, axis=-1)
        closer = distance < nearest
        nearest[closer] = distance[closer]
        length[closer] = np.broadcast_to(np.sqrt(squared), closer.shape)[closer]
    return float(nearest.max(initial=0.0)), float((nearest / length).max(initial=0.0))


def warn_of_straightened(
    points: np.ndarray, curved: Sequence[tuple[str, str, np.ndarray]], what: str
) -> None:
    """One warning of elements of higher order, with how far they are from straight ones.

    Args:
        points: *Shape* `(n, 3)`.
        curved: what the file calls the type, name of the cell and rows of points, of each block.
        what: it is, for messages.
    """
    filled = [block for block in curved if len(block[2])]
    if not filled:
        return
    count = sum(len(rows) for _, _, rows in filled)
    kinds = ", ".join(sorted({kind for kind, _, _ in filled}))
    measured = [beside_edges(points, cell, rows) for _, cell, rows in filled]
    far, share = (max(values) for values in zip(*measured, strict=True))
    lost = (
        "their edges are straight, so that nothing of the shape is lost"
        if share < 1e-6
        else f"nodes on edges lie up to {far:.3g} beside the straight ones in the file's unit of "
        f"length, {100.0 * share:.2g}% of an edge; use smaller elements where that is too much"
    )
    warnings.warn(
        f"{what} has {count} elements of second or higher order ({kinds}), which are read as "
        f"straight ones by their corners: {lost}",
        stacklevel=3,
    )
