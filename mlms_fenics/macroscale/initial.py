# SPDX-License-Identifier: MIT
"""How a body starts: its velocity, and that it starts outside all rigid bodies."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import InputError, require
from mlms_fenics.macroscale import plane
from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.constraints import PrescribedVelocity
from mlms_fenics.macroscale.contact import Contact, RigidBody
from mlms_fenics.macroscale.element import Elements
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.parallel import on_every_rank

Velocity = Sequence[float] | Callable[[np.ndarray], np.ndarray]


def set_going(
    body: Body,
    motion: Motion,
    velocity: Velocity,
    contacts: Sequence[RigidBody],
    constraints: Sequence[PrescribedVelocity],
) -> None:
    """Give a body at rest its velocity and refuse a start that cannot be (collective).

    Args:
        body: with the parts below bound.
        motion: at rest; its velocity is set.
        velocity: see `set_velocity`.
        contacts: rigid bodies.
        constraints: prescribed velocities.

    Raises:
        InputError: on all ranks: a velocity of another shape, a body inside a rigid one, or motion
            out of the plane of a body of two dimensions.
    """

    def start() -> None:
        set_velocity(motion.v_values, velocity, body.elements.coordinates)
        if body.flat:
            turned = body.elements.axisymmetric
            plane.refuse_motion_across(motion.v_values, contacts, constraints, turned)

    on_every_rank(body.comm, start)
    refuse_penetration(body.elements, motion.u_values, body.contacts, body.comm)


def set_velocity(v: np.ndarray, velocity: Velocity, coordinates: np.ndarray) -> None:
    """Fill nodal velocities.

    Args:
        v: to be filled, *Shape* `(n, 3)`, mm/µs.
        velocity: three numbers, or a function of coordinates `(3, n)` that returns `(3, n)`.
        coordinates: of the nodes, *Shape* `(n, 3)`, mm.

    Raises:
        InputError: another shape, or values that are not finite.
    """
    try:
        given = velocity(coordinates.T) if callable(velocity) else velocity
        values = np.asarray(given).T if callable(velocity) else np.asarray(given)
    except ValueError:  # ragged
        values = np.empty(0)
    right = values.shape in ((3,), v.shape) and values.dtype.kind in "iuf"
    if not right or not np.isfinite(values).all():
        raise InputError(
            f"initial velocity has shape {values.shape}, but must be three finite numbers in "
            "mm/µs, or a function that returns an array (3, n) of them"
        )
    v[:] = values


def refuse_penetration(
    elements: Elements, u: np.ndarray, contacts: Sequence[Contact], comm: Any
) -> None:
    """Refuse a body that starts inside a rigid body (collective).

    Args:
        elements: of the body.
        u: nodal displacements, *Shape* `(n, 3)`, mm.
        contacts: with the rigid bodies.
        comm: of the body's ranks.

    Raises:
        InputError: on all ranks; the depth is named.
    """
    x = elements.coordinates
    size = float(np.ptp(x, axis=0).max()) if len(x) else 0.0
    local = max((contact.deepest(u) for contact in contacts), default=-inf)
    deepest = comm.allreduce(local, op=MPI.MAX)
    size = comm.allreduce(size, op=MPI.MAX)
    require(
        deepest <= 1e-9 * size,
        f"the body starts {deepest:g} mm inside a rigid body: move one of them",
    )
