# SPDX-License-Identifier: MIT
"""XDMF output that every reader opens: one temporal collection with mesh and all fields."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import h5py
import numpy as np
from dolfinx.mesh import Mesh

from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.io.heavy import Blocks, has_parallel_hdf5, writable_folder, write_heavy
from mlms_fenics.io.layout import Fields, MeshLayout, Snapshot
from mlms_fenics.numbers import check_finite
from mlms_fenics.parallel import on_rank_zero

_TOPOLOGY = {
    "interval": "Polyline",
    "triangle": "Triangle",
    "quadrilateral": "Quadrilateral",
    "tetrahedron": "Tetrahedron",
    "hexahedron": "Hexahedron",
    "prism": "Wedge",
    "pyramid": "Pyramid",
}
# Cells from which on parallel writing pays.
_LARGE = 300_000
_ATTRIBUTE = {(): "Scalar", (3,): "Vector", (3, 3): "Tensor"}


@dataclass(frozen=True)
class _Attribute:
    name: str
    centre: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Step:
    file: str
    time: float
    attributes: tuple[_Attribute, ...]


class XDMFWriter:
    """Writes a mesh once and its fields at each output time, from all ranks together.

    The heavy data go to HDF5 files: the mesh beside ("anvil.h5" for "anvil.xdmf"), each output to
    one of its own in a folder ("anvil_data"), none of which is touched again. A run that is killed
    or runs into a full disk therefore loses nothing written before, and the text, replaced
    atomically after each output, always opens. Rows are in the order of the original mesh, so that
    files of runs on different numbers of ranks agree row by row.

    Args:
        path: of the text, ending in ".xdmf"; existing files are replaced.
        mesh: cells of degree 1.
        dtype: floating type of the file, `numpy.float64` or `numpy.float32`.
        parallel: all ranks write (needs h5py with MPI); False gathers to rank 0; None lets all
            ranks write where they can and the mesh is large: a small output is gathered and
            written in a fraction of the time that MPI takes to open a file.
        resume: a time; existing outputs are gone on with and those beyond that time left out.

    Raises:
        InputError: on all ranks: the folder cannot be written, the name or the cells do not fit.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        mesh: Mesh,
        *,
        dtype: Any = np.float64,
        parallel: bool | None = None,
        resume: float | None = None,
    ) -> None:
        self.path = Path(path)
        self.comm = mesh.comm
        self._dtype = np.dtype(dtype)
        require(
            self.path.suffix == ".xdmf",
            f"the output file {str(path)!r} must have a name that ends in .xdmf",
        )
        require(
            self._dtype in (np.float32, np.float64),
            f"files hold float32 or float64, not {self._dtype}",
        )
        require(
            has_parallel_hdf5() or not parallel,
            "h5py is built without MPI here: leave `parallel` out",
        )
        if parallel is None:
            cells = mesh.topology.index_map(mesh.topology.dim).size_global
            parallel = has_parallel_hdf5() and mesh.comm.size > 1 and cells >= _LARGE
        self._parallel = parallel
        self._layout = MeshLayout(mesh, to_root=not self._parallel)
        self.folder = writable_folder(self.comm, self.path.with_name(f"{self.path.stem}_data"))
        self._mesh_file = self.path.with_suffix(".h5")
        self._steps: list[_Step] = on_rank_zero(
            self.comm, lambda: [] if resume is None else self._earlier(resume)
        )
        if self._steps:
            return
        on_rank_zero(self.comm, self._remove_earlier_run)
        layout = self._layout
        self._write_heavy(
            self._mesh_file,
            {"cell": layout.cell_name},
            {
                "points": (layout.nodes, layout.points.astype(self._dtype)),
                "connectivity": (layout.cells, layout.connectivity),
            },
        )

    @property
    def files(self) -> list[Path]:
        """The text, the mesh, and the folder of the outputs."""
        return [self.path, self._mesh_file, self.folder]

    def write(self, time: float, *, nodal: Fields | None = None, cell: Fields | None = None):
        """Add all fields at one time (collective).

        Args:
            time: µs, greater than that of the last output.
            nodal: by name, Functions of degree 1 or arrays by geometry node; scalars, vectors, or
                tensors; see `MeshLayout.collect`.
            cell: by name, Functions with one value per cell, or arrays by cell.

        Raises:
            InputError: on all ranks: a field of wrong shape, a repeated name, a time not greater.
            SimulationError: on all ranks: the disk is full.
        """
        nodal, cell = nodal or {}, cell or {}
        check_finite("time of an output", time, "µs")
        require(
            not self._steps or time > self._steps[-1].time,
            f"output at time {time:g} after one at {self._steps[-1].time if self._steps else 0:g}: "
            "times must increase",
        )
        twice = sorted(set(nodal) & set(cell))
        require(not twice, f"fields {twice} are given both at nodes and in cells: name them apart")
        at_nodes, in_cells = self._layout.collect(nodal, cell, self._dtype)
        blocks, attributes = {}, []
        for centre, order, fields in (
            ("Node", self._layout.nodes, at_nodes),
            ("Cell", self._layout.cells, in_cells),
        ):
            for name, rows in fields.items():
                _check_name(name)
                # Flat tensors: XDMF's dimensions and the data set's must have the same rank.
                flat = rows.reshape(len(rows), 9) if rows.ndim == 3 else rows
                blocks[name] = (order, flat)
                attributes.append(_Attribute(name, centre, rows.shape[1:]))
        step = _Step(f"{len(self._steps):06d}.h5", float(time), tuple(attributes))
        self._write_heavy(self.folder / step.file, {"time": step.time}, blocks)
        self._steps.append(step)
        on_rank_zero(self.comm, self._replace_text)

    def _write_heavy(self, path: Path, attributes: dict[str, Any], blocks: Blocks) -> None:
        write_heavy(self.comm, path, attributes, blocks, parallel=self._parallel)

    @property
    def times(self) -> list[float]:
        """Of the outputs so far, µs."""
        return [step.time for step in self._steps]

    def snapshot(self, number: int) -> Snapshot | None:
        """An output as it was written, but for tensors in cells, on rank 0; None elsewhere."""

        def read() -> Snapshot:
            fields: dict[str, dict[str, np.ndarray]] = {"Node": {}, "Cell": {}}
            step = self._steps[number]
            try:
                with h5py.File(self._mesh_file, "r") as file:
                    points, connectivity = file["points"][()], file["connectivity"][()]
                with h5py.File(self.folder / step.file, "r") as file:
                    for field in step.attributes:
                        if field.shape != (3, 3):
                            fields[field.centre][field.name] = file[field.name][()]
            except (OSError, KeyError) as error:
                raise InputError(
                    f"cannot read the earlier outputs of {str(self.path)!r} ({error})"
                ) from None
            name = self._layout.cell_name
            return Snapshot(points, connectivity, name, fields["Node"], fields["Cell"])

        bodies: list[Snapshot] = []
        on_rank_zero(self.comm, lambda: bodies.append(read()))
        return bodies[0] if bodies else None

    def _earlier(self, until: float) -> list[_Step]:
        if not self.path.exists():
            return []
        shapes = {kind: shape for shape, kind in _ATTRIBUTE.items()}
        steps = []
        try:
            grids = ElementTree.parse(self.path).getroot().find("Domain/Grid").findall("Grid")
            for grid in grids:
                time = float(grid.find("Time").get("Value"))
                items = grid.findall("Attribute")
                place = items[0].find("DataItem").text.partition(":")[0]
                fields = tuple(
                    _Attribute(a.get("Name"), a.get("Center"), shapes[a.get("AttributeType")])
                    for a in items
                )
                if time <= until:
                    steps.append(_Step(Path(place).name, time, fields))
            with h5py.File(self._mesh_file, "r") as file:
                dtype, cells = file["points"].dtype, len(file["connectivity"])
        except (OSError, ElementTree.ParseError, AttributeError, IndexError, KeyError) as error:
            raise InputError(
                f"cannot go on with {str(self.path)!r} ({error}): restart into another folder"
            ) from None
        require(
            dtype == self._dtype and cells == self._layout.cells.total,
            f"{str(self.path)!r} holds {dtype} of {cells} cells, but this run has {self._dtype} of "
            f"{self._layout.cells.total}: give the options of the run that wrote it",
        )
        return steps

    def _remove_earlier_run(self) -> None:
        self.path.unlink(missing_ok=True)
        for file in [*self.folder.glob("[0-9]*.h5"), *self.folder.glob(".*.part")]:
            file.unlink(missing_ok=True)

    def _replace_text(self) -> None:
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            beside.write_text(self._text(), encoding="utf-8")
            os.replace(beside, self.path)
        except OSError as error:
            raise SimulationError(
                f"writing {str(self.path)!r} failed: {error.strerror}; is the disk full?"
            ) from None
        finally:
            beside.unlink(missing_ok=True)

    def _text(self) -> str:
        grids = "".join(self._grid(step) for step in self._steps)
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<Xdmf Version="3.0">\n<Domain>\n'
            '<Grid Name="body" GridType="Collection" CollectionType="Temporal">\n'
            f"{grids}</Grid>\n</Domain>\n</Xdmf>\n"
        )

    def _grid(self, step: _Step) -> str:
        # Each grid names the same mesh data again: readers differ in how they follow references.
        layout, mesh = self._layout, self._mesh_file.name
        cells, vertices = layout.cells.total, layout.connectivity.shape[1]
        kind = _TOPOLOGY[layout.cell_name]
        counts = f'NumberOfElements="{cells}" NodesPerElement="{vertices}"'
        topology = self._item((cells, vertices), "Int", 8, f"{mesh}:/connectivity")
        points = self._item((layout.nodes.total, 3), "Float", None, f"{mesh}:/points")
        lines = [
            '<Grid Name="body" GridType="Uniform">',
            f'  <Time Value="{step.time!r}"/>',
            f'  <Topology TopologyType="{kind}" {counts}>{topology}</Topology>',
            f'  <Geometry GeometryType="XYZ">{points}</Geometry>',
        ]
        for field in step.attributes:
            rows = layout.nodes.total if field.centre == "Node" else cells
            size = int(np.prod(field.shape))
            shape = (rows, size) if field.shape else (rows,)
            item = self._item(shape, "Float", None, f"{self.folder.name}/{step.file}:/{field.name}")
            lines.append(
                f"  <Attribute Name={quoteattr(field.name)} Center={quoteattr(field.centre)} "
                f'AttributeType="{_ATTRIBUTE[field.shape]}">{item}</Attribute>'
            )
        return "\n".join([*lines, "</Grid>\n"])

    def _item(self, shape: tuple[int, ...], number: str, size: int | None, where: str) -> str:
        dimensions = " ".join(map(str, shape))
        return (
            f'<DataItem Dimensions="{dimensions}" NumberType="{number}" '
            f'Precision="{size or self._dtype.itemsize}" Format="HDF">'
            f"{where}</DataItem>"
        )


def _check_name(name: str) -> None:
    if not name or any(c in name for c in "/:<>&\"'"):
        raise InputError(f"field name {name!r} must have no / : < > & or quotes")
