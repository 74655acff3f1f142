# SPDX-License-Identifier: MIT
"""Run with `mpirun -n 3 python -m mpi4py -m pytest tests/parallel/mpi/torch_loop.py`."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.macroscale import (
    BodyForce,
    ExplicitSolver,
    Pressure,
    RigidCylinder,
    RigidPlane,
    Traction,
    symmetry_plane,
)
from mlms_fenics.materials import J2

WORLD = MPI.COMM_WORLD
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)


def struck(speed: float = 0.1, **loop) -> ExplicitSolver:
    domain = mesh.create_box(WORLD, [[-2, -2, 0], [2, 2, 0.5]], [4, 4, 1], mesh.CellType.hexahedron)
    back = mesh.locate_entities_boundary(domain, 2, lambda x: np.isclose(x[2], 0.5))
    tags = mesh.meshtags(domain, 2, np.sort(back), np.full(len(back), 3, dtype=np.int32))
    return ExplicitSolver(
        domain,
        COPPER,
        contacts=[
            RigidCylinder(radius=1.01, velocity=speed, mass=30.0, friction=0.2),
            RigidPlane((0.0, 0.0, 0.52), (0.0, 0.0, -1.0), friction=0.1),
        ],
        constraints=[symmetry_plane(0)],
        loads=[
            Traction((tags, 3), lambda t: (0.0, 0.01 * t, 0.0)),
            BodyForce((0.0, 0.0, 1e-3)),
            Pressure((tags, 3), 0.01),
        ],
        **loop,
    )


def test_ranks_exchange_as_the_compiled_loop_does() -> None:
    solver, reference = struck(loop="torch"), struck()
    for run in (solver, reference):
        run.run(0.6)
    assert solver.step_count == reference.step_count
    for name in ("u_values", "v_values", "force"):
        found, expected = getattr(solver.motion, name), getattr(reference.motion, name)
        scale = WORLD.allreduce(np.abs(expected).max(initial=0.0), op=MPI.MAX)
        assert np.abs(found - expected).max(initial=0.0) <= 1e-12 * scale, name
    assert solver.contacts[0].velocity == pytest.approx(reference.contacts[0].velocity, rel=1e-13)
    assert reference.contacts[0].velocity < 0.0999
    for name in ("kinetic", "internal", "contact", "external", "total"):
        one, other = getattr(reference.energies(), name), getattr(solver.energies(), name)
        assert other == pytest.approx(one, rel=1e-10), name


def test_failures_are_told_by_all_ranks() -> None:
    solver = struck(speed=8.0, loop="torch")
    with pytest.raises(SimulationError, match=r"det F is|collapsed|energy has grown") as caught:
        solver.run(2.0)
    assert len(set(WORLD.allgather(str(caught.value)))) == 1


def test_no_such_loop_is_refused_on_all_ranks() -> None:
    with pytest.raises(InputError, match="loop is 'tensor'"):
        struck(loop="tensor")
