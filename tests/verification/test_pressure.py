# SPDX-License-Identifier: MIT
"""Pressure that follows the surface: exact resultants, equilibrium, Lamé's tube."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, Pressure, symmetry_plane
from mlms_fenics.materials import NeoHookean

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
KINDS = {
    "hexahedra": (mesh.CellType.hexahedron, {}),
    "hexahedra, full": (mesh.CellType.hexahedron, {"quadrature": "full"}),
    "tetrahedra": (mesh.CellType.tetrahedron, {}),
    "quadratic tetrahedra": (mesh.CellType.tetrahedron, {"degree": 2}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def tagged(domain: mesh.Mesh, where) -> tuple[mesh.MeshTags, int]:
    dimension = domain.topology.dim - 1
    facets = mesh.locate_entities_boundary(domain, dimension, where)
    return mesh.meshtags(domain, dimension, facets, np.full(len(facets), 4, dtype=np.int32)), 4


def everywhere(x: np.ndarray) -> np.ndarray:
    return np.full(x.shape[1], True)


def box(kind: str) -> mesh.Mesh:
    cell = KINDS[kind][0]
    return mesh.create_box(MPI.COMM_SELF, [[0, 0, 0], [1.0, 0.8, 0.6]], [2, 2, 2], cell)


@every_kind
def test_pressure_all_around_has_no_resultant_nor_moment_however_deformed(kind: str) -> None:
    domain = box(kind)
    solver = ExplicitSolver(domain, LAW, loads=[Pressure(tagged(domain, everywhere), 2.0)],
                            **KINDS[kind][1])  # fmt: skip
    load = solver.loads[0]
    u = np.random.default_rng(1).uniform(-0.08, 0.08, solver.elements.coordinates.shape)
    force = np.zeros_like(u)
    load.apply(u, 0.0 * u, force, 0.0, 0.0)
    x = solver.elements.coordinates + u
    assert np.abs(force).max() > 0.05
    np.testing.assert_allclose(force.sum(axis=0), 0.0, atol=1e-13)
    np.testing.assert_allclose(np.cross(x, force).sum(axis=0), 0.0, atol=1e-13)
    # Its work is p times the change of volume: the virial Σ f · x is −3 p V.
    volume = np.linalg.det(np.eye(3) + 0.1 * np.ones((3, 3))) * 0.48
    uniform = solver.elements.coordinates @ (0.1 * np.ones((3, 3)))
    force[:] = 0.0
    load.apply(uniform, 0.0 * u, force, 0.0, 0.0)
    x = solver.elements.coordinates + uniform
    assert (force * x).sum() == pytest.approx(-3.0 * 2.0 * volume, rel=1e-12)


@every_kind
def test_uniform_pressure_is_in_equilibrium_with_uniform_stress(kind: str) -> None:
    # F = s I with s of σ = K (s³ − 1) = −p: no node has any force left.
    domain, p = box(kind), 4.0
    around = Pressure(tagged(domain, everywhere), p)
    solver = ExplicitSolver(domain, LAW, loads=[around], viscosity=(0.0, 0.0), **KINDS[kind][1])
    solver.u.x.array.reshape(-1, 3)[:] = (np.cbrt(1.0 - p / 48.0) - 1.0) * (
        solver.elements.coordinates
    )
    solver.evaluate(1e-3)
    np.testing.assert_allclose(solver.sigma, np.broadcast_to(-p * np.eye(3), solver.sigma.shape),
                               atol=1e-12)  # fmt: skip
    assert np.abs(solver.motion.force).max() < 1e-12


def test_pressure_on_one_face_turns_with_it_and_does_its_work() -> None:
    domain = box("hexahedra")
    end = tagged(domain, lambda x: np.isclose(x[2], 0.6))
    angle = 0.7
    R = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    solver = ExplicitSolver(domain, LAW, loads=[Pressure(end, lambda t: 0.5 + t)])
    X = solver.elements.coordinates
    force = np.zeros_like(X)
    solver.loads[0].apply(X @ R.T - X, 0.0 * X, force, 0.0, 1.0)
    np.testing.assert_allclose(force.sum(axis=0), -1.5 * 0.8 * R[:, 2], atol=1e-13)
    pushed = ExplicitSolver(domain, LAW, loads=[Pressure(end, lambda t: 0.01 * np.sin(t))])
    pushed.run(3.0)
    energies = pushed.energies()
    assert energies.external > 1e-6
    assert abs(energies.balance) < 0.01
    impulse = 0.8 * 0.01 * (1.0 - np.cos(3.0 - 0.5 * pushed.dt))
    assert pushed.momentum[2] == pytest.approx(-impulse, rel=0.01)


@pytest.mark.parametrize("quadrature", ["one-point", "full"])
def test_tube_under_inner_pressure_is_that_of_lame(quadrature: str) -> None:
    # Axisymmetric, plane strain along the axis; the pressure rises slowly, then stays.
    a, b, p, n = 1.0, 2.0, 1e-3, 12
    domain = mesh.create_rectangle(
        MPI.COMM_SELF, [[a, 0.0], [b, (b - a) / n]], [n, 1], mesh.CellType.quadrilateral
    )
    inner = tagged(domain, lambda x: np.isclose(x[0], a))
    rise = 40.0
    solver = ExplicitSolver(
        domain, LAW, two_dimensional="axisymmetric", quadrature=quadrature,
        loads=[Pressure(inner, lambda t: p * np.sin(0.5 * np.pi * min(t / rise, 1.0)) ** 2)],
        constraints=[symmetry_plane(1), symmetry_plane(1, (b - a) / n)],
    )  # fmt: skip
    solver.run(rise)
    r = solver.elements.coordinates[:, 0]
    young, poisson = 9.0 * 48.0 * 25.0 / (3.0 * 48.0 + 25.0), (144.0 - 50.0) / (2.0 * 169.0)
    scale = (1.0 + poisson) * p * a**2 / (young * (b**2 - a**2))
    exact = scale * ((1.0 - 2.0 * poisson) * r + b**2 / r)
    np.testing.assert_allclose(solver.u.x.array[::3], exact, rtol=5e-3)
    hoop = solver.cell_mean(solver.sigma)[:, 2, 2]
    middle = solver.elements.coordinates[solver.elements.dofs, 0].mean(axis=1)
    lame = p * a**2 / (b**2 - a**2) * (1.0 + b**2 / middle**2)
    np.testing.assert_allclose(hoop, lame, rtol=0.01)


def test_plane_strain_pressure_is_force_per_thickness() -> None:
    domain = mesh.create_rectangle(
        MPI.COMM_SELF, [[0.0, 0.0], [2.0, 1.0]], [4, 2], mesh.CellType.quadrilateral
    )
    top = tagged(domain, lambda x: np.isclose(x[1], 1.0))
    solver = ExplicitSolver(
        domain, LAW, two_dimensional="plane-strain", loads=[Pressure(top, 0.3)],
        constraints=[PrescribedVelocity(everywhere)],
    )  # fmt: skip
    np.testing.assert_allclose(solver.motion.force.sum(axis=0), [0.0, -0.6, 0.0], atol=1e-14)


def test_impossible_pressures_are_refused() -> None:
    domain = box("hexahedra")
    facets, _ = tagged(domain, everywhere)
    for make, words in (
        (lambda: Pressure((facets, 4), np.inf), "pressure"),
        (lambda: Pressure((facets, 4), lambda t: (1.0, 2.0)), "pressure"),
        (lambda: ExplicitSolver(domain, LAW, loads=[Pressure((facets, 9), 1.0)]), "facet tag 9"),
    ):
        with pytest.raises(InputError, match=words):
            make()
