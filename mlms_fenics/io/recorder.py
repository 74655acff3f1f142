# SPDX-License-Identifier: MIT
"""Runs a solver and writes what a user wants to keep of it."""

import os
from collections.abc import Callable, Mapping
from math import ceil, inf
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mlms_fenics.errors import SimulationError, Stopped, require
from mlms_fenics.io.checkpoint import Checkpoint
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.io.history import History
from mlms_fenics.io.layout import Snapshot, gatherer
from mlms_fenics.io.probes import ContactForce, LargestStrain, LargestStress, Probe, evaluate
from mlms_fenics.io.stopping import WallTime, reason, stopping
from mlms_fenics.io.trust import LargestDistance, OutsideTraining, distances
from mlms_fenics.io.xdmf import XDMFWriter
from mlms_fenics.locking import Claim
from mlms_fenics.macroscale import (
    Energies,
    ExplicitSolver,
    deviatoric_strain,
    volumetric_strain,
    von_mises,
)
from mlms_fenics.macroscale.saving import contents, put_back
from mlms_fenics.numbers import check_positive, check_whole
from mlms_fenics.parallel import on_rank_zero
from mlms_fenics.progress import Progress

_ENERGIES = ("kinetic", "internal", "hourglass", "viscous", "contact", "external")
# Steps between copies of the state in memory, which cost less than a step each.
_KEEP_EVERY = 100


class Recorder:
    """Drives a solver to its end, with output, history, progress and trust (all collective).

    Args:
        solver: at its beginning, also where a run is restarted.
        folder: made where it is missing; files of an earlier run there are replaced.
        name: of the XDMF and HDF5 files.
        end_time: µs.
        outputs: of fields, at equal intervals, besides that at the beginning.
        rows: of the history table, at about equal intervals.
        dtype: floating type of the field files.
        probes: further columns of the history, by name.
        keep: how many outputs to keep for pictures, the last included, equally spaced.
        every: write fields after every so many µs instead of `outputs` times.
        every_steps: write fields after every so many steps instead, and at the end.
        checkpoint_every: steps between checkpoints; 0 for none but where the run ends early.
        wall_time: end the run with a checkpoint after so many seconds; infinity for no limit.
        restart: checkpoint to go on from; tables and fields in `folder` are gone on with, and what
            they hold beyond its time is replaced.

    Attributes:
        checkpoint: file of the checkpoints.
        history: columns of the table so far, by name (all ranks): time, dt, energies, balance and
            the probes.
        snapshots: `(time, Snapshot)` of the outputs kept, on rank 0; on others the snapshot is
            None.
        trust: when the body left the range of the training data; None where the law has no
            measure of that.
        seconds: wall time of `run`, by part: the solver's parts, "output", "other" and "total".
        energies: at the end.

    Raises:
        InputError: on every rank: numbers out of range, a folder that cannot be written or that
            another process writes to, or a checkpoint of another run.
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
        every: float | None = None,
        every_steps: int | None = None,
        checkpoint_every: int = 0,
        wall_time: float = inf,
        restart: str | os.PathLike | None = None,
    ) -> None:
        check_whole("number of history rows", rows, 1)
        check_whole("number of steps between checkpoints", checkpoint_every, 0)
        check_whole("number of outputs to keep", keep, 1)
        self.solver, self.end_time = solver, end_time
        self._every_steps, self._checkpoint_every = every_steps, checkpoint_every
        self._times = output_times(end_time, outputs, every, every_steps)
        self._wall_time = WallTime(solver, wall_time)
        self._claim = Claim(folder, solver.comm)
        self.folder = writable_folder(solver.comm, folder)
        self.checkpoint = self.folder / "checkpoint.h5"
        self._saver = Checkpoint(solver, self.checkpoint)
        if restart is None:
            on_rank_zero(solver.comm, lambda: self.checkpoint.unlink(missing_ok=True))
        else:
            Checkpoint(solver, restart).restore()
            require(
                solver.time < end_time,
                f"the checkpoint {str(restart)!r} is of {solver.time:g} µs, but the run ends at "
                f"{end_time:g} µs: nothing is left to do",
            )
        self.first_step = solver.step_count
        self._good = contents(solver.body, solver.motion).copy()
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
        resume = None if restart is None else solver.time
        self._table = History(solver.comm, self.folder / "history.csv", columns, resume)
        earlier = self._table.earlier or {column: np.zeros(0) for column in columns}
        self.history: dict[str, list[float]] = {key: a.tolist() for key, a in earlier.items()}
        for key, probe in self._probes.items():
            probe.resume(earlier["time"], earlier["dt"], earlier[key])
        self._writer = XDMFWriter(
            self.folder / f"{name}.xdmf", solver.mesh, dtype=dtype, resume=resume
        )
        self._gather = gatherer(solver.mesh)
        last = len(self._times)
        chosen = np.linspace(0, last, min(keep, last) + 1).round().astype(int)[1:]
        self._kept = {self._times[k - 1] for k in chosen}
        self._interval = end_time / rows
        self.snapshots: list[tuple[float, Snapshot | None]] = [
            (time, self._writer.snapshot(number))
            for number, time in enumerate(self._writer.times)
            if time in self._kept
        ]
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
            Stopped: SIGTERM, SIGUSR1 or the wall time ended the run; there is a checkpoint.
            SimulationError: as of the solver: the last good state is then written as an output and
                a checkpoint. Also a full disk: what was written before stays.
        """
        solver = self.solver
        cells = solver.mesh.topology.index_map(solver.mesh.topology.dim).size_global
        progress = Progress(self.end_time, "µs", solver.comm.rank == 0, solver.time, every=10.0)
        start, before = perf_counter(), dict(solver.timings)

        def after_step(_: ExplicitSolver) -> None:
            if solver.time >= self.history["time"][-1] + self._interval * (1.0 - 1e-9):
                self._note()
            if self._every_steps and solver.step_count % self._every_steps == 0:
                self.write()
            if self._checkpoint_every and solver.step_count % self._checkpoint_every == 0:
                self._save()
            elif solver.step_count % _KEEP_EVERY == 0:
                self._good = contents(solver.body, solver.motion).copy()
            self._wall_time.check()
            steps = solver.step_count - self.first_step
            rate = cells * steps / max(perf_counter() - start, 1e-9)
            progress.show(solver.time, f"step {steps}, {rate:.2g} element-steps/s")

        try:
            with stopping(solver):
                if not self._writer.times or solver.time in self._times:
                    self.write()
                if not self.history["time"]:
                    self._note()
                for time in self._times:
                    if time > solver.time:
                        self._run_to(time, after_step)
                        self.write()
            if self.history["time"][-1] < solver.time:
                self._note()
            self._table.check()
        except Stopped:
            raise
        except SimulationError as error:
            raise SimulationError(
                f"{error}. The outputs up to then are in {str(self.folder)!r}"
            ) from error
        finally:
            progress.close()
            self._claim.release()
        spent = {key: solver.timings[key] - before[key] for key in before if key != "total"}
        spent["output"] = self._output_seconds
        total = perf_counter() - start
        self.seconds = {**spent, "other": total - sum(spent.values()), "total": total}
        self.energies = solver.energies()

    def _run_to(self, time: float, after_step: Callable[[ExplicitSolver], None]) -> None:
        """Run to `time`; where that fails, write the last good state."""
        solver = self.solver
        try:
            solver.run(time, after_step)
        except SimulationError as error:
            put_back(solver.body, solver.motion, self._good)
            try:
                self.write()
                self._saver.save()
            except SimulationError as second:
                raise SimulationError(f"{error}. Also, {second}") from error
            raise SimulationError(
                f"{error}. The last good state kept, of {solver.time:.6g} µs (step "
                f"{solver.step_count}), is the last output and in {str(self.checkpoint)!r}"
            ) from error
        if solver.stop and solver.time < self.end_time:
            self._save()
            raise Stopped(
                f"stopped at {solver.time:.6g} µs (step {solver.step_count}): "
                f"{reason(solver.stop)}. Go on by a restart from {str(self.checkpoint)!r}"
            )

    def _save(self) -> None:
        start = perf_counter()
        self._table.check()
        self._saver.save()
        self._good = contents(self.solver.body, self.solver.motion).copy()
        self._output_seconds += perf_counter() - start

    def write(self) -> None:
        """Write all fields at the solver's present time, unless they have been."""
        start = perf_counter()
        self._table.check()
        if self._writer.times and self.solver.time <= self._writer.times[-1]:
            return
        nodal, cell = self.fields()
        self._writer.write(self.solver.time, nodal=nodal, cell=cell)
        if self.solver.time in self._kept:
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
        cell = {key: solver.cell_mean(values) for key, values in cell.items()}
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


def output_times(
    end_time: float, outputs: int, every: float | None, every_steps: int | None
) -> list[float]:
    """Times at which a run has to stop for an output, µs, the end included.

    Raises:
        InputError: `every` or `every_steps` is out of range, or both are given.
    """
    require(
        every is None or every_steps is None,
        "outputs are asked for both by time and by steps: give one of them",
    )
    check_positive("end time", end_time, "µs")
    check_whole("number of outputs", outputs, 1)
    if every_steps is not None:
        check_whole("number of steps between outputs", every_steps, 1)
        return [end_time]
    if every is not None:
        check_positive("time between outputs", every, "µs")
        outputs = ceil(end_time / every - 1e-9)
        return [*(every * k for k in range(1, outputs)), end_time]
    return [*(end_time * k / outputs for k in range(1, outputs)), end_time]
