# SPDX-License-Identifier: MIT
"""The crystal law and the texture that a command line asks for."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.materials import CrystalLaw, magnesium, two_slip_crystal
from mlms_fenics.microstructure import fibre_texture, random_orientations, read_orientations

LAWS = {"magnesium": magnesium, "two-slip": two_slip_crystal}
_FIXED = ("name", "dimension", "slip", "twins", "direction", "normal", "source")


def law_from_options(
    name: str, exponent: float | None = None, changes: Sequence[str] = ()
) -> CrystalLaw:
    """A crystal law by name or from a JSON file, with some of its values changed.

    Args:
        name: a key of `LAWS`, or a file that holds a law's `to_dict()` as JSON.
        exponent: rate exponent m of all families; None: the law's own.
        changes: `family.parameter=value` or `parameter=value`, e.g. `basal.tau_0=0.0105` (units
            mm, µs, GPa, mg).

    Raises:
        InputError: no such law, family or parameter, or a value out of range.
    """
    if name in LAWS:
        values = LAWS[name]().to_dict()
    else:
        values = _law_from_file(name)
    families = {family["name"]: family for family in (*values["slip"], *values["twins"])}
    if exponent is not None:
        for family in families.values():
            family["rate_exponent"] = exponent
    for change in changes:
        target, parameter, value = _parse(change, values, families)
        target[parameter] = value
    return CrystalLaw.from_dict(values)


def _law_from_file(name: str) -> dict:
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"--law is '{name}', but must be one of {', '.join(LAWS)}, or a JSON file of a law"
        )
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


def orientations_from_options(
    dimension: int,
    grains: int,
    seed: int,
    file: str | None = None,
    fibre: Sequence[float] | None = None,
    spread: float = 0.0,
) -> np.ndarray:
    """Orientations: from a file, a fibre of c axes, or random.

    Args:
        dimension: of the law.
        grains: number of grains, where no file gives them.
        seed: of the random ones.
        file: see `microstructure.read_orientations`; None: none.
        fibre: direction of the c axes, sample frame; None: none.
        spread: of the fibre, degrees.

    Raises:
        InputError: bad values, or both a file and a fibre, or a file for another dimension.
    """
    if file is not None and fibre is not None:
        raise InputError("--orientations and --fibre exclude each other: give one of them")
    if file is not None:
        Q = read_orientations(file)
        if Q.shape[-1] != dimension:
            raise InputError(
                f"--orientations: '{file}' holds {Q.shape[-1]}D rotations, but the law is "
                f"{dimension}D"
            )
        return Q
    if fibre is not None:
        if dimension != 3:
            raise InputError("--fibre is for 3D laws")
        return fibre_texture(grains, seed, tuple(fibre), spread=spread)
    return random_orientations(grains, seed, dimension)
