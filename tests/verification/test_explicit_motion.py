# SPDX-License-Identifier: MIT
"""Conservation laws and invariances of the explicit solver."""

import numpy as np
import pytest
import torch
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.geometry import cylinder_mesh
from mlms_fenics.macroscale import ExplicitSolver, Hourglass, RigidPlane
from mlms_fenics.materials import J2, NeoHookean

ELASTIC = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)


def cube(n: int = 3, skew: float = 0.0) -> mesh.Mesh:
    """Unit cube of n³ hexahedra, inner vertices moved at random by up to `skew` of an edge."""
    domain = mesh.create_unit_cube(MPI.COMM_WORLD, n, n, n, mesh.CellType.hexahedron)
    x = domain.geometry.x
    inner = np.all((x > 1e-9) & (x < 1.0 - 1e-9), axis=1)
    x[inner] += np.random.default_rng(1).uniform(-skew / n, skew / n, (inner.sum(), 3))
    return domain


def angular_momentum(solver: ExplicitSolver, mass: np.ndarray) -> np.ndarray:
    # Of the mid-step velocities about the mid-step positions: what central differences conserve.
    x = solver.elements.coordinates + solver.u.x.array.reshape(-1, 3)
    v = solver.v.x.array.reshape(-1, 3)
    return (mass[:, None] * np.cross(x - 0.5 * solver.dt * v, v)).sum(axis=0)


@pytest.mark.parametrize("skew", [0.0, 0.25])
def test_uniform_strain_leaves_inner_nodes_without_force(skew: float) -> None:
    # Velocities linear in X: after one step the stress is uniform, so that in the second step only
    # nodes of the surface are accelerated, on whatever hexahedra.
    rate = 0.01 * np.random.default_rng(2).standard_normal((3, 3))
    solver = ExplicitSolver(
        cube(4, skew), ELASTIC, velocity=lambda x: rate @ x, viscosity=(0.0, 0.0)
    )
    assert solver.elements.degree == (1 if skew == 0.0 else 3)
    solver.step()
    spread = np.abs(solver.sigma - solver.sigma.mean(axis=0)).max()
    assert spread <= 1e-12 * np.abs(solver.sigma).max()
    solver.step()
    X = solver.elements.coordinates
    inner = np.all((X > 1e-9) & (X < 1.0 - 1e-9), axis=1)
    change = solver.v.x.array.reshape(-1, 3) - X @ rate.T
    assert inner.sum() == 27
    assert np.abs(change[inner]).max() <= 1e-12 * np.abs(change).max()


def test_free_flight_keeps_momentum_and_makes_no_stress() -> None:
    solver = ExplicitSolver(cube(2, 0.2), COPPER, velocity=(0.3, -0.2, 0.1))
    before = solver.momentum
    solver.run(20.0)
    assert solver.step_count > 50
    np.testing.assert_allclose(solver.momentum, before, rtol=1e-13)
    assert np.abs(solver.sigma).max() < 1e-10
    flown = solver.u.x.array.reshape(-1, 3)
    np.testing.assert_allclose(flown, np.tile([6.0, -4.0, 2.0], (len(flown), 1)), rtol=1e-12)


@pytest.mark.parametrize("form", ["secant", "elastic"])
def test_spinning_cube_keeps_angular_momentum_over_several_turns(form: str) -> None:
    omega = 0.1
    axis = omega * np.array([1.0, 2.0, 2.0]) / 3.0
    solver = ExplicitSolver(
        cube(2),
        ELASTIC,
        velocity=lambda x: np.cross(axis, (x - 0.5).T).T,
        viscosity=(0.0, 0.0),
        hourglass=Hourglass(form),
    )
    mass = solver.nodal_mass
    before = angular_momentum(solver, mass)
    solver.run(3.0 * 2.0 * np.pi / omega)
    after = angular_momentum(solver, mass)
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9 * np.abs(before).max())
    # What stress there is comes from the centrifugal load ρ ω² r² alone.
    assert np.abs(solver.sigma).max() < 4.0 * 10.0 * omega**2 * 0.75
    assert np.abs(solver.momentum).max() < 1e-12


def impact(velocity: float, wall: float, time: float = 2.0) -> ExplicitSolver:
    domain, _, _ = cylinder_mesh(MPI.COMM_WORLD, 1.0, 2.0, 0.17)
    solver = ExplicitSolver(
        domain,
        COPPER,
        velocity=(0.0, 0.0, velocity),
        contacts=[RigidPlane(velocity=wall)],
    )
    solver.run(time)
    return solver


def test_impact_balances_momentum_and_energy() -> None:
    solver = impact(-0.2, 0.0)
    mass = solver.nodal_mass.sum()
    np.testing.assert_allclose(
        solver.contact_impulse, solver.momentum - [0.0, 0.0, -0.2 * mass], atol=1e-12
    )
    energies = solver.energies()
    assert energies.internal > 0.3 * energies.initial
    assert abs(energies.balance) < 0.01
    assert energies.hourglass < 0.05 * energies.internal


def test_impact_looks_the_same_from_a_moving_frame() -> None:
    at_rest, moving = impact(-0.2, 0.0), impact(0.1, 0.3)
    assert at_rest.step_count == moving.step_count
    shift = np.array([0.0, 0.0, 0.3 * at_rest.time])
    difference = (moving.u.x.array - at_rest.u.x.array).reshape(-1, 3) - shift
    assert np.abs(difference).max() < 1e-10


def test_dropped_elastic_block_rebounds_with_its_energy() -> None:
    domain = mesh.create_box(
        MPI.COMM_WORLD, [[0, 0, 0], [1, 1, 1]], [6, 6, 16], mesh.CellType.hexahedron
    )
    solver = ExplicitSolver(
        domain,
        ELASTIC,
        velocity=(0.0, 0.0, -1e-3),
        contacts=[RigidPlane()],
        viscosity=(0.0, 0.0),
        safety=0.3,
    )
    solver.run(3.0)
    assert np.abs(solver.contact_force).max() == 0.0
    energies = solver.energies()
    assert abs(energies.balance) < 1e-3
    # What is lost is the kinetic energy of the layer of nodes that the wall stops: 1/32.
    assert energies.contact == pytest.approx(-energies.initial / 32.0, rel=0.2)
    # What the block has at the end moves it or is stored in it; the law's energy says how much.
    density = ELASTIC.energy_density(torch.from_numpy(solver.F)).numpy()
    stored = float(solver.elements.volume @ density)
    assert energies.internal == pytest.approx(stored, rel=1e-3)
    assert energies.kinetic + stored > (1.0 - 1.0 / 32.0 - 0.02) * energies.initial
    assert solver.momentum[2] > 0.0
