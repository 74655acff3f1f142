# SPDX-License-Identifier: MIT
"""Output, restart and pictures of bodies of two dimensions."""

import numpy as np
import pytest
from dolfinx import fem
from mpi4py import MPI
from xdmf_reading import read_grids

from mlms_fenics import _compat
from mlms_fenics.errors import InputError
from mlms_fenics.geometry import (
    AXIS,
    FOOT,
    LATERAL,
    TOP,
    VOLUME,
    gmsh_half_section,
    half_section_divisions,
    half_section_mesh,
    read_msh,
    write_msh,
)
from mlms_fenics.io import Recorder
from mlms_fenics.io.section import cut
from mlms_fenics.macroscale import ExplicitSolver, Pressure, RigidPlane
from mlms_fenics.materials import J2

COMM = MPI.COMM_SELF


def rod(folder, end_time, **options) -> Recorder:
    domain, _, facets = half_section_mesh(COMM, 2.0, 2.0, 0.25)
    law = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
    solver = ExplicitSolver(
        domain, law, velocity=(0.0, -0.2, 0.0), two_dimensional="axisymmetric",
        contacts=[RigidPlane(normal=(0.0, 1.0, 0.0))],
        loads=[Pressure((facets, LATERAL), lambda t: 0.1 * t)],
    )  # fmt: skip
    return Recorder(solver, folder, name="rod", end_time=end_time, outputs=2, keep=2, **options)


def test_fields_are_of_three_dimensions_and_a_restart_goes_on_bit_by_bit(tmp_path) -> None:
    whole = rod(tmp_path / "whole", 1.0, checkpoint_every=20)
    whole.run()
    again = rod(tmp_path / "again", 1.0, restart=whole.checkpoint)
    assert 0 < again.first_step < whole.solver.step_count
    again.run()
    assert np.array_equal(again.solver.u.x.array, whole.solver.u.x.array)
    assert np.array_equal(again.solver.sigma, whole.solver.sigma)
    time, body, nodal, cell = read_grids(tmp_path / "whole" / "rod.xdmf")[-1]
    assert time == 1.0 and body.n_cells == 4 * 8 and set(body.celltypes) == {9}
    assert cell["sigma"].shape == (32, 3, 3) and np.abs(cell["sigma"][:, 2, 2]).max() > 0.1
    assert np.abs(nodal["u"][:, 2]).max() == 0.0 and nodal["u"][:, 0].max() > 0.0
    section = cut(whole.snapshots[-1][1], 1.0)
    x = np.concatenate(section.polygons)
    assert len(section.polygons) == 32 and section.fields["plastic_strain"].max() > 0.01
    expected = (body.points + nodal["u"])[:, :2]
    np.testing.assert_allclose(x.max(axis=0), expected.max(axis=0))


def test_half_section_and_its_groups(tmp_path) -> None:
    domain, cells, facets = half_section_mesh(COMM, 2.0, 3.0, 0.3)
    assert half_section_divisions(2.0, 3.0, 0.3) == (4, 10)
    assert _compat.cell_name(domain) == "quadrilateral" and domain.geometry.dim == 2
    assert len(cells.find(VOLUME)) == 40
    assert [len(facets.find(t)) for t in (FOOT, TOP, LATERAL, AXIS)] == [4, 4, 10, 10]
    write_msh(tmp_path / "rod.msh", lambda m: gmsh_half_section(m, "rod", 2.0, 3.0, 0.3))
    body = read_msh(COMM, tmp_path / "rod.msh", dimension=2)
    assert body.volumes == {"volume": VOLUME}
    space = fem.functionspace(body.mesh, ("Lagrange", 1))
    for name, component, at in (("foot", 1, 0.0), ("top", 1, 3.0), ("axis", 0, 0.0)):
        tags, tag = body.surface(name)
        dofs = fem.locate_dofs_topological(space, 1, tags.find(tag))
        np.testing.assert_allclose(
            space.tabulate_dof_coordinates()[dofs, component], at, atol=1e-12
        )
    with pytest.raises(InputError, match="no physical volume"):
        read_msh(COMM, tmp_path / "rod.msh")
    with pytest.raises(InputError, match="dimension"):
        read_msh(COMM, tmp_path / "rod.msh", dimension=1)
    with pytest.raises(InputError, match="makes no elements"):
        half_section_mesh(COMM, 2.0, 3.0, 1.5)
