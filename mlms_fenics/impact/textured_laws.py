# SPDX-License-Identifier: MIT
"""Laws of a textured polycrystal: itself, learnt ones, and empirical ones fitted to it."""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.data.laws import law_from_options
from mlms_fenics.errors import InputError, require
from mlms_fenics.impact.fitting import deviatoric_stress, fit_law, path_errors
from mlms_fenics.impact.laws import crystal_moduli
from mlms_fenics.kinematics.tensors import deviator
from mlms_fenics.materials import J2, CrystalLaw, Hill, JohnsonCook, Material, Polycrystal
from mlms_fenics.microstructure import Texture
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.family.law import FamilyLaw
from mlms_fenics.unitcell import TaylorAverage

LAWS = ("taylor", "learnt", "hill", "johnson-cook", "j2")
# What a summary says of a law of a family: how far it is from those that the family learnt.
FROM_FAMILY = {
    "texture_distance": "texture's distance from the family's",
    "parameter_distance": "metal's distance from the family's",
}
# Of the histories to which empirical laws are fitted: strain, µs, steps, number of each kind.
STRAIN, HORIZON, STEPS, NUMBER = 0.2, 2.0, 40, 12
# Empirical laws are fitted at one rate; below the reference rate, 1/µs, theirs has no effect.
_SLOW, _FAST = 1e-3, STRAIN / HORIZON


def add_metal_options(new: Callable[..., Any]) -> None:
    """Options `--metal`, `--set` and `--tolerance`.

    Args:
        new: `add_argument` of a parser.
    """
    new("--metal", default="magnesium-wang2014",
        help="crystal law as of the generator's --law: a metal of the library or a file (default: "
        "%(default)s)")  # fmt: skip
    new("--set", action="append", default=[], metavar="FAMILY.NAME=VALUE",
        help="another value of the metal's, as the generator has it; repeatable")  # fmt: skip
    new("--tolerance", type=float, default=1e-3,
        help="of each grain's stress, polycrystal at every point (default: %(default)g)"
    )  # fmt: skip


def add_textured_law_options(new: Callable[..., Any]) -> None:
    """Options of `add_metal_options`, and `--law`, `--model` and `--precision`.

    Args:
        new: `add_argument` of a parser.
    """
    add_metal_options(new)
    new("--law", choices=LAWS, default="taylor",
        help="the body's: taylor, the polycrystal at every point; learnt (--model FILE); or hill, "
        "johnson-cook, j2, each fitted to the polycrystal's stress here and now")  # fmt: skip
    new("--model", metavar="FILE", help="with --law learnt: its file; of a family: the law of "
        "the body's texture, and of the metal's numbers, is made")  # fmt: skip
    new("--precision", choices=("float32", "float64"), default="float32",
        help="of learnt laws and of files (default: %(default)s)")  # fmt: skip


def check_textured_law(options: argparse.Namespace) -> None:
    """Raise `InputError` where options of the law do not go together."""
    require(
        (options.model is None) == (options.law != "learnt"),
        f"--law {options.law} {'needs' if options.law == 'learnt' else 'does not go with'} "
        "--model FILE",
    )


def crystal_of(options: argparse.Namespace) -> tuple[CrystalLaw, str]:
    """The metal's crystal law and its lattice, "cubic" or "hexagonal".

    Raises:
        InputError: no such law, or one of two dimensions.
    """
    law = law_from_options(options.metal, changes=options.set)
    require(law.dimension == 3, f"--metal {options.metal} is two-dimensional")
    hexagonal = law.n_twin > 0 or any("basal" in f.name or "prism" in f.name for f in law.slip)
    return law, "hexagonal" if hexagonal else "cubic"


def family_of(options: argparse.Namespace) -> FamilyLaw | None:
    """The family that the options name, or None where their law is another one.

    It takes a texture as it is, however many orientations that has.

    Args:
        options: with the attributes of `add_textured_law_options`.
    """
    law = load_model(options.model) if options.law == "learnt" else None
    return law if isinstance(law, FamilyLaw) else None


def build_textured_law(
    options: argparse.Namespace, crystal: CrystalLaw, texture: Texture
) -> tuple[Material, str, dict[str, float]]:
    """The law, what to call it, and numbers of its fit, or its distances from a family's training.

    Args:
        options: with the attributes of `add_textured_law_options`.
        crystal: of `crystal_of`.
        texture: the orientations at every point, in the body's frame.

    Raises:
        InputError: no such model, or one that is not three-dimensional.
    """
    if options.law == "taylor":
        law = Polycrystal(
            crystal, texture.orientations, weights=texture.weights, tolerance=options.tolerance
        )
        return law, f"{len(texture)} grains of {crystal.name} at every point", {}
    if options.law == "learnt":
        dtype = torch.float32 if options.precision == "float32" else torch.float64
        law = load_model(options.model, dtype=dtype)
        require(law.dimension == 3, f"{options.model} is of two dimensions: three are needed")
        name = f"learnt ({law.architecture}), {options.model}"
        if isinstance(law, FamilyLaw):
            law = law.of_texture(texture.orientations, texture.weights, law.parameters_of(crystal))
        return law, name, {}
    return fitted(options.law, crystal, texture)


def histories(seed: int) -> np.ndarray:
    """Tension, compression and walks to `STRAIN`, *Shape* `(2 NUMBER, STEPS + 1, 3, 3)`."""
    straight = PathSettings(protocol="uniaxial", max_strain=STRAIN, steps=STEPS)
    # A walk of amplitude a reaches an equivalent strain of 2.3 a on average.
    walk = PathSettings(protocol="log", max_strain=STRAIN / 2.3, max_volume=0.01, steps=STEPS)
    return np.stack([sample_path(p, seed, k) for p in (straight, walk) for k in range(NUMBER)])


def fitted(
    name: str, crystal: CrystalLaw, texture: Texture
) -> tuple[Material, str, dict[str, float]]:
    """An empirical law, fitted to the polycrystal's deviator along `histories`.

    Its rate sensitivity is not fitted but that of the crystal's first family between 1e3/s and the
    rate of the histories.

    Args:
        name: "hill", "johnson-cook" or "j2".
        crystal, texture: of the polycrystal.

    Returns:
        The law, what to call it, and its parameters (GPa) with the mean relative errors of the
        deviator, "error" on the histories fitted and "error, others" on others.

    Raises:
        InputError: another name.
    """
    truth_of = TaylorAverage(crystal, texture.orientations, weights=texture.weights)
    U, other = histories(101), histories(102)
    truth, test = (deviator(truth_of.stress(u, HORIZON, 1e-2)) for u in (U, other))
    moduli = crystal_moduli(crystal)
    exponent = float(crystal.slip[0].rate_exponent)
    rate = {
        "C": float(((_FAST / _SLOW) ** exponent - 1.0) / np.log(_FAST / _SLOW)),
        "reference_rate": _SLOW,
    }
    cold = {"m": 1.0, "melting_temperature": 923.0, "specific_heat": 1e-3, "taylor_quinney": 0.0}

    def hill(**p: float) -> Material:
        coefficients = [p.pop(k) for k in "FGHLMN"]
        return Hill(**moduli, coefficients=coefficients, A=0.2, **p, **rate)

    shapes: dict[str, tuple[Callable[..., Material], dict[str, float]]] = {
        "j2": (lambda **p: J2(**moduli, **p), {"yield_stress": 0.3, "hardening": 0.5}),
        "johnson-cook": (
            lambda **p: JohnsonCook(**moduli, **p, **rate, **cold),
            {"A": 0.2, "B": 0.3, "n": 0.5},
        ),
        "hill": (
            hill,
            {**dict.fromkeys("FGH", 0.5), **dict.fromkeys("LMN", 1.5), "B": 0.3, "n": 0.5},
        ),
    }
    if name not in shapes:
        raise InputError(f"law is {name!r}, but must be one of {', '.join(shapes)}")
    make, start = shapes[name]
    found = fit_law(make, start, U, truth, HORIZON)
    law = make(**found)
    errors = {
        "error": float(path_errors(deviatoric_stress(law, U, HORIZON), truth).mean()),
        "error, others": float(path_errors(deviatoric_stress(law, other, HORIZON), test).mean()),
    }
    numbers = ", ".join(f"{key} = {value:.4g}" for key, value in found.items())
    return (
        law,
        f"{name} fitted to {len(texture)} grains of {crystal.name}: {numbers}",
        {
            **found,
            **errors,
        },
    )
