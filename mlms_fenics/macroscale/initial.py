# SPDX-License-Identifier: MIT
"""How a body starts: its velocity, and that it starts outside all rigid bodies."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import InputError, require
from mlms_fenics.macroscale.contact import Contact
from mlms_fenics.macroscale.element import Elements

Velocity = Sequence[float] | Callable[[np.ndarray], np.ndarray]


def set_velocity(v: np.ndarray, velocity: Velocity, coordinates: np.ndarray) -> None:
    """Fill nodal velocities.

    Args:
        v: to be filled, *Shape* `(n, 3)`, mm/µs.
        velocity: three numbers, or a function of coordinates `(3, n)` that returns `(3, n)`.
        coordinates: of the nodes, *Shape* `(n, 3)`, mm.

    Raises:
        InputError: another shape, or values that are not finite.
    """
    if callable(velocity):
        values = np.asarray(velocity(coordinates.T), dtype=float).T
    else:
        values = np.asarray(velocity, dtype=float)
    if values.shape not in ((3,), v.shape) or not np.isfinite(values).all():
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
