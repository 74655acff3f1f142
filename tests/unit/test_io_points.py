# SPDX-License-Identifier: MIT
"""Output of elements with several points and of quadratic ones."""

from pathlib import Path

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.io import Recorder
from mlms_fenics.io.layout import gatherer
from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.materials import J2

LAW = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        (mesh.CellType.hexahedron, {"quadrature": "full"}),
        (mesh.CellType.tetrahedron, {"degree": 2}),
    ],
)
def test_fields_are_means_over_cells_and_values_at_vertices(tmp_path: Path, cell, options) -> None:
    domain = mesh.create_unit_cube(MPI.COMM_WORLD, 2, 2, 2, cell)
    solver = ExplicitSolver(
        domain, LAW, velocity=lambda x: 0.1 * np.vstack((x[0], 0 * x[0], x[0] * x[2])), **options
    )
    recorder = Recorder(solver, tmp_path, name="cube", end_time=0.2, outputs=1)
    recorder.run()
    assert (tmp_path / "cube.xdmf").exists()
    nodal, fields = recorder.fields()
    n_cells = len(solver.elements.dofs)
    assert fields["sigma"].shape == (n_cells, 3, 3) and fields["plastic_strain"].shape == (n_cells,)
    weights = solver.elements.volume.reshape(n_cells, -1)
    points = solver.state["plastic_strain"].numpy().reshape(n_cells, -1)
    expected = (points * weights).sum(axis=1) / weights.sum(axis=1)
    assert np.ptp(points, axis=1).max() > 0.0
    np.testing.assert_allclose(fields["plastic_strain"], expected, rtol=1e-13)
    body = gatherer(domain)(nodal, {})
    X, u = solver.elements.coordinates.round(9), solver.u.x.array.reshape(-1, 3)
    where = {tuple(place): value for place, value in zip(X, u, strict=True)}
    found = np.array([where[tuple(x)] for x in body.points.round(9)])
    np.testing.assert_array_equal(body.nodal["u"], found)
