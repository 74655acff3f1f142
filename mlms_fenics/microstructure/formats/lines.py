# SPDX-License-Identifier: MIT
"""Lines of text files with numbers in them."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError


def words_of(line: str) -> list[str]:
    """What blanks, commas or semicolons separate in a line."""
    return [word for word in re.split(r"[\s,;]+", line) if word]


def numbers_of(words: Sequence[str]) -> list[float] | None:
    """The words as numbers, or None where one is none."""
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def table_of(path: Path, rows: Sequence[Sequence[float]], numbers: Sequence[int]) -> np.ndarray:
    """Rows of equal length as an array.

    Args:
        path: for messages.
        rows: of numbers.
        numbers: of the lines that the rows stand in.

    Raises:
        InputError: a line has another number of columns, or holds NaN or infinity.
    """
    for number, row in zip(numbers, rows, strict=True):
        if len(row) != len(rows[0]):
            raise InputError(
                f"{path}, line {number}: {len(row)} columns, but the lines before have "
                f"{len(rows[0])}"
            )
    table = np.array(rows, dtype=float)
    bad = ~np.isfinite(table).all(axis=1)
    if bad.any():
        raise InputError(f"{path}, line {numbers[int(np.argmax(bad))]}: it holds NaN or infinity")
    return table


def degrees_of(
    path: Path, angles: np.ndarray, numbers: Sequence[int], radians: bool | None = None
) -> np.ndarray:
    """Euler angles in degrees, having checked that they can be what they are taken for.

    Args:
        path: for messages.
        angles: *Shape* `(n, 3)`.
        numbers: of the lines that they stand in.
        radians: whether they are in radians; None: in degrees, and checked for not being radians.

    Raises:
        InputError: an angle beyond ±720°, or all of them so small that they must be radians.
    """
    degrees = np.degrees(angles) if radians else angles
    bad = np.abs(degrees) > 720.0
    if bad.any():
        row = int(np.argmax(bad.any(axis=1)))
        raise InputError(
            f"{path}, line {numbers[row]}: an angle of {np.abs(degrees[row]).max():g} degrees; "
            "angles must lie within ±720 degrees"
        )
    small = np.abs(degrees).max() <= 2 * np.pi + 1e-6 and np.any(degrees)
    if radians is None and len(degrees) >= 8 and small:
        raise InputError(
            f"{path}: no angle exceeds 2π, so these look like radians; Euler angles must be in "
            "degrees (or say that they are radians)"
        )
    return degrees
