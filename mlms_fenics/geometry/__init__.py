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
from mlms_fenics.geometry.half_section import (
    AXIS,
    gmsh_half_section,
    half_section_divisions,
    half_section_mesh,
)
from mlms_fenics.geometry.named import Group, NamedMesh
from mlms_fenics.geometry.plate import (
    BACK,
    FRONT,
    RIM,
    gmsh_plate,
    plate_divisions,
    plate_mesh,
)
from mlms_fenics.geometry.read_mesh import read_mesh
from mlms_fenics.geometry.read_msh import read_msh

__all__ = [
    "AXIS",
    "BACK",
    "FOOT",
    "FRONT",
    "LATERAL",
    "RIM",
    "TOP",
    "VOLUME",
    "Group",
    "NamedMesh",
    "build_mesh",
    "cylinder_divisions",
    "cylinder_mesh",
    "gmsh_cylinder",
    "gmsh_half_section",
    "gmsh_plate",
    "half_section_divisions",
    "half_section_mesh",
    "plate_divisions",
    "plate_mesh",
    "read_mesh",
    "read_msh",
    "write_msh",
]
