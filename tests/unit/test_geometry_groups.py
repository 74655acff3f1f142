# SPDX-License-Identifier: MIT
"""Groups that overlap, miss, repeat or are empty, in gmsh's old and new formats."""

import warnings

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI
from small_meshes import two_boxes, two_squares

from mlms_fenics.errors import InputError
from mlms_fenics.geometry import build_mesh, read_msh, write_msh
from mlms_fenics.io import NodeHistory
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, Pressure, Traction
from mlms_fenics.materials import NeoHookean

COMM = MPI.COMM_SELF
LAW = NeoHookean(25.0, 48.0, 10.0)
VERSIONS = pytest.mark.parametrize("version", [2.2, 4.1])
HEXAHEDRON = np.array([[x, y, z] for z in (0, 1) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))])


def by_hand(dimension: int, kind: int, points: np.ndarray, rows, groups):
    """Elements given one by one; `groups` as of `two_boxes`, of the one entity of `dimension`."""

    def build(model) -> None:
        model.add("by hand")
        model.addDiscreteEntity(dimension, 1)
        model.mesh.addNodes(dimension, 1, np.arange(len(points)) + 1, points.ravel())
        nodes = (np.asarray(rows) + 1).ravel()
        model.mesh.addElementsByType(1, kind, np.arange(len(rows)) + 1, nodes)
        for of_group, tag, name in groups:
            model.addPhysicalGroup(of_group, [1], tag, name=name)

    return build


def forces(body, loads) -> np.ndarray:
    """Sum over the body of the loads' forces at the start, kN."""
    solver = ExplicitSolver(body.mesh, LAW, loads=loads)
    force = np.zeros_like(solver.elements.coordinates)
    for load in solver.loads:
        u = np.zeros_like(force)
        load.apply(u, u, force, 1.0, 0.0)
    return force


@VERSIONS
def test_each_cell_is_there_once_however_many_volumes_it_is_in(tmp_path, version) -> None:
    groups = [(3, [1, 2], 1, "all"), (3, [1], 2, "low")]
    two_boxes(tmp_path / "a.msh", groups, version)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        body = read_msh(COMM, tmp_path / "a.msh")
    n = body.mesh.topology.index_map(3).size_local
    assert body.volumes == {"all": 1, "low": 2} and body.surfaces == {}
    everywhere, tag = body.volume("all")
    assert list(everywhere.find(tag)) == list(range(n))
    low, tag = body.volume("low")
    z = mesh.compute_midpoints(body.mesh, 3, np.arange(n, dtype=np.int32))[:, 2]
    assert set(low.find(tag)) == set(np.flatnonzero(z < 1.0)) and 0 < len(low.find(tag)) < n
    assert ExplicitSolver(body.mesh, LAW).nodal_mass.sum() == pytest.approx(10.0 * 2.0)
    with pytest.raises(InputError, match=r"overlap \(all, low\): take each by its name"):
        body.cells  # noqa: B018


@VERSIONS
def test_loads_on_surfaces_that_overlap_add_up(tmp_path, version) -> None:
    groups = [(3, [1, 2], 1, "all"), (2, "outer", 3, "skin"), (2, "low", 4, "part")]
    two_boxes(tmp_path / "a.msh", groups, version)
    body = read_msh(COMM, tmp_path / "a.msh")
    skin, part = body.surface("skin"), body.surface("part")
    assert set(part[0].find(4)) < set(skin[0].find(3))
    push, more = (0.0, 0.0, 1e-3), (0.0, 0.0, 3e-3)
    both = forces(body, [Traction(skin, push), Traction(part, more)])
    np.testing.assert_allclose(both.sum(axis=0), (0.0, 0.0, 10.0 * 1e-3 + 3e-3), atol=1e-15)
    pressed = forces(body, [Pressure(skin, 1e-3), Pressure(part, 2e-3)])
    np.testing.assert_allclose(pressed.sum(axis=0), (0.0, 0.0, 2e-3), atol=1e-15)
    one = forces(body, [Pressure(part, 1e-3)])
    np.testing.assert_allclose(one.sum(axis=0), (0.0, 0.0, 1e-3), atol=1e-15)
    with pytest.raises(InputError, match=r"overlap \(skin, part\)"):
        body.facets  # noqa: B018


def test_faces_between_cells_take_no_load_and_that_is_said(tmp_path) -> None:
    groups = [(3, [1, 2], 1, "all"), (2, "faces", 3, "skin")]
    two_boxes(tmp_path / "a.msh", groups)
    body = read_msh(COMM, tmp_path / "a.msh")
    words = r"facet tag 3 \(surface 'skin'\), of which \d+ of \d+ facets lie between two cells"
    with pytest.warns(UserWarning, match="a traction is given on " + words):
        force = forces(body, [Traction(body.surface("skin"), (0.0, 0.0, 1e-3))])
    np.testing.assert_allclose(force.sum(axis=0), (0.0, 0.0, 1e-2), atol=1e-15)
    with pytest.warns(UserWarning, match="a pressure is given on " + words):
        forces(body, [Pressure(body.surface("skin"), 1e-3)])


@VERSIONS
def test_faces_off_the_body_are_refused_by_the_name_of_their_group(tmp_path, version) -> None:
    two_boxes(tmp_path / "a.msh", [(3, [1], 1, "low"), (2, "faces", 3, "skin")], version)
    two_boxes(tmp_path / "b.msh", [(3, [1, 2], 1, "all"), (2, "faces", 3, "skin")], version)
    whole = read_msh(COMM, tmp_path / "b.msh")
    tags, tag = whole.surface("skin")
    z = mesh.compute_midpoints(whole.mesh, 2, tags.find(tag))[:, 2]
    words = f"{(z > 1.001).sum()} of the {len(z)} faces of the surface 'skin' are not on the body"
    with pytest.raises(InputError, match=words):
        read_msh(COMM, tmp_path / "a.msh")
    two_boxes(tmp_path / "c.msh", [(3, [2], 1, "high"), (0, "corner", 3, "tip")], version)
    with pytest.raises(InputError, match="1 of the 1 nodes of the point set 'tip' are not on"):
        read_msh(COMM, tmp_path / "c.msh")
    two_boxes(tmp_path / "d.msh", [(3, [2], 1, "high"), (1, "edge", 3, "line")], version)
    with pytest.raises(InputError, match="edges of the curve 'line' are not on the body"):
        read_msh(COMM, tmp_path / "d.msh")


def test_two_groups_of_one_name(tmp_path) -> None:
    path = tmp_path / "a.msh"
    two_boxes(path, [(3, [1], 1, "a"), (3, [2], 2, "a")])
    # gmsh writes a name for the first group only; that is all that the file then says.
    with pytest.warns(UserWarning, match="the physical volume 2 has no name"):
        body = read_msh(COMM, path)
    assert body.volumes == {"a": 1, "2": 2}
    text = path.read_text()
    named = text.replace('\n1\n3 1 "a"\n', '\n2\n3 1 "a"\n3 2 "a"\n')
    assert named != text
    path.write_text(named)
    body = read_msh(COMM, path)
    assert body.volumes == {"a": 1}
    tags, tag = body.volume("a")
    assert len(tags.find(tag)) == body.mesh.topology.index_map(3).size_local


def test_an_element_listed_twice_is_read_once_with_a_warning(tmp_path) -> None:
    points = HEXAHEDRON.astype(float)
    rows = [range(8), [4, 5, 6, 7, 0, 1, 2, 3]]
    write_msh(tmp_path / "a.msh", by_hand(3, 5, points, rows, [(3, 1, "body")]))
    with pytest.warns(UserWarning, match="lists 1 elements more than once"):
        body = read_msh(COMM, tmp_path / "a.msh")
    assert body.mesh.topology.index_map(3).size_local == 1
    assert ExplicitSolver(body.mesh, LAW).nodal_mass.sum() == pytest.approx(10.0)


def test_collapsed_elements_are_refused_and_left_handed_ones_turned(tmp_path) -> None:
    points = np.concatenate([HEXAHEDRON, [[0, 0, 2], [1, 0, 2], [1, 1, 2], [0, 1, 2]]]) * 1.0
    groups = [(3, 1, "body")]
    wedge = [[0, 1, 2, 2, 4, 5, 6, 6]]
    write_msh(tmp_path / "wedge.msh", by_hand(3, 5, points, wedge, groups))
    with pytest.raises(InputError, match="1 elements with one node twice"):
        read_msh(COMM, tmp_path / "wedge.msh")
    rows = [range(8), [8, 9, 10, 11, 4, 5, 6, 7]]
    write_msh(tmp_path / "left.msh", by_hand(3, 5, points, rows, groups))
    body = read_msh(COMM, tmp_path / "left.msh")
    x = body.mesh.geometry.x[body.mesh.geometry.dofmap]
    edges = x[:, [1, 2, 4]] - x[:, :1]
    np.testing.assert_allclose(np.linalg.det(edges), 1.0)
    assert ExplicitSolver(body.mesh, LAW).nodal_mass.sum() == pytest.approx(20.0)


def test_points_edges_and_surfaces_name_nodes(tmp_path) -> None:
    groups = [
        (3, [1, 2], 1, "all"), (2, "low", 2, "floor"), (1, "edge", 3, "line"),
        (0, "corner", 4, "tip"),
    ]  # fmt: skip
    two_boxes(tmp_path / "a.msh", groups)
    body = read_msh(COMM, tmp_path / "a.msh")
    assert set(body.node_sets) == {"line", "tip"} and body.surfaces == {"floor": 2}
    for degree in (1, 2):
        held = [PrescribedVelocity(body.nodes(name), 0.01) for name in ("tip", "line", "floor")]
        solver = ExplicitSolver(body.mesh, LAW, constraints=held, degree=degree)
        X = solver.elements.coordinates
        tip, line, floor = (X[bound.nodes] for bound in solver.constraints)
        np.testing.assert_allclose(tip, [[0.0, 0.0, 0.0]], atol=1e-12)
        on_line = np.isclose(X[:, :2], 0.0).all(axis=1) & (X[:, 2] < 1.0 + 1e-9)
        assert len(line) == on_line.sum() and np.abs(line[:, :2]).max() < 1e-12
        assert len(floor) == np.isclose(X[:, 2], 0.0).sum() and np.abs(floor[:, 2]).max() < 1e-12
    probe = NodeHistory(solver, body.nodes("line"), "u", 2)
    solver.step()
    expected = solver.u.x.array.reshape(-1, 3)[solver.constraints[1].nodes, 2].mean()
    assert probe.value(solver, probe.sums(solver), np.zeros(0)) == pytest.approx(expected)
    np.testing.assert_allclose(probe.node, (0.0, 0.0, 0.5), atol=1e-9)
    for load in (Pressure(body.nodes("tip"), 1.0), Traction(body.nodes("line"), (0, 0, 1.0))):
        words = r"given on (node tag 4 \(point set 'tip'\)|edge tag 3 \(curve 'line'\)), but acts"
        with pytest.raises(InputError, match=words):
            ExplicitSolver(body.mesh, LAW, loads=[load])
    with pytest.raises(InputError, match="no point set, curve or surface 'tap', but"):
        body.nodes("tap")


@VERSIONS
def test_groups_of_two_dimensions(tmp_path, version) -> None:
    groups = [
        (2, [1, 2], 1, "all"), (2, [1], 2, "lower"), (1, "outer", 3, "skin"),
        (1, "low", 4, "part"), (0, "corner", 5, "tip"),
    ]  # fmt: skip
    two_squares(tmp_path / "a.msh", groups, version)
    body = read_msh(COMM, tmp_path / "a.msh", dimension=2)
    assert body.volumes == {"all": 1, "lower": 2} and body.surfaces == {"skin": 3, "part": 4}
    assert body.mesh.topology.index_map(2).size_local == 18
    counts = [len(tags.find(tag)) for tags, tag in map(body.volume, ("all", "lower"))]
    assert counts == [18, 9]
    skin, part = body.surface("skin"), body.surface("part")
    assert len(skin[0].find(3)) == 18 and len(part[0].find(4)) == 3
    solver = ExplicitSolver(
        body.mesh, LAW, two_dimensional="plane-strain",
        constraints=[PrescribedVelocity(body.nodes("tip"), components=(0, 1))],
        loads=[Traction(skin, (0.0, 1e-3, 0.0)), Traction(part, (0.0, 2e-3, 0.0))],
    )  # fmt: skip
    force = np.zeros_like(solver.elements.coordinates)
    for load in solver.loads:
        load.apply(force, force, force, 1.0, 0.0)
    np.testing.assert_allclose(force.sum(axis=0), (0.0, 6.0 * 1e-3 + 2e-3, 0.0), atol=1e-15)
    tip = solver.elements.coordinates[solver.constraints[0].nodes]
    np.testing.assert_allclose(tip, [[0.0, 0.0, 0.0]], atol=1e-12)
    two_squares(tmp_path / "b.msh", [(2, [1], 1, "low"), (1, "outer", 3, "skin")], version)
    with pytest.raises(InputError, match="9 of the 18 edges of the curve 'skin' are not on"):
        read_msh(COMM, tmp_path / "b.msh", dimension=2)


def test_an_empty_group_is_refused_where_it_is_named(tmp_path) -> None:
    def build(model) -> None:
        model.add("box")
        tag = model.occ.addBox(0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
        model.occ.synchronize()
        model.addDiscreteEntity(2, 99)
        model.addPhysicalGroup(3, [tag], 1, name="body")
        model.addPhysicalGroup(2, [99], 2, name="nothing")
        model.mesh.generate(3)

    write_msh(tmp_path / "a.msh", build)
    body = read_msh(COMM, tmp_path / "a.msh")
    assert body.surfaces == {"nothing": 2}
    for named in (body.surface, body.nodes):
        with pytest.raises(InputError, match="'nothing' of the mesh is empty"):
            named("nothing")
    domain, _, facets = build_mesh(COMM, build)
    for load in (Pressure((facets, 2), 1.0), Traction((facets, 2), (0.0, 0.0, 1.0))):
        with pytest.raises(InputError, match=r"facet tag 2 .* marks no outer facet"):
            ExplicitSolver(domain, LAW, loads=[load])
    with pytest.raises(InputError, match=r"facet tag 2 .* marks no node"):
        ExplicitSolver(domain, LAW, constraints=[PrescribedVelocity((facets, 2))])
