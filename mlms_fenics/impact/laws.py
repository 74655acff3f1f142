# SPDX-License-Identifier: MIT
"""The laws that the impact demos offer by name."""

import argparse
from collections.abc import Callable
from typing import Any

import torch

from mlms_fenics import device as devices
from mlms_fenics.errors import require
from mlms_fenics.materials import (
    J2,
    CrystalLaw,
    ExternalLaw,
    JohnsonCook,
    LawsByPart,
    Material,
    NeoHookean,
    Polycrystal,
    johnson_cook,
    magnesium,
)

LAWS = (
    "learnt",
    "taylor",
    "neo-hookean",
    "j2",
    "j2-fitted",
    "johnson-cook",
    "johnson-cook-fitted",
)
DTYPES = {"float32": torch.float32, "float64": torch.float64}
WITH_MODEL = ("learnt", "taylor")


def add_law_options(new: Callable[..., Any]) -> None:
    """Options of a law: `--law`, `--model`, `--texture`, `--parameter`, `--grains`, `--tolerance`,
    `--precision` and `--device`.

    Args:
        new: `add_argument` of a parser.
    """
    new("--law", choices=LAWS, default="learnt",
        help="the body's law; taylor: the polycrystal of the learnt law at every point, nothing "
        "learnt; neo-hookean and j2 have magnesium's moduli, the fitted ones have been fitted to "
        "the polycrystal (demos/studies/fit_empirical_laws.py), johnson-cook is OFHC "
        "copper")  # fmt: skip
    new("--model", metavar="FILE",
        help="model file of a learnt law, or of whose polycrystal to take (default: the shipped "
        "one); or a shared library, .so, of an exported law")  # fmt: skip
    new("--texture", metavar="FILE",
        help="with the --model of a family of textures: the one to take, any file that `python -m "
        "mlms_fenics.microstructure` reads (default: the family's first)")  # fmt: skip
    new("--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="with the --model of a family of materials: a number of the one to take, in mm, µs, "
        "GPa; repeatable, all of the family's")  # fmt: skip
    new("--grains", type=int, metavar="N",
        help="with --law taylor: the first so many of the model's grains (default: all)"
    )  # fmt: skip
    new("--tolerance", type=float, default=1e-3,
        help="with --law taylor: of the average stress (default: 1e-3)")  # fmt: skip
    new("--precision", choices=tuple(DTYPES), default="float32", help="of the law and the files")
    new("--device", help=f"of the law: {devices.HELP}")


def check_law(options: argparse.Namespace) -> None:
    """Raise `InputError` where options of the law do not go together."""
    require(
        options.model is None or options.law in WITH_MODEL,
        f"--model goes with --law learnt or taylor, not with --law {options.law}: leave one out",
    )
    for name in ("texture", "parameter"):
        require(
            not getattr(options, name, None) or options.law in WITH_MODEL,
            f"--{name} goes with --law learnt or taylor, not with --law {options.law}: leave one "
            "out",
        )
    require(
        options.grains is None or options.law == "taylor",
        f"--grains goes with --law taylor, not with --law {options.law}: leave one out",
    )
    require(
        options.grains is None or options.grains >= 1,
        f"--grains is {options.grains}, but must be at least 1",
    )


def build_law(
    options: argparse.Namespace, device: torch.device, end_time: float | None = None
) -> tuple[Material, str]:
    """The law and what to call it; with `--part-law` a `LawsByPart`.

    Args:
        options: with the attributes of `add_law_options`, and perhaps `part_law`.
        device: of `chosen_device`.
        end_time: of the run, µs: a law with a shorter horizon is refused.

    Raises:
        InputError: no such model, or one that does not fit.
    """
    if getattr(options, "part_law", None):
        return _laws_by_part(options, device, end_time)
    if options.law == "johnson-cook":
        law = johnson_cook("OFHC copper").to(device)
        return law, "Johnson-Cook, OFHC copper (Johnson & Cook 1983)"
    if options.law not in WITH_MODEL:
        law, name = _empirical(options.law)
        return law.to(device), name
    if options.law == "learnt" and str(options.model).endswith(".so"):
        law = ExternalLaw(options.model).to(device)
        if end_time is not None:
            law.check_end_time(end_time)
        return law, f"the law {law.name!r} of the library {law.library}"
    from mlms_fenics.surrogate import load_model

    dtype = DTYPES[options.precision]
    law = load_model(options.model, device=device, dtype=dtype)
    source = "the shipped model" if options.model is None else str(options.model)
    require(law.dimension == 3, f"{source} is of a two-dimensional unit cell: a 3D model is needed")
    law, source = _of_family(law, source, options)
    if options.law == "taylor":
        return _taylor(options, law, source, device)
    if end_time is not None:
        law.check_end_time(end_time)
    return law, f"learnt ({law.architecture}), {source}, {law.dtype} on {law.device}"


def _of_family(law: Any, source: str, options: argparse.Namespace) -> tuple[Any, str]:
    """The law of a texture and material, where the model is a family of them."""
    from mlms_fenics.microstructure import read_texture
    from mlms_fenics.surrogate.family.law import FamilyLaw
    from mlms_fenics.surrogate.family.parameters import values_from

    texture, words = getattr(options, "texture", None), getattr(options, "parameter", None) or []
    if not isinstance(law, FamilyLaw):
        for name, given in (("texture", texture), ("parameter", " ".join(words))):
            require(
                not given,
                f"--{name} {given}: {source} is no family of textures, but of one: leave it out",
            )
        return law, source
    parameters = values_from(words)
    if texture is None:
        Q, weights = law.orientations, law.weights
    else:
        read = read_texture(texture)
        Q, weights = read.orientations, read.weights
    about = ", ".join([*([] if texture is None else [str(texture)]), *words])
    source = f"{source} for {about}" if about else source
    return law.of_texture(Q, weights, parameters), source


def _laws_by_part(
    options: argparse.Namespace, device: torch.device, end_time: float | None
) -> tuple[Material, str]:
    laws, words = {}, []
    for given in options.part_law:
        volume, equal, law = given.rpartition("=")
        require(
            bool(volume and equal) and law in LAWS and volume not in laws,
            f"--part-law is {given!r}, but must be VOLUME=LAW, each volume once, with a law of "
            f"{', '.join(LAWS)}",
        )
        own = argparse.Namespace(**{**vars(options), "part_law": None, "law": law})
        laws[volume], name = build_law(own, device, end_time)
        words.append(f"{volume}: {name}")
    return LawsByPart(laws), "; ".join(words)


def _taylor(
    options: argparse.Namespace, model: Any, source: str, device: torch.device
) -> tuple[Material, str]:
    available = len(model.orientations)
    grains = available if options.grains is None else options.grains
    require(
        grains <= available,
        f"--grains is {grains}, but the polycrystal of {source} has {available}",
    )
    # The compiled kernel is far quicker on a CPU than torch.
    where = None if device.type == "cpu" else device
    Q, w = model.orientations[:grains], model.weights[:grains]
    law = Polycrystal(model.law, Q, weights=w, tolerance=options.tolerance, device=where)
    return law, f"Taylor average of {grains} grains at every point, those of {source}"


def _empirical(name: str) -> tuple[Material, str]:
    crystal = magnesium()
    if name == "neo-hookean":
        law = NeoHookean(crystal.shear_modulus, crystal.bulk_modulus, crystal.density)
        return law, "neo-Hookean, moduli of magnesium"
    moduli = crystal_moduli(crystal)
    if name == "j2":
        law = J2(**moduli, yield_stress=0.2, hardening=1.0)
        return law, "J2, moduli of magnesium, yield 0.2 GPa, hardening 1 GPa"
    if name == "j2-fitted":
        return J2(**moduli, **FITTED_J2), "J2, fitted to the polycrystal"
    law = JohnsonCook(**moduli, **FITTED_JOHNSON_COOK, **ISOTHERMAL)
    return law, "Johnson-Cook, fitted to the polycrystal, isothermal"


def crystal_moduli(crystal: CrystalLaw) -> dict[str, float]:
    """Young's modulus (GPa), Poisson's ratio and density (mg/mm³) of the crystal's isotropy."""
    G, K = crystal.shear_modulus, crystal.bulk_modulus
    young, poisson = 9.0 * K * G / (3.0 * K + G), (3.0 * K - 2.0 * G) / (6.0 * K + 2.0 * G)
    return {"young": young, "poisson": poisson, "density": crystal.density}


# The crystal law knows no temperature: no heating, so that melting and heat capacity play no part.
# The reference rate, 1/µs, is the crystal's own, 1e5/s: it flows at any stress, and against 1/s the
# logarithm would hardly change over the rates of an impact.
ISOTHERMAL: dict[str, float] = {
    "m": 1.0, "melting_temperature": 923.0, "specific_heat": 1.0e-3, "taylor_quinney": 0.0,
    "reference_rate": 0.1,
}  # fmt: skip
# GPa, from `python demos/studies/fit_empirical_laws.py`.
FITTED_J2: dict[str, float] = {"yield_stress": 0.5516, "hardening": 0.1671}
FITTED_JOHNSON_COOK: dict[str, float] = {"A": 0.1832, "B": 0.05453, "n": 0.2063, "C": 0.8605}
