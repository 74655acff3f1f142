# SPDX-License-Identifier: MIT
"""The C file of a law and its header, put together of templates and constants."""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from mlms_fenics import __version__
from mlms_fenics.export.cells import Cell, cell_of
from mlms_fenics.export.constants import PANEL, array, scalar
from mlms_fenics.export.units import HostUnits
from mlms_fenics.kinematics.gauss import NODES, WEIGHTS
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.parts import MOST_SUBSTEPS
from mlms_fenics.surrogate.trust import ELASTIC

# Points of a chunk, whose layers stay in a core's own cache and on any stack.
POINTS = {"float32": 64, "float64": 32}
_COMPONENTS = ("11", "22", "33", "12", "23", "13")


@dataclass(frozen=True)
class Exported:
    """A law on its way to C.

    Attributes:
        law: the law.
        cell: its own part.
        name: that the C functions begin with.
        units: of the host code.
        precision: "float32" or "float64", in which networks are computed.
    """

    law: LearntLaw
    cell: Cell
    name: str
    units: HostUnits
    precision: str

    @classmethod
    def of(cls, law: LearntLaw, name: str, units: HostUnits, precision: str) -> "Exported":
        """With the law's cell."""
        cell = cell_of(law)
        return cls(law, cell, name, units, "float64" if cell.double_only else precision)

    @property
    def states(self) -> list[str]:
        """What each state variable is, in order."""
        memory = 0 if not self.law.trust.groups else len(self.law.trust.times) * 6 + 2
        return [
            "1 once a step has been taken, 0 before",
            "largest distance from the training data so far; above 1 is outside them",
            *(f"U_{c} - {'1' if c[0] == c[1] else '0'}" for c in _COMPONENTS),
            *(f"(log U)_{c}" for c in _COMPONENTS),
            *(f"memory {k + 1} of the measure of distance" for k in range(memory)),
            *self.cell.states,
        ]


def c_file(exported: Exported) -> str:
    """The text of NAME.c."""
    law, name = exported.law, exported.name
    single = exported.precision == "float32"
    longest = getattr(law.network, "longest_step", None)
    numbers = {
        "POINTS": POINTS[exported.precision],
        "PANEL": PANEL,
        "GAUSS": len(NODES),
        "HALF": float(np.sqrt(0.5)),
        "SIXTH": float(np.sqrt(1.0 / 6.0)),
        "SHEAR_MODULUS": law.shear_modulus,
        "PRESSURE": exported.cell.pressure,
        "HORIZON": law.horizon,
        "HAS_HORIZON": int(law.has_horizon),
        "LONGEST_STEP": 1e300 if longest is None else float(longest),
        "LONGEST_KNOWN": min(getattr(law.network, "longest_known", np.inf), 1e300),
        "LONGEST_STRAIN": law.longest_strain if law.by_strain else 1e300,
        "MOST_SUBSTEPS": MOST_SUBSTEPS,
        "HOST_TIME": exported.units.time,
        "HOST_STRESS": exported.units.stress,
    }
    templates = ["types.c", "functions.c", "float.c" if single else "double.c", "kinematics.c"]
    templates += [_trust_template(law), *exported.cell.templates, "update.c"]
    if not single:
        templates.append("tangent.c")
    return "\n\n".join(
        [
            _head(exported),
            f'#include "{name}.h"\n\n#include <math.h>\n#include <stdint.h>\n#include <string.h>',
            "#ifdef __FAST_MATH__\n"
            "#error compile without -ffast-math (-Ofast), which lets NaN go unnoticed\n"
            "#endif",
            f"#define LAW(x) {name}_##x\ntypedef {'float' if single else 'double'} real;",
            "\n".join(scalar(key, value) for key, value in numbers.items()),
            array("GAUSS_X", np.array(NODES), "double"),
            array("GAUSS_W", np.array(WEIGHTS), "double"),
            *_trust_constants(law),
            *exported.cell.constants,
            _constants(exported),
            *(template(each).rstrip() for each in templates),
            "",
        ]
    )


def header(exported: Exported) -> str:
    """The text of NAME.h."""
    name, tangent = exported.name, exported.precision == "float64"
    text = template("header.h")
    if not tangent:
        start = text.index("/* Derivative")
        text = text[:start] + text[text.index("#ifdef __cplusplus\n}", start) :]
    return f"{_head(exported)}\n\n" + text.replace("@NAME@", name).replace(
        "@STATES@", str(len(exported.states))
    ).replace("@UNITS@", exported.units.text)


def template(name: str, folder: str = "c") -> str:
    """A file of the folder `c` or another, without its licence line."""
    text = (
        files("mlms_fenics.export").joinpath(folder, *name.split("/")).read_text(encoding="utf-8")
    )
    first, rest = text.split("\n", 1)
    return rest if "SPDX" in first else text


def _head(exported: Exported) -> str:
    law = exported.law
    return (
        "/* SPDX-License-Identifier: MIT */\n"
        f"/* {exported.name}: the law {law.law.name!r}, learnt ({law.architecture}), in "
        f"{exported.units.text}.\n   Written by mlms_fenics {__version__}; see README.md. */"
    )


def _constants(exported: Exported) -> str:
    law, units = exported.law, exported.units
    numbers = {
        "density": law.density / units.density,
        "bulk_modulus": law.bulk_modulus / units.stress,
        "shear_modulus": law.shear_modulus / units.stress,
        "horizon": law.horizon / units.time if law.has_horizon else 0.0,
        "unit_time": units.time,
        "unit_stress": units.stress,
        "unit_density": units.density,
    }
    lines = [f"const int LAW(states) = {len(exported.states)};"]
    lines += [f"const double LAW({key}) = {value!r};" for key, value in numbers.items()]
    return "\n".join(lines)


def _trust_template(law: LearntLaw) -> str:
    return "trust.c" if law.trust.groups else "trust_without_memory.c"


def _trust_constants(law: LearntLaw) -> list[str]:
    """Of the measure of trust; its `arrays` tell what each is."""
    trust = law.trust
    arrays = {
        "TRUST_SCALE": trust.coordinates.diagonal(),
        "TRUST_MEAN": trust.mean,
        "TRUST_WHITENING": trust.whitening,
    }
    numbers: dict[str, float | int] = {}
    if trust.groups:
        arrays |= {
            "TRUST_TIMES": np.array(trust.times),
            "TRUST_LAG_SIZE": 1.0 / trust.lag_size,
            "TRUST_LAG_MEAN": trust.lag_mean,
            "TRUST_LAG_WHITENING": trust.lag_whitening,
        }
        numbers = {
            "TIMES": len(trust.times),
            "GROUPS": trust.groups,
            "TRUST_AVERAGE": trust.AVERAGE,
            "TRUST_FLOOR": trust.floor,
            "TRUST_ELASTIC": ELASTIC,
        }
    texts = [array(name, values, "double") for name, values in arrays.items()]
    return ["\n".join(scalar(*item) for item in numbers.items()), *texts]
