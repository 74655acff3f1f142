# SPDX-License-Identifier: MIT
"""Slip and twin systems of hexagonal and cubic lattices in an orthonormal crystal frame.

Hexagonal frame: x along a₁ = [2-1-10]/3, z along c. Cubic frame: the cube axes.
A system is a pair of unit vectors, direction `s` and plane normal `m`, s · m = 0.
"""

from itertools import permutations, product

import numpy as np

from mlms_fenics.errors import require

Systems = tuple[np.ndarray, np.ndarray]


def unit(v: np.ndarray) -> np.ndarray:
    """Vectors of *Shape* `(..., 3)` divided by their length."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def hexagonal_direction(uvtw: np.ndarray, c_over_a: float) -> np.ndarray:
    """Unit vectors along Miller-Bravais directions [uvtw], *Shape* `(..., 4)` → `(..., 3)`."""
    u, v, _, w = np.moveaxis(np.asarray(uvtw, dtype=float), -1, 0)
    return unit(np.stack((1.5 * u, np.sqrt(0.75) * (u + 2 * v), c_over_a * w), axis=-1))


def hexagonal_normal(hkil: np.ndarray, c_over_a: float) -> np.ndarray:
    """Unit normals of Miller-Bravais planes (hkil), *Shape* `(..., 4)` → `(..., 3)`."""
    h, k, _, l = np.moveaxis(np.asarray(hkil, dtype=float), -1, 0)
    return unit(np.stack((h, (h + 2 * k) / np.sqrt(3.0), l / c_over_a), axis=-1))


def hexagonal_systems(family: str, c_over_a: float) -> Systems:
    """Systems of a hexagonal family.

    Args:
        family: "basal" (0001)⟨11-20⟩, "prismatic" {10-10}⟨11-20⟩, "pyramidal_a" {10-11}⟨-12-10⟩,
            "pyramidal_ca" (first order, ⟨c+a⟩) {10-11}⟨-1-123⟩, "pyramidal" (second order, ⟨c+a⟩)
            {11-22}⟨-1-123⟩, "tensile_twin" {10-12}⟨-1011⟩ or "compression_twin" {10-11}⟨10-1-2⟩.
        c_over_a: axial ratio.

    Returns:
        Directions and normals, each of *Shape* `(3, 6 or 12, 3)`.

    Raises:
        InputError: unknown family, or c/a not positive.
    """
    require(
        np.isfinite(c_over_a) and c_over_a > 0, f"c/a must be positive and finite, got {c_over_a}"
    )
    require(
        family in _HEXAGONAL,
        f"unknown hexagonal family {family!r}: take one of {', '.join(_HEXAGONAL)}",
    )
    plane, directions, count = _HEXAGONAL[family]
    m = hexagonal_normal(np.array(plane), c_over_a)
    turns = np.stack([_about_c(k * np.pi / 3) for k in range(count)])
    s = [turns @ hexagonal_direction(np.array(d), c_over_a) for d in directions]
    return np.concatenate(s), np.concatenate([turns @ m] * len(directions))


_HEXAGONAL = {
    "basal": ((0, 0, 0, 1), ((2, -1, -1, 0),), 3),
    "prismatic": ((0, 1, -1, 0), ((2, -1, -1, 0),), 3),
    "pyramidal_a": ((1, 0, -1, 1), ((-1, 2, -1, 0),), 6),
    "pyramidal_ca": ((1, 0, -1, 1), ((-1, -1, 2, 3), (-2, 1, 1, 3)), 6),
    "pyramidal": ((1, 1, -2, 2), ((-1, -1, 2, 3),), 6),
    "tensile_twin": ((1, 0, -1, 2), ((-1, 0, 1, 1),), 6),
    "compression_twin": ((1, 0, -1, 1), ((1, 0, -1, -2),), 6),
}


def twin_shear(family: str, c_over_a: float) -> float:
    """Shear of a hexagonal twin (Christian & Mahajan, Prog. Mater. Sci. 39 (1995) 1).

    With r = c/a: (3 - r²)/(√3 r) for "tensile_twin", (4 r² - 9)/(4 √3 r) for "compression_twin".

    Raises:
        InputError: another family, or a c/a at which the twin shears the other way round.
    """
    r = c_over_a
    shears = {
        "tensile_twin": (3.0 - r * r) / (np.sqrt(3.0) * r),
        "compression_twin": (4.0 * r * r - 9.0) / (np.sqrt(48.0) * r),
    }
    require(
        family in shears,
        f"the shear of {family!r} is not known: give it, or take one of {', '.join(shears)}",
    )
    require(
        shears[family] > 0,
        f"at c/a = {r} a {family!r} shears against its name (shear {shears[family]:.3g}): give "
        "these systems by their Miller indices, the direction reversed",
    )
    return float(shears[family])


def cubic_systems(family: str) -> Systems:
    """Systems of a cubic family, 12 each, 24 of {123}⟨111⟩.

    Args:
        family: "{111}<110>" (face-centred), "{110}<111>", "{112}<111>" or "{123}<111>"
            (body-centred).

    Returns:
        Directions and normals, each of *Shape* `(12 or 24, 3)`.

    Raises:
        InputError: unknown family.
    """
    known = ("{111}<110>", "{110}<111>", "{112}<111>", "{123}<111>")
    require(family in known, f"unknown cubic family {family!r}: take one of {', '.join(known)}")
    plane, direction = ([int(c) for c in part] for part in (family[1:4], family[6:9]))
    normals = _variants(plane)
    directions = _variants(direction)
    pairs = [(s, m) for m in normals for s in directions if s @ m == 0]
    s, m = (np.array(v, dtype=float) for v in zip(*pairs, strict=True))
    return unit(s), unit(m)


def mirror(m: np.ndarray) -> np.ndarray:
    """Mirrors I - 2 m⊗m through planes of unit normals `m`, *Shape* `(..., 3)` → `(..., 3, 3)`.

    A twin's lattice is the parent's, mirrored in the twin plane; for tensors of even order the
    half-turn about m, its negative, does the same.
    """
    return np.eye(3) - 2.0 * m[..., :, None] * m[..., None, :]


def hexagonal_rotations() -> np.ndarray:
    """The 12 proper rotations of the hexagonal lattice, *Shape* `(12, 3, 3)`."""
    turns = [_about_c(k * np.pi / 3) for k in range(6)]
    flip = np.diag([1.0, -1.0, -1.0])
    return np.stack(turns + [turn @ flip for turn in turns])


def cubic_rotations() -> np.ndarray:
    """The 24 proper rotations of the cubic lattices, *Shape* `(24, 3, 3)`."""
    rotations = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            R = np.zeros((3, 3))
            R[range(3), order] = signs
            if np.linalg.det(R) > 0:
                rotations.append(R)
    return np.stack(rotations)


def _about_c(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _variants(indices: list[int]) -> list[np.ndarray]:
    """Signed permutations of Miller indices, one of each pair of opposites."""
    found = set()
    for order in permutations(indices):
        for signs in product((1, -1), repeat=3):
            v = tuple(s * i for s, i in zip(signs, order, strict=True))
            if tuple(-i for i in v) not in found:
                found.add(v)
    return [np.array(v) for v in sorted(found)]


def symmetry_of(directions: np.ndarray) -> str | None:
    """ "cubic" or "hexagonal", whichever the turns of slip directions into each other tell.

    Args:
        directions: unit vectors in the crystal frame, *Shape* `(n, 3)`, of either sense.

    Returns:
        None where they have neither symmetry.
    """
    sixth = np.array([[0.5, -np.sqrt(0.75), 0.0], [np.sqrt(0.75), 0.5, 0.0], [0.0, 0.0, 1.0]])
    quarter = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    for name, turn in (("cubic", quarter), ("hexagonal", sixth)):
        cosines = np.abs(directions @ turn.T @ directions.T)
        if len(cosines) and np.allclose(cosines.max(axis=1), 1.0, atol=1e-9):
            return name
    return None
