# SPDX-License-Identifier: MIT
"""Constitutive laws and the contract that they keep."""

from mlms_fenics.materials.base import Material, State, drive
from mlms_fenics.materials.by_differences import linearise_by_differences
from mlms_fenics.materials.by_torch import linearise_by_torch
from mlms_fenics.materials.crystal.families import SlipFamily, TwinFamily
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.cubic import cubic_crystal
from mlms_fenics.materials.external import ExternalLaw
from mlms_fenics.materials.external_umat import ExternalUmat
from mlms_fenics.materials.external_vumat import ExternalVumat
from mlms_fenics.materials.hardening_curve import HardeningCurve
from mlms_fenics.materials.hill import Hill, hill_coefficients
from mlms_fenics.materials.j2 import J2
from mlms_fenics.materials.johnson_cook import JohnsonCook
from mlms_fenics.materials.johnson_cook_published import johnson_cook
from mlms_fenics.materials.laws_by_part import LawsByPart
from mlms_fenics.materials.magnesium import magnesium
from mlms_fenics.materials.neo_hookean import NeoHookean
from mlms_fenics.materials.polycrystal import Polycrystal
from mlms_fenics.materials.two_slip import two_slip_crystal

__all__ = [
    "J2",
    "CrystalLaw",
    "ExternalLaw",
    "ExternalUmat",
    "ExternalVumat",
    "HardeningCurve",
    "Hill",
    "JohnsonCook",
    "LawsByPart",
    "Material",
    "NeoHookean",
    "Polycrystal",
    "SlipFamily",
    "State",
    "TwinFamily",
    "cubic_crystal",
    "drive",
    "hill_coefficients",
    "johnson_cook",
    "linearise_by_differences",
    "linearise_by_torch",
    "magnesium",
    "two_slip_crystal",
]
