# SPDX-License-Identifier: MIT
"""XDMF files read back by XML, h5py, VTK and dolfinx, none of which shares code with the writer."""

import resource
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import ufl
from dolfinx import fem, io, mesh
from mpi4py import MPI
from xdmf_reading import read_grids

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.io import XDMFReader, XDMFWriter
from mlms_fenics.io.layout import gatherer

COMM = MPI.COMM_SELF
SPACE = [mesh.CellType.hexahedron, mesh.CellType.tetrahedron]
PLANE = [mesh.CellType.quadrilateral, mesh.CellType.triangle]


def box(cell=mesh.CellType.hexahedron):
    return mesh.create_box(COMM, [[0, 0, 0], [1.0, 2.0, 3.0]], [2, 3, 4], cell_type=cell)


def n_cells(domain):
    return domain.topology.index_map(domain.topology.dim).size_local


def centres(domain):
    return domain.geometry.x[domain.geometry.dofmap].mean(axis=1)


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("cell", SPACE)
def test_fields_and_mesh_come_back(tmp_path, cell, parallel):
    domain = box(cell)
    u = fem.Function(fem.functionspace(domain, ("Lagrange", 1, (3,))))
    T = fem.Function(fem.functionspace(domain, ("DG", 0, (3, 3))))
    factors = np.arange(1.0, 10.0)
    T.interpolate(lambda x: factors[:, None] * x[0])
    writer = XDMFWriter(tmp_path / "a.xdmf", domain, parallel=parallel)
    x = centres(domain)
    for t in (0.0, 0.5, 1.0):
        u.interpolate(lambda x, t=t: np.array([t * x[0], x[1] ** 2, -x[2]]))
        writer.write(
            t,
            nodal={"u": u, "z": domain.geometry.x[:, 2]},
            cell={"T": T, "S": x[:, :1, None] * factors.reshape(3, 3), "y": x[:, 1]},
        )
    grids = read_grids(tmp_path / "a.xdmf")
    assert [grid[0] for grid in grids] == [0.0, 0.5, 1.0]
    for t, body, nodal, of_cells in grids:
        assert list(nodal) == ["u", "z"] and list(of_cells) == ["T", "S", "y"]
        X = np.asarray(body.points)
        expected = np.stack([t * X[:, 0], X[:, 1] ** 2, -X[:, 2]], axis=1)
        np.testing.assert_allclose(nodal["u"], expected, atol=1e-14)
        np.testing.assert_array_equal(nodal["z"], X[:, 2])
        middle = X[body.cells.reshape(n_cells(domain), -1)[:, 1:]].mean(axis=1)
        tensor = middle[:, :1, None] * factors.reshape(3, 3)
        np.testing.assert_allclose(of_cells["T"], tensor, atol=1e-14)
        np.testing.assert_allclose(of_cells["S"], tensor, atol=1e-14)
        np.testing.assert_allclose(of_cells["y"], middle[:, 1], atol=1e-14)
        volumes = body.compute_cell_sizes()["Volume"]
        assert volumes.min() > 0.0
        assert volumes.sum() == pytest.approx(6.0, rel=1e-12)


@pytest.mark.parametrize("cell", SPACE + PLANE)
def test_dolfinx_reads_the_mesh(tmp_path, cell):
    if cell in PLANE:
        domain = mesh.create_rectangle(COMM, [[0, 0], [1, 2]], [3, 4], cell_type=cell)
    else:
        domain = box(cell)
    writer = XDMFWriter(tmp_path / "a.xdmf", domain)
    writer.write(0.0, cell={"one": np.ones(n_cells(domain))})
    with io.XDMFFile(COMM, tmp_path / "a.xdmf", "r") as file:
        again = file.read_mesh(name="body", xpath="/Xdmf/Domain/Grid")
    assert n_cells(again) == n_cells(domain)
    for body in (domain, again):
        volume = fem.assemble_scalar(fem.form(fem.Constant(body, 1.0) * ufl.dx(domain=body)))
        assert volume == pytest.approx(2.0 if cell in PLANE else 6.0, rel=1e-12)


def test_plane_fields_are_filled_with_zeros(tmp_path):
    domain = mesh.create_rectangle(COMM, [[0, 0], [1, 2]], [3, 4])
    v = fem.Function(fem.functionspace(domain, ("Lagrange", 1, (2,))))
    v.interpolate(lambda x: x[:2])
    writer = XDMFWriter(tmp_path / "a.xdmf", domain)
    tensor = np.arange(4.0).reshape(2, 2) + np.zeros((n_cells(domain), 1, 1))
    writer.write(0.0, nodal={"v": v}, cell={"T": tensor})
    ((_, body, nodal, of_cells),) = read_grids(tmp_path / "a.xdmf")
    np.testing.assert_allclose(nodal["v"], body.points, atol=1e-14)
    assert of_cells["T"][0].tolist() == [[0, 1, 0], [2, 3, 0], [0, 0, 0]]


def test_single_precision(tmp_path):
    domain = box()
    writer = XDMFWriter(tmp_path / "a.xdmf", domain, dtype=np.float32)
    writer.write(0.0, nodal={"x": domain.geometry.x / 3.0})
    ((_, body, nodal, _),) = read_grids(tmp_path / "a.xdmf")
    assert nodal["x"].dtype == np.float32
    np.testing.assert_allclose(nodal["x"], np.asarray(body.points) / 3.0, rtol=1e-6)


def test_file_is_whole_and_free_between_outputs(tmp_path):
    domain = box()
    writer = XDMFWriter(tmp_path / "a.xdmf", domain)
    assert not (tmp_path / "a.xdmf").exists()
    for number in range(3):
        writer.write(float(number), nodal={"x": domain.geometry.x * number})
        assert len(read_grids(tmp_path / "a.xdmf")) == number + 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "a.xdmf", "a_data"]
    heavy = sorted(p.name for p in (tmp_path / "a_data").iterdir())
    assert heavy == ["000000.h5", "000001.h5", "000002.h5"]


ENDLESS = """
import sys
import numpy as np
from dolfinx import mesh
from mpi4py import MPI
from mlms_fenics.io import XDMFReader, XDMFWriter
domain = mesh.create_unit_cube(MPI.COMM_SELF, 6, 6, 6, mesh.CellType.hexahedron)
writer = XDMFWriter(sys.argv[1], domain)
for number in range(100000):
    writer.write(float(number), nodal={"x": domain.geometry.x * number})
"""


def test_killed_run_leaves_a_file_that_opens(tmp_path):
    path = tmp_path / "a.xdmf"
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)])
    try:
        end = time.monotonic() + 60.0
        while not path.exists() or path.read_text().count("<Time") < 3:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    grids = read_grids(path)
    assert len(grids) >= 3
    for t, body, nodal, _ in grids:
        np.testing.assert_allclose(nodal["x"], np.asarray(body.points) * t, atol=1e-14 * max(t, 1))


def test_an_earlier_file_is_replaced(tmp_path):
    for scale in (1.0, 2.0):
        domain = box()
        writer = XDMFWriter(tmp_path / "a.xdmf", domain)
        writer.write(0.0, nodal={"x": domain.geometry.x * scale})
        if scale == 1.0:
            writer.write(1.0, nodal={"x": domain.geometry.x})
    assert len(list((tmp_path / "a_data").iterdir())) == 1
    ((_, body, nodal, _),) = read_grids(tmp_path / "a.xdmf")
    np.testing.assert_array_equal(nodal["x"], 2.0 * np.asarray(body.points))


def test_snapshot_has_the_order_of_the_file(tmp_path):
    domain = box()
    fields = {"x": domain.geometry.x}, {"y": centres(domain)[:, 1]}
    XDMFWriter(tmp_path / "a.xdmf", domain).write(0.0, nodal=fields[0], cell=fields[1])
    ((_, body, nodal, of_cells),) = read_grids(tmp_path / "a.xdmf")
    snapshot = gatherer(domain)(*fields)
    np.testing.assert_array_equal(snapshot.points, body.points)
    np.testing.assert_array_equal(snapshot.connectivity, body.cells.reshape(-1, 9)[:, 1:])
    np.testing.assert_array_equal(snapshot.nodal["x"], nodal["x"])
    np.testing.assert_array_equal(snapshot.cell["y"], of_cells["y"])


@pytest.mark.parametrize("parallel", [True, False])
def test_no_room_is_reported_and_keeps_what_was_written(tmp_path, parallel):
    domain = box()
    writer = XDMFWriter(tmp_path / "a.xdmf", domain, parallel=parallel)
    writer.write(0.0, nodal={"x": domain.geometry.x})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(SimulationError, match=r"no room for the next output.*too large"):
            writer.write(1.0, nodal={"x": domain.geometry.x})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(read_grids(tmp_path / "a.xdmf")) == 1
    writer.write(2.0, nodal={"x": domain.geometry.x})
    assert [grid[0] for grid in read_grids(tmp_path / "a.xdmf")] == [0.0, 2.0]
    assert len(list((tmp_path / "a_data").iterdir())) == 2


def test_write_that_fails_in_the_middle(tmp_path, monkeypatch):
    """The room was there when it was checked, and was taken by others since."""
    domain = box()
    writer = XDMFWriter(tmp_path / "a.xdmf", domain, parallel=False)
    writer.write(0.0, nodal={"x": domain.geometry.x})
    monkeypatch.setattr("mlms_fenics.io.heavy._check_space", lambda *_: None)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(SimulationError, match=r"failed.*too large"):
            writer.write(1.0, nodal={"x": domain.geometry.x})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(read_grids(tmp_path / "a.xdmf")) == 1
    assert [p.name for p in (tmp_path / "a_data").iterdir()] == ["000000.h5"]


def test_bad_input(tmp_path):
    domain = box()
    x, cells = domain.geometry.x, n_cells(domain)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match="cannot write into"):
        XDMFWriter(tmp_path / "file" / "a.xdmf", domain)
    with pytest.raises(InputError, match=r"\.xdmf"):
        XDMFWriter(tmp_path / "a.h5", domain)
    with pytest.raises(InputError, match="float16"):
        XDMFWriter(tmp_path / "a.xdmf", domain, dtype=np.float16)
    writer = XDMFWriter(tmp_path / "a.xdmf", domain)
    quadratic = fem.Function(fem.functionspace(domain, ("Lagrange", 2)))
    linear = fem.Function(fem.functionspace(domain, ("Lagrange", 1)))
    for nodal, cell, message in (
        ({"x": x[:-1]}, {}, "nodes"),
        ({"x": np.zeros((len(x), 4))}, {}, "shape"),
        ({"f": quadratic}, {}, "degree 1"),
        ({"a/b": x}, {}, "must have no"),
        ({}, {"c": np.zeros(cells + 1)}, "cells"),
        ({}, {"c": linear}, "one value per cell"),
        ({"x": x}, {"x": np.zeros(cells)}, "apart"),
    ):
        with pytest.raises(InputError, match=message):
            writer.write(0.0, nodal=nodal, cell=cell)
    writer.write(1.0, nodal={"x": x})
    with pytest.raises(InputError, match="increase"):
        writer.write(1.0, nodal={"x": x})
    assert len(read_grids(tmp_path / "a.xdmf")) == 1


def test_curved_cells_are_refused(tmp_path):
    import basix.ufl

    x = np.array([[0.0, 0], [1, 0], [0, 1], [0.5, 0.5], [0, 0.5], [0.5, 0]])
    element = basix.ufl.element("Lagrange", "triangle", 2, shape=(2,))
    domain = mesh.create_mesh(COMM, cells=np.arange(6)[None, :], x=x, e=element)
    with pytest.raises(InputError, match="degree 1"):
        XDMFWriter(tmp_path / "a.xdmf", domain)


def test_heavy_data_describe_themselves(tmp_path):
    XDMFWriter(tmp_path / "a.xdmf", box()).write(0.25, nodal={})
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["unit_system"] == "mm us GPa mg"
        assert file.attrs["cell"] == "hexahedron"
    with h5py.File(tmp_path / "a_data" / "000000.h5") as file:
        assert file.attrs["time"] == 0.25


def test_reader_gives_what_was_written(tmp_path):
    domain = box()
    writer = XDMFWriter(tmp_path / "a.xdmf", domain)
    tensor = np.arange(9.0 * n_cells(domain)).reshape(-1, 3, 3)
    for t in (0.0, 0.5):
        writer.write(
            t, nodal={"x": domain.geometry.x + t}, cell={"T": tensor * t, "c": tensor[:, 0, 0]}
        )
    reader = XDMFReader(tmp_path / "a.xdmf")
    assert reader.times == [0.0, 0.5]
    assert reader.names() == ["x", "T", "c"] and reader.names("Cell") == ["T", "c"]
    ((_, body, nodal, of_cells), last) = read_grids(tmp_path / "a.xdmf")
    np.testing.assert_array_equal(reader.points, body.points)
    np.testing.assert_array_equal(reader.connectivity, body.cells.reshape(-1, 9)[:, 1:])
    np.testing.assert_array_equal(reader.field("x", 0), nodal["x"])
    np.testing.assert_array_equal(reader.field("x"), reader.points + 0.5)
    np.testing.assert_array_equal(reader.field("T"), last[3]["T"])
    np.testing.assert_array_equal(reader.field("c", 0), of_cells["c"])
    with pytest.raises(InputError, match="has x, T, c"):
        reader.field("none")
    with pytest.raises(InputError, match="has 2"):
        reader.field("x", 2)
    (tmp_path / "a_data" / "000001.h5").unlink()
    with pytest.raises(InputError, match="together"):
        reader.field("x")
    with pytest.raises(InputError, match="cannot read"):
        XDMFReader(tmp_path / "none.xdmf")
    (tmp_path / "bad.xdmf").write_text("<Xdmf></Xdmf>")
    with pytest.raises(InputError, match="no temporal"):
        XDMFReader(tmp_path / "bad.xdmf")
