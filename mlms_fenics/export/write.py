# SPDX-License-Identifier: MIT
"""The files of an exported law."""

import os
import re
from pathlib import Path

from mlms_fenics.errors import require
from mlms_fenics.export.check import check_file
from mlms_fenics.export.readme import readme
from mlms_fenics.export.source import Exported, c_file, header, template
from mlms_fenics.export.units import host_units
from mlms_fenics.files import replacing
from mlms_fenics.surrogate.base import LearntLaw

TARGETS = ("c", "vumat", "umat", "mfront")
PRECISIONS = ("float32", "float64")
_WITH_TANGENT = {"umat": "a UMAT", "mfront": "MFront's interface"}
# What stands for Abaqus where an adapter is compiled without it.
_WITHOUT_ABAQUS = ("vaba_param.inc", "aba_param.inc", "stubs.f")
# Names that Fortran and linkers of any age take.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}\Z")


def export(
    law: LearntLaw,
    folder: str | os.PathLike[str],
    target: str = "c",
    *,
    name: str = "learnt_law",
    units: str = "mm-us",
    precision: str | None = None,
) -> list[Path]:
    """Write a learnt law for another code.

    Args:
        law: as `load_model` gives it.
        folder: made if need be; files of the same names are replaced.
        target: "c", "vumat" (Abaqus/Explicit), "umat" (Abaqus/Standard) or "mfront" (MFront's
            generic interface, by which MGIS loads behaviours).
        name: of the files and that the C functions begin with.
        units: of the host code: "mm-us" (mm, µs, mg, GPa), "mm-ms" (mm, ms, kg, GPa), "mm-s" (mm,
            s, t, MPa) or "SI".
        precision: "float32" or "float64", in which networks are computed; None: float32, for a
            UMAT or MFront float64, which the tangent needs.

    Returns:
        The files.

    Raises:
        InputError: a value that is none of these, or a law that cannot be exported (see `cell_of`).
    """
    require(target in TARGETS, f"target {target!r}: must be one of {', '.join(TARGETS)}")
    require(
        precision is None or precision in PRECISIONS,
        f"precision {precision!r}: must be one of {', '.join(PRECISIONS)}",
    )
    require(
        bool(_NAME.match(name)),
        f"name {name!r}: must begin with a letter and have at most 31 letters, digits and "
        "underscores, for it becomes the name of functions",
    )
    require(
        target not in _WITH_TANGENT or precision in (None, "float64"),
        f"precision 'float32': {_WITH_TANGENT.get(target)} needs float64 for its tangent; leave "
        "the precision out",
    )
    if precision is None:
        precision = "float64" if target in _WITH_TANGENT else "float32"
    exported = Exported.of(law, name, host_units(units), precision)
    texts = {
        f"{name}.h": header(exported),
        f"{name}.c": c_file(exported),
        f"{name}_check.c": check_file(exported),
        "README.md": readme(exported, target),
    }
    if target == "mfront":
        texts[f"{name}_mfront.c"] = behaviour(exported)
    elif target != "c":
        texts[f"{name}_{target}.f"] = adapter(exported, target)
        for file in _WITHOUT_ABAQUS:
            texts[f"without_abaqus/{file}"] = template(file, "fortran")
    folder = Path(folder)
    require(not folder.exists() or folder.is_dir(), f"{folder} is a file: name a folder")
    for file in texts:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        with replacing(folder / file) as beside:
            beside.write_text(text, encoding="utf-8")
    return [folder / file for file in texts]


def adapter(exported: Exported, target: str) -> str:
    """The Fortran text of a VUMAT or UMAT."""
    law, stress = exported.law, exported.units.stress
    values = {
        "NAME": exported.name,
        "STATES": str(len(exported.states)),
        "COUNT": str(len(exported.states) + 1),
        "BULK": _double(law.bulk_modulus / stress),
        "SHEAR": _double(law.shear_modulus / stress),
    }
    text = template(f"{target}.f", "fortran")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def behaviour(exported: Exported) -> str:
    """The C text of a behaviour of MFront's generic interface."""
    count = len(exported.states)
    names = [f"law{k}" for k in range(1, count + 1)] + ["law_time"]
    rows = [names[k : k + 10] for k in range(0, count + 1, 10)]
    values = {
        "NAME": exported.name,
        "UNITS": exported.units.text,
        "STATES": str(count),
        "NAMES": ",\n    ".join(", ".join(f'"{name}"' for name in row) for row in rows),
    }
    text = template("mfront.c")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _double(value: float) -> str:
    """A Fortran constant of double precision."""
    text = repr(float(value))
    return text.replace("e", "d") if "e" in text else f"{text}d0"
