# SPDX-License-Identifier: MIT
"""The page that goes with an exported law."""

from mlms_fenics.export.check import TOLERANCE
from mlms_fenics.export.source import Exported, template

# What vectorises: no errno from sqrt, no traps from either side of a choice, fused products.
FLAGS = "-O3 -march=native -fno-math-errno -fno-trapping-math -ffp-contract=fast"


def readme(exported: Exported, target: str) -> str:
    """README.md of an exported law."""
    law, units = exported.law, exported.units
    values = {
        "NAME": exported.name,
        "LAW": law.law.name,
        "ARCHITECTURE": law.architecture,
        "UNITS": units.text,
        "PRECISION": exported.precision,
        "TOLERANCE": f"{TOLERANCE[exported.precision]:g}",
        "FLAGS": FLAGS,
        "DENSITY": f"{law.density / units.density:.6g}",
        "BULK": f"{law.bulk_modulus / units.stress:.6g}",
        "SHEAR": f"{law.shear_modulus / units.stress:.6g}",
        "STATES": str(len(exported.states)),
        "COUNT": str(len(exported.states) + 1),
        "TABLE": "\n".join(_rows(exported.states)),
        "NOTES": "\n".join(exported.cell.notes),
    }
    text = template("README.md", "pages")
    if target != "c":
        text += template(f"{target}.md", "pages")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _rows(states: list[str]) -> list[str]:
    return [f"| {k} | {what} |" for k, what in enumerate(states, 1)]
