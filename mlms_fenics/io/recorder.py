# SPDX-License-Identifier: MIT
"""Runs a solver and writes what a user wants to keep of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.io.history import History
from mlms_fenics.io.layout import Snapshot, gatherer
from mlms_fenics.io.probes import ContactForce, LargestStrain, LargestStress, Probe, evaluate
from mlms_fenics.io.progress import Progress
from mlms_fenics.io.trust import LargestDistance, OutsideTraining, distances
from mlms_fenics.io.xdmf import XDMFWriter
from mlms_fenics.macroscale import (
    Energies,
    ExplicitSolver,
    deviatoric_strain,
    volumetric_strain,
    von_mises,
)

_ENERGIES = ("kinetic", "internal", "hourglass", "viscous", "contact", "external")


class Recorder:
    """Drives a solver to its end, with output, history, progress and trust (all collective).

    Args:
        solver: at its beginning.
        folder: made where it is missing; files of an earlier run there are replaced.
        name: of the XDMF and HDF5 files.
        end_time: µs.
        outputs: of fields, at equal intervals, besides that at the beginning.
        rows: of the history table, at about equal intervals.
        dtype: floating type of the field files.
        probes: further columns of the history, by name.
        keep: how many outputs to keep for pictures, the last included, equally spaced.

    Attributes:
        history: columns of the table so far, by name (all ranks): time, dt, energies, balance and
            the probes.
        snapshots: `(time, Snapshot)` of the outputs kept, on rank 0; on others the snapshot is
            None.
        trust: when the body left the range of the training data; None where the law has no
            measure of that.
        seconds: wall time of `run`, by part: the solver's parts, "output", "other" and "total".
        energies: at the end.

    Raises:
        InputError: on every rank: numbers out of range, or a folder that cannot be written.
    """

    def __init__(
        self,
        solver: ExplicitSolver,
        folder: str | os.PathLike,
        *,
        name: str,
        end_time: float,
        outputs: int = 10,
        rows: int = 200,
        dtype: Any = np.float64,
        probes: Mapping[str, Probe] | None = None,
        keep: int = 4,
    ) -> None:
        require(outputs >= 1, f"number of outputs is {outputs}, but must be at least 1")
        require(rows >= 1, f"number of history rows is {rows}, but must be at least 1")
        self.solver, self.end_time, self.outputs = solver, end_time, outputs
        self.folder = writable_folder(solver.comm, folder)
        self._probes: dict[str, Probe] = {
            **{f"contact_force_{axis}": ContactForce(i) for i, axis in enumerate("xyz")},
            "max_sigma_M": LargestStress(),
            "max_e_d": LargestStrain(),
            **(probes or {}),
        }
        self.trust = OutsideTraining() if distances(solver) is not None else None
        if self.trust is not None:
            self._probes |= {"outside_training": self.trust, "max_distance": LargestDistance()}
        columns = {"time": "us", "dt": "us", **dict.fromkeys(_ENERGIES, "J"), "balance": ""}
        columns |= {name: probe.unit for name, probe in self._probes.items()}
        self._table = History(solver.comm, self.folder / "history.csv", columns)
        self.history: dict[str, list[float]] = {column: [] for column in columns}
        self._writer = XDMFWriter(self.folder / f"{name}.xdmf", solver.mesh, dtype=dtype)
        self._gather = gatherer(solver.mesh)
        self._kept = set(np.linspace(0, outputs, keep + 1).round().astype(int)[1:].tolist())
        self._interval = end_time / rows
        self.snapshots: list[tuple[float, Snapshot | None]] = []
        self.seconds: dict[str, float] = {}
        self._output_seconds = 0.0
        self.energies: Energies = solver.energies()

    @property
    def files(self) -> list[Path]:
        """The files written so far."""
        return [*self._writer.files, self._table.path]

    def run(self) -> None:
        """Run to the end.

        Raises:
            InputError: the law cannot be used up to the end time.
            SimulationError: as of the solver; also a full disk. What was written before stays.
        """
        solver = self.solver
        progress = Progress(self.end_time, shown=solver.comm.rank == 0)
        start, before = perf_counter(), dict(solver.timings)
        self.write(0)
        self._note()

        def after_step(_: ExplicitSolver) -> None:
            if solver.time >= self.history["time"][-1] + self._interval * (1.0 - 1e-9):
                self._note()
            progress.show(solver.time, solver.step_count)

        try:
            for number in range(1, self.outputs + 1):
                last = number == self.outputs
                solver.run(self.end_time * (1.0 if last else number / self.outputs), after_step)
                self.write(number)
            if self.history["time"][-1] < solver.time:
                self._note()
            self._table.check()
        except SimulationError as error:
            raise SimulationError(
                f"{error}. The outputs up to then are in {str(self.folder)!r}"
            ) from error
        finally:
            progress.close()
        spent = {key: solver.timings[key] - before[key] for key in before if key != "total"}
        spent["output"] = self._output_seconds
        total = perf_counter() - start
        self.seconds = {**spent, "other": total - sum(spent.values()), "total": total}
        self.energies = solver.energies()

    def write(self, number: int) -> None:
        """Write all fields at the solver's present time as output `number`."""
        start = perf_counter()
        self._table.check()
        nodal, cell = self.fields()
        self._writer.write(self.solver.time, nodal=nodal, cell=cell)
        if number in self._kept:
            scalars = {key: values for key, values in cell.items() if values.ndim == 1}
            body = self._gather({"u": nodal["u"]}, scalars)
            self.snapshots.append((self.solver.time, body))
        self._output_seconds += perf_counter() - start

    def fields(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Fields at nodes and in this rank's own cells at the solver's present time."""
        solver = self.solver
        cell = {
            "sigma": solver.sigma,
            "sigma_M": von_mises(solver.sigma),
            "e_d": deviatoric_strain(solver.F),
            "e_v": volumetric_strain(solver.F),
        }
        for key, values in solver.material.fields(solver.state).items():
            cell[key] = values.detach().cpu().numpy()
        return {"u": solver.u, "v": solver.v}, cell

    def _note(self) -> None:
        start = perf_counter()
        solver = self.solver
        energies = solver.energies()
        row = {"time": solver.time, "dt": solver.dt, "balance": energies.balance}
        row |= {name: getattr(energies, name) for name in _ENERGIES}
        row |= evaluate(solver, self._probes)
        for key, value in row.items():
            self.history[key].append(float(value))
        self._table.append(row)
        self._output_seconds += perf_counter() - start
