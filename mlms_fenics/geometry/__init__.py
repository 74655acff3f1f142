# SPDX-License-Identifier: MIT
"""gmsh builders of the bodies, and the dolfinx meshes that they make."""

from mlms_fenics.geometry.build import build_mesh, write_msh
from mlms_fenics.geometry.cylinder import (
    FOOT,
    LATERAL,
    TOP,
    VOLUME,
    cylinder_divisions,
    cylinder_mesh,
    gmsh_cylinder,
)
from mlms_fenics.geometry.read_msh import NamedMesh, read_msh

__all__ = [
    "FOOT",
    "LATERAL",
    "TOP",
    "VOLUME",
    "NamedMesh",
    "build_mesh",
    "cylinder_divisions",
    "cylinder_mesh",
    "gmsh_cylinder",
    "read_msh",
    "write_msh",
]
