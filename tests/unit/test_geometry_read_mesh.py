# SPDX-License-Identifier: MIT
"""Meshes of Abaqus, Nastran, Salome and VTK: positions, groups, refusals."""

import meshio
import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.geometry import gmsh_cylinder, read_mesh, write_msh
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, Pressure, Traction
from mlms_fenics.materials import NeoHookean

COMM = MPI.COMM_SELF
LAW = NeoHookean(25.0, 48.0, 10.0)
# Nodes 11, 12, ... of two unit cubes along x: the plane x = 0 first, counter-clockwise about x.
BAR = np.array([[x, y, z] for x in (0, 1, 2) for y, z in ((0, 0), (1, 0), (1, 1), (0, 1))]) * 1.0
NODES = "\n".join(f"{k + 11}, {x}, {y}, {z}" for k, (x, y, z) in enumerate(BAR))
CUBES = "1, 11, 12, 13, 14, 15, 16, 17, 18\n2, 15, 16, 17, 18, 19, 20, 21, 22"
PART = f"""*Heading
 two cubes in a part
** a comment
*Part, name=Bar
*Node
{NODES}
*Element, type=C3D8R,
 elset=Cubes
{CUBES}
*Elset, elset=All, generate
1, 2, 1
*Elset, elset=Second
 2,
*Nset, nset=Left, generate
 11, 14, 1
*Nset, nset="Of Second", elset=Second
*Surface, type=ELEMENT, name=Ends
1, S1
Second, S2
*Surface, name=Skin
All
*End Part
"""


def read(folder, text: str, name: str = "a.inp", **options):
    (folder / name).write_text(text)
    return read_mesh(COMM, folder / name, **options)


def centres(body, place) -> np.ndarray:
    """Middles of tagged parts, in order of x, y, z."""
    tags, tag = place
    middles = mesh.compute_midpoints(body.mesh, tags.dim, tags.find(tag)).round(9) + 0.0
    return middles[np.lexsort(middles.T[::-1])]


def test_parts_instances_and_sets_of_abaqus(tmp_path) -> None:
    body = read(tmp_path, PART + "*Instance, name=Bar-1, part=bar\n*End Instance\n", scale=10.0)
    assert body.volumes.keys() == {"Cubes", "All", "Second"}
    assert body.surfaces.keys() == {"Ends", "Skin"}
    assert set(body.node_sets) == {"Left", "Of Second"}
    solver = ExplicitSolver(body.mesh, LAW)
    assert solver.nodal_mass.sum() == pytest.approx(10.0 * 2000.0)
    np.testing.assert_allclose(centres(body, body.volume("Second")), [[15.0, 5.0, 5.0]])
    ends = [[0.0, 5.0, 5.0], [20.0, 5.0, 5.0]]
    np.testing.assert_allclose(centres(body, body.surface("Ends")), ends)
    assert len(centres(body, body.surface("Skin"))) == 10
    left = centres(body, body.nodes("Left"))
    np.testing.assert_allclose(left, [[0, 0, 0], [0, 0, 10], [0, 10, 0], [0, 10, 10]])
    assert centres(body, body.nodes("Of Second"))[:, 0].tolist() == [10.0] * 4 + [20.0] * 4
    held = PrescribedVelocity(body.nodes("Left"))
    loads = [Traction(body.surface("Ends"), (1e-3, 0, 0)), Pressure(body.surface("Skin"), 1e-3)]
    solver = ExplicitSolver(body.mesh, LAW, constraints=[held], loads=loads)
    force = np.zeros_like(solver.elements.coordinates)
    for load in solver.loads:
        load.apply(0 * force, force, force, 1.0, 0.0)
    np.testing.assert_allclose(force.sum(axis=0), (0.2, 0.0, 0.0), atol=1e-13)


def test_two_instances_one_of_them_turned(tmp_path) -> None:
    text = (
        PART
        + """*Assembly, name=A
*Instance, name=One, part=Bar
*End Instance
*Instance, name=Two, part=Bar
 0., 5., 0.
 0., 5., 0., 0., 5., 1., 90.
*End Instance
*Nset, nset=Both, instance=One
 Left
*Nset, nset=Both, instance=Two
 11, 12
*Elset, elset=Mixed
 One.1, Two.Second
*Surface, name=Out
 Two.Second, S2
 One.All, S1
*End Assembly
*Step
*Dynamic, explicit
"""
    )
    body = read(tmp_path, text)
    assert body.mesh.topology.index_map(3).size_local == 4
    assert {"One.All", "Two.All", "Mixed", "One.Second", "Two.Cubes"} < body.volumes.keys()
    # Two: shifted by (0, 5, 0), then turned by 90 degrees about the z axis through there.
    np.testing.assert_allclose(centres(body, body.volume("Two.Second")), [[-0.5, 6.5, 0.5]])
    mixed = [[-0.5, 6.5, 0.5], [0.5, 0.5, 0.5]]
    np.testing.assert_allclose(centres(body, body.volume("Mixed")), mixed)
    out = [[-0.5, 7.0, 0.5], [0.0, 0.5, 0.5], [1.0, 0.5, 0.5]]
    np.testing.assert_allclose(centres(body, body.surface("Out")), out)
    assert len(centres(body, body.nodes("Both"))) == 6


def test_an_instance_with_a_mesh_of_its_own_and_sets_of_the_preprocessor(tmp_path) -> None:
    text = f"""*Part, name=Part-1
*End Part
*Assembly, name=Assembly
*Instance, name=Part-1-1, part=Part-1
          0.,           0.,           3.
*Node
{NODES}
*Element, type=C3D8R
{CUBES}
*Nset, nset=_PickedSet2, internal, generate
 11, 22, 1
*Elset, elset=_InPart, internal
 2
*End Instance
*Node
      1,  50.,  0.,  0.
*Nset, nset=RP
 1,
*Elset, elset=_Surf-1_S1, internal, instance=Part-1-1
 1,
*Elset, elset=_Surf-1_S2, internal, instance=Part-1-1, generate
 2, 2, 1
*Surface, type=ELEMENT, name=Surf-1
_Surf-1_S1, S1
_Surf-1_S2, S2
*Surface, type=ELEMENT, name=Short
_InPart, S2
*End Assembly
"""
    body = read(tmp_path, text)
    assert [group.name for group in body.groups] == ["Surf-1", "Short", "RP"]
    ends = [[0.0, 0.5, 3.5], [2.0, 0.5, 3.5]]
    np.testing.assert_allclose(centres(body, body.surface("Surf-1")), ends)
    np.testing.assert_allclose(centres(body, body.surface("Short")), ends[1:])


def test_flat_elements_includes_and_reference_points(tmp_path) -> None:
    (tmp_path / "nodes.inc").write_text("1, 0., 0.\n2, 1., 0.\n3, 1., 1.\n4, 0., 1.\n9, 7., 7.\n")
    (tmp_path / "more.inp").write_text("*NSET, NSET=ref\n9\n")
    text = (
        "*NODE\n*INCLUDE, INPUT=nodes.inc\n*INCLUDE, INPUT=more.inp\n"
        "*ELEMENT, TYPE=CPE4R, ELSET=plate\n5, 1, 2, 3, 4\n*ELEMENT, TYPE=MASS, ELSET=m\n6, 9\n"
        "*SURFACE, NAME=foot\nplate, S1\n*SURFACE, NAME=edge, TYPE=NODE\n3,\n4,\n"
    )
    with pytest.warns(UserWarning, match="left out: 1 MASS"):
        body = read(tmp_path, text, dimension=2)
    assert body.mesh.geometry.dim == 2 and body.surfaces.keys() == {"foot"}
    np.testing.assert_allclose(centres(body, body.surface("foot")), [[0.5, 0.0, 0.0]])
    np.testing.assert_allclose(centres(body, body.nodes("edge")), [[0, 1, 0], [1, 1, 0]])
    with pytest.raises(InputError, match=r"'ref' of the mesh is empty .none of its 1 nodes is on"):
        body.nodes("ref")
    with pytest.raises(InputError, match="'m' of the mesh is empty"):
        body.volume("m")
    with pytest.raises(InputError, match="read with dimension=2"):
        read(tmp_path, text)


def test_left_handed_elements_and_shells_on_the_surface(tmp_path) -> None:
    # The second cube with its far side first; a membrane on the far side.
    turned = CUBES.replace("15, 16, 17, 18, 19, 20, 21, 22", "19, 20, 21, 22, 15, 16, 17, 18")
    text = f"*NODE\n{NODES}\n*ELEMENT, TYPE=C3D8R\n{turned}\n"
    text += "*ELEMENT, TYPE=SFM3D4R, ELSET=far\n7, 19, 20, 21, 22\n*SURFACE, NAME=s\nfar, SPOS\n"
    text += "*SURFACE, NAME=numbered\n2, S1\n"
    body = read(tmp_path, text)
    for place in ("far", "s", "numbered"):
        np.testing.assert_allclose(centres(body, body.surface(place)), [[2.0, 0.5, 0.5]])
    x = body.mesh.geometry.x[body.mesh.geometry.dofmap]
    assert (np.linalg.det(x[:, [1, 2, 4]] - x[:, :1]) > 0.0).all()
    plain = read(tmp_path, f"*NODE\n{NODES}\n*ELEMENT, TYPE=C3D8R\n{CUBES}\n", "plain.inp")
    masses = [np.sort(ExplicitSolver(b.mesh, LAW).nodal_mass) for b in (body, plain)]
    np.testing.assert_allclose(*masses)


def test_tetrahedra_and_their_faces(tmp_path) -> None:
    text = "*NODE\n1,0,0,0\n2,1,0,0\n3,0,1,0\n4,0,0,1\n*ELEMENT,TYPE=C3D4,ELSET=t\n1,1,2,3,4\n"
    text += "".join(f"*SURFACE,NAME=f{k}\nt,S{k}\n" for k in (1, 2, 3, 4))
    body = read(tmp_path, text)
    third = 1.0 / 3.0
    expected = ((third, third, 0), (third, 0, third), (third, third, third), (0, third, third))
    for k, middle in enumerate(expected, 1):
        np.testing.assert_allclose(centres(body, body.surface(f"f{k}")), [middle], atol=1e-8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a poem", "no elements of 3 dimensions"),
        ("*NODE\n1,0,0\n*ELEMENT,TYPE=C3D8\n1,1,2", "elements of type C3D8 have 8 nodes, but 3"),
        (f"*NODE\n{NODES}\n*ELEMENT,TYPE=C3D8\n1,11,12,13,14,15,16,17,99", "no node 99"),
        (f"*NODE\n{NODES}\n*ELEMENT,TYPE=C3D6\n1,11,12,13,15,16,17", "elements of type C3D6"),
        (f"*NODE\n{NODES}\n*ELEMENT,TYPE=C3D10M\n" + ",".join(map(str, range(11, 21))), "but 10"),
        (f"*NODE\n{NODES}\n11,0,0,0\n*ELEMENT,TYPE=C3D8\n{CUBES}", "gives node 11 more than once"),
        ("*NODE\n1,zero,0,0\n", "line 1: no number and position"),
        ("*NGEN\n1,2\n", r"line 1: \*NGEN is not read"),
        ("*INCLUDE, INPUT=none.inp\n", "no mesh file"),
        (PART + "*Instance, name=I, part=Rod\n*End Instance\n", "of part Rod, which is not in"),
        (PART.replace("Second, S2", "Second, S7"), "face S7 of an element of type C3D8R"),
        (PART.replace("Second, S2", "Third, S2"), r"names \*ELSET 'Third'"),
        (PART.replace(" 2,\n", " 2, 8\n"), "there is no element 8"),
        (PART.replace(" 2,\n", " Second\n"), "'Second' contains itself"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_of_abaqus_is_said_in_one_line(tmp_path, text, words) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_nastran_by_property_numbers(tmp_path) -> None:
    write_msh(tmp_path / "c.bdf", lambda model: gmsh_cylinder(model, "c", 2.0, 4.0, 0.5))
    body = read_mesh(COMM, tmp_path / "c.bdf")
    solver = ExplicitSolver(body.mesh, LAW)
    assert solver.elements.cell == "hexahedron" and len(solver.elements.dofs) == 96
    write_msh(tmp_path / "c.msh", lambda model: gmsh_cylinder(model, "c", 2.0, 4.0, 0.5))
    same = ExplicitSolver(read_mesh(COMM, tmp_path / "c.msh").mesh, LAW)
    assert solver.nodal_mass.sum() == pytest.approx(same.nodal_mass.sum(), rel=1e-5)
    assert len(body.volumes) == 5 and len(centres(body, body.surface("122"))) == 2
    text = (tmp_path / "c.bdf").read_text()
    for old, new, words in (
        ("CHEXA   ", "CHEXA*  ", r"elements in large fields \(CHEXA\*\)"),
        ("GRID    1       0", "GRID    1       4", "coordinate systems 0, 4"),
    ):
        (tmp_path / "d.bdf").write_text(text.replace(old, new, 1))
        with pytest.raises(InputError, match=words):
            read_mesh(COMM, tmp_path / "d.bdf")


def test_nastran_with_all_that_is_not_a_mesh(tmp_path) -> None:
    grid = "".join(f"GRID,{k + 1},,{x},{y},{z} $ a node\n" for k, (x, y, z) in enumerate(BAR))
    (tmp_path / "nodes.inc").write_text(grid)
    (tmp_path / "a.bdf").write_text(
        "SOL 101\nCEND\n  ECHO = NONE\nBEGIN BULK\nPARAM,POST,-1\nINCLUDE 'nodes.inc'\n"
        "CHEXA,7,3,1,2,3,4,5,6,+A\n+A,7,8\n"
        "CHEXA   8       4       5       6       7       8       9       10      +B      \n"
        "+B      11      12\n"
        "CQUAD4  20      9       9       10      11      12      -90.0   0.1\n"
        "CELAS1,30,5,1,1\nRBE2,31,1,123,2,3\nMAT1,1,7.2E+10,,0.3\nENDDATA\n"
    )
    with pytest.warns(UserWarning, match="left out: 1 CELAS1, 1 RBE2"):
        body = read_mesh(COMM, tmp_path / "a.bdf")
    assert body.volumes.keys() == {"3", "4"} and body.surfaces.keys() == {"9"}
    np.testing.assert_allclose(centres(body, body.volume("4")), [[1.5, 0.5, 0.5]])
    np.testing.assert_allclose(centres(body, body.surface("9")), [[2.0, 0.5, 0.5]])


def test_elements_in_each_other_and_faces_that_the_cells_have_not(tmp_path) -> None:
    rows = "1,11,12,13,14,15,16,17,18\n2,11,12,13,14,15,16,21,22\n3,11,12,13,14,19,20,17,18\n"
    with pytest.raises(InputError, match="has 1 faces of more than two elements, the first at"):
        read(tmp_path, f"*NODE\n{NODES}\n*ELEMENT,TYPE=C3D8R\n{rows}")
    skin = "*ELEMENT,TYPE=S3,ELSET=some\n9,11,12,13\n"
    body = read(tmp_path, f"*NODE\n{NODES}\n*ELEMENT,TYPE=C3D8R\n{CUBES}\n{skin}")
    with pytest.raises(InputError, match=r"'some' of the mesh is empty .none of its 1 faces"):
        body.surface("some")


def whole(kind: str) -> meshio.Mesh:
    """The two cubes with a face at each end."""
    cells = [
        ("hexahedron", np.array([np.arange(8), np.arange(4, 12)])),
        ("quad", np.array([[0, 1, 2, 3], [8, 9, 10, 11]])),
    ]
    if kind == "med":
        made = meshio.Mesh(
            BAR, cells, cell_data={"cell_tags": [np.array([-1, -2]), np.array([-3, 0])]},
            point_data={"point_tags": np.array([1] * 4 + [0] * 8)},
        )  # fmt: skip
        made.cell_tags = {-1: ["all"], -2: ["all", "second"], -3: ["left"]}
        made.point_tags = {1: ["held"]}
        return made
    return meshio.Mesh(
        BAR, cells,
        cell_data={
            "part": [np.array([1, 2]), np.array([3, 4])],
            "left": [np.array([0, 0]), np.array([1, 0])],
            "quality": [np.array([0.5, 0.25]), np.array([1.0, 1.0])],
        },
        point_data={"held": np.array([1] * 4 + [0] * 8), "id": np.arange(12.0)},
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["med", "vtu"])
def test_salome_and_vtk(tmp_path, kind) -> None:
    path = tmp_path / f"bar.{kind}"
    whole(kind).write(path)
    body = read_mesh(COMM, path, scale=2.0)
    np.testing.assert_allclose(centres(body, body.surface("left")), [[0.0, 1.0, 1.0]])
    second = "second" if kind == "med" else "part 2"
    np.testing.assert_allclose(centres(body, body.volume(second)), [[3.0, 1.0, 1.0]])
    assert len(centres(body, body.nodes("held"))) == 4
    if kind == "med":
        assert body.volumes.keys() == {"all", "second"}
        assert len(centres(body, body.volume("all"))) == 2
    else:
        assert body.volumes.keys() == {"part 1", "part 2"}
        assert body.surfaces.keys() == {"part 3", "part 4", "left"}
    (tmp_path / f"bad.{kind}").write_text("a poem")
    with pytest.raises(InputError, match=f"meshio cannot read .*bad.{kind}"):
        read_mesh(COMM, tmp_path / f"bad.{kind}")


def test_elements_of_nodes_that_are_not_there(tmp_path) -> None:
    cells = np.array([[*range(7), 12]])
    meshio.Mesh(BAR, [("hexahedron", cells)]).write(tmp_path / "a.vtu")
    with pytest.raises(InputError, match="elements of nodes that are not there"):
        read_mesh(COMM, tmp_path / "a.vtu")
    grid = "".join(f"GRID,{k + 1},,{x},{y},{z}\n" for k, (x, y, z) in enumerate(BAR))
    (tmp_path / "a.bdf").write_text(grid + "CHEXA,1,1,1,2,3,4,5,6\n")
    with pytest.raises(InputError, match="elements of type hexahedron with 6 nodes, but"):
        read_mesh(COMM, tmp_path / "a.bdf")


def test_endings_sizes_and_dimensions(tmp_path) -> None:
    (tmp_path / "a.stl").write_text("")
    with pytest.raises(InputError, match=r"ending must be one of \.msh, \.inp, \.bdf"):
        read_mesh(COMM, tmp_path / "a.stl")
    with pytest.raises(InputError, match="there is no mesh file"):
        read_mesh(COMM, tmp_path / "none.inp")
    with pytest.raises(InputError, match="scale"):
        read_mesh(COMM, tmp_path / "a.stl", scale=-1.0)
    flat = "*NODE\n1,0,0,0\n2,1,0,0\n3,1,1,1\n4,0,1,1\n*ELEMENT,TYPE=CPE4R\n1,1,2,3,4\n"
    with pytest.raises(InputError, match="z goes from 0 to 1"):
        read(tmp_path, flat, dimension=2)
    write_msh(tmp_path / "c.msh", lambda model: gmsh_cylinder(model, "c", 2.0, 4.0, 0.5))
    assert read_mesh(COMM, tmp_path / "c.msh").volumes == {"volume": 1}
