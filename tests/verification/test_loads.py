# SPDX-License-Identifier: MIT
"""Tractions, body forces and symmetry planes against closed forms."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.geometry import LATERAL, TOP, cylinder_mesh
from mlms_fenics.macroscale import (
    BodyForce,
    ExplicitSolver,
    PrescribedVelocity,
    RigidPlane,
    Traction,
    symmetry_plane,
)
from mlms_fenics.materials import J2, NeoHookean

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
SPEED = ((48.0 + 4.0 * 25.0 / 3.0) / 10.0) ** 0.5


def end_tagged(domain: mesh.Mesh, axis: int, at: float) -> tuple[mesh.MeshTags, int]:
    facets = mesh.locate_entities_boundary(domain, 2, lambda x: np.isclose(x[axis], at))
    tags = np.full(len(facets), 5, dtype=np.int32)
    return mesh.meshtags(domain, 2, facets, tags), 5


@pytest.mark.parametrize("degree", [1, 2])
def test_suddenly_loaded_bar_moves_at_stress_over_impedance(degree: int) -> None:
    # Uniaxial strain: behind the front, σ = p and v = p / (ρ c).
    pressure, cell = -1e-3, mesh.CellType.hexahedron if degree == 1 else mesh.CellType.tetrahedron
    domain = mesh.create_box(
        MPI.COMM_WORLD, [[0, 0, 0], [10, 0.25, 0.25]], [40 // degree, 1, 1], cell
    )
    solver = ExplicitSolver(
        domain, LAW, degree=degree,
        constraints=[PrescribedVelocity(lambda x: np.full(x.shape[1], True), components=(1, 2))],
        loads=[Traction(end_tagged(domain, 0, 0.0), (-pressure, 0.0, 0.0))],
    )  # fmt: skip
    time = 0.8 * 10.0 / SPEED
    solver.run(time)
    X, v = solver.elements.coordinates[:, 0], solver.v.x.array[::3]
    behind = 0.5 * SPEED * time > X
    assert v[behind].mean() == pytest.approx(-pressure / (10.0 * SPEED), rel=0.01)
    area, half = 0.25**2, time - 0.5 * solver.dt
    assert solver.momentum[0] == pytest.approx(-pressure * area * half, rel=1e-10)
    energies = solver.energies()
    # All that was put in moves or is stored, half and half.
    assert abs(energies.balance) < 0.01
    assert energies.internal == pytest.approx(energies.kinetic, rel=0.1)
    assert energies.external == pytest.approx(
        -pressure * area * -pressure / (10.0 * SPEED) * time, rel=0.03
    )


def test_load_varies_in_time_and_traction_sums_to_area() -> None:
    domain, _, facets = cylinder_mesh(MPI.COMM_WORLD, 1.0, 1.0, 0.25)
    pull = Traction((facets, TOP), lambda t: (0.0, 0.0, 1e-3 * np.sin(np.pi * t)))
    solver = ExplicitSolver(domain, LAW, loads=[pull])
    X = solver.elements.coordinates
    weights, nodes = solver.loads[0].weights, solver.loads[0].nodes
    ring = X[np.isclose(X[:, 2], 1.0) & (np.hypot(X[:, 0], X[:, 1]) > 0.499)]
    n = len(ring)
    assert weights.sum() == pytest.approx(0.5 * n * 0.25 * np.sin(2.0 * np.pi / n), rel=1e-10)
    np.testing.assert_allclose(X[nodes, 2], 1.0)
    solver.run(1.0)
    expected = 1e-3 * weights.sum() * (1.0 - np.cos(np.pi * (1.0 - 0.5 * solver.dt))) / np.pi
    assert solver.momentum[2] == pytest.approx(expected, rel=1e-3)
    assert abs(solver.energies().balance) < 0.01


@pytest.mark.parametrize("options", [{}, {"quadrature": "full"}])
def test_free_fall(options: dict) -> None:
    domain = mesh.create_unit_cube(MPI.COMM_WORLD, 2, 2, 2, mesh.CellType.hexahedron)
    solver = ExplicitSolver(domain, LAW, loads=[BodyForce((0.0, 0.0, -1e-3))], **options)
    solver.run(10.0)
    np.testing.assert_allclose(solver.u.x.array[2::3], -0.5 * 1e-3 * 10.0**2, rtol=1e-6)
    assert np.abs(solver.sigma).max() < 1e-10
    energies = solver.energies()
    assert energies.external == pytest.approx(energies.kinetic, rel=1e-6)


def test_quarter_with_symmetry_planes_is_a_quarter_of_the_whole() -> None:
    law = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
    found = []
    for low, planes in ((-1.0, []), (0.0, [symmetry_plane(0), symmetry_plane(1)])):
        n = 6 if low < 0.0 else 3
        domain = mesh.create_box(
            MPI.COMM_WORLD, [[low, low, 0.0], [1.0, 1.0, 2.0]], [n, n, 6], mesh.CellType.hexahedron
        )
        solver = ExplicitSolver(
            domain, law, velocity=(0, 0, -0.2), contacts=[RigidPlane()], constraints=planes
        )
        solver.run(1.5)
        X = solver.elements.coordinates
        rows = np.flatnonzero(np.all(X > -1e-9, axis=1))
        rows = rows[np.lexsort(X[rows].round(9).T)]
        found.append((solver.u.x.array.reshape(-1, 3)[rows], solver.energies()))
    (whole, energy), (quarter, fourth) = found
    np.testing.assert_allclose(quarter, whole, atol=1e-9 * np.abs(whole).max())
    assert 4.0 * fourth.internal == pytest.approx(energy.internal, rel=1e-9)


def test_impossible_loads_are_refused() -> None:
    domain, _, facets = cylinder_mesh(MPI.COMM_WORLD, 1.0, 1.0, 0.5)
    for make, words in (
        (lambda: Traction((facets, LATERAL), (1.0, 2.0)), "traction"),
        (lambda: Traction((facets, LATERAL), lambda t: (np.nan, 0.0, 0.0)), "traction"),
        (lambda: BodyForce((np.inf, 0.0, 0.0)), "body force"),
        (lambda: symmetry_plane(3), "axis"),
        (
            lambda: ExplicitSolver(domain, LAW, loads=[Traction((facets, 99), (0, 0, 1))]),
            "facet tag 99",
        ),
    ):
        with pytest.raises(InputError, match=words):
            make()
