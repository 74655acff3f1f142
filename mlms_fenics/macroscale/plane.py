# SPDX-License-Identifier: MIT
"""What bodies of two dimensions need beside their elements: no motion out of the plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import require
from mlms_fenics.macroscale.constraints import PrescribedVelocity, symmetry_plane
from mlms_fenics.macroscale.contact import RigidBody
from mlms_fenics.macroscale.element import Elements
from mlms_fenics.macroscale.projectile import RigidCylinder


def axis(elements: Elements, comm: Any) -> list[PrescribedVelocity]:
    """What holds the nodes on the axis of an axisymmetric body, if it has any (collective)."""
    if not elements.axisymmetric:
        return []
    left = float(elements.coordinates[:, 0].min(initial=np.inf))
    return [symmetry_plane(0)] if comm.allreduce(left, op=MPI.MIN) <= 1e-9 else []


def refuse_motion_across(
    v: np.ndarray,
    contacts: Sequence[RigidBody],
    constraints: Sequence[PrescribedVelocity],
    axisymmetric: bool,
) -> None:
    """Raise `InputError` where something given would move a body out of its plane.

    Args:
        v: initial nodal velocities, *Shape* `(n, 3)`, mm/µs.
        contacts: rigid bodies that it may touch.
        constraints: prescribed velocities.
        axisymmetric: of the body.
    """
    require(
        not v[:, 2].any(),
        "the initial velocity has a third component, but a body of two dimensions stays in its "
        "plane: give 0",
    )
    for body in contacts:
        cylinder = isinstance(body, RigidCylinder)
        facing = body.axis if cylinder else body.normal
        require(
            facing[2] == 0.0,
            f"a rigid body faces along {tuple(facing)}, out of the plane of a body of two "
            "dimensions: along the axis is (0, 1, 0)",
        )
        require(
            not (cylinder and axisymmetric)
            or (facing[0] == 0.0 and body.centre[0] == body.centre[2] == 0.0),
            "a rigid cylinder that hits an axisymmetric body must share its axis: give "
            "centre=(0, y, 0) and axis=(0, 1, 0) or (0, -1, 0)",
        )
    for constraint in constraints:
        require(
            2 not in constraint.components or constraint.value == 0.0,
            "a prescribed velocity or displacement has the third component, out of the plane of a "
            "body of two dimensions: give components among 0 and 1",
        )
