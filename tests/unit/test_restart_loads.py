# SPDX-License-Identifier: MIT
"""Bit-identical restart with a projectile of its own mass, friction, loads and several points."""

from pathlib import Path

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.io import Checkpoint
from mlms_fenics.macroscale import (
    BodyForce,
    ExplicitSolver,
    RigidCylinder,
    RigidPlane,
    Traction,
    symmetry_plane,
)
from mlms_fenics.materials import johnson_cook


def struck(options: dict) -> ExplicitSolver:
    domain = mesh.create_box(
        MPI.COMM_SELF, [[0, 0, 0], [2, 2, 0.5]], [3, 3, 1], mesh.CellType.hexahedron
    )
    back = np.sort(mesh.locate_entities_boundary(domain, 2, lambda x: np.isclose(x[2], 0.5)))
    tags = mesh.meshtags(domain, 2, back, np.full(len(back), 3, dtype=np.int32))
    return ExplicitSolver(
        domain,
        johnson_cook("OFHC copper"),
        contacts=[
            RigidCylinder(radius=1.01, velocity=0.1, mass=8.0, friction=0.2),
            RigidPlane((0.0, 0.0, 0.51), (0.0, 0.0, -1.0), friction=0.1),
        ],
        constraints=[symmetry_plane(0), symmetry_plane(1)],
        loads=[Traction((tags, 3), lambda t: (0.0, 0.01 * t, 0.0)), BodyForce((1e-3, 0.0, 0.0))],
        **options,
    )


@pytest.mark.parametrize("options", [{}, {"quadrature": "full"}])
def test_restart_goes_on_bit_by_bit(tmp_path: Path, options: dict) -> None:
    whole = struck(options)
    whole.run(0.3)
    Checkpoint(whole, tmp_path / "c.h5").save()
    again = struck(options)
    Checkpoint(again, tmp_path / "c.h5").restore()
    assert again.energies() == whole.energies()
    for solver in (whole, again):
        solver.run(0.6)
    np.testing.assert_array_equal(again.u.x.array, whole.u.x.array)
    for key in ("plastic_strain", "temperature"):
        np.testing.assert_array_equal(again.state[key], whole.state[key])
    assert again.contacts[0].velocity == whole.contacts[0].velocity < 0.1
    assert again.contacts[0].position == whole.contacts[0].position
    assert again.energies() == whole.energies()
    assert whole.contacts[1].impulse[2] < 0.0 and whole.energies().external != 0.0
