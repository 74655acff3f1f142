# SPDX-License-Identifier: MIT
"""Numbers of a crystal in which the data sets of a family differ."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mlms_fenics.data.laws import numbers_of, with_changes
from mlms_fenics.errors import InputError, require
from mlms_fenics.materials import CrystalLaw
from mlms_fenics.numbers import check_finite, check_positive

# No history of stress depends on these, or they are no numbers of the metal.
_WORDS = ("name", "source")
_NO_INPUTS = ("density",)


@dataclass(frozen=True)
class Parameter:
    """A number of the crystal that a family takes as an input.

    Attributes:
        name: as `law_from_options` names it, such as "basal.tau_0".
        low, high: of the training, in mm, µs, GPa.
        tied: other numbers that were the same multiple of it in all data sets, with that factor.
    """

    name: str
    low: float
    high: float
    tied: dict[str, float] = field(default_factory=dict)

    def scaled(self, value: float) -> float:
        """-1 to 1 from `low` to `high`, by the logarithm where both are positive.

        Raises:
            InputError: not finite, or not positive where the logarithm is taken.
        """
        label, known = f"parameter {self.name}", f"the family knows {self}"
        try:
            if self.low > 0.0:
                at, low, high = map(math.log, (check_positive(label, value), self.low, self.high))
            else:
                at, low, high = check_finite(label, value), self.low, self.high
        except InputError as error:
            raise InputError(f"{error}; {known}") from error
        return (2.0 * at - low - high) / (high - low)

    def __str__(self) -> str:
        """Name and range."""
        return f"{self.name} from {self.low:.4g} to {self.high:.4g}"


def differing(
    laws: Sequence[CrystalLaw], whose: Sequence[str]
) -> tuple[list[Parameter], list[dict[str, float]]]:
    """The parameters that tell laws apart, and their values in each.

    Args:
        laws: of the data sets.
        whose: names of these, for messages.

    Raises:
        InputError: laws that differ in more than numbers (or in one that stresses do not depend
            on), or in more numbers than so many laws can tell apart.
    """
    first = laws[0]
    numbers = [numbers_of(law) for law in laws]
    for law, name in zip(laws[1:], whose[1:], strict=True):
        others = unlike(first, law)
        require(
            not others,
            f"{whose[0]} and {name} differ in their material's {', '.join(others)}: a family is of "
            "one material, whose other numbers may differ",
        )
    found: list[Parameter] = []
    for name in numbers[0]:
        values = np.array([each[name] for each in numbers])
        if np.allclose(values, values[0], rtol=1e-9, atol=0.0):
            continue
        for parameter in found:
            ratio = values / [each[parameter.name] or np.nan for each in numbers]
            if np.allclose(ratio, ratio[0], rtol=1e-6, atol=0.0):
                parameter.tied[name] = float(ratio[0])
                break
        else:
            found.append(Parameter(name, float(values.min()), float(values.max())))
    values = [{p.name: each[p.name] for p in found} for each in numbers]
    apart = {tuple(each.values()) for each in values}
    require(
        len(found) < len(apart) or not found,
        f"{len(apart)} materials cannot tell {len(found)} parameters apart "
        f"({', '.join(p.name for p in found)}): more data sets are needed",
    )
    return found, values


def unlike(first: CrystalLaw, law: CrystalLaw) -> list[str]:
    """In what two laws differ that cannot be a family's input."""
    one, other = numbers_of(first), numbers_of(law)
    if set(one) != set(other):
        return ["families of slip and twins, or their strengths"]
    same = {name: value for name, value in one.items() if name not in _NO_INPUTS}
    a, b = _bare(first.to_dict()), _bare(with_changes(law, same).to_dict())
    return [key for key in {**a, **b} if a.get(key) != b.get(key)]


def _bare(values: Any) -> Any:
    """Without what is said for people."""
    if isinstance(values, Mapping):
        return {
            key: _bare(value)
            for key, value in values.items()
            if key != "source" and not (key == "name" and "slip" in values)
        }
    return [_bare(v) for v in values] if isinstance(values, list | tuple) else values


def scaled(parameters: Sequence[Parameter], given: Mapping[str, float]) -> np.ndarray:
    """Inputs of a family from values by name, *Shape* `(p,)`.

    Raises:
        InputError: unknown or missing names, or what `Parameter.scaled` refuses.
    """
    known = ", ".join(map(str, parameters)) or "none: its material's numbers are fixed"
    for name in given:
        for parameter in parameters:
            require(
                name not in parameter.tied,
                f"parameter {name}: it went with {parameter.name} in all of the training: give "
                f"{parameter.name}, {name} is {parameter.tied.get(name, 1.0):.6g} times that",
            )
        require(
            name in {p.name for p in parameters},
            f"parameter {name}: not one of the family's; there are {known}",
        )
    missing = [str(p) for p in parameters if p.name not in given]
    require(
        not missing,
        f"the family's parameters {', '.join(missing)}: no value is given, and each needs one",
    )
    return np.array([p.scaled(given[p.name]) for p in parameters])


def applied(
    law: CrystalLaw, parameters: Sequence[Parameter], given: Mapping[str, float]
) -> CrystalLaw:
    """A law with these values, and what is tied to them."""
    numbers = {}
    for parameter in parameters:
        value = given[parameter.name]
        numbers |= {parameter.name: value}
        numbers |= {name: ratio * value for name, ratio in parameter.tied.items()}
    return with_changes(law, numbers) if numbers else law


def values_from(words: Sequence[str]) -> dict[str, float]:
    """Values by name from `NAME=VALUE`.

    Raises:
        InputError: a word that is not that, or a name given twice.
    """
    found: dict[str, float] = {}
    for word in words:
        name, equal, text = word.partition("=")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        require(
            bool(name and equal) and math.isfinite(value),
            f"--parameter {word!r}: must be NAME=VALUE with a number, such as basal.tau_0=0.06",
        )
        require(name not in found, f"--parameter {name} is given twice")
        found[name] = value
    return found


def stored(parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """For a model's file; `Parameter(**entry)` of each is the parameter again."""
    return [asdict(parameter) for parameter in parameters]
