# SPDX-License-Identifier: MIT
"""Crystals from YAML files that a person can read and write.

Stresses are in MPa, rates in 1/s, drags in MPa s, densities in g/cm³: converted here, once.

    name: copper
    lattice: fcc                      # fcc, bcc or hcp (then also c_over_a)
    density: 8.96
    elasticity: {C11: 168900, C12: 121800, C44: 75800}   # hcp: C13 and C33 too; or
                                                         # {shear_modulus: ..., bulk_modulus: ...}
    source: of the numbers above
    slip:
      - systems: "{111}<110>"         # a family's name; or {plane: [..], direction: [..]} and all
                                      # that the lattice makes of it; or a list of such, as it is
        name: octahedral              # default: the family's name
        rate: 3.0e-3
        n: 20                         # 1/m
        tau_0: 1.6
        strength: {h_0: 350, g_inf: 96.4, a: 0.6}        # or tau_1, theta_0, theta_1; or none;
                                      # with saturates: acting for the form of DAMASK up to 2
        drag: 0
        source: of this family's numbers
    twins: []                         # likewise, and `shear` where it does not follow from c/a
    interaction:                      # q, 1 where nothing is said
      octahedral: {junctions: {self: 1, coplanar: 1, ...}}   # fcc; or {coplanar: 1, latent: 1.4}
      basal: {tensile_twin: 0}        # strengthened family: {acting family: q}
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.materials.crystal.elasticity import CubicElasticity, HexagonalElasticity
from mlms_fenics.materials.crystal.families import SlipFamily, TwinFamily, as_vectors
from mlms_fenics.materials.crystal.interaction import (
    block_interaction,
    coplanar_interaction,
    fcc_interaction,
)
from mlms_fenics.materials.crystal.lattice import (
    Systems,
    cubic_systems,
    hexagonal_systems,
    symmetry_of,
    twin_shear,
)
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.miller import LATTICES, equivalents, repeated, system
from mlms_fenics.materials.crystal.strength import PowerStrength, Strength, VoceStrength
from mlms_fenics.materials.cubic import CUBIC_FAMILIES
from mlms_fenics.units import MEGAPASCAL, PER_SECOND, SECOND
from mlms_fenics.yaml_values import entries, mapping, number, numbers, parse, read_text

_LAW = ("name", "lattice", "c_over_a", "density", "elasticity", "source", "slip", "twins")
_LAW += ("interaction", "detwinning")
_FAMILY = ("systems", "name", "rate", "n", "tau_0", "strength", "drag", "flow", "source")
_STRENGTHS = {
    PowerStrength: ("h_0", "g_inf", "a", "saturates"),
    VoceStrength: ("tau_1", "theta_0", "theta_1"),
}
_PLAIN = ("a",)  # of a strength, no stress


def read_crystal(path: str | Path) -> CrystalLaw:
    """The law that a YAML file describes.

    Raises:
        InputError: no such file, no YAML, or what `crystal_from_text` refuses.
    """
    text = read_text(path, "crystal file")
    return crystal_from_text(text, f"crystal file '{path}'")


def crystal_from_text(text: str, owner: str = "crystal") -> CrystalLaw:
    """The law that YAML text describes.

    Args:
        text: as the module's docstring shows.
        owner: where it comes from, for messages.

    Raises:
        InputError: no YAML, unknown or missing keys, systems that are no systems of the lattice, or
            a number out of range.
    """
    values = parse(text, owner)
    try:
        return _law(values)
    except InputError as error:
        raise InputError(f"{owner}: {error}") from error


def _law(values: object) -> CrystalLaw:
    top = mapping("the file", values, _LAW, ("name", "lattice", "density", "elasticity", "slip"))
    lattice = top["lattice"]
    require(
        lattice in LATTICES, f"lattice is {lattice!r}, but must be one of {', '.join(LATTICES)}"
    )
    require(
        (lattice == "hcp") == ("c_over_a" in top),
        "c_over_a is wanted with the lattice hcp, and with no other",
    )
    ratio = number("c_over_a", top["c_over_a"]) if lattice == "hcp" else 0.0
    require(lattice != "hcp" or ratio > 0, f"c_over_a = {ratio} must be positive")
    slip = tuple(_family(f, lattice, ratio, SlipFamily) for f in entries("slip", top["slip"]))
    twins = tuple(
        _family(f, lattice, ratio, TwinFamily) for f in entries("twins", top.get("twins") or [])
    )
    families = (*slip, *twins)
    named = "hexagonal" if lattice == "hcp" else "cubic"
    told = symmetry_of(np.array([v for f in slip for v in f.direction]).reshape(-1, 3))
    names = [f.name for f in families]
    require(
        len(set(names)) == len(names),
        f"families must have different names, got {', '.join(names)}; give some a `name`",
    )
    common = {
        "name": str(top["name"]),
        "dimension": 3,
        "density": number("density", top["density"]),
        "slip": slip,
        "twins": twins,
        "detwinning": bool(top.get("detwinning", False)),
        "source": str(top.get("source", "")),
        "interaction": _interaction(top.get("interaction") or {}, families),
        "lattice": None if told == named else named,
    }
    return _with_elasticity(top["elasticity"], lattice, common)


def _with_elasticity(values: object, lattice: str, common: dict) -> CrystalLaw:
    if isinstance(values, Mapping) and "shear_modulus" in values:
        given = numbers("elasticity", values, ("shear_modulus", "bulk_modulus"))
        shear, bulk = (v * MEGAPASCAL for v in given.values())
        return CrystalLaw(shear_modulus=shear, lambda_e=bulk / 2.0, **common)
    names = ("C11", "C12", "C13", "C33", "C44") if lattice == "hcp" else ("C11", "C12", "C44")
    given = {k: v * MEGAPASCAL for k, v in numbers("elasticity", values, names).items()}
    kind = HexagonalElasticity if lattice == "hcp" else CubicElasticity
    return CrystalLaw.anisotropic(kind(**given), **common)


def _family(values: object, lattice: str, ratio: float, kind: type) -> SlipFamily | TwinFamily:
    twin = kind is TwinFamily
    label = f"{'twin' if twin else 'slip'} family"
    allowed = (*_FAMILY, "shear") if twin else _FAMILY
    given = mapping(label, values, allowed, ("systems", "rate", "n", "tau_0"))
    named = isinstance(given["systems"], str)
    name = str(given.get("name", given["systems"] if named else ""))
    require(name != "", f"a {label} with systems from Miller indices needs a `name`")
    owner = f"{label} {name!r}"
    s, m = _systems(given["systems"], lattice, ratio, twin, owner)
    parameters = {
        "tau_0": number(f"{owner}: tau_0", given["tau_0"]) * MEGAPASCAL,
        "rate": number(f"{owner}: rate", given["rate"]) * PER_SECOND,
        "drag": number(f"{owner}: drag", given.get("drag", 0.0)) * MEGAPASCAL * SECOND,
        "flow": given.get("flow", "power"),
        "source": str(given.get("source", "")),
        "strength": _strength(given.get("strength"), owner),
    }
    n = number(f"{owner}: n", given["n"])
    require(n >= 1, f"{owner}: n = {n} must be at least 1")
    if twin:
        shear = given.get("shear")
        parameters["shear"] = (
            twin_shear(str(given["systems"]), ratio)
            if shear is None
            else number(f"{owner}: shear", shear)
        )
    return kind(name, as_vectors(s), as_vectors(m), rate_exponent=1.0 / n, **parameters)


def _systems(given: object, lattice: str, ratio: float, twin: bool, owner: str) -> Systems:
    if isinstance(given, str):
        if lattice == "hcp":
            return hexagonal_systems(given, ratio)
        known = CUBIC_FAMILIES[lattice]
        require(
            given in known,
            f"{owner}: {lattice} has no family {given!r}: take one of {', '.join(known)}, or give "
            "plane and direction",
        )
        return cubic_systems(given)
    one = isinstance(given, Mapping)
    pairs = []
    for entry in [given] if one else entries(f"{owner}: systems", given):
        e = mapping(f"{owner}: a system", entry, ("plane", "direction"), ("plane", "direction"))
        pairs.append(system(lattice, e["plane"], e["direction"], ratio))
    if one:
        return equivalents(lattice, *pairs[0], twin=twin)
    require(len(pairs) > 0, f"{owner}: the list of systems is empty")
    s, m = (np.concatenate(v) for v in zip(*pairs, strict=True))
    again = repeated(s, m, twin=twin)
    require(again is None, f"{owner}: system number {again} stands there twice")
    return s, m


def _strength(given: object, owner: str) -> Strength | None:
    if given is None:
        return None
    for kind, names in _STRENGTHS.items():
        if isinstance(given, Mapping) and given and set(given) <= set(names):
            label = f"{owner}: strength: "
            values = {
                k: number(label + k, v) * (1.0 if k in _PLAIN else MEGAPASCAL)
                for k, v in given.items()
                if k != "saturates"
            }
            if kind is PowerStrength:
                values["saturates"] = given.get("saturates", "own")
            require(names[0] in values, f"{owner}: strength: {names[0]} is missing")
            require(
                kind is PowerStrength or "theta_0" in values,
                f"{owner}: strength: theta_0 is missing",
            )
            return kind(**values)
    forms = " or ".join(", ".join(names) for names in _STRENGTHS.values())
    raise InputError(f"{owner}: strength is {given!r}, but must have the keys {forms}")


def _interaction(given: object, families: tuple) -> tuple[tuple[float, ...], ...]:
    require(isinstance(given, Mapping), f"interaction is {given!r}, but must be by family")
    if not given:
        return ()
    by_name = {f.name: f for f in families}
    own, blocks = {}, {}
    for name, row in given.items():
        require(isinstance(row, Mapping), f"interaction of {name!r} must be numbers by family")
        row = dict(row)
        if name in by_name and "junctions" in row:
            own[name] = fcc_interaction(row.pop("junctions"), by_name[name])
        elif name in by_name and "latent" in row and "latent" not in by_name:
            pair = row.pop("coplanar", 1.0), row.pop("latent")
            own[name] = coplanar_interaction(*pair, by_name[name])
        blocks[name] = row
    return block_interaction(families, blocks, own)
