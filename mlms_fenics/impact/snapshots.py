# SPDX-License-Identifier: MIT
"""Bodies read back from a run's files."""

import os
from collections.abc import Sequence
from math import inf

import numpy as np

from mlms_fenics import _compat  # noqa: F401  (dolfinx first: it loads MPI in the right order)
from mlms_fenics.errors import InputError
from mlms_fenics.io import XDMFReader
from mlms_fenics.io.layout import Snapshot
from mlms_fenics.io.section import Section

_CELLS = {4: "tetrahedron", 8: "hexahedron", 6: "prism", 5: "pyramid"}


def output_at(reader: XDMFReader, time: float) -> int:
    """Number of the output at `time`, µs.

    Raises:
        InputError: there is none within a millionth of the run's length.
    """
    times = np.asarray(reader.times)
    nearest = int(np.abs(times - time).argmin())
    if abs(times[nearest] - time) > 1e-6 * max(times[-1], 1e-300):
        raise InputError(
            f"{str(reader.path)!r} has no output at {time:g} µs, but at "
            + ", ".join(f"{t:g}" for t in times)
        )
    return nearest


def read_snapshot(
    path: str | os.PathLike | XDMFReader, time: float, fields: Sequence[str] | None = None
) -> Snapshot:
    """The whole body of a run's output at `time` (µs).

    Args:
        path: of the XDMF file, or its reader.
        time: of the output, µs.
        fields: names to read; all scalars, vectors and tensors where None.

    Raises:
        InputError: no such file, output or field.
    """
    reader = path if isinstance(path, XDMFReader) else XDMFReader(path)
    number = output_at(reader, time)

    def read(centre: str) -> dict[str, np.ndarray]:
        names = reader.names(centre)
        wanted = names if fields is None else [name for name in fields if name in names]
        return {name: reader.field(name, number) for name in wanted}

    cells = reader.connectivity
    name = _CELLS[cells.shape[1]]
    return Snapshot(np.asarray(reader.points, float), cells, name, read("Node"), read("Cell"))


def cell_volumes(body: Snapshot) -> np.ndarray:
    """Reference volumes of the cells, mm³, *Shape* `(n_cells,)`."""
    import pyvista

    kind = {"tetrahedron": 10, "hexahedron": 12, "prism": 13, "pyramid": 14}[body.cell_name]
    n, vertices = body.connectivity.shape
    cells = np.hstack([np.full((n, 1), vertices), body.connectivity]).ravel()
    grid = pyvista.UnstructuredGrid(cells, np.full(n, kind, dtype=np.uint8), body.points)
    return np.abs(np.asarray(grid.compute_cell_sizes()["Volume"]))


def node_volumes(body: Snapshot) -> np.ndarray:
    """Equal shares of the volumes of the cells around each node, mm³, *Shape* `(n_nodes,)`."""
    vertices = body.connectivity.shape[1]
    share = np.repeat(cell_volumes(body) / vertices, vertices)
    return np.bincount(body.connectivity.ravel(), weights=share, minlength=len(body.points))


def relative_difference(values: np.ndarray, truth: np.ndarray, volume: np.ndarray) -> float:
    """‖values − truth‖ / ‖truth‖ in L² over the body; NaN where the truth is zero.

    Args:
        values, truth: *Shape* `(n, ...)`.
        volume: of each row, *Shape* `(n,)`.
    """

    def square(a: np.ndarray) -> float:
        a = np.asarray(a, float)
        return float(volume @ (a**2).sum(axis=tuple(range(1, a.ndim))))

    norm = square(truth)
    return float(np.sqrt(square(np.asarray(values, float) - truth) / norm)) if norm else np.nan


def near_axis(section: Section, width: float, height: float = inf) -> Section:
    """The polygons of a section with centres within `width` mm of x = 0 and below z = `height`."""
    centres = [p.mean(axis=0) for p in section.polygons]
    kept = [k for k, (x, z) in enumerate(centres) if abs(x) <= width and z <= height]
    return Section(
        section.time,
        [section.polygons[k] for k in kept],
        {name: values[kept] for name, values in section.fields.items()},
    )
