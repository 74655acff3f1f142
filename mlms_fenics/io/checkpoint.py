# SPDX-License-Identifier: MIT
"""Checkpoints: a run on disk, and back, on any number of ranks."""

import json
import os
from pathlib import Path
from typing import Any

import basix
import h5py
import numpy as np
from dolfinx import la
from mpi4py import MPI

from mlms_fenics import _compat
from mlms_fenics.errors import InputError, require
from mlms_fenics.hdf5 import opened
from mlms_fenics.io.heavy import has_parallel_hdf5, writable_folder, write_heavy
from mlms_fenics.io.ordering import InputOrder
from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.macroscale.records import differences, record, upgraded
from mlms_fenics.macroscale.saving import Contents, contents, put_back
from mlms_fenics.parallel import on_every_rank, on_rank_zero

FORMAT, VERSION = "mlms_fenics checkpoint", 1


class Checkpoint:
    """The state of a run in one HDF5 file, replaced as a whole at every `save`.

    A run restored on the same number of ranks goes on bit by bit as if it had not been interrupted;
    on another number it differs by rounding errors. Rows are in the order of the original mesh. A
    run that is killed while writing leaves the previous checkpoint.

    Args:
        solver: whose state is saved or set.
        path: of the file.
        parallel: all ranks write (needs h5py with MPI); False gathers to rank 0; None chooses.

    Raises:
        InputError: on all ranks: the folder cannot be written, or nodes that cannot be numbered.
    """

    def __init__(
        self, solver: ExplicitSolver, path: str | os.PathLike, *, parallel: bool | None = None
    ) -> None:
        require(
            has_parallel_hdf5() or not parallel,
            "h5py is built without MPI here: leave `parallel` out",
        )
        self.path, self._solver, self.comm = Path(path), solver, solver.comm
        self._parallel = has_parallel_hdf5() if parallel is None else parallel
        writable_folder(self.comm, self.path.parent)
        topology, to_root = solver.mesh.topology, not self._parallel
        n_cells = topology.index_map(topology.dim).size_local
        index = node_index(solver)
        self._nodes = InputOrder(self.comm, index, to_root=to_root)
        self._cells = InputOrder(self.comm, topology.original_cell_index[:n_cells], to_root=to_root)
        self._ranks = InputOrder(self.comm, np.array([self.comm.rank]), to_root=to_root)
        self._n_cells = n_cells
        position = la.vector(solver.elements.space.dofmap.index_map, 1, dtype=np.int64)
        position.array[: len(index)] = self._nodes.position
        position.scatter_forward()
        corners = position.array[solver.elements.space.dofmap.list[:n_cells]]
        self._mesh = {
            "mesh/points": (self._nodes, solver.elements.coordinates[: len(index)]),
            "mesh/cells": (self._cells, corners),
        }

    def save(self) -> None:
        """Replace the file by the solver's present state (collective).

        Raises:
            SimulationError: on all ranks, where the disk is full; the previous file stays.
        """
        now = contents(self._solver.body, self._solver.motion)
        per_cell = self._points_per_cell()
        rows = {f"node/{key}": (self._nodes, values) for key, values in now.nodal.items()}
        for key, values in now.cell.items():
            shaped = values.reshape(self._n_cells, per_cell, *values.shape[1:])
            rows[f"cell/{key}"] = (self._cells, shaped)
        for key, values in now.sums.items():
            rows[f"sums/{key}"] = (self._ranks, values[None])
        text = np.frombuffer(json.dumps(self._record()).encode(), dtype=np.uint8)
        mine = text if self.comm.rank == 0 else text[:0]
        whole = InputOrder(self.comm, np.arange(len(mine)), to_root=not self._parallel)
        rows |= {**self._mesh, "record": (whole, mine)}
        blocks = {key: (order, order.collect(values)) for key, (order, values) in rows.items()}
        attributes = {"format": FORMAT, "format_version": VERSION, "ranks": self.comm.size}
        attributes |= {f"common/{key}": values for key, values in now.common.items()}
        write_heavy(self.comm, self.path, attributes, blocks, parallel=self._parallel)

    def restore(self) -> None:
        """Set the solver's state to the file's (collective).

        Raises:
            InputError: on all ranks: no such file, not a checkpoint, or of another mesh, law or
                settings; the message names what differs.
        """
        attributes, saved_record = on_rank_zero(self.comm, self._head)
        present = contents(self._solver.body, self._solver.motion)
        saved_record["law"] = upgraded(saved_record["law"])
        lines = differences(saved_record, self._record(), "it")
        lines = [line.removeprefix("it, ") for line in lines]
        if lines:
            shown = "; ".join(lines[:6]) + ("; ..." if len(lines) > 6 else "")
            raise InputError(
                f"the checkpoint {str(self.path)!r} is of another run: {shown}. Give the options "
                "of the run that wrote it"
            )
        per_cell = self._points_per_cell()
        wanted = {f"node/{key}": (self._nodes, a[:0]) for key, a in present.nodal.items()}
        for key, a in present.cell.items():
            empty = np.empty((0, per_cell, *a.shape[1:]), dtype=a.dtype)
            wanted[f"cell/{key}"] = (self._cells, empty)
        wanted |= {key: (order, a[:0]) for key, (order, a) in self._mesh.items()}
        rows = self._read(wanted)
        self._refuse_other_mesh(rows)
        sums = self._sums(present, int(attributes["ranks"]))
        put_back(
            self._solver.body,
            self._solver.motion,
            Contents(
                {key: rows[f"node/{key}"] for key in present.nodal},
                {
                    key: rows[f"cell/{key}"].reshape(-1, *a.shape[1:])
                    for key, a in present.cell.items()
                },
                sums,
                {key: attributes[f"common/{key}"] for key in present.common},
            ),
        )

    def _record(self) -> dict[str, Any]:
        solver = self._solver
        maps = (
            solver.elements.space.dofmap.index_map,
            solver.mesh.topology.index_map(solver.mesh.topology.dim),
        )
        sizes = {"nodes": maps[0].size_global, "elements": maps[1].size_global}
        return {
            "mesh": {"cell": _compat.cell_name(solver.mesh), **sizes},
            "law": record(solver.material),
            "settings": record(solver.settings),
        }

    def _points_per_cell(self) -> int:
        points = len(self._solver.sigma) // self._n_cells if self._n_cells else 1
        return self.comm.allreduce(points, op=MPI.MAX)

    def _head(self) -> tuple[dict[str, Any], Any]:
        with opened(self.path, "checkpoint", FORMAT, VERSION) as file:
            attributes = {key: value for key, value in file.attrs.items()}
            return attributes, json.loads(file["record"][()].tobytes())

    def _read(self, wanted: dict[str, tuple[InputOrder, np.ndarray]]) -> dict[str, np.ndarray]:
        """This rank's rows; of each dataset an array says what rows must look like."""

        def blocks() -> dict[str, np.ndarray]:
            with opened(self.path, "checkpoint") as file:
                return {key: self._block(file, key, *like) for key, like in wanted.items()}

        read = on_every_rank(self.comm, blocks)
        return {key: order.distribute(read[key]) for key, (order, _) in wanted.items()}

    def _block(self, file: h5py.File, key: str, order: InputOrder, like: np.ndarray) -> np.ndarray:
        dataset = file.get(key)
        if dataset is None or dataset.shape != (order.total, *like.shape[1:]):
            what = "lacks" if dataset is None else f"has shape {dataset.shape} for"
            raise InputError(
                f"the checkpoint {str(self.path)!r} {what} {key!r}; {order.total} rows of "
                f"{like.shape[1:]} are needed: it is of another law, mesh or version"
            )
        return dataset[order.first : order.first + order.count].astype(like.dtype, copy=False)

    def _refuse_other_mesh(self, rows: dict[str, np.ndarray]) -> None:
        saved, present = rows["mesh/points"], self._mesh["mesh/points"][1]
        size = np.ptp(present, axis=0).max() if len(present) else 0.0
        moved = float(np.abs(saved - present).max(initial=0.0))
        local = moved > 1e-9 * size or (rows["mesh/cells"] != self._mesh["mesh/cells"][1]).any()
        require(
            not self.comm.allreduce(bool(local), op=MPI.LOR),
            f"the checkpoint {str(self.path)!r} is of another mesh: its nodes or elements are "
            "elsewhere or numbered otherwise",
        )

    def _sums(self, present: Contents, ranks: int) -> dict[str, np.ndarray]:
        def read() -> dict[str, np.ndarray]:
            with opened(self.path, "checkpoint") as file:
                found = {key: file[f"sums/{key}"][()] for key in present.sums}
            rank = self.comm.rank
            if ranks == self.comm.size:
                return {key: values[rank] for key, values in found.items()}
            return {key: values.sum(axis=0) * float(rank == 0) for key, values in found.items()}

        return on_every_rank(self.comm, read)


def node_index(solver: ExplicitSolver) -> np.ndarray:
    """A number of each owned node of the solver's space that does not depend on the ranks.

    A node at a vertex has the vertex's number n in the input as n·N + n, one on an edge those of
    both ends as a·N + b with a < b.

    Raises:
        InputError: there are nodes elsewhere.
    """
    domain, space = solver.mesh, solver.elements.space
    geometry = domain.geometry
    n_global = int(domain.comm.allreduce(geometry.input_global_indices.max(initial=0), op=MPI.MAX))
    vertices, edges = basix.topology(getattr(basix.CellType, _compat.cell_name(domain)))[:2]
    # Vertices come first among a cell's nodes, then edges.
    columns = _compat.geometry_dofmap(domain)[:, : len(vertices)]
    numbers = geometry.input_global_indices[columns]
    dofs = space.dofmap.list
    ends = [(k, k) for k in range(numbers.shape[1])]
    if dofs.shape[1] == len(ends) + len(edges):
        ends += [tuple(edge) for edge in edges]
    require(
        dofs.shape[1] == len(ends),
        f"elements with {dofs.shape[1]} nodes cannot be saved: their nodes must be at vertices, "
        "or at vertices and edges",
    )
    dofmap = space.dofmap.index_map
    index = np.zeros(dofmap.size_local + dofmap.num_ghosts, dtype=np.int64)
    for k, (a, b) in enumerate(ends):
        low, high = (f(numbers[:, a], numbers[:, b]) for f in (np.minimum, np.maximum))
        index[dofs[:, k]] = low * (n_global + 1) + high
    return index[: dofmap.size_local]
