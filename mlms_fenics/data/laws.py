# SPDX-License-Identifier: MIT
"""The crystal law that a command line asks for."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from mlms_fenics.errors import InputError, require
from mlms_fenics.materials import CrystalLaw, magnesium, two_slip_crystal
from mlms_fenics.materials.library import METALS, metal, read_crystal

LAWS = {
    "magnesium": magnesium,
    "two-slip": two_slip_crystal,
    **{name: partial(metal, name) for name in METALS},
}
_FIXED = ("name", "dimension", "slip", "twins", "direction", "normal", "source")
_FIXED += ("flow", "strength", "elasticity", "interaction", "lattice")


def law_from_options(
    name: str, exponent: float | None = None, changes: Sequence[str] = ()
) -> CrystalLaw:
    """A crystal law by name or from a JSON file, with some of its values changed.

    Args:
        name: a key of `LAWS`, or a file: a law's `to_dict()` as JSON, or YAML as
            `materials.library` reads it.
        exponent: rate exponent m of all families; None: the law's own.
        changes: `family.parameter=value`, `family.strength.parameter=value` or `parameter=value`,
            e.g. `basal.tau_0=0.0105` (units mm, µs, GPa, mg).

    Raises:
        InputError: no such law, family or parameter, or a value out of range.
    """
    if name in LAWS:
        values = LAWS[name]().to_dict()
    else:
        values = _law_from_file(name)
    if exponent is not None:
        for family in (*values["slip"], *values["twins"]):
            family["rate_exponent"] = exponent
    families = _families(values)
    for change in changes:
        target, parameter, value = _parse(change, values, families)
        target[parameter] = value
    return CrystalLaw.from_dict(values)


def numbers_of(law: CrystalLaw) -> dict[str, float]:
    """All numbers of a law that can be changed, by the names of `law_from_options`."""
    values = law.to_dict()
    owners = {"": values, **{f"{name}.": family for name, family in _families(values).items()}}
    return {
        owner + key: float(value)
        for owner, entries in owners.items()
        for key, value in entries.items()
        if key not in _FIXED and isinstance(value, int | float) and not isinstance(value, bool)
    }


def with_changes(law: CrystalLaw, numbers: Mapping[str, float]) -> CrystalLaw:
    """A law with other numbers, by the names of `numbers_of`.

    Raises:
        InputError: no such name, or a value out of range.
    """
    values = json.loads(json.dumps(law.to_dict()))  # nothing of the law's own is changed
    families = _families(values)
    for name, value in numbers.items():
        owner, _, key = name.rpartition(".")
        target = families.get(owner, {}) if owner else values
        require(key in target and key not in _FIXED, f"the law has no number {name!r}")
        target[key] = float(value)
    return CrystalLaw.from_dict(values)


def _families(values: dict) -> dict[str, dict]:
    """Entries of each family, and of its strength where it has one, by their names."""
    families = {family["name"]: family for family in (*values["slip"], *values["twins"])}
    strengths = {f"{k}.strength": f["strength"] for k, f in families.items() if f["strength"]}
    return families | strengths


def _law_from_file(name: str) -> dict:
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"--law is '{name}', but must be one of {', '.join(LAWS)}, or a JSON or YAML file of a "
            "law"
        )
    if path.suffix in (".yaml", ".yml"):
        return read_crystal(path).to_dict()
    try:
        return CrystalLaw.from_dict(json.loads(path.read_text())).to_dict()
    except (OSError, ValueError) as error:
        raise InputError(f"--law: '{name}' holds no law: {error}") from error


def _parse(change: str, values: dict, families: dict[str, dict]) -> tuple[dict, str, object]:
    key, _, text = change.partition("=")
    owner, _, parameter = key.strip().rpartition(".")
    target = families.get(owner) if owner else values
    if target is None:
        raise InputError(f"--set {change}: no family '{owner}'; there are {', '.join(families)}")
    allowed = [p for p in target if p not in _FIXED]
    if parameter not in allowed:
        raise InputError(
            f"--set {change}: '{parameter}' is none of {', '.join(allowed)}"
            + ("" if owner else f"; for a family's own write {next(iter(families))}.tau_0=...")
        )
    if isinstance(target[parameter], bool):
        if text.strip().lower() not in ("true", "false"):
            raise InputError(f"--set {change}: the value must be true or false")
        return target, parameter, text.strip().lower() == "true"
    try:
        return target, parameter, float(text)
    except ValueError:
        raise InputError(f"--set {change}: '{text}' is no number") from None
