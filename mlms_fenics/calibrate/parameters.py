# SPDX-License-Identifier: MIT
"""Free parameters: places in a law's YAML file whose numbers are to be found."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.yaml_values import number


@dataclass(frozen=True)
class Parameter:
    """A number of a law, in the units of its YAML file (MPa, 1/s).

    Searched by its logarithm where its bounds are positive, else by its share of the bounds.

    Attributes:
        name: `family.key`, `family.strength.key`, `elasticity.key`, `interaction.family.key` ...
        place: keys and indices that lead to it.
        low, high: bounds.
        start: where the search begins.

    Raises:
        InputError: bounds the wrong way round, or a start outside of them.
    """

    name: str
    place: tuple[str | int, ...]
    low: float
    high: float
    start: float

    def __post_init__(self) -> None:
        finite = math.isfinite(self.low) and math.isfinite(self.high)
        require(
            finite and self.low < self.high,
            f"free parameter {self.name}: low = {self.low:g} must be less than high = "
            f"{self.high:g}, both finite",
        )
        require(
            self.low <= self.start <= self.high,
            f"free parameter {self.name}: the start {self.start:g} is outside of the bounds "
            f"{self.low:g} to {self.high:g}; give another `start`",
        )

    @property
    def logarithmic(self) -> bool:
        """Whether its logarithm is searched."""
        return self.low > 0

    def scaled(self, value: float) -> float:
        """`value` as the search sees it."""
        return math.log(value) if self.logarithmic else value / (self.high - self.low)

    def unscaled(self, x: float) -> float:
        """Inverse of `scaled`, within the bounds."""
        value = math.exp(x) if self.logarithmic else x * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def slope(self, value: float) -> float:
        """d value / d scaled."""
        return value if self.logarithmic else self.high - self.low


def find_parameter(
    name: str, values: dict, low: float, high: float, start: float | None
) -> Parameter:
    """The parameter of a name in a law's values.

    Args:
        name: see `Parameter`.
        values: of a law's YAML file, known to be good.
        low, high: bounds.
        start: None: the number that stands there.

    Raises:
        InputError: no number stands there, or what `Parameter` refuses.
    """
    place = _place(name, values)
    at, owner = values, ""
    for k, key in enumerate(place):
        there = isinstance(at, list) or (isinstance(at, dict) and key in at)
        known = ", ".join(map(str, at)) if isinstance(at, dict) else ""
        if not there:
            raise InputError(
                f"free parameter {name}: the law has no {key!r}{owner}"
                + (f"; there are {known}" if known else "; a number stands there")
                + ("" if k else f" and the families {', '.join(_families(values))}")
            )
        at, owner = at[key], f" in {key!r}"
    if isinstance(at, dict | list):
        raise InputError(
            f"free parameter {name}: no number, but {type(at).__name__}; go on by .key"
        )
    here = number(f"free parameter {name}: the law's value", at)
    return Parameter(name, place, low, high, here if start is None else start)


def _families(values: dict) -> dict[str, tuple[str, int]]:
    return {
        str(family.get("name", family["systems"])): (kind, k)
        for kind in ("slip", "twins")
        for k, family in enumerate(values.get(kind) or [])
    }


def _place(name: str, values: dict) -> tuple[str | int, ...]:
    first, *rest = name.split(".")
    return (*_families(values).get(first, (first,)), *rest)


def with_numbers(values: dict, parameters: Sequence[Parameter], numbers: np.ndarray) -> dict:
    """A copy of a law's values with the parameters' numbers, *Shape* `(p,)`, put in."""
    new = copy.deepcopy(values)
    for parameter, value in zip(parameters, numbers, strict=True):
        *way, last = parameter.place
        at = new
        for key in way:
            at = at[key]
        at[last] = float(value)
    return new
