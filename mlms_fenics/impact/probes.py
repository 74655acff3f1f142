# SPDX-License-Identifier: MIT
"""Probes of the impact demos: gap under a projectile, strain measures by name."""

from math import nan

import numpy as np

from mlms_fenics.io.points import NodeHistory
from mlms_fenics.io.probes import Probe
from mlms_fenics.macroscale import ExplicitSolver, deviatoric_strain
from mlms_fenics.macroscale.projectile import CylinderContact


class Gap(Probe):
    """Distance along z from a projectile's face to the node in front of its centre, mm.

    Zero while they touch; positive once that part of the body runs ahead of the projectile.

    Args:
        solver: whose first contact is a `RigidCylinder` along +z on the z axis (collective).
        front: where it begins, z in mm.
    """

    unit = "mm"

    def __init__(self, solver: ExplicitSolver, front: float = 0.0) -> None:
        self._node = NodeHistory(solver, (0.0, 0.0, front), "u", 2)

    def sums(self, solver: ExplicitSolver) -> np.ndarray:
        return self._node.sums(solver)

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return sums[0] - projectile_of(solver).position


class Position(Probe):
    """How far the projectile's face has moved, mm."""

    unit = "mm"

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return projectile_of(solver).position


class LargestStrain(Probe):
    """Largest deviatoric strain measure e_d of all elements, by the name of its form."""

    def __init__(self, form: str) -> None:
        self.form = form

    def maxima(self, solver: ExplicitSolver) -> np.ndarray:
        return np.array([deviatoric_strain(solver.F, self.form).max(initial=0.0)])

    def value(self, solver: ExplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return maxima[0]


def projectile_of(solver: ExplicitSolver) -> CylinderContact:
    """The solver's first contact that is a projectile."""
    return next(c for c in solver.contacts if isinstance(c, CylinderContact))


def separation_time(time: np.ndarray, gap: np.ndarray, least: float) -> float:
    """When a gap last began to exceed `least` and stayed so to the end; NaN where it did not.

    Args:
        time: µs, *Shape* `(n,)`.
        gap: mm, *Shape* `(n,)`.
        least: mm, > 0: what counts as a gap.

    Returns:
        Time at which the gap passed `least`, linearly interpolated, µs.
    """
    time, gap = np.asarray(time, dtype=float), np.asarray(gap, dtype=float)
    closed = np.flatnonzero(~(gap > least))
    if len(closed) == 0:
        return float(time[0])
    last = closed[-1]
    if last == len(gap) - 1:
        return nan
    part = (least - gap[last]) / (gap[last + 1] - gap[last])
    return float(time[last] + part * (time[last + 1] - time[last]))
