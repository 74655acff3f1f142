# SPDX-License-Identifier: MIT
"""Meshes of second and higher order read as straight ones, and meshes that may be in metres."""

import math
import warnings

import basix.ufl
import meshio
import numpy as np
import pytest
import ufl
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.geometry import cylinder_mesh, gmsh_cylinder, read_mesh, read_msh, write_msh
from mlms_fenics.geometry.straight import EDGES, beside_edges
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity
from mlms_fenics.materials import NeoHookean

COMM = MPI.COMM_SELF
LAW = NeoHookean(25.0, 48.0, 10.0)
# A tetrahedron of ten nodes in Abaqus' order, the edge between the first two bent by a tenth.
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
PAIRS = ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3))
TEN = np.concatenate([CORNERS, [CORNERS[list(pair)].mean(axis=0) for pair in PAIRS]])
TEN[4, 1] = -0.1


def sphere_or_box(order: int, kind: str, incomplete: bool = False):
    """A builder of elements of an order in a ball or, of hexahedra, in a box."""

    def build(model) -> None:
        import gmsh

        gmsh.option.setNumber("Mesh.ElementOrder", order)
        gmsh.option.setNumber("Mesh.SecondOrderIncomplete", int(incomplete))
        model.add("body")
        if kind == "tetrahedra":
            tag = model.occ.addSphere(0.0, 0.0, 0.0, 1.0)
            model.occ.synchronize()
            gmsh.option.setNumber("Mesh.MeshSizeMax", 0.6)
        else:
            tag = model.occ.addBox(0.0, 0.0, 0.0, 1.0, 2.0, 3.0)
            model.occ.synchronize()
            for _, curve in model.getEntities(1):
                model.mesh.setTransfiniteCurve(curve, 3)
            for _, surface in model.getEntities(2):
                model.mesh.setTransfiniteSurface(surface)
                model.mesh.setRecombine(2, surface)
            model.mesh.setTransfiniteVolume(tag)
        model.addPhysicalGroup(3, [tag], 1, name="body")
        model.addPhysicalGroup(2, [s for _, s in model.getEntities(2)], 2, name="skin")
        model.addPhysicalGroup(1, [c for _, c in model.getEntities(1)], 3, name="lines")
        model.addPhysicalGroup(0, [p for _, p in model.getEntities(0)], 4, name="points")
        model.mesh.generate(3)

    return build


@pytest.mark.parametrize(
    ("kind", "order", "incomplete", "name"),
    [
        ("tetrahedra", 2, False, "Tetrahedron 10"),
        ("tetrahedra", 3, False, "Tetrahedron 20"),
        ("hexahedra", 2, False, "Hexahedron 27"),
        ("hexahedra", 2, True, "Hexahedron 20"),
    ],
)
def test_gmsh_elements_of_higher_order_are_those_of_first(
    tmp_path, kind, order, incomplete, name
) -> None:
    write_msh(tmp_path / "one.msh", sphere_or_box(1, kind))
    write_msh(tmp_path / "more.msh", sphere_or_box(order, kind, incomplete))
    bent = "lie up to .* beside" if kind == "tetrahedra" else "nothing of the shape is lost"
    with pytest.warns(UserWarning, match=rf"more.msh.*higher order \({name}\).*{bent}") as caught:
        body = read_msh(COMM, tmp_path / "more.msh")
    assert len(caught) == 1 and caught[0].message.args[0].count("\n") == 0
    plain = read_msh(COMM, tmp_path / "one.msh")
    for place in ("body", "skin", "lines", "points"):
        counts = [next(g.count for g in b.groups if g.name == place) for b in (body, plain)]
        assert counts[0] == counts[1] > 0
    tags, tag = body.surface("skin")
    assert set(tags.find(tag)) == set(mesh.exterior_facet_indices(body.mesh.topology))
    held = PrescribedVelocity(body.nodes("lines"))
    solvers = [ExplicitSolver(body.mesh, LAW, constraints=[held]), ExplicitSolver(plain.mesh, LAW)]
    masses = [np.sort(solver.nodal_mass) for solver in solvers]
    np.testing.assert_allclose(*masses, rtol=1e-12)
    assert solvers[0].stable_dt == pytest.approx(solvers[1].stable_dt, rel=1e-12)


@pytest.mark.parametrize("ending", [".inp", ".bdf"])
@pytest.mark.parametrize(
    ("kind", "incomplete"), [("tetrahedra", False), ("hexahedra", True), ("hexahedra", False)]
)
def test_what_gmsh_writes_for_other_programs(tmp_path, ending, kind, incomplete) -> None:
    write_msh(tmp_path / "one.msh", sphere_or_box(1, kind))
    write_msh(tmp_path / f"two{ending}", sphere_or_box(2, kind, incomplete))
    with pytest.warns(UserWarning, match="elements of second or higher order"):
        body = read_mesh(COMM, tmp_path / f"two{ending}")
    plain = read_msh(COMM, tmp_path / "one.msh")
    masses = [ExplicitSolver(b.mesh, LAW).nodal_mass for b in (body, plain)]
    assert len(masses[0]) == len(masses[1])
    assert masses[0].sum() == pytest.approx(masses[1].sum(), rel=1e-4)


def test_flat_elements_of_second_order(tmp_path) -> None:
    def build(model) -> None:
        import gmsh

        gmsh.option.setNumber("Mesh.ElementOrder", 2)
        gmsh.option.setNumber("Mesh.RecombineAll", 1)
        model.add("flat")
        tag = model.occ.addRectangle(0.0, 0.0, 0.0, 1.0, 2.0)
        model.occ.synchronize()
        for _, curve in model.getEntities(1):
            model.mesh.setTransfiniteCurve(curve, 4)
        model.mesh.setTransfiniteSurface(tag)
        model.addPhysicalGroup(2, [tag], name="body")
        model.addPhysicalGroup(1, [c for _, c in model.getEntities(1)], name="skin")
        model.mesh.generate(2)

    write_msh(tmp_path / "a.msh", build)
    with pytest.warns(UserWarning, match=r"9 elements of .* \(Quadrilateral 9\)"):
        body = read_msh(COMM, tmp_path / "a.msh", dimension=2)
    assert len(body.surface("skin")[0].indices) == 12
    solver = ExplicitSolver(body.mesh, LAW, two_dimensional="plane-strain")
    assert solver.nodal_mass.sum() == pytest.approx(20.0)


def test_how_far_an_arc_is_from_its_chord() -> None:
    # A mid node on an arc of opening θ: R (1 − cos θ/2) from the chord of length 2 R sin θ/2.
    radius, opening = 3.0, 0.4
    angle = np.array([0.0, opening, opening / 2.0])
    arc = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0.0 * angle], axis=1)
    points = np.concatenate([arc[:2], 1.5 * arc[1::-1], np.zeros((4, 3))])
    points[4] = arc[2]
    points[5:] = [points[[1, 2]].mean(axis=0), points[[2, 3]].mean(axis=0), points[[3, 0]].mean(0)]
    far, share = beside_edges(points, "quadrilateral", np.arange(8)[None])
    assert far == pytest.approx(radius * (1.0 - math.cos(opening / 2.0)), rel=1e-12)
    assert share == pytest.approx(0.5 * math.tan(opening / 4.0), rel=1e-12)


def test_abaqus_elements_of_second_order_and_their_sets(tmp_path) -> None:
    nodes = "".join(f"{k},{x},{y},{z}\n" for k, (x, y, z) in enumerate(TEN, 1))
    (tmp_path / "a.inp").write_text(
        f"*NODE\n{nodes}*ELEMENT,TYPE=C3D10M,ELSET=t\n1,{','.join(map(str, range(1, 11)))}\n"
        "*ELEMENT,TYPE=STRI65,ELSET=under\n2,1,2,3,5,6,7\n"
        "*NSET,NSET=edge\n1,2,5\n*NSET,NSET=all,ELSET=t\n*NSET,NSET=middle\n5\n"
        "*SURFACE,NAME=foot\nt,S1\n"
    )
    with pytest.warns(
        UserWarning, match=r"1 elements of .*\(C3D10M\).*up to 0.1 beside.* 10% of an edge"
    ):
        body = read_mesh(COMM, tmp_path / "a.inp")
    assert len(body.nodes("edge")[0].indices) == 2 and len(body.nodes("all")[0].indices) == 4
    assert len(body.surface("foot")[0].indices) == len(body.surface("under")[0].indices) == 1
    with pytest.raises(InputError, match="'middle' of the mesh is empty"):
        body.nodes("middle")
    assert ExplicitSolver(body.mesh, LAW).nodal_mass.sum() == pytest.approx(10.0 / 6.0)


def test_an_abaqus_hexahedron_of_twenty_nodes_with_shells(tmp_path) -> None:
    low = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)
    corners = np.concatenate([low, low + np.array([0, 0, 2])])
    sides = EDGES["hexahedron"]
    points = np.concatenate([corners, [corners[list(pair)].mean(axis=0) for pair in sides]])
    nodes = "".join(f"{k},{x},{y},{z}\n" for k, (x, y, z) in enumerate(points, 1))
    numbers = [str(k) for k in range(1, 21)]
    (tmp_path / "a.inp").write_text(
        f"*NODE\n{nodes}*ELEMENT,TYPE=C3D20R\n1,{','.join(numbers[:15])},\n"
        f"{','.join(numbers[15:])}\n*ELEMENT,TYPE=S8R,ELSET=low\n2,1,2,3,4,9,10,11,12\n"
        "*SURFACE,NAME=all\nlow,SPOS\n"
    )
    with pytest.warns(UserWarning, match=r"\(C3D20R\).*nothing of the shape is lost"):
        body = read_mesh(COMM, tmp_path / "a.inp")
    middles = [
        mesh.compute_midpoints(body.mesh, 2, body.surface(name)[0].indices)
        for name in ("low", "all")
    ]
    np.testing.assert_allclose(middles, [[[0.5, 0.5, 0.0]]] * 2)
    assert ExplicitSolver(body.mesh, LAW).nodal_mass.sum() == pytest.approx(20.0)


@pytest.mark.parametrize("ending", ["vtu", "med"])
def test_meshio_elements_of_second_order(tmp_path, ending) -> None:
    cells = [("tetra10", np.arange(10)[None]), ("triangle6", np.array([[0, 2, 1, 6, 5, 4]]))]
    values = [np.array([3]), np.array([7])]
    made = meshio.Mesh(TEN, cells, cell_data={"cell_tags" if ending == "med" else "part": values})
    if ending == "med":
        made.cell_tags = {3: ["part 3"], 7: ["part 7"]}
    made.write(tmp_path / f"a.{ending}")
    with pytest.warns(UserWarning, match=r"\(tetra10\).*10% of an edge"):
        body = read_mesh(COMM, tmp_path / f"a.{ending}")
    assert body.volumes.keys() == {"part 3"} and body.surfaces.keys() == {"part 7"}
    assert ExplicitSolver(body.mesh, LAW).nodal_mass.sum() == pytest.approx(10.0 / 6.0)


def test_nastran_elements_of_second_order(tmp_path) -> None:
    grid = "".join(f"GRID,{k},,{x},{y},{z}\n" for k, (x, y, z) in enumerate(TEN, 1))
    (tmp_path / "a.bdf").write_text(
        grid + "CTETRA,1,1,1,2,3,4,5,6,+A\n+A,7,8,9,10\n"
        "CTRIA6,2,9,1,3,2,7,6,5,+B\n+B,0.0,,0.1,0.1,0.1\n"
    )
    with pytest.warns(UserWarning, match=r"\(tetra10\).*10% of an edge"):
        body = read_mesh(COMM, tmp_path / "a.bdf")
    assert body.volumes.keys() == {"1"} and body.surfaces.keys() == {"9"}
    assert len(body.surface("9")[0].indices) == 1


def test_curved_meshes_of_dolfinx_are_refused() -> None:
    element = basix.ufl.element("Lagrange", "tetrahedron", 2, shape=(3,))
    order = [0, 1, 2, 3, 9, 8, 5, 7, 6, 4]  # dolfinx's edges are those opposite to Abaqus'
    domain = mesh.create_mesh(COMM, cells=np.array([order]), x=TEN, e=ufl.Mesh(element))
    with pytest.raises(InputError, match="curved cells"):
        ExplicitSolver(domain, LAW)


def test_a_mesh_that_may_be_in_metres(tmp_path) -> None:
    write_msh(tmp_path / "c.msh", lambda m: gmsh_cylinder(m, "c", 6.4e-3, 32.4e-3, 1.6e-3))
    words = "is 0.0064 by 0.0064 by 0.0324 mm.*metres, give a scale of 1000.*6.4 by 6.4 by 32.4 mm"
    for read in (read_mesh, read_msh):
        with pytest.warns(UserWarning, match=words):
            read(COMM, tmp_path / "c.msh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_mesh(COMM, tmp_path / "c.msh", scale=1000.0)
        cylinder_mesh(COMM, 0.1, 0.15, 0.05)
