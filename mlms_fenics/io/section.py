# SPDX-License-Identifier: MIT
"""Plane sections through a deformed body."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.io.layout import Snapshot
from mlms_fenics.numbers import three_numbers

_VTK_CELL = {"tetrahedron": 10, "hexahedron": 12, "prism": 13, "pyramid": 14}
_FLAT = ("quadrilateral", "triangle")


@dataclass(frozen=True)
class Section:
    """Polygons where a plane cuts a body.

    Attributes:
        time: µs.
        polygons: corners in the plane's two coordinates, mm, each *Shape* `(n, 2)`.
        fields: values of the cut cells by name, *Shape* `(n_polygons,)`.
    """

    time: float
    polygons: list[np.ndarray]
    fields: dict[str, np.ndarray]


def cut(
    body: Snapshot,
    time: float,
    *,
    normal: Sequence[float] = (0.0, 1.0, 0.0),
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    axes: tuple[int, int] = (0, 2),
    displacement: str | None = "u",
) -> Section:
    """Cut a body along a plane.

    A body of two dimensions is its own section, in its first two coordinates.

    Args:
        body: the whole body, on this rank.
        time: of the snapshot, µs.
        normal: of the plane.
        origin: a point of the plane, mm.
        axes: the two coordinates to draw.
        displacement: name of the nodal field that deforms it; None for the reference shape.

    Returns:
        The section with all scalar fields of the cells.
    """
    import pyvista

    require(
        displacement is None or displacement in body.nodal,
        f"displacement is {displacement!r}, but must be one of the body's nodal fields, "
        f"{sorted(body.nodal)}, or None",
    )
    require(
        body.cell_name in (*_VTK_CELL, *_FLAT),
        f"a section needs cells of two or three dimensions, not {body.cell_name}s",
    )
    points = body.points + (0.0 if displacement is None else body.nodal[displacement])
    scalars = {name: values for name, values in body.cell.items() if values.ndim == 1}
    if body.cell_name in _FLAT:
        return Section(float(time), list(points[body.connectivity][..., :2]), scalars)
    n_cells, vertices = body.connectivity.shape
    cells = np.hstack([np.full((n_cells, 1), vertices), body.connectivity])
    kinds = np.full(n_cells, _VTK_CELL[body.cell_name], dtype=np.uint8)
    grid = pyvista.UnstructuredGrid(cells.ravel(), kinds, np.asarray(points, dtype=np.float64))
    grid.cell_data["number"] = np.arange(n_cells)
    # A plane that runs along the faces of cells cuts both or none of them: a little beside it cuts
    # one layer.
    beside = 1e-5 * float(np.ptp(points, axis=0).max())
    normal = three_numbers("normal of a section", normal, direction=True)
    origin = three_numbers("origin of a section", origin) + beside * normal
    sliced = grid.slice(normal=normal, origin=origin)
    corners = np.asarray(sliced.points)[:, list(axes)]
    polygons, position, faces = [], 0, np.asarray(sliced.faces)
    while position < len(faces):
        size = faces[position]
        polygons.append(corners[faces[position + 1 : position + 1 + size]])
        position += 1 + size
    number = np.asarray(sliced.cell_data["number"], dtype=np.int64)
    fields = {name: values[number] for name, values in scalars.items()}
    return Section(float(time), polygons, fields)
