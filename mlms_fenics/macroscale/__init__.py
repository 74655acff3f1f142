# SPDX-License-Identifier: MIT
"""A body with dolfinx: elements, contact, explicit and implicit solver, what to measure."""

from mlms_fenics.macroscale.constraints import (
    PrescribedDisplacement,
    PrescribedVelocity,
    symmetry_plane,
)
from mlms_fenics.macroscale.contact import RigidPlane
from mlms_fenics.macroscale.energy import Energies
from mlms_fenics.macroscale.hourglass import Hourglass
from mlms_fenics.macroscale.implicit import HHT, ImplicitSolver, Steps
from mlms_fenics.macroscale.loads import BodyForce, Traction
from mlms_fenics.macroscale.measures import deviatoric_strain, volumetric_strain, von_mises
from mlms_fenics.macroscale.pressure import Pressure
from mlms_fenics.macroscale.projectile import RigidCylinder
from mlms_fenics.macroscale.solver import ExplicitSolver

__all__ = [
    "HHT",
    "BodyForce",
    "Energies",
    "ExplicitSolver",
    "Hourglass",
    "ImplicitSolver",
    "PrescribedDisplacement",
    "PrescribedVelocity",
    "Pressure",
    "RigidCylinder",
    "RigidPlane",
    "Steps",
    "Traction",
    "deviatoric_strain",
    "symmetry_plane",
    "volumetric_strain",
    "von_mises",
]
