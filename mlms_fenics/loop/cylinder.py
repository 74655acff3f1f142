# SPDX-License-Identifier: MIT
"""Contact with a rigid cylinder on the device, as `macroscale.projectile` has it."""

from collections.abc import Callable
from typing import ClassVar

import torch

from mlms_fenics.loop.contact import Contact, Saved
from mlms_fenics.loop.data import CylinderData
from mlms_fenics.loop.geometry import upload
from mlms_fenics.loop.stresses import Number
from mlms_fenics.loop.tensors import dot

# Of tensors of all ranks, by rising rank: along the last axis, or their sum.
Gather = Callable[[torch.Tensor], torch.Tensor]


class CylinderContact(Contact):
    """Contact with a rigid, flat-ended cylinder.

    Args:
        given: what a rank knows of it.
        owned: number of the rank's own nodes.
        inverse_mass: 1/mg, `(n_nodes,)`.
        gather: tensors `(k, n)` of all ranks in one, by rising rank.

    Attributes:
        velocity: of the cylinder along its axis half a step ago, mm/µs, 0-d.
        position: of its face along the axis, mm from where it began, 0-d.
    """

    saved: ClassVar[Saved] = {**Contact.saved, "velocity": None, "position": None}

    def __init__(
        self, given: CylinderData, owned: int, inverse_mass: torch.Tensor, gather: Gather
    ) -> None:
        super().__init__(given.nodes, owned, given.friction, inverse_mass)
        device = inverse_mass.device
        self._axis = upload(given.axis, device)[:, None]
        self._offset = upload(given.offset.T, device)
        self._radius, self._mass, self._gather = given.radius, given.mass, gather
        self.velocity = torch.full((), given.velocity, dtype=torch.float64, device=device)
        self.position = torch.zeros_like(self.velocity)

    def apply(
        self,
        u: torch.Tensor,
        v: torch.Tensor,
        force: torch.Tensor,
        dt_mean: Number,
        dt: Number,
        time: Number,
    ) -> None:
        axis, radius, moved = self._axis, self._radius, v[:, self.nodes]
        x = self._offset + u[:, self.nodes]
        before = dot(x, axis) - self.position
        x = x + dt * moved
        along = dot(x, axis)
        aside = x - along * axis
        # In the host's order: at the start a node may lie on the radius to the last bit.
        r = torch.sqrt(dot(aside, aside))
        inside = r < radius
        below = inside & (before >= -1e-9 * radius)
        if self._mass is not None:
            self._slow_down(below, dot(moved, axis) + before / dt)
        after = along - self.position - dt * self.velocity
        side = inside & ~below & (after < 0.0) & (r > 0.0)
        distance = torch.where(below, after, torch.where(side, r - radius, 1.0))
        outwards = torch.where(side, aside / torch.where(side, r, 1.0), self.normals)
        self.normals.copy_(torch.where(below, axis, outwards))
        self._land(distance, self.velocity * axis, v, force, dt_mean, dt)
        self.position += dt * self.velocity
        if self._mass is not None and self.friction > 0.0:
            axial = torch.where(side & self.own, dot(self.rubbing, axis), 0.0).sum()
            self.velocity -= dt_mean * self._gather(axial.view(1, 1)).sum() / self._mass

    def _slow_down(self, below: torch.Tensor, wanted: torch.Tensor) -> None:
        """Exchange momentum with the own nodes under the face.

        M (V − V') = Σ m ⟨V' − w⟩, w the speed that a face would need to end level with a node. The
        mean velocity of the cylinder and of any set of the nodes is least for the set that the face
        overtakes, whose nodes are those of the least w: no iteration is needed.

        Args:
            below: whether a node is under the face, `(n,)`.
            wanted: w, mm/µs, `(n,)`.
        """
        counts = below & self.own
        w = torch.where(counts, wanted, torch.inf)
        mass = torch.where(counts, self.own_mass, 0.0)
        w, mass = self._gather(torch.stack((w, mass)))
        w, order = torch.sort(w)
        mass = mass[order]
        momentum = torch.cumsum(mass * torch.where(mass > 0.0, w, 0.0), 0)
        mean = (self._mass * self.velocity + momentum) / (self._mass + torch.cumsum(mass, 0))
        if mean.shape[0] > 0:
            self.velocity.copy_(torch.minimum(mean.min(), self.velocity))
