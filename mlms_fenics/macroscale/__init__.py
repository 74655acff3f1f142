# SPDX-License-Identifier: MIT
"""Explicit dynamics with dolfinx: elements, contact, the solver and what to measure."""

from mlms_fenics.macroscale.constraints import PrescribedVelocity
from mlms_fenics.macroscale.contact import RigidPlane
from mlms_fenics.macroscale.energy import Energies
from mlms_fenics.macroscale.hourglass import Hourglass
from mlms_fenics.macroscale.measures import deviatoric_strain, volumetric_strain, von_mises
from mlms_fenics.macroscale.solver import ExplicitSolver

__all__ = [
    "Energies",
    "ExplicitSolver",
    "Hourglass",
    "PrescribedVelocity",
    "RigidPlane",
    "deviatoric_strain",
    "volumetric_strain",
    "von_mises",
]
