# SPDX-License-Identifier: MIT
"""The implicit solver's matrix against differences, patch test, convergence, refusals."""

import numpy as np
import pytest
from bars_of_two_laws import ELASTIC, LENGTH, bimetal_bar
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.macroscale import (
    HHT,
    ImplicitSolver,
    PrescribedDisplacement,
    PrescribedVelocity,
    Pressure,
    Steps,
)
from mlms_fenics.materials import NeoHookean
from mlms_fenics.materials.base import Material

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=480.0, density=10.0)
HEXAHEDRON, TETRAHEDRON = mesh.CellType.hexahedron, mesh.CellType.tetrahedron
KINDS = {
    "hexahedra": (HEXAHEDRON, {}),
    "tetrahedra, linear": (TETRAHEDRON, {}),
    "tetrahedra, quadratic": (TETRAHEDRON, {"degree": 2}),
    "plane strain": (mesh.CellType.quadrilateral, {"two_dimensional": "plane-strain"}),
    "axisymmetric": (mesh.CellType.quadrilateral, {"two_dimensional": "axisymmetric"}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def block(kind: str, n: int, skew: float = 0.2) -> mesh.Mesh:
    """A unit cube or square, away from the axis, with moved inner nodes."""
    cell, options = KINDS[kind]
    flat = "two_dimensional" in options
    size = [n] * (2 if flat else 3)
    build = mesh.create_unit_square if flat else mesh.create_unit_cube
    domain = build(MPI.COMM_WORLD, *size, cell)
    x = domain.geometry.x[:, : len(size)]
    inner = np.all((x > 1e-9) & (x < 1.0 - 1e-9), axis=1)
    x[inner] += skew / n * np.random.default_rng(1).uniform(-1.0, 1.0, (inner.sum(), len(size)))
    domain.geometry.x[:, 0] += 0.5
    return domain


def at(axis: int, value: float):
    return lambda x: np.isclose(x[axis], value)


def whole_surface(domain: mesh.Mesh) -> mesh.MeshTags:
    facet = domain.topology.dim - 1
    domain.topology.create_connectivity(facet, facet + 1)
    facets = mesh.exterior_facet_indices(domain.topology)
    return mesh.meshtags(domain, facet, facets, np.ones(len(facets), dtype=np.int32))


@pytest.mark.parametrize("dynamics", [None, HHT(-0.1)])
@every_kind
def test_matrix_is_the_derivative_of_the_balance(kind: str, dynamics: HHT | None) -> None:
    domain = block(kind, 2)
    solver = ImplicitSolver(
        domain, LAW, steps=1.0, dynamics=dynamics, **KINDS[kind][1],
        loads=[Pressure((whole_surface(domain), 1), 3.0)],
    )  # fmt: skip
    trial, random = solver.trial, np.random.default_rng(4)
    trial.begin(0.7)
    u = 0.01 * random.standard_normal((solver.body.owned, 3))
    way = random.standard_normal(u.shape)
    if solver.body.flat:
        u[:, 2] = way[:, 2] = 0.0
    trial.residual(u)
    trial.linearise()
    slope = trial.matrix.times(way)
    vector = trial.matrix.matrix.createVecRight()
    vector.array[:] = way.ravel()
    by_petsc = (trial.matrix.matrix * vector).array.reshape(-1, 3)
    h = 1e-6
    up, down = (trial.residual(u + s * h * way)[0] for s in (1.0, -1.0))
    expected = (up - down) / (2.0 * h)
    free = ~trial.held[: len(u)]
    np.testing.assert_allclose(slope[free], expected[free], atol=1e-8 * np.abs(expected).max())
    np.testing.assert_allclose(by_petsc[free], slope[free], atol=1e-12 * np.abs(slope).max())


@every_kind
def test_patch_test_and_quadratic_convergence(kind: str) -> None:
    """Affine displacements of the surface give an affine body (exact for every law)."""
    domain = block(kind, 3)
    pull = np.array([[0.2, 0.1, 0.05], [-0.15, 0.1, 0.2], [0.1, 0.0, -0.1]])
    if kind == "axisymmetric":  # r = 1.2 R: the same stretch along the radius and the hoop
        pull = np.diag([0.2, -0.1, 0.2])
    elif kind == "plane strain":
        pull[2], pull[:, 2] = 0.0, 0.0
    flat = domain.topology.dim == 2
    centre = np.array([0.0 if kind == "axisymmetric" else 0.5, 0.0, 0.0])
    solver = ImplicitSolver(domain, LAW, steps=1.0, tolerance=1e-11, **KINDS[kind][1])
    X = solver.elements.coordinates - centre
    outer = (X + centre)[:, : 2 if flat else 3] - (np.array([0.5, 0.0, 0.0])[: 2 if flat else 3])
    rim = np.any((outer < 1e-9) | (outer > 1.0 - 1e-9), axis=1)
    held = [
        PrescribedDisplacement(
            lambda x, p=X[k] + centre: np.isclose(np.abs(x.T - p).max(axis=1), 0.0),
            lambda t, d=float(pull[i] @ X[k]): d * t,
            components=(i,),
        )
        for k in np.flatnonzero(rim)
        for i in range(2 if flat else 3)
    ]
    solver = ImplicitSolver(
        domain, LAW, steps=1.0, tolerance=1e-11, constraints=held, **KINDS[kind][1]
    )
    solver.run(1.0)
    np.testing.assert_allclose(solver.F, np.broadcast_to(np.eye(3) + pull, solver.F.shape),
                               atol=1e-10)  # fmt: skip
    assert np.abs(solver.sigma - solver.sigma[0]).max() < 1e-9 * np.abs(solver.sigma).max()
    energies = solver.energies()
    assert abs(energies.internal - energies.external) < 1e-9 * energies.internal


def bent_block(linear: str = "direct", **options) -> ImplicitSolver:
    held = [
        PrescribedVelocity(at(2, 0.0)),
        PrescribedDisplacement(at(2, 1.0), lambda t: 0.4 * t, components=(0,)),
        PrescribedDisplacement(at(2, 1.0), lambda t: 0.2 * t, components=(2,)),
    ]
    domain = block("hexahedra", 3)
    steps = options.pop("steps", 1.0)
    return ImplicitSolver(domain, LAW, steps=steps, constraints=held, linear=linear, **options)


def test_newton_converges_quadratically() -> None:
    solver = bent_block(tolerance=1e-12)
    solver.run(1.0)
    r = np.array(solver.residuals)
    assert len(r) >= 4 and r[-1] <= 1.0
    # Each residual over the largest is at most some multiple of the square of the one before.
    scaled = r / r[0]
    assert scaled[-2] < 100.0 * scaled[-3] ** 2 and scaled[-3] < 100.0 * scaled[-4] ** 2


@pytest.mark.parametrize("linear", ["cg", "gmres"])
def test_iterative_linear_solvers_find_the_same(linear: str) -> None:
    direct, other = bent_block(tolerance=1e-10), bent_block(linear, tolerance=1e-10)
    for solver in (direct, other):
        solver.run(1.0)
    np.testing.assert_allclose(other.u.x.array, direct.u.x.array, atol=1e-8)


def test_steps_are_cut_where_newton_fails_and_grow_again() -> None:
    solver = bent_block(steps=Steps(first=1.0, most=2, few=1))
    solver.run(1.0)
    assert solver.failed_steps > 0 and solver.step_count > 1 and solver.time == 1.0
    whole = bent_block()
    whole.run(1.0)
    np.testing.assert_allclose(solver.u.x.array, whole.u.x.array, atol=1e-6)


def test_what_cannot_be_reached_is_said() -> None:
    crushed = [
        PrescribedVelocity(at(2, 0.0)),
        PrescribedDisplacement(at(2, 1.0), lambda t: -1.5 * t, components=(2,)),
    ]
    solver = ImplicitSolver(
        block("hexahedra", 1), LAW, steps=Steps(first=0.5, smallest=0.2), constraints=crushed
    )
    with pytest.raises(SimulationError, match=r"does not converge|inverted"):
        solver.run(1.0)
    assert solver.time >= 0.2  # the last good state is kept
    assert np.isfinite(solver.u.x.array).all()


class NoTangent(Material):
    density, bulk_modulus, shear_modulus = 1.0, 1.0, 1.0

    def initial_state(self, n):
        return {}

    def update(self, F, time, dt, state):
        return 0.0 * F, {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"material": NoTangent()}, "NoTangent has no tangent"),
        ({"linear": "cholesky"}, "linear solver is 'cholesky'"),
        ({"steps": 0.0}, "first step is 0"),
        ({"quadrature": "one-point"}, "integrated fully"),
        ({"tolerance": -1.0}, "tolerance is -1"),
    ],
)
def test_bad_input_is_refused(options: dict, message: str) -> None:
    given = {"material": LAW, "steps": 1.0, **options}
    with pytest.raises(InputError, match=message):
        ImplicitSolver(block("hexahedra", 1), given.pop("material"), **given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": 1.0, "largest": 0.5}, "largest step is 0.5"),
        ({"first": 1.0, "cut": 1.0}, "cut of a step"),
        ({"first": 1.0, "growth": 0.5}, "growth of a step"),
        ({"first": 1.0, "smallest": 2.0}, "smallest step is 2"),
        ({"first": 1.0, "most": 0}, "most iterations"),
    ],
)
def test_steps_out_of_range_are_refused(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Steps(**options)


def test_volumes_have_laws_of_their_own() -> None:
    """A bar of two laws in uniaxial strain: the same force in both, the gaps add up."""
    held = [
        PrescribedVelocity(lambda x: np.ones(x.shape[1], dtype=bool), components=(1, 2)),
        PrescribedVelocity(at(0, -LENGTH), components=(0,)),
        PrescribedDisplacement(at(0, LENGTH), lambda t: 1e-6 * t, components=(0,)),
    ]
    solver = ImplicitSolver(
        bimetal_bar(MPI.COMM_WORLD, 8), laws=ELASTIC, steps=1.0, constraints=held
    )
    solver.run(1.0)
    X, u = solver.elements.coordinates[:, 0], solver.u.x.array[::3]
    moduli = {k: law.bulk_modulus + 4.0 / 3.0 * law.shear_modulus for k, law in ELASTIC.items()}
    stress = 1e-6 / (LENGTH / moduli["body"] + LENGTH / moduli["head"])
    np.testing.assert_allclose(solver.sigma[:, 0, 0], stress, rtol=1e-4)
    between = u[np.isclose(X, 0.0)]
    np.testing.assert_allclose(between, stress * LENGTH / moduli["body"], rtol=1e-4)


def test_alpha_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="alpha of HHT"):
        HHT(0.1)
