# SPDX-License-Identifier: MIT
"""Patch test, rigid motion and elastic waves for the elements beside the default."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, RigidPlane
from mlms_fenics.materials import J2, NeoHookean

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
SPEED = ((48.0 + 4.0 * 25.0 / 3.0) / 10.0) ** 0.5

ELEMENTS = {
    "hexahedra, full": (mesh.CellType.hexahedron, {"quadrature": "full"}),
    "tetrahedra, linear": (mesh.CellType.tetrahedron, {}),
    "tetrahedra, quadratic": (mesh.CellType.tetrahedron, {"degree": 2}),
}
every_element = pytest.mark.parametrize("kind", ELEMENTS)


def solver_on_box(kind: str, size, divisions, skew: float = 0.0, **options) -> ExplicitSolver:
    cell, element = ELEMENTS[kind]
    domain = mesh.create_box(MPI.COMM_WORLD, [np.zeros(3), np.array(size)], divisions, cell)
    x, h = domain.geometry.x, np.array(size) / divisions
    inner = np.all((x > 1e-9) & (x < np.array(size) - 1e-9), axis=1)
    x[inner] += skew * h * np.random.default_rng(1).uniform(-1.0, 1.0, (inner.sum(), 3))
    law = options.pop("law", LAW)
    return ExplicitSolver(domain, law, **element, **options)


@every_element
def test_uniform_strain_leaves_inner_nodes_without_force(kind: str) -> None:
    rate = 0.01 * np.random.default_rng(2).standard_normal((3, 3))
    solver = solver_on_box(
        kind, (1.0, 1.0, 1.0), (3, 3, 3), 0.2, velocity=lambda x: rate @ x, viscosity=(0.0, 0.0)
    )
    solver.step()
    assert np.abs(solver.sigma - solver.sigma.mean(axis=0)).max() < 1e-12 * 0.01 * 48.0
    before = solver.v.x.array.reshape(-1, 3).copy()
    solver.step()
    X = solver.elements.coordinates
    inner = np.all((X > 1e-9) & (X < 1.0 - 1e-9), axis=1)
    change = solver.v.x.array.reshape(-1, 3) - before
    assert inner.sum() >= 8
    assert np.abs(change[inner]).max() <= 1e-11 * np.abs(change).max()


@every_element
def test_rigid_motion_keeps_both_momenta_and_makes_no_stress(kind: str) -> None:
    axis, drift = 0.1 * np.array([1.0, 2.0, 2.0]) / 3.0, np.array([0.3, -0.2, 0.1])
    solver = solver_on_box(
        kind, (1.0, 1.0, 1.0), (2, 2, 2), 0.1, viscosity=(0.0, 0.0),
        velocity=lambda x: np.cross(axis, (x - 0.5).T).T + drift[:, None],
    )  # fmt: skip
    mass = solver.nodal_mass

    def angular() -> np.ndarray:
        x = solver.elements.coordinates + solver.u.x.array.reshape(-1, 3)
        v = solver.v.x.array.reshape(-1, 3)
        return (mass[:, None] * np.cross(x - 0.5 * solver.dt * v, v)).sum(axis=0)

    before, momentum = angular(), solver.momentum
    solver.run(2.0 * np.pi / 0.1)
    np.testing.assert_allclose(solver.momentum, momentum, rtol=1e-11)
    np.testing.assert_allclose(angular(), before, rtol=1e-9, atol=1e-9 * np.abs(before).max())
    # What stress there is comes from the centrifugal load ρ ω² r² alone.
    assert np.abs(solver.sigma).max() < 4.0 * 10.0 * 0.1**2 * 0.75


def standing_wave_error(kind: str, n: int) -> float:
    """Relative error at 1.9 quarters of a period of a fixed-free bar of length 10 (n cubes)."""
    k = np.pi / 20.0
    omega = k * SPEED
    solver = solver_on_box(
        kind, (10.0, 10.0 / n, 10.0 / n), (n, 1, 1), viscosity=(0.0, 0.0), safety=0.5,
        velocity=lambda x: np.vstack((1e-6 * omega * np.sin(k * x[0]), 0 * x[0], 0 * x[0])),
        constraints=[
            PrescribedVelocity(lambda x: np.full(x.shape[1], True), components=(1, 2)),
            PrescribedVelocity(lambda x: np.isclose(x[0], 0.0), components=(0,)),
        ],
    )  # fmt: skip
    time = 1.9 * 0.5 * np.pi / omega
    solver.run(time)
    exact = 1e-6 * np.sin(k * solver.elements.coordinates[:, 0]) * np.sin(omega * time)
    return float(np.abs(solver.u.x.array[::3] - exact).max() / 1e-6)


@every_element
def test_standing_wave_has_the_longitudinal_speed_at_second_order(kind: str) -> None:
    coarse, fine = standing_wave_error(kind, 8), standing_wave_error(kind, 16)
    # A relative error e of the speed shifts the phase 0.95 π by as much: here e < 0.5%.
    assert fine < 0.005 * 0.95 * np.pi
    assert np.log2(coarse / fine) > 1.8


@every_element
def test_impact_balances_momentum_and_energy(kind: str) -> None:
    divisions = (2, 2, 4) if "quadratic" in kind else (3, 3, 6)
    solver = solver_on_box(
        kind, (1.0, 1.0, 2.0), divisions, law=COPPER, velocity=(0.0, 0.0, -0.2),
        contacts=[RigidPlane()],
    )  # fmt: skip
    solver.run(1.5)
    mass = solver.nodal_mass.sum()
    np.testing.assert_allclose(
        solver.contact_impulse, solver.momentum - [0.0, 0.0, -0.2 * mass], atol=1e-12
    )
    energies = solver.energies()
    assert energies.internal > 0.3 * energies.initial
    assert abs(energies.balance) < 0.01
    assert energies.hourglass == 0.0
