# SPDX-License-Identifier: MIT
"""Output from any number of ranks, against a mesh whose original order is known."""

import resource
from pathlib import Path

import basix.ufl
import h5py
import numpy as np
import pytest
from dolfinx import fem, mesh
from mpi4py import MPI
from xdmf_reading import read_grids

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.io import History, XDMFWriter, read_history
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.io.layout import gatherer
from mlms_fenics.parallel import on_rank_zero

COMM = MPI.COMM_WORLD
SHAPE = (3, 4, 5)


def original_mesh():
    """Nodes in a shuffled order with some that no cell uses, and shuffled hexahedra."""
    random = np.random.default_rng(7)
    grid = np.stack(np.meshgrid(*[np.arange(n + 1.0) for n in SHAPE], indexing="ij"), axis=-1)
    x = grid.reshape(-1, 3)
    number = np.arange(len(x)).reshape(grid.shape[:3])
    corners = [
        number[i : i + SHAPE[0], j : j + SHAPE[1], k : k + SHAPE[2]].ravel()
        for k in (0, 1)
        for j in (0, 1)
        for i in (0, 1)
    ]
    cells = np.stack(corners, axis=1)[random.permutation(np.prod(SHAPE))]
    place = random.permutation(len(x) + 4)[: len(x)]  # four places stay unused
    points = np.full((len(x) + 4, 3), -50.0)
    points[place] = x
    return points, place[cells], np.sort(place)


def distributed():
    points, cells, used = original_mesh()
    on_root = slice(None) if COMM.rank == 0 else slice(0, 0)
    element = basix.ufl.element("Lagrange", "hexahedron", 1, shape=(3,))
    domain = mesh.create_mesh(COMM, cells=cells[on_root], x=points[on_root], e=element)
    return domain, points, cells, used


@pytest.mark.parametrize("parallel", [True, False])
def test_rows_are_those_of_the_original_mesh(folder, parallel):
    domain, points, cells, used = distributed()
    u = fem.Function(fem.functionspace(domain, ("Lagrange", 1, (3,))))
    u.interpolate(lambda x: 2.0 * x)
    path = folder / f"{parallel}.xdmf"
    writer = XDMFWriter(path, domain, parallel=parallel)
    n_owned = domain.topology.index_map(3).size_local
    original = domain.topology.original_cell_index.astype(float)
    for t in (0.0, 1.0):
        writer.write(
            t,
            nodal={"u": u, "t": domain.geometry.x * t},
            cell={"owned": original[:n_owned], "all": original},
        )

    def check():
        grids = read_grids(path)
        assert len(grids) == 2
        for t, body, nodal, of_cells in grids:
            np.testing.assert_allclose(body.points, points[used], atol=1e-14)
            np.testing.assert_allclose(nodal["u"], 2.0 * points[used], atol=1e-13)
            np.testing.assert_allclose(nodal["t"], t * points[used], atol=1e-13)
            np.testing.assert_array_equal(of_cells["owned"], np.arange(len(cells)))
            np.testing.assert_array_equal(of_cells["all"], np.arange(len(cells)))
            written = body.cells.reshape(-1, 9)[:, 1:]
            to_vtk = [0, 1, 3, 2, 4, 5, 7, 6]
            np.testing.assert_array_equal(used[written], cells[:, to_vtk])
            assert body.compute_cell_sizes()["Volume"] == pytest.approx(np.ones(len(cells)))

    on_rank_zero(COMM, check)


def test_rank_zero_gathers_the_whole_body(folder):
    domain, points, cells, used = distributed()
    gather = gatherer(domain)
    snapshot = gather({"x": domain.geometry.x}, {"n": domain.topology.original_cell_index})
    if COMM.rank == 0:
        np.testing.assert_allclose(snapshot.points, points[used], atol=1e-14)
        np.testing.assert_allclose(snapshot.nodal["x"], points[used], atol=1e-14)
        np.testing.assert_array_equal(snapshot.cell["n"], np.arange(len(cells)))
    else:
        assert snapshot is None


def test_bad_field_on_one_rank_is_an_error_on_all(folder):
    domain = distributed()[0]
    writer = XDMFWriter(folder / "a.xdmf", domain)
    x = domain.geometry.x
    last = COMM.rank == COMM.size - 1
    with pytest.raises(InputError, match="field 'x'"):
        writer.write(0.0, nodal={"x": x[:-1] if last else x})
    writer.write(0.0, nodal={"x": x})
    assert on_rank_zero(COMM, lambda: len(read_grids(folder / "a.xdmf"))) == 1


def test_unwritable_folder_is_an_error_on_all(folder):
    if COMM.rank == 0:
        (folder / "file").write_text("no folder")
    COMM.barrier()
    for path in (folder / "file", folder / "file" / "below", Path("/proc/none")):
        with pytest.raises(InputError, match="cannot write into"):
            writable_folder(COMM, path)


@pytest.mark.parametrize("parallel", [True, False])
def test_no_room_is_an_error_on_all(folder, parallel):
    domain = distributed()[0]
    writer = XDMFWriter(folder / "a.xdmf", domain, parallel=parallel)
    writer.write(0.0, nodal={"x": domain.geometry.x})
    COMM.barrier()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(SimulationError, match="no room"):
            writer.write(1.0, nodal={"x": domain.geometry.x, "y": domain.geometry.x})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    COMM.barrier()

    def check():
        ((time, body, nodal, _),) = read_grids(folder / "a.xdmf")
        assert time == 0.0
        np.testing.assert_allclose(nodal["x"], body.points)
        left = sorted(p.name for p in (folder / "a_data").iterdir())
        assert left == ["000000.h5"]

    on_rank_zero(COMM, check)


def test_history_is_written_once(folder):
    history = History(COMM, folder / "h.csv", {"time": "us"})
    for k in range(4):
        history.append({"time": float(k + 10 * COMM.rank)})
    history.check()
    assert read_history(folder / "h.csv")["time"].tolist() == [0.0, 1.0, 2.0, 3.0]
    COMM.barrier()


def test_heavy_data_hold_each_row_once(folder):
    domain = distributed()[0]
    XDMFWriter(folder / "a.xdmf", domain)
    COMM.barrier()
    with h5py.File(folder / "a.h5") as file:
        assert file["points"].shape == (4 * 5 * 6, 3)
        assert len(np.unique(file["points"][()], axis=0)) == 4 * 5 * 6
    COMM.barrier()
