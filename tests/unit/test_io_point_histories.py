# SPDX-License-Identifier: MIT
"""Histories at points against the fields themselves; sections through any point."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.io import ElementHistory, NodeHistory, Recorder, cut, gatherer, read_history
from mlms_fenics.macroscale import ExplicitSolver, RigidPlane
from mlms_fenics.materials import NeoHookean

COMM = MPI.COMM_SELF


def block():
    domain = mesh.create_box(COMM, [[0, 0, 0], [1, 1, 2.0]], [2, 2, 8], mesh.CellType.hexahedron)
    law = NeoHookean(25.0, 48.0, 10.0)
    return ExplicitSolver(domain, law, velocity=(0, 0, -0.01), contacts=[RigidPlane()])


def test_histories_of_a_node_and_an_element(tmp_path):
    solver = block()
    probes = {
        "top": NodeHistory(solver, (0.1, 0.1, 2.5), "u", 2),
        "corner": NodeHistory(solver, (1.0, 1.0, 0.24), "v", 0),
        "stress": ElementHistory(solver, (0.2, 0.2, 0.1), lambda s: s.sigma[:, 2, 2], "GPa"),
    }
    assert probes["top"].node == (0.0, 0.0, 2.0) and probes["corner"].node == (1.0, 1.0, 0.25)
    assert probes["stress"].centre == (0.25, 0.25, 0.125)
    Recorder(solver, tmp_path, name="b", end_time=0.3, outputs=1, probes=probes).run()
    table = read_history(tmp_path / "history.csv")
    # Nothing has come back from the wall to the top yet; the foot is stopped: stress ρ c v.
    np.testing.assert_allclose(table["top"], -0.01 * table["time"], atol=1e-5)
    speed = ((48.0 + 4.0 / 3.0 * 25.0) / 10.0) ** 0.5
    assert table["stress"].min() == pytest.approx(-10.0 * speed * 0.01, rel=0.15)
    centres = solver.elements.coordinates[solver.elements.dofs].mean(axis=1)
    cell = np.argmin(np.linalg.norm(centres - probes["stress"].centre, axis=1))
    assert table["stress"][-1] == solver.sigma[cell, 2, 2]
    X, v = solver.elements.coordinates, solver.v.x.array.reshape(-1, 3)
    row = np.flatnonzero(np.linalg.norm(X - [1.0, 1.0, 0.25], axis=1) < 1e-9)
    assert table["corner"][-1] == v[row[0], 0] > 0.0
    with pytest.raises(InputError, match="u or v"):
        NodeHistory(solver, (0, 0, 0), "a", 0)
    with pytest.raises(InputError, match="component"):
        NodeHistory(solver, (0, 0, 0), "u", 3)


def test_section_through_any_point():
    solver = block()
    body = gatherer(solver.mesh)({"u": solver.u}, {"det": np.linalg.det(solver.F)})
    section = cut(body, 0.0, normal=(0, 0, 2.0), origin=(0.0, 0.0, 1.3), axes=(0, 1))
    assert len(section.polygons) == 4
    corners = np.concatenate(section.polygons)
    np.testing.assert_allclose([corners.min(0), corners.max(0)], [[0, 0], [1, 1]], atol=1e-9)
    assert cut(body, 0.0, origin=(0.0, 5.0, 0.0)).polygons == []
