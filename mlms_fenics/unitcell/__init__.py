# SPDX-License-Identifier: MIT
"""Polycrystal unit cells: the Taylor average."""

from mlms_fenics.unitcell.material import TaylorMaterial
from mlms_fenics.unitcell.taylor import PathResults, TaylorAverage

__all__ = ["PathResults", "TaylorAverage", "TaylorMaterial"]
