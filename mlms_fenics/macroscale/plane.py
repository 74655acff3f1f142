# SPDX-License-Identifier: MIT
"""What bodies of two dimensions need beside their elements: no motion out of the plane."""

from typing import TYPE_CHECKING, Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import require
from mlms_fenics.macroscale.constraints import PrescribedVelocity, symmetry_plane
from mlms_fenics.macroscale.element import Elements

if TYPE_CHECKING:
    from mlms_fenics.macroscale.solver import ExplicitSolver


def axis(elements: Elements, comm: Any) -> list[PrescribedVelocity]:
    """What holds the nodes on the axis of an axisymmetric body, if it has any (collective)."""
    if not elements.axisymmetric:
        return []
    left = float(elements.coordinates[:, 0].min(initial=np.inf))
    return [symmetry_plane(0)] if comm.allreduce(left, op=MPI.MIN) <= 1e-9 else []


def refuse_motion_across(solver: "ExplicitSolver") -> None:
    """Raise `InputError` where something given would move a body out of its plane."""
    require(
        not solver.v.x.array[2::3].any(),
        "the initial velocity has a third component, but a body of two dimensions stays in its "
        "plane: give 0",
    )
    for contact in solver.contacts:
        across = contact.normal[2] if hasattr(contact, "normal") else contact.axis[2]
        require(
            across == 0.0,
            f"a rigid body faces along ({across:g} in the third direction), out of the plane of "
            "the body, which has two dimensions: along the axis is (0, 1, 0)",
        )
