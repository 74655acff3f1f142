# SPDX-License-Identifier: MIT
"""A table of scalars over time, as CSV with units in its header."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.parallel import on_rank_zero


class History:
    """Appends rows to a CSV file from rank 0; each row is on disk when `append` returns.

    Args:
        comm: the constructor and `check` are collective; `append` costs no communication.
        path: an existing file is replaced.
        columns: unit of each column by name, in order; "" for numbers without one.
        resume: a time; an existing table is gone on with and its rows beyond that time left out.

    Attributes:
        earlier: columns of the rows that were there, by name (all ranks); empty where none were.

    Raises:
        InputError: on all ranks, where the folder cannot be written or the table has other columns.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        path: str | os.PathLike,
        columns: Mapping[str, str],
        resume: float | None = None,
    ) -> None:
        self.comm, self.path = comm, Path(path)
        self.columns = dict(columns)
        self._failure: SimulationError | None = None
        writable_folder(comm, self.path.parent)
        self.earlier: dict[str, np.ndarray] = {}
        if resume is not None:
            self.earlier = on_rank_zero(comm, lambda: self._earlier(resume))
        if not self.earlier:
            self._write("w", self._head())
        self.check()

    def append(self, row: Mapping[str, float]) -> None:
        """Add one row (rank 0's values count; a failed write is kept for `check`).

        Args:
            row: a number for every column and no other.

        Raises:
            InputError: columns are missing or unknown.
        """
        odd = sorted(set(row) ^ set(self.columns))
        require(not odd, f"history {self.path.name}: columns {odd} are missing or unknown")
        self._write("a", [repr(float(row[name])) for name in self.columns])

    def check(self) -> None:
        """Raise `SimulationError` on all ranks where a row could not be written (collective)."""

        def tell() -> None:
            if self._failure is not None:
                raise self._failure

        on_rank_zero(self.comm, tell)

    def _head(self) -> list[str]:
        return [f"{name} [{unit}]" if unit else name for name, unit in self.columns.items()]

    def _earlier(self, until: float) -> dict[str, np.ndarray]:
        """Rows up to that time; the others are cut off the file, at once or not at all."""
        if not self.path.exists():
            return {}
        table = read_history(self.path)
        require(
            list(table) == list(self.columns),
            f"{str(self.path)!r} has other columns than this run: give the options of the run "
            "that wrote it, or another folder",
        )
        kept = table["time"] <= until
        table = {name: values[kept] for name, values in table.items()}
        beside = self.path.with_name(f".{self.path.name}.part")
        try:
            with open(beside, "w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(self._head())
                writer.writerows(
                    [repr(float(x)) for x in row] for row in zip(*table.values(), strict=True)
                )
            os.replace(beside, self.path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise SimulationError(
                f"writing {str(self.path)!r} failed: {error.strerror}; is the disk full?"
            ) from None
        return table

    def _write(self, mode: str, cells: list[str]) -> None:
        if self.comm.rank != 0 or self._failure is not None:
            return
        try:
            with open(self.path, mode, newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerow(cells)
        except OSError as error:
            self._failure = SimulationError(
                f"writing {str(self.path)!r} failed: {error.strerror}; is the disk full?"
            )


def read_history(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Columns of a history table by name, without their units.

    A last line that was cut off by an interrupted run is left out.

    Raises:
        InputError: no such file, or another line is damaged.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read the history {str(path)!r}: {error.strerror}") from None
    whole = text.rpartition("\n")[0].splitlines()
    require(bool(whole), f"{str(path)!r} is not a history table: it has no header line")
    names = [cell.partition(" [")[0] for cell in next(csv.reader(whole[:1]))]
    rows = []
    for number, cells in enumerate(csv.reader(whole[1:]), start=2):
        try:
            rows.append([float(cell) for cell in cells])
            require(len(cells) == len(names), "")
        except ValueError:
            raise InputError(
                f"{str(path)!r}, line {number}: {len(names)} numbers are needed"
            ) from None
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return dict(zip(names, table.T, strict=True))
