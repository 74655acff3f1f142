# SPDX-License-Identifier: MIT
"""Maps of electron backscatter diffraction: EDAX' .ang and Oxford's .ctf, one point a line.

Every point that was indexed is an orientation of equal weight.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure.formats.lines import degrees_of
from mlms_fenics.microstructure.measured import ReadingOptions, Texture
from mlms_fenics.microstructure.rotations import rotations_from_euler

FRAMES = ("euler", "map")
# Axes of a map point otherwise than those that the angles refer to: half-turns, as MTEX's
# 'convertEuler2SpatialReferenceFrame' has them.
_ANG_TO_MAP = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
_CTF_TO_MAP = np.diag([1.0, -1.0, -1.0])
_LAUE = {8: "hexagonal", 9: "hexagonal", 10: "cubic", 11: "cubic"}
_ANG_SYMMETRY = {"62": "hexagonal", "6": "hexagonal", "43": "cubic", "23": "cubic", "m3m": "cubic"}
_UNINDEXED = 4 * np.pi - 1e-3  # .ang: all three angles are 4π there


@dataclass(frozen=True)
class _Phase:
    name: str
    lattice: str | None


def is_ang(lines: list[str]) -> bool:
    """Whether comments at the head are those of EDAX."""
    head = re.compile(r"^#\s*(TEM_PIXperUM|MaterialName|GRID:|NCOLS_ODD)")
    return any(head.match(line) for line in lines[:500])


def is_ctf(lines: list[str]) -> bool:
    """Whether the file says that it is a Channel Text File."""
    return bool(lines) and lines[0].strip().startswith("Channel Text File")


def read_ang(path: Path, lines: list[str], options: ReadingOptions) -> Texture:
    """A .ang file; see `read_texture`.

    Columns: φ1 Φ φ2 (radians), x, y, image quality, confidence index, phase, and more.

    Raises:
        InputError: a line that is not what it should be (named), no point indexed, or several
            phases and none chosen.
    """
    options.only(path, "a .ang file", "phase", "frame")
    phases = _ang_phases(lines)
    first = next((k for k, s in enumerate(lines) if s.strip() and s[0] != "#"), len(lines))
    table, numbers = _numbers(path, lines, first, 7)
    column = _ang_phase_column(table, phases)
    number = table[:, column].astype(int) if column is not None else np.ones(len(table), int)
    if len(phases) == 1:
        number[:] = next(iter(phases))  # where there is one only, EDAX numbers it 0
    good = (table[:, 6] >= 0) & (np.abs(table[:, :3]) < _UNINDEXED).all(axis=1)
    angles = np.degrees(table[:, :3])
    kind = "EDAX .ang, Bunge's Euler angles in radians"
    points = (angles, numbers, number, good)
    return _texture(path, points, phases, options, kind, _ANG_TO_MAP)


def read_ctf(path: Path, lines: list[str], options: ReadingOptions) -> Texture:
    """A .ctf file; see `read_texture`.

    Raises:
        InputError: as `read_ang`.
    """
    options.only(path, "a .ctf file", "phase", "frame")
    phases, first, names = _ctf_head(path, lines)
    place = {name: names.index(name) for name in ("phase", "euler1", "euler2", "euler3")}
    table, numbers = _numbers(path, lines, first, max(place.values()) + 1)
    angles = table[:, [place["euler1"], place["euler2"], place["euler3"]]]
    number = table[:, place["phase"]].astype(int)
    kind = "Oxford .ctf, Bunge's Euler angles in degrees"
    points = (angles, numbers, number, number > 0)
    return _texture(path, points, phases, options, kind, _CTF_TO_MAP)


def _texture(
    path: Path,
    points: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    phases: dict[int, _Phase],
    options: ReadingOptions,
    kind: str,
    to_map: np.ndarray,
) -> Texture:
    """Choose the phase and the frame, and make rotations of the angles."""
    angles, numbers, number, good = points
    frame = options.frame or FRAMES[0]
    if frame not in FRAMES:
        raise InputError(f"frame is '{frame}', but must be one of {', '.join(FRAMES)}")
    if not good.any():
        raise InputError(f"{path}: none of its {len(good)} points is indexed")
    chosen = _choose(path, number[good], phases, options.phase)
    keep = good & (number == chosen)
    phase = phases.get(chosen, _Phase(f"phase {chosen}", None))
    Q = rotations_from_euler(degrees_of(path, angles[keep], numbers[keep], radians=False))
    if frame == "map":
        Q = to_map @ Q
    said = (
        f"{kind}",
        f"{keep.sum()} of {len(good)} points: those of {phase.name}"
        + (f" ({phase.lattice})" if phase.lattice else "")
        + f"; {(~good).sum()} are not indexed",
        "axes: those that the angles refer to, which may not be the map's x and y (frame 'map')"
        if frame == "euler"
        else "axes: turned to the map's x and y",
        "all weights equal",
    )
    return Texture(Q, lattice=phase.lattice, said=said)


def _choose(
    path: Path, number: np.ndarray, phases: dict[int, _Phase], wanted: str | int | None
) -> int:
    present, counts = np.unique(number, return_counts=True)
    names = {int(k): phases.get(int(k), _Phase(f"phase {k}", None)).name for k in present}
    if wanted is not None:
        for k, name in names.items():
            if str(wanted).lower() in (str(k), name.lower()):
                return k
    elif len(present) == 1:
        return int(present[0])
    listed = ", ".join(
        f"{k} {names[int(k)]} ({c} points)" for k, c in zip(present, counts, strict=True)
    )
    asked = f"phase '{wanted}' is not in it" if wanted is not None else "it has several phases"
    raise InputError(f"{path}: {asked}: give the phase by number or name: {listed}")


def _numbers(path: Path, lines: list[str], first: int, least: int) -> tuple[np.ndarray, np.ndarray]:
    """The table that starts at line `first` (from 0), and the numbers of its lines."""
    rows, numbers = [], []
    for k in range(first, len(lines)):
        line = lines[k].strip()
        if not line or line[0] == "#":
            continue
        rows.append(line.replace(",", "."))
        numbers.append(k + 1)
    if not rows:
        raise InputError(f"{path}: it has a header, but no points")
    width = len(rows[0].split())
    if width < least:
        raise InputError(
            f"{path}, line {numbers[0]}: {width} columns, but there must be at least {least}"
        )
    try:
        table = np.loadtxt(rows, ndmin=2)
    except ValueError:
        for number, row in zip(numbers, rows, strict=True):
            words = row.split()
            if len(words) != width or not all(_is_number(word) for word in words):
                raise InputError(
                    f"{path}, line {number}: '{row}' must hold {width} numbers"
                ) from None
        raise
    bad = ~np.isfinite(table).all(axis=1)
    if bad.any():
        raise InputError(f"{path}, line {numbers[int(np.argmax(bad))]}: it holds NaN or infinity")
    return table, np.array(numbers)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _ang_phases(lines: list[str]) -> dict[int, _Phase]:
    phases: dict[int, _Phase] = {}
    number, name = 1, ""
    for line in lines:
        if line[:1] != "#":
            if line.strip():
                break
            continue
        key, *rest = line[1:].split(None, 1) or [""]
        value = rest[0].strip() if rest else ""
        if key == "Phase":
            number, name = int(value) if value.isdigit() else number + 1, ""
        elif key == "MaterialName":
            name = value
            phases[number] = _Phase(name or f"phase {number}", None)
        elif key == "Symmetry":
            phases[number] = _Phase(name or f"phase {number}", _ANG_SYMMETRY.get(value))
    return phases


def _ang_phase_column(table: np.ndarray, phases: dict[int, _Phase]) -> int | None:
    """The eighth column, or the ninth where that alone holds numbers of phases."""

    def fits(k: int) -> bool:
        return k < table.shape[1] and set(np.unique(table[:, k])) <= {0.0, *map(float, phases)}

    return 7 if fits(7) else 8 if fits(8) else None


def _ctf_head(path: Path, lines: list[str]) -> tuple[dict[int, _Phase], int, list[str]]:
    """The phases, the index of the first point's line, and the columns' names in lower case."""
    phases: dict[int, _Phase] = {}
    for k, line in enumerate(lines):
        words = line.split()
        if len(words) == 2 and words[0] == "Phases" and words[1].isdigit():
            for n in range(1, min(int(words[1]) + 1, len(lines) - k)):
                parts = lines[k + n].strip().split("\t")
                laue = int(parts[3]) if len(parts) > 3 and parts[3].isdigit() else 0
                name = parts[2] if len(parts) > 2 else f"phase {n}"
                phases[n] = _Phase(name, _LAUE.get(laue))
        names = [word.lower() for word in words]
        if {"phase", "euler1", "euler2", "euler3"} <= set(names):
            return phases, k + 1, names
    raise InputError(f"{path}: no line names the columns Phase, Euler1, Euler2, Euler3")
