# SPDX-License-Identifier: MIT
"""How a body starts: its velocity, and that it starts outside all rigid bodies."""

from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import InputError, require

if TYPE_CHECKING:
    from mlms_fenics.macroscale.solver import ExplicitSolver

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


def refuse_penetration(solver: "ExplicitSolver") -> None:
    """Raise `InputError` on all ranks where the body starts inside a rigid body (collective)."""
    x, u = solver.elements.coordinates, solver.u.x.array.reshape(-1, 3)
    size = float(np.ptp(x, axis=0).max()) if len(x) else 0.0
    local = max((contact.deepest(u) for contact in solver.contacts), default=-inf)
    deepest = solver.comm.allreduce(local, op=MPI.MAX)
    size = solver.comm.allreduce(size, op=MPI.MAX)
    require(
        deepest <= 1e-9 * size,
        f"the body starts {deepest:g} mm inside a rigid body: move one of them",
    )
