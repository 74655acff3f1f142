# SPDX-License-Identifier: MIT
"""Cook's membrane: the published value, and finite strain against dolfinx's own quadratic elements.

Cook (J. Struct. Div. ASCE 100, 1974): a tapered panel, held on the left, sheared on the right. In
plane stress with E = 1, ν = 1/3 and a force of 1 the middle of the right edge rises by 23.96.
The same stiffness in the plane has plane strain with E = 15/16, ν = 1/4.
"""

import basix.ufl
import numpy as np
import pytest
import ufl
from dolfinx import fem, mesh
from dolfinx.fem.petsc import NonlinearProblem
from dolfinx.nls.petsc import NewtonSolver
from mpi4py import MPI

from mlms_fenics.macroscale import ImplicitSolver, PrescribedVelocity, Traction
from mlms_fenics.materials import NeoHookean


def membrane(n: int, cell: mesh.CellType = mesh.CellType.quadrilateral) -> mesh.Mesh:
    domain = mesh.create_unit_square(MPI.COMM_WORLD, n, n, cell)
    x, y = domain.geometry.x[:, 0].copy(), domain.geometry.x[:, 1].copy()
    domain.geometry.x[:, 0] = 48.0 * x
    domain.geometry.x[:, 1] = 44.0 * x + y * (44.0 - 28.0 * x)
    return domain


def right_edge(domain: mesh.Mesh) -> mesh.MeshTags:
    facets = mesh.locate_entities_boundary(domain, 1, lambda x: np.isclose(x[0], 48.0))
    return mesh.meshtags(domain, 1, np.sort(facets), np.ones(len(facets), dtype=np.int32))


def middle(coordinates: np.ndarray, u: np.ndarray) -> float:
    row = np.abs(coordinates[:, :2] - [48.0, 52.0]).max(axis=1).argmin()
    return float(u[row, 1])


def rise(n: int, young: float, poisson: float, force: float, steps: float = 1.0) -> float:
    """Of the middle of the right edge in plane strain, mm."""
    law = NeoHookean(young / (2.0 * (1.0 + poisson)), young / (3.0 * (1.0 - 2.0 * poisson)), 1.0)
    domain = membrane(n)
    solver = ImplicitSolver(
        domain, law, steps=steps, two_dimensional="plane-strain",
        constraints=[PrescribedVelocity(lambda x: np.isclose(x[0], 0.0))],
        loads=[Traction((right_edge(domain), 1), lambda t: (0.0, t * force / 16.0, 0.0))],
    )  # fmt: skip
    solver.run(1.0)
    np.testing.assert_allclose(solver.reaction(0), [0.0, -force, 0.0], atol=1e-6 * force)
    return middle(solver.elements.coordinates, solver.u.x.array.reshape(-1, 3))


def test_small_strain_gives_the_published_rise() -> None:
    force = 1e-6
    rises = [rise(n, 15.0 / 16.0, 0.25, force) / force for n in (8, 16, 32)]
    assert rises[0] < rises[1] < rises[2] < 23.97
    assert rises[2] == pytest.approx(23.96, rel=5e-3)
    # The corner at the clamp is singular: convergence is faster than of first order all the same.
    errors = 23.96 - np.array(rises)
    assert (errors[1:] < 0.4 * errors[:-1]).all()


def independent_rise(n: int, young: float, poisson: float, force: float) -> float:
    """The same with dolfinx's form language alone: quadratic displacement, linear pressure."""
    domain = membrane(n, mesh.CellType.triangle)
    cell = domain.basix_cell()
    pair = basix.ufl.mixed_element([
        basix.ufl.element("Lagrange", cell, 2, shape=(2,)), basix.ufl.element("Lagrange", cell, 1)
    ])  # fmt: skip
    space = fem.functionspace(domain, pair)
    w, test = fem.Function(space), ufl.TestFunction(space)
    u, p = ufl.split(w)
    shear, bulk = young / (2.0 * (1.0 + poisson)), young / (3.0 * (1.0 - 2.0 * poisson))
    F = ufl.Identity(2) + ufl.grad(u)
    J = ufl.det(F)
    isochoric = 0.5 * shear * ((ufl.inner(F, F) + 1.0) * J ** (-2.0 / 3.0) - 3.0)
    load = fem.Constant(domain, 0.0)
    ds = ufl.Measure("ds", domain=domain, subdomain_data=right_edge(domain))
    energy = (isochoric + p * (J - 1.0) - p * p / (2.0 * bulk)) * ufl.dx - load * u[1] * ds(1)
    whole, _ = space.sub(0).collapse()
    edge = mesh.locate_entities_boundary(domain, 1, lambda x: np.isclose(x[0], 0.0))
    dofs = fem.locate_dofs_topological((space.sub(0), whole), 1, edge)
    held = fem.dirichletbc(fem.Function(whole), dofs, space.sub(0))
    problem = NonlinearProblem(ufl.derivative(energy, w, test), w, bcs=[held])
    newton = NewtonSolver(domain.comm, problem)
    newton.rtol = 1e-9
    for part in np.linspace(0.2, 1.0, 5):
        load.value = part * force / 16.0
        newton.solve(w)
    collapsed = w.sub(0).collapse()
    return middle(
        collapsed.function_space.tabulate_dof_coordinates(), collapsed.x.array.reshape(-1, 2)
    )


@pytest.mark.slow
def test_nearly_incompressible_finite_strain_does_not_lock() -> None:
    """μ = 80.1938 and κ = 400942, force 100, as usual since Brink & Stein (1996)."""
    shear, bulk = 80.1938, 400942.0
    poisson = (3.0 * bulk - 2.0 * shear) / (2.0 * (3.0 * bulk + shear))
    young = 2.0 * shear * (1.0 + poisson)
    expected = independent_rise(24, young, poisson, 100.0)
    coarse, fine = (rise(n, young, poisson, 100.0, steps=0.25) for n in (8, 24))
    assert fine == pytest.approx(expected, rel=0.01)
    assert coarse == pytest.approx(expected, rel=0.06)
