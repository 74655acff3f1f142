# SPDX-License-Identifier: MIT
"""Metals by name, each a YAML file in this folder with the source of every number."""

from pathlib import Path

from mlms_fenics.errors import require
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.library.reader import crystal_from_text, read_crystal

METALS = tuple(sorted(p.stem for p in Path(__file__).parent.glob("*.yaml")))


def metal_file(name: str) -> Path:
    """The YAML file of a metal of the library.

    Args:
        name: one of `METALS`.

    Raises:
        InputError: unknown name.
    """
    require(name in METALS, f"unknown metal {name!r}: take one of {', '.join(METALS)}")
    return Path(__file__).parent / f"{name}.yaml"


def metal(name: str) -> CrystalLaw:
    """A metal of the library; argument and errors as of `metal_file`."""
    return read_crystal(metal_file(name))


__all__ = ["METALS", "crystal_from_text", "metal", "metal_file", "read_crystal"]
