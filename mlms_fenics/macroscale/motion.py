# SPDX-License-Identifier: MIT
"""The motion of a body up to the present: exactly what a checkpoint saves."""

from math import inf

import numpy as np
from dolfinx import fem

from mlms_fenics import _compat
from mlms_fenics.errors import require
from mlms_fenics.macroscale.element import Elements
from mlms_fenics.materials import Material, State
from mlms_fenics.numbers import check_number


class Motion:
    """Motion, stress and forces of one rank, at rest to begin with.

    Args:
        elements: of the body.
        state: of the law at rest, at the body's points.

    Attributes:
        u: displacement at `time`, mm.
        v: velocity half a step before `time`, mm/µs (at `time` 0, the initial velocity).
        P: first Piola-Kirchhoff stress with bulk viscosity, GPa; what is assembled.
        force_vector: nodal forces of stress and loads at `time`, kN.
        u_values, v_values, force: arrays of these, `(n_nodes, 3)`, owned nodes first.
        P_values: likewise, `(n_rows, 3, 3)`; `Elements.points` are the rows of the points.
        F: deformation gradients at `time`, `(n_points, 3, 3)`.
        sigma: Cauchy stress at `time`, GPa, `(n_points, 3, 3)`.
        viscous: bulk-viscous pressure, GPa, `(n_points,)`.
        work: of the stress in `P` and of the bulk viscosity in it so far, J, `(2,)`.
        state: of the law.
        time: µs.
        dt: length of the last step, µs.
        stable_dt: stable step at `time` over all ranks, before the safety factor, µs.
        first_dt: that of the start.
        step_count: steps done.
        initial_energy: kinetic energy at the start, over all ranks, J.
        edits: how often it was set from outside, as by a restart; a loop on a device then takes it
            up again.
    """

    def __init__(self, elements: Elements, state: State) -> None:
        space, n = elements.space, len(elements.volume)
        self.u, self.v = fem.Function(space, name="u"), fem.Function(space, name="v")
        self.P = fem.Function(elements.stress_space, name="P")
        self.force_vector = _compat.vector(space)
        self.u_values = self.u.x.array.reshape(-1, 3)
        self.v_values = self.v.x.array.reshape(-1, 3)
        self.P_values = self.P.x.array.reshape(-1, 3, 3)
        self.force = self.force_vector.array.reshape(-1, 3)
        self.F = np.broadcast_to(np.eye(3), (n, 3, 3)).copy()
        self.sigma = np.zeros((n, 3, 3))
        self.viscous = np.zeros(n)
        self.work = np.zeros(2)
        self.state = state
        self.time, self.dt, self.step_count = 0.0, 0.0, 0
        self.stable_dt = self.first_dt = 0.0
        self.initial_energy = 0.0
        self.edits = 0

    def check_end(self, end_time: float, material: Material) -> None:
        """Raise `InputError` unless `end_time`, µs, lies ahead and the law can be used so long."""
        check_number("end time", end_time, "µs")
        require(
            self.time < end_time < inf,
            f"end time is {end_time:g} µs, but must be finite and after the present time, "
            f"{self.time:g} µs",
        )
        material.check_end_time(end_time)

    def settle_at(self, end_time: float) -> None:
        """Undo the rounding by which `time` misses `end_time`: a law may refuse what is beyond."""
        if abs(self.time - end_time) <= 1e-12 * end_time:
            self.time = end_time
