# SPDX-License-Identifier: MIT
"""Orientations and grains."""

from mlms_fenics.microstructure.files import read_orientations, write_orientations
from mlms_fenics.microstructure.orientations import fibre_texture, random_orientations
from mlms_fenics.microstructure.pole_figure import draw_pole_figures
from mlms_fenics.microstructure.rotations import check_rotations

__all__ = [
    "check_rotations",
    "draw_pole_figures",
    "fibre_texture",
    "random_orientations",
    "read_orientations",
    "write_orientations",
]
