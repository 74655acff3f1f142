# SPDX-License-Identifier: MIT
"""Orientations and grains."""

from mlms_fenics.microstructure.files import (
    read_orientations,
    read_texture,
    write_orientations,
)
from mlms_fenics.microstructure.grain_files import read_grains, write_grains
from mlms_fenics.microstructure.grain_picture import draw_grains
from mlms_fenics.microstructure.measured import Texture
from mlms_fenics.microstructure.orientations import fibre_texture, random_orientations
from mlms_fenics.microstructure.pole_figure import draw_pole_figures
from mlms_fenics.microstructure.reduction import Reduction, reduce
from mlms_fenics.microstructure.rotations import check_rotations
from mlms_fenics.microstructure.texture import texture_index, texture_strength
from mlms_fenics.microstructure.voronoi import check_grains, voronoi_grains

__all__ = [
    "Reduction",
    "Texture",
    "check_grains",
    "check_rotations",
    "draw_grains",
    "draw_pole_figures",
    "fibre_texture",
    "random_orientations",
    "read_grains",
    "read_orientations",
    "read_texture",
    "reduce",
    "texture_index",
    "texture_strength",
    "voronoi_grains",
    "write_grains",
    "write_orientations",
]
