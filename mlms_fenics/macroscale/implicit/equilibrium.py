# SPDX-License-Identifier: MIT
"""The nodal forces of a trial displacement, and how they depend on it."""

from math import inf

import numpy as np
import torch

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.piola import first_piola
from mlms_fenics.macroscale import axisymmetric, diagnosis, kernels
from mlms_fenics.macroscale.assembly import add_internal_force
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
        matrices: −∂(internal force)/∂u of each cell at the last `evaluate`, kN/mm, see
            `element_matrices`; made by `linearise`.
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
        self._state = motion.state
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
        elements = self._body.elements
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
        try:
            self._call_law(time, dt)
        except InputError as error:  # of a step that the law is not made for: none is cut for it
            return error
        except Exception as error:
            failure = diagnosis.law_failure(
                self._body, self._motion, None, f"the material law failed: {error}"
            )
            failure.__cause__ = error
            return failure
        bad = ~np.isfinite(self._sigma.sum((-1, -2)) + self._tangent.sum((-1, -2)))
        if bad.any():
            return diagnosis.law_failure(
                self._body, self._motion, int(bad.argmax()),
                "the material law returned a stress or tangent that is not finite",
            )  # fmt: skip
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

    def linearise(self) -> np.ndarray:
        """Set and return `matrices`."""
        elements = self._body.elements
        element_matrices(
            self._F, self._F_law, self._P_law, self._tangent, elements.gradients, elements.volume,
            elements.per_cell, elements.axisymmetric, elements.mean_dilatation, self.matrices,
        )  # fmt: skip
        return self.matrices

    def accept(self) -> None:
        """Give the motion the stress and state of the last `evaluate`, and the work done."""
        motion, elements = self._motion, self._body.elements
        before = motion.P_values[elements.points]
        power = (before + self._P) * (self._F - motion.F)
        motion.work[0] += 0.5 * float(elements.volume @ power.sum((-1, -2)))
        motion.F[:], motion.sigma[:] = self._F, self._sigma
        motion.P_values[elements.points] = self._P
        motion.state = self._state

    def _call_law(self, time: float, dt: float) -> None:
        law = self._material
        F = torch.from_numpy(self._F_law).to(law.device)
        with torch.no_grad():
            sigma, self._state, tangent = law.linearise(F, time, dt, self._motion.state)
        self._sigma[:] = sigma.detach().cpu().numpy()
        self._tangent[:] = tangent.detach().cpu().numpy().reshape(-1, 9, 9)


def _piola(sigma: np.ndarray, F: np.ndarray) -> np.ndarray:
    return first_piola(torch.from_numpy(F), torch.from_numpy(sigma)).numpy()


def require_tangent(material: Material, comm: object) -> None:
    """Raise `InputError` on every rank where a law has no tangent (collective)."""

    def ask() -> None:
        for law in parts_of(material).values():
            F = torch.eye(3, dtype=torch.float64, device=law.device)[None]
            law.linearise(F, 1e-3, 1e-3, law.initial_state(1))

    on_every_rank(comm, ask)
