# SPDX-License-Identifier: MIT
"""How a body answers to its displacement: stress, nodal forces, stable step."""

from math import inf

import numpy as np
import torch

from mlms_fenics import _compat
from mlms_fenics.errors import require
from mlms_fenics.gpu.staging import Staging
from mlms_fenics.loop.compiled import axisymmetric, kernels
from mlms_fenics.loop.compiled.assembly import add_internal_force
from mlms_fenics.macroscale import diagnosis
from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.element import internal_force
from mlms_fenics.macroscale.exchange import NodeExchange
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.macroscale.stopwatch import Stopwatch
from mlms_fenics.materials import Material

ASSEMBLIES = ("fused", "dolfinx")


def check_response(viscosity: tuple[float, float], assembly: str) -> None:
    """Raise `InputError` where `Response` cannot have these."""
    require(
        len(viscosity) == 2 and all(0.0 <= c < inf for c in viscosity),
        f"bulk viscosity coefficients are {viscosity}, but must be two numbers, not negative",
    )
    require(
        assembly in ASSEMBLIES,
        f"assembly is {assembly!r}, but must be one of {', '.join(ASSEMBLIES)}",
    )


class Response:
    """The answer of one law in one body (the constructor is collective).

    Args:
        body: of the law.
        motion: of the body; stress and forces are set in it.
        material: the law.
        viscosity: linear and quadratic coefficient of the bulk viscosity.
        assembly: of the internal force, of `ASSEMBLIES`.
        stopwatch: running, with the parts kinematics, law, stress, assembly, hourglass, exchange.

    Attributes:
        motion: of the body.
        resident: whether steps can be taken in blocks; see `RemoteResponse`.
    """

    def __init__(
        self,
        body: Body,
        motion: Motion,
        material: Material,
        viscosity: tuple[float, float],
        assembly: str,
        stopwatch: Stopwatch,
    ) -> None:
        self._body, self.motion, self._material = body, motion, material
        self._watch = stopwatch
        self._staging = Staging(material.device)
        elements = body.elements
        turned = elements.axisymmetric
        self._deform = axisymmetric.deformation if turned else kernels.deformation
        self._add_force = axisymmetric.add_internal_force if turned else add_internal_force
        self._exchange = NodeExchange(elements.space)
        self._form = internal_force(elements, motion.P) if assembly == "dolfinx" else None
        self._F_before = motion.F.copy()
        self._F_mean = np.zeros_like(motion.F) if elements.mean_dilatation else None
        moduli = body.moduli
        self._smallest_share = moduli.density * elements.shares.min(axis=1, initial=inf)
        lame = moduli.bulk - 2.0 * moduli.shear / 3.0
        self._moduli = np.stack([moduli.density, lame, moduli.shear, moduli.wave_speed], axis=1)
        self._parameters = (
            float(viscosity[0]), float(viscosity[1]), 1.0 if body.flat else 2.0, float(turned),
        )  # fmt: skip

    resident = False

    def present(self) -> Motion:
        """The motion, which always is of the present."""
        return self.motion

    def move(self, dt: float) -> None:
        """Velocities and displacements over a step of `dt` µs from the motion's time."""
        body, motion = self._body, self.motion
        u, v, force, time = motion.u_values, motion.v_values, motion.force, motion.time
        dt_mean = 0.5 * (motion.dt + dt)
        kernels.accelerate(v, force, body.inverse_mass, dt_mean)
        for constraint in body.constraints:
            constraint.apply(v, force, body.mass, dt_mean, dt, time + 0.5 * dt)
        for contact in body.contacts:
            contact.apply(u, v, force, body.inverse_mass, dt_mean, dt, time + dt)
        kernels.move(u, v, dt)
        self._watch.lap("contact")

    def stress(self, dt: float) -> tuple[float, Exception | None]:
        """Set F, stress and the law's state at the end of a step of `dt` µs; 0 at the start.

        Returns:
            Stable step of this rank's cells, µs, and what failed on this rank.
        """
        motion, elements, lap = self.motion, self._body.elements, self._watch.lap
        motion.F, self._F_before = self._F_before, motion.F
        if motion.step_count == 0:
            motion.F[:] = np.eye(3)
        smallest, where = self._deform(motion.u_values, elements.dofs, elements.gradients, motion.F)
        lap("kinematics")
        failure: Exception | None = None
        if len(motion.F) and not 0.0 < smallest < inf:
            failure = diagnosis.inverted(self._body, motion, where * elements.per_cell, smallest)
        elif dt > 0.0 and len(motion.F):
            try:
                self._call_law(dt)
            except Exception as error:  # handed to all ranks by who called
                failure = diagnosis.law_failure(
                    self._body, motion, None, f"the material law failed: {error}"
                )
                failure.__cause__ = error
        lap("law")
        stable = inf
        if failure is None:
            stable, bad = kernels.stresses(
                motion.F, self._F_before, motion.sigma, motion.P_values, elements.points,
                elements.metric, elements.volume, self._smallest_share, motion.viscous,
                self._moduli, self._parameters, dt, motion.work,
            )  # fmt: skip
            if bad >= 0:
                failure = diagnosis.not_finite(self._body, motion, bad * elements.per_cell)
        lap("stress")
        return stable, failure

    def forces(self, dt: float) -> None:
        """Set the nodal forces of the present stress and loads (collective)."""
        body, motion, lap = self._body, self.motion, self._watch.lap
        elements, force = body.elements, motion.force
        force[:] = 0.0
        if self._form is not None:
            _compat.assemble_into(motion.force_vector.array, self._form)
        else:
            self._add_force(
                motion.P_values, elements.points, elements.gradients, elements.volume,
                elements.dofs, force,
            )  # fmt: skip
        lap("assembly")
        if body.hourglass is not None:
            body.hourglass.add(motion.u_values, motion.F, motion.sigma, dt, force)
        lap("hourglass")
        self._exchange.add(force)
        self._exchange.update(force)
        for load in body.loads:
            load.apply(motion.u_values, motion.v_values, force, dt, motion.time)
        if body.flat:
            force[:, 2] = 0.0
        lap("exchange")

    def _call_law(self, dt: float) -> None:
        law, motion, elements = self._material, self.motion, self._body.elements
        F_law = motion.F
        if self._F_mean is not None:
            F_law = self._F_mean
            kernels.mean_dilatation(motion.F, elements.volume, elements.per_cell, F_law)
        with torch.no_grad():
            F = self._staging.up(F_law)
            sigma, motion.state = law.update(F, motion.time, dt, motion.state)
            self._staging.down(sigma, motion.sigma)
        if self._F_mean is not None:
            kernels.mean_pressure(motion.F, F_law, elements.volume, elements.per_cell, motion.sigma)
