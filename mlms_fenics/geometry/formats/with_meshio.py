# SPDX-License-Identifier: MIT
"""Meshes that meshio reads: Nastran, Salome, VTK."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.geometry.formats.listed import Block, Listed
from mlms_fenics.geometry.formats.nastran_bulk import nodes_and_elements

# By ending: meshio's module. Not meshio.read, which ends the program where it fails.
READERS = {".bdf": "nastran", ".nas": "nastran", ".med": "med", ".vtu": "vtu"}
_CELLS = {
    **dict.fromkeys(("hexahedron", "hexahedron20", "hexahedron24", "hexahedron27"), "hexahedron"),
    **dict.fromkeys(("tetra", "tetra10"), "tetrahedron"),
    **dict.fromkeys(("quad", "quad8", "quad9"), "quadrilateral"),
    **dict.fromkeys(("triangle", "triangle6", "triangle7"), "triangle"),
}
_IGNORED = ("vertex", "line", "line3")
# More values than this are numbers of cells or nodes, not of parts.
_MOST_VALUES = 1000


def read_with_meshio(path: Path) -> Listed:
    """What a file lists, by its ending.

    Args:
        path: of the file.

    Raises:
        InputError: meshio is not installed, or cannot read it.
    """
    kind = READERS[path.suffix.lower()]
    try:
        reader = import_module(f"meshio.{kind}")
    except ImportError:
        raise InputError(
            f"{path.suffix} files are read with meshio, which is not installed: pip install meshio"
        ) from None
    ignored: dict[str, int] = {}
    try:
        if kind == "nastran":
            with nodes_and_elements(path) as (copy, ignored):
                mesh = reader.read(str(copy))
        else:
            mesh = reader.read(str(path))
    except InputError:
        raise
    except Exception as error:  # whatever a file's contents make it stumble over
        words = f"{type(error).__name__} {error}".strip().replace("\n", " ")
        raise InputError(f"meshio cannot read {str(path)!r}: {words}") from None
    given = np.asarray(mesh.points)
    sound = given.ndim == 2 and all(
        np.ndim(block.data) == 2 and _are_rows(block.data, len(given)) for block in mesh.cells
    )
    require(sound, f"{str(path)!r} has no nodes, or elements of nodes that are not there")
    points = np.zeros((len(mesh.points), 3))
    points[:, : mesh.points.shape[1]] = mesh.points
    if kind == "nastran":
        frames = np.unique(mesh.point_data.pop("nastran:ref", 0))
        require(
            not frames.any(),
            f"{str(path)!r} gives nodes in the coordinate systems {', '.join(map(str, frames))}: "
            "write them all in the basic one (0)",
        )
    listed = Listed(points, ignored=ignored)
    places: list[int | None] = []
    for block in mesh.cells:
        if block.type in _IGNORED:
            listed.ignored[block.type] = listed.ignored.get(block.type, 0) + len(block.data)
            places.append(None)
        else:
            places.append(len(listed.blocks))
            rows = np.asarray(block.data, dtype=np.int64)
            listed.add(Block(block.type, _CELLS.get(block.type), rows))
    _add_groups(listed, mesh, places, kind)
    return listed


def _are_rows(numbers: Any, count: int) -> bool:
    numbers = np.asarray(numbers)
    return bool((numbers >= 0).all() and (numbers < count).all())


def _add_groups(listed: Listed, mesh: Any, places: list[int | None], kind: str) -> None:
    named: dict[str, list[np.ndarray]] = {}
    for name, per_block in mesh.cell_data.items():
        for value, members in _by_value(per_block).items():
            labels = _labels(kind, name, value, getattr(mesh, "cell_tags", {}), per_block)
            for block, rows in members:
                if places[block] is None:
                    continue
                pairs = np.stack([np.full(len(rows), places[block]), rows], axis=1)
                for label in labels:
                    named.setdefault(label, []).append(pairs)
    listed.elements = {name: np.concatenate(pairs) for name, pairs in named.items()}
    nodes: dict[str, list[np.ndarray]] = {}
    for name, values in mesh.point_data.items():
        for value, members in _by_value([values]).items():
            for label in _labels(kind, name, value, getattr(mesh, "point_tags", {}), [values]):
                nodes.setdefault(label, []).extend(rows for _, rows in members)
    listed.nodes = {name: np.unique(np.concatenate(rows)) for name, rows in nodes.items()}


def _by_value(per_block: list[Any]) -> dict[int, list[tuple[int, np.ndarray]]]:
    """Block and rows at which each whole number stands; none where it is no number of a part."""
    arrays = [np.asarray(values) for values in per_block]
    if any(a.ndim != 1 or not np.issubdtype(a.dtype, np.integer) for a in arrays):
        return {}
    values = np.unique(np.concatenate([np.zeros(0, np.int64), *arrays]))
    if len(values) > _MOST_VALUES:
        return {}
    return {
        int(value): [
            (k, np.flatnonzero(a == value)) for k, a in enumerate(arrays) if (a == value).any()
        ]
        for value in values
    }


def _labels(
    kind: str, name: str, value: int, families: dict[int, list[str]], per_block: list[Any]
) -> list[str]:
    """Names of the groups that a value of an array stands for."""
    if kind == "med":
        return families.get(value, []) if name in ("cell_tags", "point_tags") else []
    if kind == "nastran":
        return [str(value)]
    if all(np.isin(values, (0, 1)).all() for values in per_block):
        return [name] if value == 1 else []
    return [f"{name} {value}"]
