# SPDX-License-Identifier: MIT
"""The nodal forces of a trial displacement, and how they depend on it."""

from collections.abc import Callable
from math import inf

import numpy as np
import torch

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.piola import first_piola
from mlms_fenics.loop.compiled import axisymmetric, kernels
from mlms_fenics.loop.compiled.assembly import add_internal_force
from mlms_fenics.macroscale import diagnosis
from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.implicit.stiffness_kernel import element_matrices
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.macroscale.placed_laws import parts_of
from mlms_fenics.materials import Material
from mlms_fenics.parallel import on_every_rank


class Equilibrium:
    """Stress and tangent of one law in one body at a displacement that is only tried.

    Args:
        body: of the law.
        motion: of the body, up to the last step that was accepted.
        material: the law.

    Attributes:
        matrices: −∂(internal force)/∂u of each cell, kN/mm, see `element_matrices`; of the last
            `linearise`.
    """

    def __init__(self, body: Body, motion: Motion, material: Material) -> None:
        self._body, self._motion, self._material = body, motion, material
        elements = body.elements
        n, nodes = len(elements.volume), 3 * elements.dofs.shape[1]
        turned = elements.axisymmetric
        self._deform = axisymmetric.deformation if turned else kernels.deformation
        self._add_force = axisymmetric.add_internal_force if turned else add_internal_force
        self._rows = np.arange(n)
        self._F, self._F_law = motion.F.copy(), motion.F.copy()
        self._sigma, self._P = np.zeros((n, 3, 3)), np.zeros((n, 3, 3))
        self._P_law, self._tangent = np.zeros((n, 3, 3)), np.zeros((n, 9, 9))
        self._state, self._step = motion.state, (0.0, 0.0)
        self.matrices = np.zeros((len(elements.dofs), nodes, nodes))

    def evaluate(
        self, u: np.ndarray, time: float, dt: float, force: np.ndarray
    ) -> Exception | None:
        """Add this rank's internal forces at `u` to `force`, both `(n_nodes, 3)`, kN.

        Args:
            u: displacement at the end of the step that is tried, mm.
            time: at its end, µs.
            dt: its length, µs.
            force: added to, other ranks' nodes too.

        Returns:
            What makes this rank's part impossible: the displacement is to be given up.
        """
        elements, self._step = self._body.elements, (time, dt)
        if not len(self._F):
            return None
        smallest, where = self._deform(u, elements.dofs, elements.gradients, self._F)
        if not 0.0 < smallest < inf:
            return diagnosis.failure(
                self._body, self._motion, where * elements.per_cell,
                f"det F is {smallest:g} in a step of {dt:g} µs: the element is inverted or holds "
                "NaN",
            )  # fmt: skip
        self._F_law[:] = self._F
        if elements.mean_dilatation:
            kernels.mean_dilatation(self._F, elements.volume, elements.per_cell, self._F_law)
        failure = self._ask_law(self._set_stress) or self._refuse_infinite(self._sigma, "stress")
        if failure is not None:
            return failure
        self._P_law[:] = _piola(self._sigma, self._F_law)
        if elements.mean_dilatation:
            kernels.mean_pressure(
                self._F, self._F_law, elements.volume, elements.per_cell, self._sigma
            )
        self._P[:] = _piola(self._sigma, self._F)
        self._add_force(
            self._P, self._rows, elements.gradients, elements.volume, elements.dofs, force
        )
        return None

    def linearise(self) -> Exception | None:
        """Set `matrices` at the last `evaluate`; what makes this rank's part impossible."""
        elements = self._body.elements
        if not len(self._F):
            return None
        failure = self._ask_law(self._set_tangent) or self._refuse_infinite(
            self._tangent, "tangent"
        )
        if failure is not None:
            return failure
        element_matrices(
            self._F, self._F_law, self._P_law, self._tangent, elements.gradients, elements.volume,
            elements.per_cell, elements.axisymmetric, elements.mean_dilatation, self.matrices,
        )  # fmt: skip
        return None

    def accept(self) -> None:
        """Give the motion the stress and state of the last `evaluate`, and the work done."""
        motion, elements = self._motion, self._body.elements
        before = motion.P_values[elements.points]
        power = (before + self._P) * (self._F - motion.F)
        motion.work[0] += 0.5 * float(elements.volume @ power.sum((-1, -2)))
        motion.F[:], motion.sigma[:] = self._F, self._sigma
        motion.P_values[elements.points] = self._P
        motion.state = self._state

    def _ask_law(self, question: Callable[[torch.Tensor], None]) -> Exception | None:
        F = torch.from_numpy(self._F_law).to(self._material.device)
        try:
            with torch.no_grad():
                question(F)
        except InputError as error:  # of a step that the law is not made for: none is cut for it
            return error
        except Exception as error:
            failure = diagnosis.law_failure(
                self._body, self._motion, None, f"the material law failed: {error}"
            )
            failure.__cause__ = error
            return failure
        return None

    def _set_stress(self, F: torch.Tensor) -> None:
        sigma, self._state = self._material.update(F, *self._step, self._motion.state)
        self._sigma[:] = sigma.detach().cpu().numpy()

    def _set_tangent(self, F: torch.Tensor) -> None:
        # Apart from the stress: a tangent can cost ten times as much, and not all steps need it.
        tangent = self._material.tangent(F, *self._step, self._motion.state)
        self._tangent[:] = tangent.detach().cpu().numpy().reshape(-1, 9, 9)

    def _refuse_infinite(self, values: np.ndarray, what: str) -> Exception | None:
        bad = ~np.isfinite(values.sum((-1, -2)))
        if not bad.any():
            return None
        said = f"the material law returned a {what} that is not finite"
        return diagnosis.law_failure(self._body, self._motion, int(bad.argmax()), said)


def _piola(sigma: np.ndarray, F: np.ndarray) -> np.ndarray:
    return first_piola(torch.from_numpy(F), torch.from_numpy(sigma)).numpy()


def require_tangent(material: Material, comm: object) -> None:
    """Raise `InputError` on every rank where a law has no tangent (collective)."""

    def ask() -> None:
        for law in parts_of(material).values():
            F = torch.eye(3, dtype=torch.float64, device=law.device)[None]
            law.linearise(F, 1e-3, 1e-3, law.initial_state(1))

    on_every_rank(comm, ask)
