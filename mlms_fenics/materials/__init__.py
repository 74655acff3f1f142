# SPDX-License-Identifier: MIT
"""Constitutive laws and the contract that they keep."""

from mlms_fenics.materials.base import Material, State, drive

__all__ = ["Material", "State", "drive"]
