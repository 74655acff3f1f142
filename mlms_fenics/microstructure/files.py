# SPDX-License-Identifier: MIT
"""Orientations in text files."""

import os
import re
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.files import replacing
from mlms_fenics.microstructure.rotations import (
    check_rotations,
    euler_from_rotations,
    quaternions_from_rotations,
    rotations_from_angles,
    rotations_from_euler,
    rotations_from_quaternions,
)

KINDS = {
    1: "one angle (degrees, 2D)",
    3: "Bunge Euler angles phi1 Phi phi2 (degrees)",
    4: "a quaternion w x y z (scalar first)",
}


def read_orientations(path: str | os.PathLike) -> np.ndarray:
    """Orientations from a text file, one grain a line.

    Columns are split by blanks, commas or semicolons, and their number says what they are: 3,
    Bunge's Euler angles φ1 Φ φ2 in degrees; 4, a unit quaternion w x y z of the rotation from
    lattice to sample; 1, a plane angle in degrees (2D). Text from `#` on is a comment, and one line
    of column names may come first.

    Args:
        path: the file.

    Returns:
        Q, float64, *Shape* `(n, 3, 3)`, or `(n, 2, 2)` for one column.

    Raises:
        InputError: the file cannot be read, or a line is not what it should be (names the line).
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"orientations: cannot read '{path}': {error}") from error
    rows: list[list[float]] = []
    numbers: list[int] = []
    for number, line in enumerate(lines, start=1):
        words = [w for w in re.split(r"[\s,;]+", line.split("#")[0].strip()) if w]
        if not words:
            continue
        try:
            row = [float(w) for w in words]
        except ValueError:
            if not rows:  # column names
                continue
            raise InputError(
                f"{path}, line {number}: '{line.strip()}' is not all numbers"
            ) from None
        if rows and len(row) != len(rows[0]):
            raise InputError(
                f"{path}, line {number}: {len(row)} columns, but the lines before have "
                f"{len(rows[0])}"
            )
        if len(row) not in KINDS:
            raise InputError(
                f"{path}, line {number}: {len(row)} columns; a line must hold "
                + ", or ".join(KINDS.values())
            )
        if not np.isfinite(row).all():
            raise InputError(f"{path}, line {number}: '{line.strip()}' holds NaN or infinity")
        rows.append(row)
        numbers.append(number)
    if not rows:
        raise InputError(f"{path} holds no orientations; a line must hold {KINDS[3]}, for example")
    return _rotations(path, np.array(rows), numbers)


def _rotations(path: Path, table: np.ndarray, numbers: list[int]) -> np.ndarray:
    columns = table.shape[1]
    if columns == 1:
        return rotations_from_angles(table[:, 0])
    if columns == 4:
        error = np.abs(np.linalg.norm(table, axis=1) - 1.0)
        worst = int(np.argmax(error))
        # Files often carry four or five digits: accept those, and refuse what is no quaternion.
        if error[worst] > 1e-3:
            raise InputError(
                f"{path}, line {numbers[worst]}: the quaternion has length "
                f"{1 + error[worst]:.4g} or less than 1 by as much, but must have length 1"
            )
        return rotations_from_quaternions(table)
    bad = np.abs(table) > 720.0
    if bad.any():
        row = int(np.argmax(bad.any(axis=1)))
        raise InputError(
            f"{path}, line {numbers[row]}: an angle of {np.abs(table[row]).max():g} degrees; "
            "angles must lie within ±720 degrees"
        )
    if len(table) >= 8 and np.abs(table).max() <= 2 * np.pi + 1e-6:
        raise InputError(
            f"{path}: no angle exceeds 2π, so these look like radians; Euler angles must be in "
            "degrees"
        )
    return rotations_from_euler(table)


def write_orientations(
    path: str | os.PathLike, orientations: np.ndarray, notation: str = "euler"
) -> None:
    """Write orientations so that `read_orientations` gives them back (to 1e-14).

    Args:
        path: the file; replaced whole.
        orientations: Q, *Shape* `(n, 3, 3)` or `(n, 2, 2)`.
        notation: "euler" (Bunge, degrees) or "quaternion"; 2D always writes one angle.

    Raises:
        InputError: unknown notation or no rotations.
    """
    Q = check_rotations(orientations)
    if Q.shape[-1] == 2:
        header, table = "angle", np.degrees(np.arctan2(Q[:, 1, 0], Q[:, 0, 0]))[:, None]
    elif notation == "euler":
        header, table = "phi1 Phi phi2", euler_from_rotations(Q)
    elif notation == "quaternion":
        header, table = "w x y z", quaternions_from_rotations(Q)
    else:
        raise InputError(f"notation is '{notation}', but must be 'euler' or 'quaternion'")
    with replacing(path) as beside:
        np.savetxt(beside, table, fmt="%.17g", header=header, comments="")
