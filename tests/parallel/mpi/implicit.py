# SPDX-License-Identifier: MIT
"""Run with `mpirun -n 3 python -m mpi4py -m pytest tests/parallel/mpi/implicit.py`, any number."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI
from scipy.spatial import cKDTree

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.macroscale import (
    HHT,
    ImplicitSolver,
    PrescribedDisplacement,
    PrescribedVelocity,
    Pressure,
    RigidPlane,
    Steps,
    Traction,
)
from mlms_fenics.materials import J2
from mlms_fenics.materials.base import Material

WORLD = MPI.COMM_WORLD
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)


def pressed(comm: MPI.Intracomm, dynamics: HHT | None, linear: str) -> ImplicitSolver:
    domain = mesh.create_box(comm, [[0, 0, 0], [1, 1, 1]], [2, 2, 3], mesh.CellType.hexahedron)
    side = mesh.locate_entities_boundary(domain, 2, lambda x: np.isclose(x[0], 1.0))
    tags = mesh.meshtags(domain, 2, np.sort(side), np.full(len(side), 3, dtype=np.int32))
    solver = ImplicitSolver(
        domain, COPPER, steps=0.5, dynamics=dynamics, linear=linear,
        tolerance=1e-12,
        constraints=[
            PrescribedVelocity(lambda x: np.isclose(x[2], 0.0)),
            PrescribedDisplacement(lambda x: np.isclose(x[0], 0.0), lambda t: 0.01 * t,
                                   components=(1,)),
        ],
        contacts=[RigidPlane((0, 0, 1), (0, 0, -1), velocity=0.04, friction=0.1)],
        loads=[Traction((tags, 3), (0.0, 0.02, 0.0)), Pressure((tags, 3), lambda t: 0.05 * t)],
    )  # fmt: skip
    solver.run(1.0)
    return solver


@pytest.mark.parametrize(
    ("dynamics", "linear"), [(None, "direct"), (HHT(-0.1), "direct"), (None, "gmres")]
)
def test_any_number_of_ranks_gives_the_displacement_of_one(dynamics, linear: str) -> None:
    alone, shared = pressed(MPI.COMM_SELF, dynamics, linear), pressed(WORLD, dynamics, linear)
    assert shared.step_count == alone.step_count
    tree = cKDTree(alone.elements.coordinates)
    distance, index = tree.query(shared.elements.coordinates)
    assert distance.max(initial=0.0) < 1e-12
    expected = alone.u.x.array.reshape(-1, 3)
    difference = shared.u.x.array.reshape(-1, 3) - expected[index]
    assert np.abs(difference).max(initial=0.0) <= 1e-9 * np.abs(expected).max()
    for name in ("kinetic", "internal", "contact", "external", "total"):
        one, many = getattr(alone.energies(), name), getattr(shared.energies(), name)
        assert many == pytest.approx(one, rel=1e-8, abs=1e-12), name
    for k in range(2):
        np.testing.assert_allclose(shared.reaction(k), alone.reaction(k), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(shared.contact_force, alone.contact_force, rtol=1e-8, atol=1e-10)
    assert WORLD.allreduce(len(shared.F)) == len(alone.F)


class Fails(Material):
    """Elastic, but fails on the last rank."""

    density, bulk_modulus, shear_modulus = 1.0, 48.0, 25.0

    def __init__(self, error: type) -> None:
        self.error, self.armed = error, False

    def initial_state(self, n):
        return {}

    def update(self, F, time, dt, state):
        return COPPER.update(F, time, dt, COPPER.initial_state(len(F)))[0], {}

    def linearise(self, F, time, dt, state):
        if self.armed and WORLD.rank == WORLD.size - 1:
            raise self.error("the law gives up")
        sigma, _, A = COPPER.linearise(F, time, dt, COPPER.initial_state(len(F)))
        return sigma, {}, A


@pytest.mark.parametrize("error", [InputError, SimulationError])
def test_a_failure_on_one_rank_is_all_ranks(error: type) -> None:
    domain = mesh.create_unit_cube(WORLD, 3, 3, 3, mesh.CellType.hexahedron)
    law = Fails(error)
    solver = ImplicitSolver(
        domain, law, steps=Steps(1.0, smallest=0.5),
        constraints=[
            PrescribedVelocity(lambda x: np.isclose(x[2], 0.0)),
            PrescribedDisplacement(lambda x: np.isclose(x[2], 1.0), lambda t: 1e-3 * t),
        ],
    )  # fmt: skip
    law.armed = True
    with pytest.raises(error, match="the law gives up"):
        solver.run(1.0)
