# SPDX-License-Identifier: MIT
"""DAMASK's material.yaml: quaternions, each constituent with its volume fraction."""

import re
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure.measured import ReadingOptions, Texture
from mlms_fenics.microstructure.rotations import rotations_from_quaternions

_LATTICES = {"hP": "hexagonal", "cF": "cubic", "cI": "cubic", "cP": "cubic"}


def is_damask(lines: list[str]) -> bool:
    """Whether a top-level key `material` is there."""
    return any(re.match(r"material\s*:", line) for line in lines)


def read_damask(path: Path, lines: list[str], options: ReadingOptions) -> Texture:
    """The constituents of all materials; see `read_texture`.

    DAMASK's quaternions O = [w, x, y, z] (P = -1, from sample to crystal axes) give, by the usual
    formula, the rotation from lattice to sample.

    Raises:
        InputError: no YAML, or an entry that is not what it should be (named).
    """
    options.only(path, "DAMASK's material.yaml", "phase")
    content = _load(path, lines)
    rows: list[list[float]] = []
    phases: list[str] = []
    materials = content.get("material") if isinstance(content, dict) else None
    if not isinstance(materials, list) or not materials:
        raise InputError(f"{path}: 'material' must be a list of materials")
    for number, material in enumerate(materials):
        constituents = material.get("constituents") if isinstance(material, dict) else None
        if not isinstance(constituents, list) or not constituents:
            raise InputError(f"{path}: material {number} has no list of constituents")
        for part in constituents:
            O = part.get("O") if isinstance(part, dict) else None
            v = part.get("v", 1.0) if isinstance(part, dict) else None
            row = _numbers([*O, v]) if isinstance(O, list) and len(O) == 4 else None
            if row is None or abs(np.linalg.norm(row[:4]) - 1.0) > 1e-3 or not 0 <= row[4] < np.inf:
                raise InputError(
                    f"{path}: material {number}: O is {O} and v is {v}, but O must be a unit "
                    "quaternion [w, x, y, z] and v a volume fraction >= 0"
                )
            rows.append(row)
            phases.append(str(part.get("phase")))
    present = sorted(set(phases))
    wanted = str(options.phase) if options.phase is not None else present[0]
    if wanted not in present or (options.phase is None and len(present) > 1):
        raise InputError(f"{path}: give one of its phases: {', '.join(present)}")
    keep = np.array([phase == wanted for phase in phases])
    table = np.array(rows)[keep]
    lattice = ((content.get("phase") or {}).get(wanted) or {}).get("lattice")
    said = (
        f"DAMASK's material.yaml, {keep.sum()} constituents of phase {wanted}",
        "quaternions w x y z, weights v; how many cells of a grid are of each material is not in "
        "it",
    )
    return Texture(
        rotations_from_quaternions(table[:, :4]),
        table[:, 4],
        _LATTICES.get(lattice),
        said,
    )


def _load(path: Path, lines: list[str]) -> dict:
    try:
        import yaml
    except ImportError:
        raise InputError(f"{path} is YAML: install PyYAML to read it") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load("\n".join(lines), Loader=loader)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}") from None


def _numbers(values: list) -> list[float] | None:
    """The values as numbers (YAML 1.1 takes 1e-3 for text), or None where one is none."""
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError):
        return None
