# SPDX-License-Identifier: MIT
"""Tables of orientations, one a line, with or without names of the columns."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure.formats.lines import degrees_of, numbers_of, table_of, words_of
from mlms_fenics.microstructure.measured import ReadingOptions, Texture
from mlms_fenics.microstructure.rotations import (
    rotations_from_angles,
    rotations_from_euler,
    rotations_from_quaternions,
)

NOTATIONS = {
    "bunge": "Bunge's Euler angles φ1 Φ φ2, degrees",
    "roe": "Roe's Euler angles Ψ Θ Φ (Matthies' α β γ), degrees",
    "kocks": "Kocks' Euler angles Ψ Θ φ, degrees",
    "wxyz": "quaternions of the rotation from lattice to sample, scalar first",
    "xyzw": "quaternions of the rotation from lattice to sample, scalar last",
    "angle": "one angle, degrees, 2D",
}
WITHOUT_NAMES = {
    1: "one angle (degrees, 2D)",
    3: "Bunge Euler angles phi1 Phi phi2 (degrees)",
    4: "a quaternion w x y z (scalar first) or three Bunge Euler angles and a weight",
    5: "a quaternion w x y z and a weight",
}
# Names of columns as other codes write them, in lower case but for the two that case tells apart.
_NAMED = (
    ("bunge", ("phi1", "phi", "phi2")),
    ("bunge", ("phi_1", "phi", "phi_2")),
    ("bunge", ("φ1", "φ", "φ2")),
    ("bunge", ("euler1", "euler2", "euler3")),
    ("bunge", ("euler_1", "euler_2", "euler_3")),
    ("roe", ("alpha", "beta", "gamma")),
    ("wxyz", ("w", "x", "y", "z")),
    ("wxyz", ("qw", "qx", "qy", "qz")),
    ("wxyz", ("q0", "q1", "q2", "q3")),
    ("wxyz", ("a", "b", "c", "d")),
    ("angle", ("angle",)),
)
_WEIGHTS = ("weight", "weights", "volume", "intensity", "value", "fraction", "w", "v")


_SYMMETRIES = {
    **dict.fromkeys(("m-3m", "m-3", "432", "23"), "cubic"),
    **dict.fromkeys(("6/mmm", "6/m", "622", "6"), "hexagonal"),
}


@dataclass(frozen=True)
class _Columns:
    """Where a table holds what: numbers of the columns, and the names of those left alone."""

    notation: str
    rotation: list[int]
    weight: int | None = None
    unused: tuple[str, ...] = ()


def read_columns(path: Path, lines: list[str], options: ReadingOptions) -> Texture:
    """A table of orientations; see `read_texture`.

    Raises:
        InputError: a line that is not what it should be (named), or names that are not known.
    """
    options.only(path, "a table", "notation", "radians")
    names, table, numbers = _table(path, lines)
    columns = _by_name(path, names, options.notation) if names else None
    if columns is None:
        columns = _by_number(path, table, numbers, options.notation)
    values = table[:, columns.rotation]
    weights = None if columns.weight is None else table[:, columns.weight]
    if weights is not None and (weights < 0).any():
        bad = int(np.argmax(weights < 0))
        raise InputError(
            f"{path}, line {numbers[bad]}: the weight is {weights[bad]:g}, but must be >= 0"
        )
    said = [f"a table of {len(table)} lines", NOTATIONS[columns.notation]]
    volumes = None
    if weights is not None and values.shape[1] == 3:
        volumes = _cell_volumes(np.degrees(values) if options.radians else values)
    if options.radians:
        said[1] = said[1].replace("degrees", "radians")
    said.append("all weights equal" if weights is None else "with weights")
    if weights is not None and volumes is not None:
        weights = weights * volumes
        said[-1] = (
            "a regular grid of angles: the last column is a density, times its cells' volumes"
        )
    if columns.unused:
        said.append(f"columns left alone: {', '.join(columns.unused)}")
    Q = _rotations(path, columns.notation, values, numbers, options.radians)
    return Texture(Q, weights, _lattice(lines), tuple(said))


def _table(path: Path, lines: list[str]) -> tuple[list[str] | None, np.ndarray, list[int]]:
    """Names of the columns where a line has them, the numbers, and the lines they stand in."""
    rows: list[list[float]] = []
    numbers: list[int] = []
    before: list[tuple[str, bool]] = []
    for number, line in enumerate(lines, start=1):
        words = words_of(re.split("[#%]", line)[0])
        row = numbers_of(words)
        if row:
            rows.append(row)
            numbers.append(number)
        elif not rows:
            before.append((line, bool(words)))
        elif words:
            raise InputError(f"{path}, line {number}: '{line.strip()}' is not all numbers")
    if not rows:
        raise InputError(
            f"{path} holds no orientations; a line must hold {WITHOUT_NAMES[3]}, for example"
        )
    table = table_of(path, rows, numbers)
    for line, outside_comment in reversed(before):
        # Comment signs at the start, and units in brackets, are not part of the names.
        names = words_of(re.sub(r"^[\s#%]+|\([^)]*\)|\[[^\]]*\]", "", line))
        if len(names) == table.shape[1] and (outside_comment or _find(names) is not None):
            return names, table, numbers
    return None, table, numbers


def _cell_volumes(angles: np.ndarray) -> np.ndarray | None:
    """Volumes of the cells of a regular grid of Euler angles, None where they are no such grid.

    An orientation density is often given so; taken for weights, its values would count the crowded
    points near Φ = 0 and 180° too much.
    """
    axes = [np.unique(np.round(column, 6)) for column in angles.T]
    steps = [np.diff(axis) for axis in axes]
    whole = np.prod([len(axis) for axis in axes]) == len(angles)
    if not whole or min(map(len, axes)) < 3 or any(np.ptp(step) > 1e-4 for step in steps):
        return None
    half = np.radians(steps[1][0]) / 2.0
    middle = np.radians(angles[:, 1])
    return np.cos(np.maximum(middle - half, 0.0)) - np.cos(np.minimum(middle + half, np.pi))


def _lattice(lines: list[str]) -> str | None:
    """The lattice that a comment of MTEX's names."""
    for line in lines[:50]:
        match = re.match(r"\s*%\s*crystal symmetry:\s*\"?([^\"\s]+)", line)
        if match:
            return _SYMMETRIES.get(match[1])
    return None


def _find(names: list[str]) -> tuple[str, list[int]] | None:
    """Notation and columns of the rotation among named columns."""
    low = [name.lower() for name in names]
    if "psi" in low and "theta" in low and "phi" in low:
        places = [low.index(name) for name in ("psi", "theta", "phi")]
        third = names[places[2]]
        if names[places[0]] == "psi" and third == "phi":
            return "roe or kocks", places
        return ("roe" if third[0] == "P" else "kocks"), places
    for notation, wanted in _NAMED:
        places = [low.index(name) for name in wanted if name in low]
        if len(places) == len(wanted):
            if notation == "wxyz" and places[0] > places[3]:
                return "xyzw", [*places[1:], places[0]]
            return notation, places
    return None


def _by_name(path: Path, names: list[str], notation: str | None) -> _Columns:
    found = _find(names)
    if found is None:
        known = "; ".join(" ".join(wanted) for _, wanted in _NAMED)
        raise InputError(
            f"{path}: no rotation is known in columns named '{' '.join(names)}': name them one of "
            f"{known}; Psi Theta Phi (Roe); Psi Theta phi (Kocks)"
        )
    what, places = found
    if what == "roe or kocks":
        if notation not in ("roe", "kocks"):
            raise InputError(
                f"{path}: columns named 'psi theta phi' are Roe's or Kocks': give the notation"
            )
        what = notation
    if notation is not None and notation != what:
        raise InputError(
            f"{path}: its columns '{' '.join(names)}' are {NOTATIONS[what]}, but the notation "
            f"asked for is '{notation}'"
        )
    low = [name.lower() for name in names]
    free = [name if k not in places else "" for k, name in enumerate(low)]
    weight = next((free.index(name) for name in _WEIGHTS if name in free), None)
    unused = [name for k, name in enumerate(names) if k not in (*places, weight)]
    return _Columns(what, places, weight, tuple(unused))


def _by_number(path: Path, table: np.ndarray, numbers: list[int], notation: str | None) -> _Columns:
    n = table.shape[1]
    if notation is None:
        if n not in WITHOUT_NAMES:
            raise InputError(
                f"{path}, line {numbers[0]}: {n} columns; a line must hold "
                + ", or ".join(WITHOUT_NAMES.values())
                + "; other columns need a line of names above them"
            )
        # The components of a unit quaternion lie within ±1; a table of angles does not.
        angles = n == 3 or (n == 4 and bool((np.abs(table[:, :3]) > 1.001).any()))
        notation = "angle" if n == 1 else "bunge" if angles else "wxyz"
    if notation not in NOTATIONS:
        raise InputError(f"the notation is '{notation}', but must be one of {', '.join(NOTATIONS)}")
    size = {"angle": 1, "wxyz": 4, "xyzw": 4}.get(notation, 3)
    if n not in (size, size + 1):
        raise InputError(
            f"{path}, line {numbers[0]}: {n} columns, but {NOTATIONS[notation]} take {size}, or "
            f"{size + 1} with a weight"
        )
    return _Columns(notation, list(range(size)), size if n > size else None)


def _rotations(
    path: Path, notation: str, table: np.ndarray, numbers: list[int], radians: bool | None
) -> np.ndarray:
    if notation == "angle":
        return rotations_from_angles(np.degrees(table[:, 0]) if radians else table[:, 0])
    if notation in ("wxyz", "xyzw"):
        length = np.linalg.norm(table, axis=1)
        worst = int(np.argmax(np.abs(length - 1.0)))
        # Files often carry four or five digits: accept those, and refuse what is no quaternion.
        if abs(length[worst] - 1.0) > 1e-3:
            raise InputError(
                f"{path}, line {numbers[worst]}: the quaternion has length {length[worst]:.4g}, "
                "but must have length 1"
            )
        return rotations_from_quaternions(table if notation == "wxyz" else np.roll(table, 1, 1))
    return rotations_from_euler(degrees_of(path, table, numbers, radians), notation)
