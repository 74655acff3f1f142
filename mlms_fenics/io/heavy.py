# SPDX-License-Identifier: MIT
"""Writing blocks of arrays to an HDF5 file from all ranks, all of it or nothing."""

import os
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

# What the headers of a file take, generously.
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


def write_heavy(
    comm: MPI.Intracomm,
    path: str | os.PathLike,
    attributes: Mapping[str, Any],
    blocks: Blocks,
    *,
    parallel: bool,
) -> None:
    """Write an HDF5 file (collective); it appears under its name only when it is whole.

    Args:
        comm: of all ranks that hold blocks.
        path: an existing file is replaced.
        attributes: of the file; the package's version and units are added.
        blocks: by dataset name, the order that says how many rows there are and which are this
            rank's, and those rows.
        parallel: all ranks write their own blocks (needs h5py with MPI); otherwise rank 0 does and
            the blocks must have been brought there (`MeshLayout(to_root=True)`).

    Raises:
        SimulationError: on all ranks, where it cannot be written, such as on a full disk.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.part")
    attributes = {"package_version": __version__, "unit_system": units.SYSTEM, **attributes}
    if not parallel:
        on_rank_zero(comm, lambda: _write_alone(path, beside, attributes, blocks))
        return
    on_rank_zero(comm, lambda: _check_space(beside, blocks))
    failure = None
    try:
        with h5py.File(beside, "w", driver="mpio", comm=comm) as file:
            failure = _fill(file, attributes, blocks)
    except (OSError, RuntimeError) as error:  # h5py gives RuntimeError where closing fails
        failure = failure or error
    failures = [text for text in comm.allgather(failure and str(failure)) if text]
    on_rank_zero(comm, lambda: _finish(path, beside, failures))


def _write_alone(path: Path, beside: Path, attributes: Mapping[str, Any], blocks: Blocks) -> None:
    _check_space(beside, blocks)
    failures = []
    try:
        # Made in memory first: HDF5 cannot let go of a file that it failed to write.
        with h5py.File(beside, "w", driver="core", backing_store=False) as file:
            if failure := _fill(file, attributes, blocks):
                raise failure
            file.flush()
            image = file.id.get_file_image()
        beside.write_bytes(image)
    except OSError as error:
        failures.append(str(error))
    _finish(path, beside, failures)


def _finish(path: Path, beside: Path, failures: list[str]) -> None:
    try:
        if not failures:
            os.replace(beside, path)
            return
        beside.unlink(missing_ok=True)
    except OSError as error:
        failures.append(str(error))
    raise SimulationError(
        f"writing {str(path)!r} failed: {failures[0]}; is the disk full? Earlier outputs are kept"
    )


def _check_space(path: Path, blocks: Blocks) -> None:
    """Reserve the room that a file needs and give it back: sees full disks, quotas and limits.

    A parallel write that fails in the middle cannot be taken back cleanly, so it must not begin.
    """
    needed = _HEADER_BYTES + sum(
        order.total * rows.itemsize * int(np.prod(rows.shape[1:]))
        for order, rows in blocks.values()
    )
    try:
        with open(path, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, needed)
    except OSError as error:
        raise SimulationError(
            f"no room for the next output, {needed / 2**20:.1f} MiB in {str(path.parent)!r}: "
            f"{error.strerror}; earlier outputs are kept"
        ) from None
    finally:
        path.unlink(missing_ok=True)


def _fill(file: h5py.File, attributes: Mapping[str, Any], blocks: Blocks) -> Exception | None:
    for key, value in attributes.items():
        file.attrs[key] = value
    # Every row is written by some rank: no need to fill the data sets with zeros together first.
    unfilled = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    unfilled.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    created = [
        (
            file.create_dataset(
                key, (order.total, *rows.shape[1:]), rows.dtype, dcpl=unfilled.copy()
            ),
            order,
            rows,
        )
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
