# SPDX-License-Identifier: MIT
"""Meshes of gmsh files: names, volumes and surfaces, units, refusals."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.geometry import LATERAL, VOLUME, gmsh_cylinder, read_msh, write_msh
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity
from mlms_fenics.materials import NeoHookean

COMM = MPI.COMM_SELF
CUBE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]] * 2, dtype=float)
CUBE[4:, 2] = 1.0
LAW = NeoHookean(25.0, 48.0, 10.0)


def box(model, kind="tetrahedra", volumes=("body",)):
    """A box of 1 by 2 by 3 with names of our own."""
    model.add("box")
    tag = model.occ.addBox(0.0, 0.0, 0.0, 1.0, 2.0, 3.0)
    model.occ.synchronize()
    if kind == "hexahedra":
        for _, curve in model.getEntities(1):
            model.mesh.setTransfiniteCurve(curve, 3)
        for _, surface in model.getEntities(2):
            model.mesh.setTransfiniteSurface(surface)
            model.mesh.setRecombine(2, surface)
        model.mesh.setTransfiniteVolume(tag)
    for name in volumes:
        model.addPhysicalGroup(3, [tag], name=name)
    low = [s for d, s in model.getEntities(2) if abs(model.occ.getCenterOfMass(d, s)[2]) < 1e-9]
    model.addPhysicalGroup(2, low, tag=7, name="support")
    model.addPhysicalGroup(2, [s for _, s in model.getEntities(2) if s not in low], tag=9)
    model.mesh.generate(3)
    return model


@pytest.mark.parametrize("kind", ["tetrahedra", "hexahedra"])
def test_any_mesh_with_names(tmp_path, kind):
    write_msh(tmp_path / "box.msh", lambda model: box(model, kind))
    body = read_msh(COMM, tmp_path / "box.msh", scale=10.0)
    assert body.volumes == {"body": 1} and body.surfaces == {"support": 7, "9": 9}
    assert body.mesh.topology.cell_name() == kind.replace("ahedra", "ahedron")
    np.testing.assert_allclose(np.ptp(body.mesh.geometry.x, axis=0), [10.0, 20.0, 30.0])
    held = PrescribedVelocity(body.surface("support"))
    solver = ExplicitSolver(body.mesh, LAW, velocity=(0.0, 0.0, 0.1), constraints=[held])
    X = solver.elements.coordinates
    assert solver.nodal_mass.sum() == pytest.approx(10.0 * 6000.0)
    nodes = solver.constraints[0].nodes
    assert set(nodes) == set(np.flatnonzero(np.isclose(X[:, 2], 0.0)))
    middle = mesh.compute_midpoints(body.mesh, 2, body.facets.find(7))
    assert len(middle) and np.abs(middle[:, 2]).max() < 1e-12


def test_our_own_cylinder_by_its_names(tmp_path):
    write_msh(tmp_path / "c.msh", lambda m: gmsh_cylinder(m, "c", 1.0, 2.0, 0.25))
    body = read_msh(COMM, tmp_path / "c.msh")
    assert body.volumes == {"volume": VOLUME}
    assert body.surface("lateral")[1] == LATERAL
    with pytest.raises(InputError, match="no surface 'side', but foot, top, lateral"):
        body.surface("side")


def test_bad_files_are_refused(tmp_path):
    (tmp_path / "text.msh").write_text("a poem")
    (tmp_path / "mesh.stl").write_text("")
    write_msh(tmp_path / "bare.msh", lambda model: box(model, volumes=()))

    def mixed(model):
        # Elements given by hand: a hexahedron and, elsewhere, a tetrahedron.
        model.add("mixed")
        for tag, kind, corners in ((1, 5, CUBE), (2, 4, CUBE[[0, 1, 3, 4]] + 5.0)):
            model.addDiscreteEntity(3, tag)
            numbers = np.arange(len(corners)) + 10 * tag
            model.mesh.addNodes(3, tag, numbers, corners.ravel())
            model.mesh.addElementsByType(tag, kind, [], numbers)
        model.addPhysicalGroup(3, [1, 2], name="both")

    write_msh(tmp_path / "mixed.msh", mixed)
    for name, words in (
        ("none.msh", "there is no mesh file"),
        ("mesh.stl", r"must be \.msh"),
        ("text.msh", "cannot read|no physical volume"),
        ("bare.msh", "no physical volume"),
        ("mixed.msh", "several types.*Tetrahedron 4.*Hexahedron 8"),
    ):
        with pytest.raises(InputError, match=words):
            read_msh(COMM, tmp_path / name)
    with pytest.raises(InputError, match="scale"):
        read_msh(COMM, tmp_path / "bare.msh", scale=0.0)
