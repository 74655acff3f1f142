# SPDX-License-Identifier: MIT
"""Values of YAML files that people write: each of its kind, unknown keys refused by name."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from mlms_fenics.errors import InputError, require


def read_text(path: str | Path, what: str) -> str:
    """A file's text.

    Raises:
        InputError: it cannot be read; `what` says in the message what it should be.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the {what} '{path}': {error}") from error


def parse(text: str, owner: str) -> object:
    """What YAML text holds.

    Raises:
        InputError: it is no YAML; `owner` says in the message where it comes from.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise InputError(f"{owner} is no YAML: {where}") from error


def mapping(owner: str, values: object, allowed: tuple, needed: tuple) -> Mapping:
    """`values`, or `InputError` unless it holds all of `needed` and none but `allowed`."""
    require(
        isinstance(values, Mapping),
        f"{owner} must hold `key: value` entries, got {type(values).__name__}",
    )
    unknown = [str(k) for k in values if k not in allowed]
    require(
        not unknown, f"{owner} has unknown keys {', '.join(unknown)}; known: {', '.join(allowed)}"
    )
    missing = [k for k in needed if k not in values]
    require(not missing, f"{owner}: {', '.join(missing)} missing")
    return values


def entries(owner: str, values: object) -> list:
    """`values` as a list, or `InputError` unless it is one."""
    require(isinstance(values, list), f"{owner} must be a list, got {type(values).__name__}")
    return list(values)


def numbers(owner: str, values: object, names: tuple) -> dict[str, float]:
    """The numbers that `values` holds under `names`, all of them and nothing else."""
    given = mapping(owner, values, names, names)
    return {k: number(f"{owner}: {k}", given[k]) for k in names}


def number(owner: str, value: object) -> float:
    """`value` as a number; YAML 1.1 reads 1e-3 without a point as text.

    Raises:
        InputError: it is none.
    """
    try:
        require(not isinstance(value, bool), f"{owner} = {value} must be a number")
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"{owner} = {value!r} must be a number") from None
