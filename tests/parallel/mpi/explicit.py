# SPDX-License-Identifier: MIT
"""Run with `mpirun -n 3 python -m mpi4py -m pytest tests/parallel/mpi/explicit.py`, any number."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI
from scipy.spatial import cKDTree

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.geometry import LATERAL, TOP, cylinder_mesh, half_section_mesh
from mlms_fenics.macroscale import (
    BodyForce,
    ExplicitSolver,
    PrescribedVelocity,
    Pressure,
    RigidCylinder,
    RigidPlane,
    Traction,
    symmetry_plane,
)
from mlms_fenics.materials import J2, NeoHookean

WORLD = MPI.COMM_WORLD


def impact(comm: MPI.Intracomm, held: bool) -> ExplicitSolver:
    domain, _, facets = cylinder_mesh(comm, 1.0, 2.0, 0.2)
    sides = PrescribedVelocity((facets, LATERAL), components=(0, 1))
    solver = ExplicitSolver(
        domain,
        J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93),
        velocity=(0.0, 0.0, -0.2),
        contacts=[RigidPlane()],
        constraints=[sides] if held else [],
    )
    solver.run(1.2)
    return solver


@pytest.mark.parametrize("held", [False, True])
def test_any_number_of_ranks_gives_the_displacement_of_one(held: bool) -> None:
    alone, shared = impact(MPI.COMM_SELF, held), impact(WORLD, held)
    assert shared.step_count == alone.step_count
    tree = cKDTree(alone.elements.coordinates)
    distance, index = tree.query(shared.elements.coordinates)
    assert distance.max(initial=0.0) < 1e-12
    expected = alone.u.x.array.reshape(-1, 3)
    scale = np.abs(expected).max()
    difference = shared.u.x.array.reshape(-1, 3) - expected[index]
    assert np.abs(difference).max(initial=0.0) <= 1e-9 * scale
    for name in ("kinetic", "internal", "hourglass", "viscous", "contact", "total"):
        one, many = getattr(alone.energies(), name), getattr(shared.energies(), name)
        assert many == pytest.approx(one, rel=1e-9), name
    np.testing.assert_allclose(shared.contact_force, alone.contact_force, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(shared.momentum, alone.momentum, rtol=1e-9, atol=1e-10)
    cells = WORLD.allreduce(len(shared.F))
    assert cells == len(alone.F)


def struck(comm: MPI.Intracomm, options: dict) -> ExplicitSolver:
    cell = mesh.CellType.tetrahedron if "degree" in options else mesh.CellType.hexahedron
    domain = mesh.create_box(comm, [[-2, -2, 0], [2, 2, 0.5]], [4, 4, 1], cell)
    back = mesh.locate_entities_boundary(domain, 2, lambda x: np.isclose(x[2], 0.5))
    tags = mesh.meshtags(domain, 2, np.sort(back), np.full(len(back), 3, dtype=np.int32))
    solver = ExplicitSolver(
        domain,
        J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93),
        contacts=[
            RigidCylinder(radius=1.01, velocity=0.1, mass=30.0, friction=0.2),
            RigidPlane((0.0, 0.0, 0.52), (0.0, 0.0, -1.0), friction=0.1),
        ],
        constraints=[symmetry_plane(0)],
        loads=[
            Traction((tags, 3), (0.0, 0.01, 0.0)),
            BodyForce((0.0, 0.0, 1e-3)),
            Pressure((tags, 3), 0.01),
        ],
        **options,
    )
    solver.run(0.6)
    return solver


@pytest.mark.parametrize("options", [{}, {"quadrature": "full"}, {"degree": 2}])
def test_elements_projectile_and_loads_do_not_depend_on_ranks(options: dict) -> None:
    alone, shared = struck(MPI.COMM_SELF, options), struck(WORLD, options)
    tree = cKDTree(alone.elements.coordinates)
    _, index = tree.query(shared.elements.coordinates)
    expected = alone.u.x.array.reshape(-1, 3)
    difference = shared.u.x.array.reshape(-1, 3) - expected[index]
    assert np.abs(difference).max(initial=0.0) <= 1e-9 * np.abs(expected).max()
    assert shared.contacts[0].velocity == pytest.approx(alone.contacts[0].velocity, rel=1e-10)
    assert alone.contacts[0].velocity < 0.099
    for name in ("kinetic", "internal", "contact", "external", "total"):
        one, many = getattr(alone.energies(), name), getattr(shared.energies(), name)
        assert many == pytest.approx(one, rel=1e-8), name


def rolled(comm: MPI.Intracomm, options: dict) -> ExplicitSolver:
    domain, _, facets = half_section_mesh(comm, 2.0, 2.0, 0.2)
    solver = ExplicitSolver(
        domain,
        J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93),
        velocity=(0.0, -0.2, 0.0),
        contacts=[RigidPlane(normal=(0.0, 1.0, 0.0), friction=0.1)],
        loads=[
            Traction((facets, TOP), (0.0, -0.01, 0.0)),
            BodyForce((0.0, 1e-3, 0.0)),
            Pressure((facets, LATERAL), 0.1),
        ],
        **options,
    )
    solver.run(0.8)
    return solver


@pytest.mark.parametrize(
    "options",
    [
        {"two_dimensional": "axisymmetric"},
        {"two_dimensional": "axisymmetric", "quadrature": "full"},
        {"two_dimensional": "plane-strain"},
    ],
)
def test_two_dimensions_do_not_depend_on_ranks(options: dict) -> None:
    alone, shared = rolled(MPI.COMM_SELF, options), rolled(WORLD, options)
    _, index = cKDTree(alone.elements.coordinates).query(shared.elements.coordinates)
    expected = alone.u.x.array.reshape(-1, 3)
    difference = shared.u.x.array.reshape(-1, 3) - expected[index]
    assert np.abs(difference).max(initial=0.0) <= 1e-9 * np.abs(expected).max()
    for name in ("kinetic", "internal", "hourglass", "contact", "external"):
        one, many = getattr(alone.energies(), name), getattr(shared.energies(), name)
        assert many == pytest.approx(one, rel=1e-8), name


def test_ranks_without_cells_take_part() -> None:
    domain = mesh.create_unit_cube(WORLD, 1, 1, 1, mesh.CellType.hexahedron)
    solver = ExplicitSolver(
        domain, NeoHookean(25.0, 48.0, 10.0), velocity=(0, 0, -0.01), contacts=[RigidPlane()]
    )
    solver.run(2.0)
    change = solver.momentum - [0.0, 0.0, -0.1]
    assert solver.momentum[2] > 0.0
    np.testing.assert_allclose(solver.contact_impulse, change, atol=1e-12)


class BreaksOnLastRank(NeoHookean):
    def update(self, F, time, dt, state):
        if WORLD.rank == WORLD.size - 1 and time > 0.3:
            raise InputError("this rank has had enough")
        return super().update(F, time, dt, state)


def test_a_law_that_fails_on_one_rank_stops_all_with_the_same_words() -> None:
    domain, _, _ = cylinder_mesh(WORLD, 1.0, 1.0, 0.25)
    solver = ExplicitSolver(
        domain, BreaksOnLastRank(25.0, 48.0, 10.0), velocity=(0, 0, -0.1), contacts=[RigidPlane()]
    )
    with pytest.raises(SimulationError, match="had enough") as caught:
        solver.run(1.0)
    assert len(set(WORLD.allgather(str(caught.value)))) == 1


def test_impossible_mesh_size_is_refused_on_all_ranks() -> None:
    with pytest.raises(InputError, match="makes no elements"):
        cylinder_mesh(WORLD, 1.0, 5.0, 3.0)


def test_an_error_in_the_mesh_builder_reaches_all_ranks() -> None:
    from mlms_fenics.geometry import build_mesh

    def builder(model):
        raise InputError("no such shape")

    with pytest.raises(InputError, match="no such shape"):
        build_mesh(WORLD, builder)
