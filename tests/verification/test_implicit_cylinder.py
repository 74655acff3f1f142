# SPDX-License-Identifier: MIT
"""A pressurised thick cylinder: Lamé's solution with its order, and the exact plastic one."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI
from scipy.optimize import brentq

from mlms_fenics.errors import SimulationError
from mlms_fenics.macroscale import (
    ImplicitSolver,
    PrescribedVelocity,
    Pressure,
    Steps,
    symmetry_plane,
)
from mlms_fenics.materials import J2, NeoHookean

INNER, OUTER = 1.0, 2.0


def ring(n: int, kind: str) -> tuple[mesh.Mesh, mesh.MeshTags]:
    """A quarter ring in the plane, or the half section of a slice; facets inside have the tag 1."""
    divisions = (n, 2 * n) if kind == "plane-strain" else (n, 1)
    domain = mesh.create_unit_square(MPI.COMM_WORLD, *divisions, mesh.CellType.quadrilateral)
    facets = mesh.locate_entities_boundary(domain, 1, lambda x: np.isclose(x[0], 0.0))
    tags = mesh.meshtags(domain, 1, np.sort(facets), np.ones(len(facets), dtype=np.int32))
    radius = INNER + (OUTER - INNER) * domain.geometry.x[:, 0]
    other = domain.geometry.x[:, 1].copy()
    if kind == "plane-strain":
        domain.geometry.x[:, 0] = radius * np.cos(0.5 * np.pi * other)
        domain.geometry.x[:, 1] = radius * np.sin(0.5 * np.pi * other)
    else:
        domain.geometry.x[:, 0], domain.geometry.x[:, 1] = radius, 0.2 * other
    return domain, tags


def pressurised(n: int, kind: str, law, pressure: float, steps) -> ImplicitSolver:
    domain, tags = ring(n, kind)
    held = [symmetry_plane(0), symmetry_plane(1)]
    if kind == "axisymmetric":
        held = [PrescribedVelocity(lambda x: np.ones(x.shape[1], dtype=bool), components=(1,))]
    return ImplicitSolver(
        domain, law, steps=steps, two_dimensional=kind, constraints=held,
        loads=[Pressure((tags, 1), lambda t: t * pressure)],
    )  # fmt: skip


def displacement_at(solver: ImplicitSolver, radius: float) -> float:
    X = solver.elements.coordinates
    near = np.isclose(X[:, 1], 0.0) & np.isclose(X[:, 0], radius)
    return float(solver.u.x.array.reshape(-1, 3)[near, 0][0])


@pytest.mark.parametrize("kind", ["plane-strain", "axisymmetric"])
def test_lames_solution_with_second_order(kind: str) -> None:
    shear, bulk, pressure = 25.0, 48.0, 1e-6
    poisson = (3.0 * bulk - 2.0 * shear) / (2.0 * (3.0 * bulk + shear))
    scale = pressure * INNER**2 / (2.0 * shear * (OUTER**2 - INNER**2))
    exact = scale * ((1.0 - 2.0 * poisson) * INNER + OUTER**2 / INNER)
    law, errors = NeoHookean(shear, bulk, 1.0), []
    for n in (4, 8, 16):
        solver = pressurised(n, kind, law, pressure, 1.0)
        solver.run(1.0)
        errors.append(abs(displacement_at(solver, INNER) / exact - 1.0))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 2e-3 and (orders > 1.8).all()


def test_plastic_front_moves_as_in_hills_solution() -> None:
    """Perfect plasticity, incompressible: p = k (2 ln(c/a) + 1 − c²/b²), E u_b = 2 k c² (1−ν²)/b.

    Hill, The Mathematical Theory of Plasticity (1950), chapter V; k = σ_y/√3, c the front.
    """
    young, poisson, strength = 210.0, 0.4995, 0.024
    k = strength / np.sqrt(3.0)
    law = J2(young, poisson, strength, 0.0, 7.8)

    def pressure(front: float) -> float:
        return k * (2.0 * np.log(front / INNER) + 1.0 - front**2 / OUTER**2)

    solver = pressurised(24, "axisymmetric", law, pressure(1.8), Steps(0.1, largest=0.1))
    found = []
    solver.run(1.0, lambda s: found.append((s.time, displacement_at(s, OUTER))))
    assert len(found) >= 4
    for time, moved in found:
        applied = time * pressure(1.8)
        front = INNER
        if applied > pressure(INNER):
            front = brentq(lambda c, p=applied: pressure(c) - p, INNER, OUTER)
        exact = 2.0 * k * front**2 * (1.0 - poisson**2) / (young * OUTER)
        if applied <= pressure(INNER):
            exact *= applied / pressure(INNER)
        assert moved == pytest.approx(exact, rel=6e-3)


@pytest.mark.slow
def test_more_than_the_limit_load_is_not_found() -> None:
    """No equilibrium beyond p = 2 σ_y/√3 ln(b/a): the run stops within 1% below it."""
    strength = 0.24
    limit = 2.0 * strength / np.sqrt(3.0) * np.log(OUTER / INNER)
    law = J2(210.0, 0.3, strength, 0.0, 7.8)
    steps = Steps(0.5, smallest=4e-3, most=10)
    solver = pressurised(12, "axisymmetric", law, 1.2 * limit, steps)
    with pytest.raises(SimulationError, match=r"does not converge|inverted"):
        solver.run(1.0)
    assert 0.985 < solver.time * 1.2 < 1.01
