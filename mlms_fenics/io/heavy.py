# SPDX-License-Identifier: MIT
"""Appending blocks of arrays to one HDF5 file from all ranks, safely."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from mpi4py import MPI

from mlms_fenics import __version__, units
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.io.ordering import InputOrder
from mlms_fenics.parallel import on_rank_zero

Blocks = Mapping[str, tuple[InputOrder, np.ndarray]]

# What a new group and its datasets' headers take, generously; and what stays free for others.
_HEADER_BYTES = 65536


def has_parallel_hdf5() -> bool:
    """Whether h5py can write one file from several ranks."""
    return bool(h5py.get_config().mpi)


def writable_folder(comm: MPI.Intracomm, folder: str | os.PathLike) -> Path:
    """Make `folder` where it is missing and prove that files can be written there (collective).

    Raises:
        InputError: on all ranks, where that is not possible.
    """

    def prove() -> Path:
        path = Path(folder)
        probe = path / f".probe-{os.getpid()}"
        try:
            path.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            raise InputError(
                f"cannot write into the output folder {str(path)!r} ({error.strerror}): "
                "give another one"
            ) from None
        return path

    return on_rank_zero(comm, prove)


class HeavyFile:
    """One HDF5 file, opened only while something is added.

    Between two additions the file is whole and closed on disk: an interrupted run leaves all that
    was added before, and a viewer may open it while the run goes on.

    Args:
        comm: all methods are collective on it.
        path: an existing file is replaced.
        parallel: all ranks write their own blocks (needs h5py with MPI); otherwise rank 0 does and
            the blocks must have been brought there (`MeshLayout(to_root=True)`).

    Raises:
        SimulationError: on all ranks, where a write fails (also from `add`).
    """

    def __init__(self, comm: MPI.Intracomm, path: Path, *, parallel: bool) -> None:
        self.comm, self.path, self.parallel = comm, Path(path), parallel
        attributes = {"package_version": __version__, "unit_system": units.SYSTEM}
        self._open_and_write("w", "/", attributes, {})

    def add(self, group: str, attributes: Mapping[str, Any], blocks: Blocks) -> None:
        """Add a group of datasets (collective).

        Args:
            group: its name; must be new.
            attributes: of the group.
            blocks: by dataset name, the order that says how many rows there are and which are this
                rank's, and those rows.
        """
        self._check_space(blocks)
        self._open_and_write("r+", group, attributes, blocks)

    def _check_space(self, blocks: Blocks) -> None:
        # A full disk is seen before anything is touched, so that earlier outputs stay whole.
        needed = _HEADER_BYTES + sum(
            order.total * rows.itemsize * int(np.prod(rows.shape[1:]))
            for order, rows in blocks.values()
        )

        def check() -> None:
            free = shutil.disk_usage(self.path.parent).free
            if free < needed:
                raise SimulationError(
                    f"the disk of {str(self.path)!r} is full: {needed / 2**20:.1f} MiB needed for "
                    f"the next output, {free / 2**20:.1f} MiB free; earlier outputs are kept"
                )

        on_rank_zero(self.comm, check)

    def _open_and_write(
        self, mode: str, group: str, attributes: Mapping[str, Any], blocks: Blocks
    ) -> None:
        failure = None
        try:
            if self.parallel:
                with h5py.File(self.path, mode, driver="mpio", comm=self.comm) as file:
                    failure = _fill(file, group, attributes, blocks)
            elif self.comm.rank == 0:
                with h5py.File(self.path, mode) as file:
                    failure = _fill(file, group, attributes, blocks)
        except (OSError, RuntimeError) as error:  # h5py gives RuntimeError where closing fails
            failure = failure or error
        failures = [f for f in self.comm.allgather(failure and str(failure)) if f]
        if failures:
            raise SimulationError(
                f"writing {str(self.path)!r} failed: {failures[0]}; is the disk full?"
            )


def _fill(
    file: h5py.File, name: str, attributes: Mapping[str, Any], blocks: Blocks
) -> Exception | None:
    group = file.require_group(name)
    for key, value in attributes.items():
        group.attrs[key] = value
    created = [
        (group.create_dataset(key, (order.total, *rows.shape[1:]), rows.dtype), order, rows)
        for key, (order, rows) in blocks.items()
    ]
    # Only now may a single rank fail: it still reaches the collective close, so none hangs.
    try:
        for dataset, order, rows in created:
            if order.count:
                dataset[order.first : order.first + order.count] = rows
    except OSError as error:
        return error
    return None
