# SPDX-License-Identifier: MIT
"""What is given of the motion and of the forces, on the device, as on the host.

Prescribed velocities as of `macroscale.constraints`, dead loads as of `macroscale.loads`, pressure
as of `macroscale.pressure`. Functions of the time are called on the host.
"""

from collections.abc import Callable
from math import pi
from typing import ClassVar

import numpy as np
import torch

from mlms_fenics.loop.contact import Saved
from mlms_fenics.loop.data import DeadLoadData, HeldData, PressureData
from mlms_fenics.loop.geometry import upload
from mlms_fenics.loop.stresses import Number
from mlms_fenics.loop.tensors import NodeSums


class Held:
    """A prescribed velocity.

    Attributes:
        work: done on the body, J, 0-d.
        saved: as of `Contact`.
    """

    saved: ClassVar[Saved] = {"_acceleration": None, "work": None}

    def __init__(self, given: HeldData, n_nodes: int, owned: int, mass: torch.Tensor) -> None:
        device = mass.device
        nodes = torch.from_numpy(given.nodes.astype(np.int64)).to(device)
        components = torch.from_numpy(np.asarray(given.components, dtype=np.int64)).to(device)
        self._index = (components[None, :] * n_nodes + nodes[:, None]).ravel()
        self._shape = (len(nodes), len(components))
        self._mass = mass[nodes].repeat_interleave(len(components))
        self._own_mass = torch.where(nodes < owned, mass[nodes], 0.0)
        self._own_mass = self._own_mass.repeat_interleave(len(components))
        self._value = given.value
        self._acceleration = torch.zeros(self._shape, dtype=torch.float64, device=device)
        self.work = torch.zeros((), dtype=torch.float64, device=device)

    def apply(
        self, v: torch.Tensor, force: torch.Tensor, dt_mean: Number, dt: Number, time: Number
    ) -> None:
        """Set the mid-step velocities `v`, `(3, n_nodes)`; `time` is at mid-step."""
        value = self._value(time, dt) if callable(self._value) else self._value
        flat = v.view(-1)
        predicted = flat[self._index]
        before = predicted - dt_mean * force.view(-1)[self._index] / self._mass
        self.work += (self._own_mass * (value - predicted) * 0.5 * (before + value)).sum()
        self._acceleration.copy_(((value - before) / dt_mean).view(self._shape))
        flat.index_fill_(0, self._index, value)


class DeadLoad:
    """A force that does not follow the body.

    Attributes:
        last: what was given at the end of the last step, `(3,)`.
        work: done on the body, J, 0-d.
        saved: as of `Contact`.
    """

    saved: ClassVar[Saved] = {"last": None, "work": None}

    def __init__(self, given: DeadLoadData, owned: int, mass: torch.Tensor) -> None:
        device = mass.device
        self._nodes = torch.from_numpy(given.nodes.astype(np.int64)).to(device)
        by_mass = given.weights is None
        self._weights = mass[self._nodes] if by_mass else upload(given.weights, device)
        self._own_weights = torch.where(self._nodes < owned, self._weights, 0.0)
        constant = None if callable(given.value) else upload(given.value, device)
        self._value, self._constant, self._device = given.value, constant, device
        self.last = torch.zeros(3, dtype=torch.float64, device=device)
        self.work = torch.zeros((), dtype=torch.float64, device=device)

    def apply(
        self, u: torch.Tensor, v: torch.Tensor, force: torch.Tensor, dt: Number, time: Number
    ) -> None:
        """Add the load at `time` to `force`, kN; `v` moved the nodes to `u` for `dt` until then."""
        given = self._constant
        if given is None:
            given = upload(np.asarray(self._value(time), dtype=float), self._device)
        moved = dt * (v[:, self._nodes] * self._own_weights).sum(1)
        self.work += (0.5 * (given + self.last) * moved).sum()
        self.last.copy_(given)
        force.index_add_(1, self._nodes, given[:, None] * self._weights)


class PressureLoad:
    """Pressure on the deformed surface.

    Args:
        given: what a rank knows of it.
        coordinates: of the nodes, mm, `(n_nodes, 3)`.
        owned: number of the rank's own nodes.
        axisymmetric: whether facets are lines turned about the second axis.
        exchange: sums of nodal values over ranks, in place.
        device: where.

    Attributes:
        last: its forces at the end of the last step, kN, `(3, n)`.
        work: done on the body, J, 0-d.
        saved: as of `Contact`.
    """

    saved: ClassVar[Saved] = {"last": (1, 0), "work": None}

    def __init__(
        self,
        given: PressureData,
        coordinates: np.ndarray,
        owned: int,
        axisymmetric: bool,
        exchange: Callable[[torch.Tensor], None],
        device: torch.device,
    ) -> None:
        self._turned, self._exchange, self._value = axisymmetric, exchange, given.value
        n_nodes = len(coordinates)
        marked = torch.zeros(3, n_nodes, dtype=torch.float64)
        marked[:, torch.from_numpy(given.facets.astype(np.int64).ravel())] = 1.0
        marked = marked.to(device)
        exchange(marked)
        nodes = np.flatnonzero(marked[0].cpu().numpy())
        self._nodes = torch.from_numpy(nodes).to(device)
        self._own = (self._nodes < owned).to(torch.float64)
        self._X = upload(coordinates.T, device)
        self._facets = torch.from_numpy(given.facets.T.astype(np.int64).ravel()).to(device)
        # Nodes first, then points, facets last.
        tables = (given.shape, given.first, given.second)
        self._shape, self._first, self._second = (
            upload(table.transpose(2, 1, 0), device) for table in tables
        )
        scaled = given.weights[:, None] * given.signs[None, :]
        self._weights = upload(scaled, device)
        self._line = not given.second.any()
        self._sums = NodeSums(given.facets, n_nodes, device)
        self.last = torch.zeros(3, len(nodes), dtype=torch.float64, device=device)
        self.work = torch.zeros((), dtype=torch.float64, device=device)

    def apply(
        self, u: torch.Tensor, v: torch.Tensor, force: torch.Tensor, dt: Number, time: Number
    ) -> None:
        """As `DeadLoad.apply`."""
        pressure = float(self._value(time)) if callable(self._value) else self._value
        x = torch.index_select(self._X + u, 1, self._facets)
        x = x.view(3, self._shape.shape[0], 1, -1)  # components, nodes, points, facets
        a = (self._first * x).sum(1)
        if self._line:
            b = torch.zeros_like(a)
            b[2] = 1.0
        else:
            b = (self._second * x).sum(1)
        w = -pressure * self._weights
        if self._turned:
            w = w * (2.0 * pi * (self._shape * x[0]).sum(0))
        normal = w * torch.linalg.cross(a, b, dim=0)
        self._sums.parts.copy_((normal[:, None] * self._shape).sum(2))
        total = self._sums.total()
        self._exchange(total)
        present = total[:, self._nodes]
        mean = 0.5 * (present + self.last) * self._own
        self.work += dt * (mean * v[:, self._nodes]).sum()
        self.last.copy_(present)
        force.index_add_(1, self._nodes, present)
