# SPDX-License-Identifier: MIT
"""Implicit solution: slow loading without inertia, and Newmark's family of steps with it."""

from mlms_fenics.macroscale.implicit.inertia import HHT
from mlms_fenics.macroscale.implicit.solver import ImplicitSolver
from mlms_fenics.macroscale.implicit.steps import Steps

__all__ = ["HHT", "ImplicitSolver", "Steps"]
