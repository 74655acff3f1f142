# SPDX-License-Identifier: MIT
"""Contact with a rigid plane on the device, as `macroscale.contact` has it."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch

from mlms_fenics.loop.data import PlaneData
from mlms_fenics.loop.geometry import upload
from mlms_fenics.loop.stresses import Number
from mlms_fenics.loop.tensors import dot

# Permutations of a device's arrays to the host's, by name; None where nothing is to be permuted.
Saved = dict[str, tuple[int, ...] | None]


class Contact(ABC):
    """One rigid body's contact with the nodes of one rank.

    Args:
        nodes: that it may touch.
        owned: number of the rank's own nodes.
        friction: Coulomb's coefficient.
        inverse_mass: of all nodes of the rank, 1/mg, `(n_nodes,)`.

    Attributes:
        force, impulse: on the body, kN and kN µs, `(3,)`; of the last step, and of all.
        work: done on the body, J, 0-d.
        touching: which nodes touch, `(n,)`.
        normals, rubbing: at the nodes, `(3, n)`; friction's force in kN.
        saved: what a restart needs, with what brings it into its shape on the host.
    """

    saved: ClassVar[Saved] = {
        "touching": None, "normals": (1, 0), "rubbing": (1, 0), "force": None, "impulse": None,
        "work": None,
    }  # fmt: skip

    def __init__(
        self, nodes: np.ndarray, owned: int, friction: float, inverse_mass: torch.Tensor
    ) -> None:
        device = inverse_mass.device
        self.nodes = torch.from_numpy(nodes.astype(np.int64)).to(device)
        self.friction = friction
        self.own = self.nodes < owned
        self.inverse = inverse_mass[self.nodes]
        self.own_mass = torch.where(self.own, 1.0 / self.inverse, 0.0)
        like = {"dtype": torch.float64, "device": device}
        self.force, self.impulse = torch.zeros(3, **like), torch.zeros(3, **like)
        self.work = torch.zeros((), **like)
        self.touching = torch.zeros(len(nodes), dtype=torch.bool, device=device)
        self.normals = torch.zeros(3, len(nodes), **like)
        self.rubbing = torch.zeros(3, len(nodes), **like)

    @abstractmethod
    def apply(
        self,
        u: torch.Tensor,
        v: torch.Tensor,
        force: torch.Tensor,
        dt_mean: Number,
        dt: Number,
        time: Number,
    ) -> None:
        """Correct the half-step velocities `v`, `(3, n_nodes)`, so that no node enters.

        Args:
            u: displacements at the beginning of the step, mm, likewise.
            v: predicted at mid-step, mm/µs.
            force: at the beginning, kN.
            dt_mean: mean of the last and this step, µs.
            dt: this step, µs.
            time: at its end, µs.
        """

    def _land(
        self,
        distance: torch.Tensor,
        surface: torch.Tensor,
        v: torch.Tensor,
        force: torch.Tensor,
        dt_mean: Number,
        dt: Number,
    ) -> None:
        """Bring nodes of negative `distance` to the surface, which moves at `surface`, `(3, 1)`."""
        touching, before = distance < 0.0, v[:, self.nodes]
        push = torch.where(touching, -distance / dt, 0.0)
        change = push * self.normals
        rubbing = torch.zeros_like(change)
        if self.friction > 0.0:
            slide = before - surface
            slide = slide - dot(slide, self.normals) * self.normals
            size = torch.sqrt(dot(slide, slide))
            moves = touching & (size > 0.0)
            slow = torch.minimum(self.friction * push, size) / torch.where(moves, size, 1.0)
            slow = torch.where(moves, slow, 0.0)
            change = change - slow * slide
            rubbing = -slow / (self.inverse * dt_mean) * slide
        s = dt_mean * self.inverse
        mean = before + 0.5 * (change - s * force[:, self.nodes])
        self.work += (self.own_mass * dot(change, mean)).sum()
        given = (self.own_mass * change).sum(1)
        self.force.copy_(given / dt_mean)
        self.impulse += given
        self.touching.copy_(touching)
        self.rubbing.copy_(rubbing)
        v.index_copy_(1, self.nodes, before + change)


class PlaneContact(Contact):
    """Contact with a rigid plane."""

    def __init__(self, given: PlaneData, owned: int, inverse_mass: torch.Tensor) -> None:
        super().__init__(given.nodes, owned, given.friction, inverse_mass)
        device = inverse_mass.device
        self._gap = upload(given.gap, device)
        self._normal = upload(given.normal, device)[:, None]
        self._speed = given.speed
        self._surface = given.speed * self._normal
        self.normals.copy_(self._normal.expand_as(self.normals))

    def apply(
        self,
        u: torch.Tensor,
        v: torch.Tensor,
        force: torch.Tensor,
        dt_mean: Number,
        dt: Number,
        time: Number,
    ) -> None:
        vn = dot(v[:, self.nodes], self._normal)
        un = dot(u[:, self.nodes], self._normal)
        distance = self._gap + un + dt * vn - self._speed * time
        self._land(distance, self._surface, v, force, dt_mean, dt)
