# SPDX-License-Identifier: MIT
"""Element arrays and forces against dolfinx, differences and eigenvalues."""

import basix
import basix.ufl
import numpy as np
import pytest
import torch
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI

from mlms_fenics import _compat
from mlms_fenics.errors import InputError
from mlms_fenics.geometry import cylinder_mesh
from mlms_fenics.macroscale import ExplicitSolver, Hourglass
from mlms_fenics.macroscale.element import build_elements
from mlms_fenics.macroscale.hourglass import HourglassControl
from mlms_fenics.materials import NeoHookean

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
HEXAHEDRON, TETRAHEDRON = mesh.CellType.hexahedron, mesh.CellType.tetrahedron


def cube(n: int, cell: mesh.CellType = HEXAHEDRON, skew: float = 0.0) -> mesh.Mesh:
    domain = mesh.create_unit_cube(MPI.COMM_WORLD, n, n, n, cell)
    domain.geometry.x[:] += np.random.default_rng(1).uniform(
        -skew / n, skew / n, domain.geometry.x.shape
    )
    return domain


def displaced(solver: ExplicitSolver, size: float, seed: int = 3) -> None:
    u = solver.u.x.array
    u[:] = np.random.default_rng(seed).uniform(-size, size, len(u))
    solver.evaluate(1e-3)


@pytest.mark.parametrize("cell", [HEXAHEDRON, TETRAHEDRON])
def test_F_equals_what_dolfinx_evaluates(cell: mesh.CellType) -> None:
    solver = ExplicitSolver(cube(3, cell), LAW)
    displaced(solver, 0.02)
    kind = basix.CellType[_compat.cell_name(solver.mesh)]
    points, _ = basix.make_quadrature(kind, 1)
    expression = fem.Expression(ufl.Identity(3) + ufl.grad(solver.u), points)
    cells = np.arange(len(solver.F), dtype=np.int32)
    expected = _compat.evaluate(expression, solver.mesh, cells).reshape(-1, 3, 3)
    np.testing.assert_allclose(solver.F, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("cell", "skew"), [(HEXAHEDRON, 0.0), (HEXAHEDRON, 0.2), (TETRAHEDRON, 0.1)]
)
def test_assembled_force_is_the_sum_over_elements(cell: mesh.CellType, skew: float) -> None:
    solver = ExplicitSolver(
        cube(2, cell, skew), LAW, viscosity=(0.0, 0.0), hourglass=Hourglass("none")
    )
    displaced(solver, 0.02)
    e = solver.elements
    J, inverse = np.linalg.det(solver.F), np.linalg.inv(solver.F)
    P = J[:, None, None] * solver.sigma @ inverse.transpose(0, 2, 1)
    expected = np.zeros_like(e.coordinates)
    loads = np.einsum("c,cij,caj->cai", e.volume, P, e.gradients)
    np.add.at(expected, e.dofs, -loads)
    np.testing.assert_allclose(
        solver.motion.force, expected, rtol=0, atol=1e-12 * np.abs(loads).max()
    )


def test_force_is_minus_the_gradient_of_the_energy() -> None:
    solver = ExplicitSolver(
        cube(2, skew=0.1), LAW, viscosity=(0.0, 0.0), hourglass=Hourglass("elastic", 0.2)
    )
    control = solver.body.hourglass
    direction = np.random.default_rng(5).standard_normal(solver.u.x.array.shape)

    def energy(step: float) -> float:
        displaced(solver, 0.02)
        solver.u.x.array[:] += step * direction
        solver.evaluate(1e-3)
        stored = LAW.energy_density(torch.from_numpy(solver.F)).numpy() @ solver.elements.volume
        q = control.q
        return float(stored) + 0.5 * float(np.einsum("c,cmi,cmi->", control._scale, q, q))

    h = 1e-5
    slope = (energy(h) - energy(-h)) / (2.0 * h)
    displaced(solver, 0.02)
    force = solver.motion.force.ravel() @ direction
    assert force == pytest.approx(-slope, rel=1e-7)


@pytest.mark.parametrize("skew", [0.0, 0.2])
def test_hourglass_modes_vanish_in_any_homogeneous_motion_and_nowhere_else(skew: float) -> None:
    elements = build_elements(cube(2, skew=skew))
    control = HourglassControl(Hourglass("elastic", 0.1), elements, 10.0, 25.0, 2.8)
    X = elements.coordinates
    A = np.random.default_rng(4).standard_normal((3, 3))
    n = len(elements.dofs)
    sigma, F, force = np.zeros((n, 3, 3)), np.tile(np.eye(3) + A, (n, 1, 1)), np.zeros_like(X)
    control.add(np.ascontiguousarray(X @ A.T + [1.0, 2.0, 3.0]), F, sigma, 1.0, force)
    assert np.abs(force).max() < 1e-13
    # Together with F, which sees nine of the 24 motions of a cell, and its three translations,
    # the modes must see them all: 12 more, each with the stiffness k γ_m ⊗ γ_m.
    one = build_elements(cube(1, skew=skew))
    single = HourglassControl(Hourglass("elastic", 0.1), one, 10.0, 25.0, 2.8)
    columns = []
    for motion in np.eye(24).reshape(24, 8, 3):
        strain = np.eye(3) + np.einsum("ai,aj->ij", motion[one.dofs[0]], one.gradients[0])
        force = np.zeros((8, 3))
        single.add(motion, strain[None], sigma[:1], 1.0, force)
        columns.append(-force.ravel())
    stiffness = np.array(columns)
    np.testing.assert_allclose(stiffness, stiffness.T, atol=1e-13)
    eigenvalues = np.linalg.eigvalsh(stiffness)
    assert np.abs(eigenvalues[:12]).max() < 1e-12
    assert eigenvalues[12:].min() > 0.5 * 0.1 * 25.0 * 1.5


def test_force_with_mean_dilatation_is_minus_the_gradient_of_its_energy() -> None:
    solver = ExplicitSolver(cube(2, skew=0.2), LAW, viscosity=(0.0, 0.0), quadrature="full")
    e = solver.elements
    assert e.per_cell == 8 and e.mean_dilatation
    direction = np.random.default_rng(5).standard_normal(solver.u.x.array.shape)

    def energy(step: float) -> float:
        displaced(solver, 0.03)
        solver.u.x.array[:] += step * direction
        solver.evaluate(1e-3)
        J, volume = np.linalg.det(solver.F).reshape(-1, 8), e.volume.reshape(-1, 8)
        theta = (J * volume).sum(axis=1) / volume.sum(axis=1)
        F = solver.F * np.cbrt(theta[:, None] / J).reshape(-1, 1, 1)
        return float(LAW.energy_density(torch.from_numpy(F)).numpy() @ e.volume)

    h = 1e-5
    slope = (energy(h) - energy(-h)) / (2.0 * h)
    displaced(solver, 0.03)
    force = solver.motion.force.ravel() @ direction
    assert force == pytest.approx(-slope, rel=1e-7)


def test_force_of_quadratic_tetrahedra_is_what_dolfinx_assembles() -> None:
    solver = ExplicitSolver(cube(1, TETRAHEDRON, 0.1), LAW, viscosity=(0.0, 0.0), degree=2)
    displaced(solver, 0.02)
    assert solver.elements.per_cell == 4
    F = ufl.Identity(3) + ufl.grad(solver.u)
    J, b = ufl.det(F), F * F.T
    G, K = LAW.shear_modulus, LAW.bulk_modulus
    sigma = G * J ** (-5.0 / 3.0) * ufl.dev(b) + K * (J - 1.0) * ufl.Identity(3)
    P = J * sigma * ufl.inv(F).T
    dx = ufl.dx(metadata={"quadrature_degree": 2})
    v = ufl.TestFunction(solver.elements.space)
    expected = fem.assemble_vector(fem.form(-ufl.inner(P, ufl.grad(v)) * dx)).array
    np.testing.assert_allclose(
        solver.motion.force.ravel(), expected, rtol=0, atol=1e-12 * np.abs(expected).max()
    )


def matrix(solver: ExplicitSolver) -> np.ndarray:
    """Tangent stiffness at rest, by central differences of the forces."""
    u, h = solver.u.x.array, 1e-6
    columns = []
    for k in range(len(u)):
        ends = []
        for value in (h, -h):
            u[:] = 0.0
            u[k] = value
            solver.evaluate(1e-3)
            ends.append(solver.motion.force.ravel().copy())
        columns.append((ends[1] - ends[0]) / (2.0 * h))
    u[:] = 0.0
    solver.evaluate(1e-3)
    return np.array(columns)


@pytest.mark.parametrize(
    ("cell", "options", "n", "low", "high"),
    [
        (HEXAHEDRON, {}, 2, 8, 8),
        (HEXAHEDRON, {"quadrature": "full"}, 2, 8, 8),
        (TETRAHEDRON, {}, 2, 40, 48),
        (TETRAHEDRON, {"degree": 2}, 1, 6, 24),
    ],
)
def test_constraints_on_volume_of_a_nearly_incompressible_body(cell, options, n, low, high) -> None:
    # 81 displacements each: one constraint per hexahedron leaves them free, 40 of linear
    # tetrahedra lock them.
    law = NeoHookean(shear_modulus=1.0, bulk_modulus=1e5, density=10.0)
    solver = ExplicitSolver(cube(n, cell, 0.05), law, viscosity=(0.0, 0.0), **options)
    K = matrix(solver)
    assert len(K) == 81
    stiff = np.linalg.eigvalsh(0.5 * (K + K.T)) > 100.0
    assert low <= stiff.sum() <= high


@pytest.mark.parametrize(
    ("cell", "scale", "skew", "options", "least"),
    [
        (HEXAHEDRON, (1.0, 1.0, 1.0), 0.0, {}, 0.5),
        (HEXAHEDRON, (1.0, 1.0, 0.1), 0.0, {}, 0.5),
        (HEXAHEDRON, (1.0, 0.2, 0.1), 0.2, {}, 0.5),
        (TETRAHEDRON, (1.0, 1.0, 1.0), 0.0, {}, 0.5),
        (HEXAHEDRON, (1.0, 1.0, 1.0), 0.0, {"quadrature": "full"}, 0.5),
        (HEXAHEDRON, (1.0, 0.2, 0.1), 0.2, {"quadrature": "full"}, 0.5),
        (TETRAHEDRON, (1.0, 1.0, 1.0), 0.0, {"degree": 2}, 0.4),
        (TETRAHEDRON, (1.0, 0.5, 0.2), 0.1, {"degree": 2}, 0.4),
    ],
)
def test_stable_step_is_below_the_true_limit_and_not_far(cell, scale, skew, options, least) -> None:
    domain = cube(1 if "degree" in options else 2, cell, skew)
    domain.geometry.x[:] *= scale
    solver = ExplicitSolver(domain, LAW, viscosity=(0.0, 0.0), **options)
    K = matrix(solver)
    mass = np.repeat(solver.nodal_mass, 3)
    scaled = 0.5 * (K + K.T) / np.sqrt(np.outer(mass, mass))
    limit = 2.0 / np.sqrt(np.linalg.eigvalsh(scaled)[-1])
    assert least * limit < solver.stable_dt <= limit


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        (None, {}),
        (HEXAHEDRON, {"quadrature": "full"}),
        (TETRAHEDRON, {}),
        (TETRAHEDRON, {"degree": 2}),
    ],
)
def test_lumped_mass_is_positive_and_whole(cell, options) -> None:
    if cell is None:
        domain, _, _ = cylinder_mesh(MPI.COMM_WORLD, size=0.25)
    else:
        domain = cube(3, cell, 0.1)
    solver = ExplicitSolver(domain, LAW, **options)
    assert solver.nodal_mass.min() > 0.0
    volume = fem.assemble_scalar(fem.form(fem.Constant(domain, 1.0) * ufl.dx))
    assert solver.nodal_mass.sum() == pytest.approx(10.0 * volume, rel=1e-12)


def test_shares_of_a_quadratic_tetrahedron_are_those_of_its_exact_mass_matrix() -> None:
    # The consistent mass has 6 V/420 at vertices and 32 V/420 at edges on its diagonal.
    shares = build_elements(cube(1, TETRAHEDRON, 0.1), degree=2).shares
    volume = shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares[:, :4] / volume, np.full((len(shares), 4), 6.0 / 216.0))
    np.testing.assert_allclose(shares[:, 4:] / volume, np.full((len(shares), 6), 32.0 / 216.0))


@pytest.mark.parametrize(
    ("cell", "options", "words"),
    [
        (HEXAHEDRON, {"quadrature": "some"}, "quadrature"),
        (HEXAHEDRON, {"degree": 2}, "degree is 2"),
        (TETRAHEDRON, {"degree": 3}, "degree is 3"),
        (TETRAHEDRON, {"quadrature": "full"}, "does not go with"),
        (TETRAHEDRON, {"quadrature": "one-point", "degree": 2}, "does not go with"),
    ],
)
def test_elements_that_there_are_not_are_refused(cell, options, words) -> None:
    with pytest.raises(InputError, match=words):
        build_elements(cube(1, cell), **options)


def test_cells_that_the_solver_cannot_take_are_refused() -> None:
    plane = mesh.create_unit_square(MPI.COMM_WORLD, 2, 2)
    with pytest.raises(InputError, match="triangle"):
        build_elements(plane)
    flat = cube(1)
    flat.geometry.x[:, 2] = 0.0
    with pytest.raises(InputError, match="no volume"):
        build_elements(flat)
