# SPDX-License-Identifier: MIT
"""The copper Taylor bar on one mesh as other programs write it: the same foot and length."""

import meshio
import numpy as np
import pytest
from mpi4py import MPI

from mlms_fenics.geometry import cylinder_mesh, gmsh_cylinder, read_mesh, write_msh
from mlms_fenics.macroscale import ExplicitSolver, RigidPlane
from mlms_fenics.materials import J2

COMM = MPI.COMM_SELF


def foot_and_length(domain) -> tuple[float, float]:
    """Largest radius and length of the bar after 80 µs, mm."""
    copper = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
    solver = ExplicitSolver(domain, copper, velocity=(0.0, 0.0, -0.227), contacts=[RigidPlane()])
    solver.run(80.0)
    x = solver.elements.coordinates + solver.u.x.array.reshape(-1, 3)
    return float(np.hypot(x[:, 0], x[:, 1]).max()), float(np.ptp(x[:, 2]))


@pytest.fixture(scope="module")
def ours() -> tuple[float, float]:
    return foot_and_length(cylinder_mesh(COMM, 6.4, 32.4, 1.6)[0])


@pytest.mark.parametrize("ending", [".inp", ".bdf", ".med", ".vtu"])
def test_bar_of_another_format_ends_as_ours(tmp_path, ours, ending) -> None:
    path = tmp_path / f"bar{ending}"
    if ending in (".inp", ".bdf"):
        write_msh(path, lambda model: gmsh_cylinder(model, "bar", 6.4, 32.4, 1.6))
    else:
        write_msh(tmp_path / "bar.inp", lambda model: gmsh_cylinder(model, "bar", 6.4, 32.4, 1.6))
        bar = meshio.read(tmp_path / "bar.inp")
        cells = np.concatenate([b.data for b in bar.cells if b.type == "hexahedron"])
        # Half of them with the far side first, as some programs number.
        cells[::2] = cells[::2][:, [4, 5, 6, 7, 0, 1, 2, 3]]
        meshio.Mesh(bar.points, [("hexahedron", cells)]).write(path)
    assert foot_and_length(read_mesh(COMM, path).mesh) == pytest.approx(ours, rel=1e-3)
    assert ours[0] > 1.5 * 3.2 and ours[1] < 0.7 * 32.4
