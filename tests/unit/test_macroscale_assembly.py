# SPDX-License-Identifier: MIT
"""The internal force of our own loop against dolfinx's assembly, on every kind of element."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics import _compat
from mlms_fenics.errors import InputError
from mlms_fenics.macroscale import ExplicitSolver, Hourglass
from mlms_fenics.macroscale.element import internal_force
from mlms_fenics.materials import J2

LAW = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
HEX, TET = mesh.CellType.hexahedron, mesh.CellType.tetrahedron


def body(assembly: str, cell: mesh.CellType, bent: bool, options: dict) -> ExplicitSolver:
    domain = mesh.create_unit_cube(MPI.COMM_WORLD, 3, 3, 3, cell)
    if bent:
        x = domain.geometry.x
        x += 0.05 * np.sin(3.0 * x[:, [1, 2, 0]])
    solver = ExplicitSolver(
        domain,
        LAW,
        velocity=lambda x: 0.1 * np.sin(5.0 * x[[2, 0, 1]]),
        hourglass=Hourglass("none"),
        assembly=assembly,
        **options,
    )
    solver.run(0.4)
    return solver


@pytest.mark.parametrize(
    ("cell", "bent", "options"),
    [
        (HEX, False, {}),
        (HEX, True, {}),
        (HEX, True, {"quadrature": "full"}),
        (TET, True, {}),
        (TET, False, {"degree": 2}),
    ],
)
def test_fused_and_dolfinx_assembly_agree(cell, bent, options) -> None:
    fused, reference = (body(name, cell, bent, options) for name in ("fused", "dolfinx"))
    assert fused.step_count == reference.step_count > 3
    # Of one stress field, and the run as a whole.
    expected = np.zeros_like(fused.u.x.array)
    _compat.assemble_into(expected, internal_force(fused.elements, fused.P))
    assert np.abs(expected).max() > 1e-3
    force = fused.motion.force.ravel()
    np.testing.assert_allclose(force, expected, atol=1e-12 * np.abs(expected).max(), rtol=0.0)
    u, expected = fused.u.x.array, reference.u.x.array
    np.testing.assert_allclose(u, expected, atol=1e-12 * np.abs(expected).max(), rtol=0.0)
    assert fused.state["plastic_strain"].max() > 0.0


def test_unknown_assembly_is_refused() -> None:
    with pytest.raises(InputError, match="assembly is 'petsc'"):
        body("petsc", HEX, False, {})
