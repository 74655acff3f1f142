# SPDX-License-Identifier: MIT
"""What a number that a user gives must be; nothing heavy is imported here."""

import math
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError, require


def is_number(value: Any) -> bool:
    """Whether `value` is one real number."""
    return isinstance(value, int | float | np.integer | np.floating)


def is_whole(value: Any) -> bool:
    """Whether `value` is one whole number, by its type."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_number(name: str, value: Any, unit: str = "") -> float:
    """`value`, or `InputError` unless it is a real number; infinity and NaN are let through."""
    require(
        is_number(value),
        f"{name} is {value!r}, but must be a number{' in ' + unit if unit else ''}",
    )
    return value


def check_finite(name: str, value: Any, unit: str = "") -> float:
    """`value`, or `InputError` unless it is a finite number."""
    check_number(name, value, unit)
    require(
        math.isfinite(value), f"{name} is {value}{' ' + unit if unit else ''}, but must be finite"
    )
    return value


def check_positive(name: str, value: float, unit: str = "", largest: float = math.inf) -> float:
    """`value` in double precision, or `InputError` unless 0 < value ≤ largest < ∞."""
    if not (is_number(value) and math.isfinite(value) and 0 < value <= largest):
        bound = f"at most {largest:g}" if largest < math.inf else "finite"
        given = f"{value} {unit}" if unit and is_number(value) else repr(value)
        raise InputError(f"{name} is {given}, but must be positive and {bound}")
    return float(value)


def check_within(
    name: str,
    value: float,
    low: float,
    high: float,
    *,
    open_left: bool = False,
    open_right: bool = False,
) -> float:
    """`value` in double precision, or `InputError` unless it lies in the interval.

    Args:
        name: for the message.
        value: to be checked.
        low, high: ends of the interval.
        open_left, open_right: whether an end itself is out.
    """
    good = is_number(value) and (low < value if open_left else low <= value)
    if not good or not (value < high if open_right else value <= high):
        left, right = "<" if open_left else "<=", "<" if open_right else "<="
        raise InputError(
            f"{name} is {value}, but must lie in {low:g} {left} {name} {right} {high:g}"
        )
    return float(value)


def check_whole(name: str, value: int, least: int, most: int | None = None) -> int:
    """`value` as an int, or `InputError` unless it is whole and least ≤ value ≤ most."""
    good = is_whole(value) and value >= least and (most is None or value <= most)
    bound = "" if most is None else f" and at most {most}"
    require(good, f"{name} is {value!r}, but must be a whole number of at least {least}{bound}")
    return int(value)


def three_numbers(name: str, given: Any, direction: bool = False) -> np.ndarray:
    """`given` as an array; of length one where it is a direction.

    Raises:
        InputError: it is not three finite numbers, or a direction of length zero.
    """
    try:
        value = np.asarray(given)
    except ValueError:  # ragged
        value = np.empty(0)
    real = value.shape == (3,) and value.dtype.kind in "iuf" and np.isfinite(value).all()
    require(bool(real), f"{name} is {given!r}, but must be three finite numbers")
    value = value.astype(float)
    if direction:
        size = float(np.linalg.norm(value))
        require(size > 0.0, f"{name} is zero, but must be a direction of any length")
        value = value / size
    return value
