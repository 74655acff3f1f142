# SPDX-License-Identifier: MIT
"""What is to be calibrated by what: a YAML file.

law: copper                       # a metal of the library, or a YAML file of the same form
free:                             # places in the law's file, in its units (MPa, 1/s)
  octahedral.tau_0: {low: 0.3, high: 10}
  octahedral.strength.h_0: {low: 50, high: 2000, start: 300}    # start: else the law's number
curves:
  - file: copper_001.csv          # next to this file
    columns: [strain, stress]     # names, or numbers from 1 on (the first two); stress in MPa
    rate: 1.0e-3                  # 1/s
    along: [0, 0, 1]              # a single crystal with this direction along x; or
                                  # texture: FILE, as mlms_fenics.microstructure reads it; or
                                  # grains: 128 (and seed: 0), random
    loading: uniaxial-stress      # the default; as `python -m mlms_fenics.unitcell` has them
    measure: true                 # the default; or engineering: of the undeformed specimen
    compression: false            # true: strains and stresses are written without their sign
    between: [0.0, 0.2]           # strains that count, of the file; all
    error: 2.0                    # MPa, of one stress; else all curves count alike
    steps: 40                     # of the simulation
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from mlms_fenics.calibrate.curves import Curve, read_points
from mlms_fenics.calibrate.parameters import Parameter, find_parameter, with_numbers
from mlms_fenics.errors import InputError, require
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.library import METALS, crystal_from_text, metal_file
from mlms_fenics.microstructure import Texture, random_orientations, read_texture
from mlms_fenics.numbers import check_positive, check_whole, three_numbers
from mlms_fenics.unitcell.loadings import crystal_along
from mlms_fenics.units import MEGAPASCAL, PER_SECOND
from mlms_fenics.yaml_values import entries, mapping, number, parse, read_text

_CURVE = ("file", "name", "columns", "loading", "rate", "along", "spread")
_CURVE += ("texture", "grains", "seed", "measure", "compression", "between", "error", "steps")
_MOSAIC = 8  # crystals


@dataclass(frozen=True)
class Experiment:
    """A law with free parameters, and curves.

    Attributes:
        values: of the law's YAML file.
        parameters: that are free.
        curves: that were measured.
    """

    values: dict
    parameters: tuple[Parameter, ...]
    curves: tuple[Curve, ...]

    def __post_init__(self) -> None:
        require(len(self.parameters) > 0, "no parameter is free: name one under `free`")
        require(len(self.curves) > 0, "there are no curves: name one under `curves`")
        points = sum(len(c.strain) for c in self.curves)
        require(
            points > len(self.parameters),
            f"{len(self.parameters)} free parameters need more than {points} measured points",
        )

    def law_text(self, numbers: np.ndarray) -> str:
        """The law's YAML text with numbers put in for the parameters, *Shape* `(p,)`."""
        values = with_numbers(self.values, self.parameters, numbers)
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)

    def law(self, numbers: np.ndarray) -> CrystalLaw:
        """The law with numbers put in.

        Raises:
            InputError: one is out of the law's range.
        """
        return crystal_from_text(self.law_text(numbers), "law")


def read_experiment(path: str | Path) -> Experiment:
    """The experiment that a YAML file describes; its form is in the module's docstring.

    Raises:
        InputError: a file cannot be read, unknown or missing keys, no such parameter, or a value
            out of range.
    """
    path = Path(path)
    values = parse(read_text(path, "experiment"), f"experiment '{path}'")
    try:
        keys = ("law", "free", "curves")
        top = mapping("the file", values, keys, keys)
        law = _law(top["law"], path.parent)
        free = top["free"]
        require(isinstance(free, Mapping), "`free` must hold the bounds of each parameter")
        parameters = tuple(_parameter(str(name), given, law) for name, given in free.items())
        curves = tuple(_curve(c, path.parent) for c in entries("curves", top["curves"]))
        return Experiment(law, parameters, curves)
    except InputError as error:
        raise InputError(f"experiment '{path}': {error}") from error


def _law(given: object, folder: Path) -> dict:
    if given in METALS:
        path = metal_file(str(given))
    else:
        path = folder / str(given)
        require(
            path.is_file(),
            f"law is {str(given)!r}, but must be one of {', '.join(METALS)}, or a YAML file of a "
            "crystal",
        )
    owner = f"crystal file '{path}'"
    text = read_text(path, "crystal file")
    crystal_from_text(text, owner)
    return dict(parse(text, owner))  # type: ignore[call-overload]


def _parameter(name: str, given: object, law: dict) -> Parameter:
    owner = f"free parameter {name}"
    bounds = mapping(owner, given, ("low", "high", "start"), ("low", "high"))
    values = {k: number(f"{owner}: {k}", v) for k, v in bounds.items()}
    return find_parameter(name, law, values["low"], values["high"], values.get("start"))


def _curve(given: object, folder: Path) -> Curve:
    values = mapping("a curve", given, _CURVE, ("file", "rate"))
    path = folder / str(values["file"])
    name = str(values.get("name", path.stem))
    owner = f"curve {name}"
    columns = entries(f"{owner}: columns", values.get("columns", [1, 2]))
    require(len(columns) == 2, f"{owner}: columns must be two, of the strain and of the stress")
    e, s = read_points(
        path, (columns[0], columns[1]), _engineering(owner, values), _flag(owner, values)
    )
    if "between" in values:
        ends = entries(f"{owner}: between", values["between"])
        require(len(ends) == 2, f"{owner}: between must be two strains")
        low, high = (number(f"{owner}: between", v) for v in ends)
        some = (np.abs(e) >= low) & (np.abs(e) <= high)
        require(some.sum() > 1, f"{owner}: fewer than 2 points between the strains {low}, {high}")
        e, s = e[some], s[some]
    error = values.get("error")
    return Curve(
        name,
        e,
        s,
        _texture(owner, values, folder),
        str(values.get("loading", "uniaxial-stress")),
        number(f"{owner}: rate", values["rate"]) * PER_SECOND,
        None if error is None else number(f"{owner}: error", error) * MEGAPASCAL,
        values.get("steps", 40),
    )


def _engineering(owner: str, values: Mapping) -> bool:
    measure = values.get("measure", "true")
    # YAML takes a bare `true` for the truth value.
    require(
        measure is True or measure in ("true", "engineering"),
        f"{owner}: measure is {measure!r}, but must be true or engineering",
    )
    require(
        measure != "engineering" or values.get("loading", "uniaxial-stress") == "uniaxial-stress",
        f"{owner}: engineering strains and stresses are only known of uniaxial-stress; convert "
        "them to true ones",
    )
    return measure == "engineering"


def _flag(owner: str, values: Mapping) -> bool:
    flag = values.get("compression", False)
    require(isinstance(flag, bool), f"{owner}: compression is {flag!r}, but must be true or false")
    return flag


def _texture(owner: str, values: Mapping, folder: Path) -> Texture:
    given = [k for k in ("along", "texture", "grains") if k in values]
    require(
        len(given) == 1,
        f"{owner}: give one of along, texture and grains, got {', '.join(given) or 'none'}",
    )
    require(
        "along" in values or "spread" not in values,
        f"{owner}: spread is that of a single crystal, whose direction `along` says",
    )
    if "along" in values:
        Q = crystal_along(three_numbers(f"{owner}: along", values["along"], True))
        return Texture(Q if "spread" not in values else _mosaic(owner, Q, values["spread"]))
    if "texture" in values:
        return read_texture(folder / str(values["texture"]))
    grains = check_whole(f"{owner}: grains", values["grains"], 1)
    return Texture(random_orientations(grains, check_whole("seed", values.get("seed", 0), 0)))


def _mosaic(owner: str, Q: np.ndarray, degrees: object) -> np.ndarray:
    """Crystals turned from Q, *Shape* `(1, 3, 3)`, by a normal distribution of this width.

    What acts in a crystal of many equal systems hangs on chance where they harden each other more
    than themselves; their mean is smooth in the law's numbers.
    """
    width = check_positive(f"{owner}: spread", number(f"{owner}: spread", degrees), "degrees", 20.0)
    turns = np.random.default_rng(0).normal(size=(_MOSAIC, 3)) * np.radians(width)
    return Rotation.from_rotvec(turns).as_matrix() @ Q
