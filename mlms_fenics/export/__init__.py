# SPDX-License-Identifier: MIT
"""Learnt laws for other codes: one C file, and adapters for Abaqus (VUMAT, UMAT)."""

from mlms_fenics.export.units import SYSTEMS, HostUnits
from mlms_fenics.export.write import export

__all__ = ["SYSTEMS", "HostUnits", "export"]
