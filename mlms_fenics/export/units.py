# SPDX-License-Identifier: MIT
"""Units of host codes."""

from dataclasses import dataclass

from mlms_fenics import units
from mlms_fenics.errors import InputError


@dataclass(frozen=True)
class HostUnits:
    """One consistent system of a host code.

    Attributes:
        text: its units in words.
        time: µs per unit of time.
        stress: GPa per unit of stress.
        density: mg/mm³ per unit of density.
    """

    text: str
    time: float
    stress: float
    density: float


SYSTEMS = {
    "mm-us": HostUnits("mm, µs, mg, GPa", 1.0, 1.0, 1.0),
    "mm-ms": HostUnits("mm, ms, kg, GPa", 1.0e3, 1.0, 1.0e6),
    "mm-s": HostUnits("mm, s, t, MPa", units.SECOND, units.MEGAPASCAL, 1.0e9),
    "SI": HostUnits("m, s, kg, Pa", units.SECOND, 1.0e-9, units.KILOGRAM_PER_CUBIC_METRE),
}


def host_units(name: str) -> HostUnits:
    """The system of that name; `InputError` where there is none."""
    if name not in SYSTEMS:
        known = "; ".join(f"{key} ({value.text})" for key, value in SYSTEMS.items())
        raise InputError(f"units {name!r}: must be one of {known}")
    return SYSTEMS[name]
