# SPDX-License-Identifier: MIT
"""Systems of one's own from Miller indices, checked against the lattice that they are to be of."""

from collections.abc import Sequence

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.materials.crystal.lattice import (
    Systems,
    cubic_rotations,
    hexagonal_direction,
    hexagonal_normal,
    hexagonal_rotations,
    unit,
)

LATTICES = ("fcc", "bcc", "hcp")


def system(
    lattice: str, plane: Sequence[int], direction: Sequence[int], c_over_a: float = 0.0
) -> Systems:
    """One system from its indices.

    Args:
        lattice: "fcc", "bcc" (three indices) or "hcp" (four, Miller-Bravais).
        plane: (hkl) or (hkil).
        direction: [uvw] or [uvtw].
        c_over_a: axial ratio of "hcp".

    Returns:
        Direction and normal, unit vectors of *Shape* `(1, 3)`.

    Raises:
        InputError: indices that are no integers, all zero, too few or many, with i ≠ -(h + k), or a
            direction outside its plane.
    """
    require(lattice in LATTICES, f"unknown lattice {lattice!r}: take one of {', '.join(LATTICES)}")
    count = 4 if lattice == "hcp" else 3
    shown = f"({_shown(plane)})[{_shown(direction)}]"
    for name, indices in (("plane", plane), ("direction", direction)):
        whole = isinstance(indices, Sequence) and all(type(i) is int for i in indices)
        if isinstance(indices, str) or not whole or len(indices) != count or not any(indices):
            raise InputError(
                f"the {name} of system {shown} must be {count} integers, not all zero, "
                f"in a lattice {lattice!r}"
            )
        require(
            count == 3 or indices[0] + indices[1] + indices[2] == 0,
            f"system {shown} is no system of {lattice!r}: the first three indices of its {name} "
            "must add up to 0",
        )
    require(
        sum(h * u for h, u in zip(plane, direction, strict=True)) == 0,
        f"system {shown} is no system of {lattice!r}: the direction does not lie in the plane",
    )
    if lattice == "hcp":
        s = hexagonal_direction(np.array([direction]), c_over_a)
        return s, hexagonal_normal(np.array([plane]), c_over_a)
    return unit(np.array([direction], dtype=float)), unit(np.array([plane], dtype=float))


def _shown(indices: object) -> str:
    return " ".join(map(str, indices)) if isinstance(indices, list | tuple) else str(indices)


def equivalents(lattice: str, s: np.ndarray, m: np.ndarray, *, twin: bool = False) -> Systems:
    """All systems that the lattice's rotations make of one, each once.

    Args:
        lattice: as of `system`.
        s, m: direction and normal, *Shape* `(1, 3)`.
        twin: whether shear the other way round is another system.

    Returns:
        Directions and normals, *Shape* `(n, 3)`, the given one first.
    """
    rotations = hexagonal_rotations() if lattice == "hcp" else cubic_rotations()
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for R in [np.eye(3), *rotations]:
        if not _among(found, R @ s[0], R @ m[0], twin):
            found.append((R @ s[0], R @ m[0]))
    directions, normals = (np.array(v) for v in zip(*found, strict=True))
    return directions, normals


def repeated(s: np.ndarray, m: np.ndarray, *, twin: bool = False) -> int | None:
    """Index of the first system that stands there before, or None."""
    pairs = list(zip(s, m, strict=True))
    for k, pair in enumerate(pairs):
        if _among(pairs[:k], *pair, twin):
            return k
    return None


def _among(pairs: list, s: np.ndarray, m: np.ndarray, twin: bool) -> bool:
    P = np.outer(s, m)
    for other in pairs:
        Q = np.outer(*other)
        if np.abs(P - Q).max() < 1e-9 or (not twin and np.abs(P + Q).max() < 1e-9):
            return True
    return False
