# SPDX-License-Identifier: MIT
"""Unilateral contact with rigid bodies by an augmented Lagrangian, with or without friction.

The force that a node is pressed with is N = ⟨λ − ε g⟩, g its gap. Newton's method finds balance for
a given λ; λ is then set to N, and so on until no node is deeper than a tolerance, so that ε decides
how fast that is, not how good (Simo & Laursen, Comput. Struct. 42, 1992). Coulomb friction sticks
by a spring of its elements' stiffness and slips where that would pull more than μ N.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.constraints import boundary_nodes
from mlms_fenics.macroscale.contact import RigidBody
from mlms_fenics.macroscale.exchange import NodeExchange
from mlms_fenics.macroscale.implicit.surfaces import Surface, surface_of

# ε over the stiffness of a node in its elements, and the spring that sticks over it.
_PENALTY, _STICKING = 10.0, 1.0
# Depth over the length of the body that is taken as none.
_DEPTH = 1e-7


class AugmentedContact:
    """Contact of one rigid body with the nodes of one rank.

    Args:
        surface: of the rigid body.
        nodes: that it may touch, of this rank, ghosts included.
        owned: those below are this rank's own.
        stiffness: of each node in its elements, kN/mm, `(n,)`.
        length: of the body, mm.

    Attributes:
        nodes: see above.
        pressing: λ, kN, `(n,)`; 0 where a node does not touch.
        rubbing: force of friction at the last step's end, kN, `(n, 3)`.
        force: on the body in the last step, kN, `(3,)`, of this rank's own nodes.
        impulse: of all steps, kN µs, likewise.
        work: done on the body in all steps, J, likewise.
        saved_nodal, saved_cell, saved_sums, saved_common: as of `Contact`.
    """

    saved_nodal: tuple[str, ...] = ("pressing", "rubbing", "given")
    saved_cell: tuple[str, ...] = ()
    saved_sums: tuple[str, ...] = ("force", "impulse", "work")
    saved_common: tuple[str, ...] = ()

    def __init__(
        self,
        surface: Surface,
        nodes: np.ndarray,
        owned: int,
        stiffness: np.ndarray,
        length: float,
    ) -> None:
        self.surface, self.nodes, self._own = surface, nodes, nodes < owned
        self._penalty, self._depth = _PENALTY * stiffness, _DEPTH * length
        self._sticking = _STICKING * stiffness
        n = len(nodes)
        self.pressing, self.rubbing, self.given = np.zeros(n), np.zeros((n, 3)), np.zeros((n, 3))
        self.force, self.impulse, self.work = np.zeros(3), np.zeros(3), 0.0
        self._trial = self.pressing.copy()
        self._start, self._slid, self._time = np.zeros((n, 3)), np.zeros(3), 0.0
        self._now, self._rub = np.zeros((n, 3)), np.zeros((n, 3))

    @property
    def touching(self) -> np.ndarray:
        """Which nodes are pressed, `(n,)`."""
        return self.pressing > 0.0

    def deepest(self, u: np.ndarray) -> float:
        """Largest penetration of this rank's nodes at time 0, mm."""
        return float(self.surface.depth(u[self.nodes]).max(initial=-np.inf))

    def begin(self, u: np.ndarray, time: float, dt: float) -> None:
        """Start a step of `dt` µs from `u` at `time`, µs."""
        self._start, self._time = u[self.nodes], time + dt
        self._slid = dt * self.surface.velocity
        self._trial = self.pressing.copy()
        self.surface.begin(self._start, time)

    def add(self, u: np.ndarray, force: np.ndarray) -> None:
        """Add the forces on the body at `u` to `force`, kN, both `(n_nodes, 3)`."""
        press, normal, _ = self._press(u)
        self._now = press[:, None] * normal
        if self.surface.friction > 0.0:
            self._rub = self._friction(u, press, normal)[0]
            self._now += self._rub
        force[self.nodes] += self._now

    def stiffness(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nodes, and −∂(force)/∂u of each, kN/mm, `(n, 3, 3)`."""
        press, normal, turning = self._press(u)
        active = press > 0.0
        penalty = np.where(active, self._penalty, 0.0)
        across = penalty[:, None, None] * normal[:, :, None] * normal[:, None, :]
        blocks = across - press[:, None, None] * turning
        if self.surface.friction > 0.0:
            blocks += self._friction(u, press, normal)[1]
        return self.nodes, blocks

    def augment(self, u: np.ndarray) -> bool:
        """Set λ to the present forces; whether nothing is deeper than it may be."""
        gap = self.surface.gap(u[self.nodes], self._time)[0]
        press = self._press(u)[0]
        deep = np.where(press > 0.0, np.abs(gap), 0.0).max(initial=0.0)
        self._trial = press
        return bool(deep <= self._depth)

    def accept(self, u: np.ndarray, moved: np.ndarray, dt: float) -> None:
        """Take the last `add` as the step's end; `moved` is the displacement in the step, mm."""
        own = self._own
        self.pressing, self.rubbing = self._trial, self._rub
        mean = 0.5 * (self.given + self._now)
        self.work += float((mean * moved[self.nodes])[own].sum())
        self.given = self._now
        self.force = self._now[own].sum(axis=0)
        self.impulse = self.impulse + dt * mean[own].sum(axis=0)

    def _press(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        gap, normal, turning = self.surface.gap(u[self.nodes], self._time)
        return np.maximum(self._trial - self._penalty * gap, 0.0), normal, turning

    def _friction(
        self, u: np.ndarray, press: np.ndarray, normal: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Force of friction and −∂/∂u of it."""
        slid = u[self.nodes] - self._start - self._slid
        plane = np.eye(3) - normal[:, :, None] * normal[:, None, :]
        wanted = np.einsum("nij,nj->ni", plane, self.rubbing - self._sticking[:, None] * slid)
        size = np.linalg.norm(wanted, axis=1)
        most = self.surface.friction * press
        slips = size > most
        scale = np.where(slips, most / np.maximum(size, 1e-300), 1.0)
        way = wanted / np.maximum(size, 1e-300)[:, None]
        spring = (self._sticking * scale)[:, None, None]
        along = np.where(slips[:, None, None], way[:, :, None] * way[:, None, :], 0.0)
        blocks = spring * (plane - along)
        grown = np.where(slips & (press > 0.0), self.surface.friction * self._penalty, 0.0)
        blocks += grown[:, None, None] * way[:, :, None] * normal[:, None, :]
        return scale[:, None] * wanted, blocks


def bind_contacts(body: Body, given: Sequence[RigidBody]) -> list[Any]:
    """Contacts of a body's outer surface with rigid bodies (collective)."""
    if not given:
        return []
    elements = body.elements
    nodes = boundary_nodes(elements.space)
    stiffness = nodal_stiffness(body)[nodes]
    X = elements.coordinates
    ends = np.concatenate([X.max(axis=0, initial=-np.inf), -X.min(axis=0, initial=np.inf)])
    body.comm.Allreduce(MPI.IN_PLACE, ends, op=MPI.MAX)
    length = float((ends[:3] + ends[3:]).max())
    return [
        AugmentedContact(surface_of(rigid, X[nodes]), nodes, body.owned, stiffness, length)
        for rigid in given
    ]


def nodal_stiffness(body: Body) -> np.ndarray:
    """Σ V M |∇N_a|² of each node, kN/mm, `(n_nodes,)`, M the law's P-wave modulus (collective)."""
    elements, moduli = body.elements, body.moduli
    modulus = np.repeat(moduli.bulk + 4.0 / 3.0 * moduli.shear, elements.per_cell)
    own = (modulus * elements.volume)[:, None] * (elements.gradients**2).sum(axis=-1)
    nodal = np.zeros_like(elements.coordinates)
    points = np.repeat(elements.dofs, elements.per_cell, axis=0)
    np.add.at(nodal[:, 0], points, own)
    exchange = NodeExchange(elements.space)
    exchange.add(nodal)
    exchange.update(nodal)
    return nodal[:, 0].copy()
