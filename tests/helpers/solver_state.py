# SPDX-License-Identifier: MIT
"""A small impact, and all that a checkpoint would save of a solver, to compare two of them."""

import numpy as np
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, RigidPlane
from mlms_fenics.macroscale.saving import contents
from mlms_fenics.materials import J2

COMM = MPI.COMM_SELF
COPPER = {
    "young": 117.0, "poisson": 0.35, "yield_stress": 0.4, "hardening": 0.1, "density": 8.93,
}  # fmt: skip


def impact(divisions=(3, 3, 6), stretch=0.0, **changes):
    """A copper block that hits a plane, one edge of it held: contact, constraint, plasticity."""
    domain = mesh.create_box(COMM, [[0, 0, 0], [1, 1, 2]], divisions, mesh.CellType.hexahedron)
    domain.geometry.x[:, 0] *= 1.0 + stretch
    law = changes.pop("law", None) or J2(**{**COPPER, **changes.pop("copper", {})})
    held = PrescribedVelocity(lambda x: np.hypot(x[0], x[1]) < 1e-9, components=(0,))
    options = {"contacts": [RigidPlane()], "constraints": [held], **changes}
    return ExplicitSolver(domain, law, velocity=(0.0, 0.0, -0.2), **options)


def everything(solver: ExplicitSolver) -> dict[str, np.ndarray]:
    """Copies of the state's arrays by name."""
    now = contents(solver.body, solver.motion).copy()
    return {**now.nodal, **now.cell, **now.sums, **now.common}


def assert_same(solver: ExplicitSolver, expected: dict[str, np.ndarray]) -> None:
    """The solver's state is `expected`, bit for bit."""
    present = everything(solver)
    assert present.keys() == expected.keys()
    for key, values in expected.items():
        assert np.array_equal(present[key], values), key
