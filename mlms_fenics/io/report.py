# SPDX-License-Identifier: MIT
"""What every run's summary says of time, energy, contact and trust."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mpi4py import MPI

from mlms_fenics.io.recorder import Recorder
from mlms_fenics.io.summary import Summary
from mlms_fenics.io.trust import farthest_place
from mlms_fenics.progress import duration

# Where a summary tells how far the body has gone from its law's training data.
TRUST, LARGEST_DISTANCE = "Trust in the learnt law", "largest distance"


def add_run(summary: Summary, recorder: Recorder) -> None:
    """Add mesh, steps, speed, where the time went, energies, contact and trust (collective)."""
    _add_steps(summary, recorder)
    _add_timings(summary, recorder)
    _add_energies(summary, recorder)
    if recorder.solver.contacts:
        _add_contact(summary, recorder)
    if recorder.trust is not None:
        _add_trust(summary, recorder)


def add_files(summary: Summary, files: Sequence[Path]) -> None:
    """Add the files written, with what they hold."""
    for file in files:
        summary.add("Files", file.name, str(file))


def write_summary(summary: Summary, files: Sequence[Path]) -> None:
    """Add the files written, save the summary as the last of them, and print it."""
    add_files(summary, files)
    summary.save(files[-1])
    print(summary.text(), flush=True)


def _add_steps(summary: Summary, recorder: Recorder) -> None:
    solver = recorder.solver
    topology = solver.mesh.topology
    cells = topology.index_map(topology.dim).size_global
    steps, section = solver.step_count, "Run"
    done = steps - recorder.first_step
    nodes = solver.mesh.geometry.index_map().size_global
    summary.add(section, "elements", int(cells))
    summary.add(section, "nodes", int(nodes))
    summary.add(section, "ranks", solver.comm.size)
    summary.add(section, "simulated time", solver.time, "us", "g")
    summary.add(section, "steps", steps)
    summary.add(section, "mean step", solver.time / max(steps, 1), "us")
    if solver.law_stiffness:
        summary.add(section, "stiffest law, over its moduli", solver.law_stiffness, "", ".3g")
    seconds = recorder.seconds["total"]
    summary.add(section, "wall time", seconds, "s", ".2f")
    summary.add(section, "speed", cells * done / max(seconds, 1e-9), "element-steps/s", ".3g")


def _add_timings(summary: Summary, recorder: Recorder) -> None:
    solver = recorder.solver
    parts = dict(recorder.seconds)
    total = parts.pop("total")
    local = np.array(list(parts.values()))
    mean = solver.comm.allreduce(local, op=MPI.SUM) / solver.comm.size
    slowest = np.empty_like(local)
    solver.comm.Allreduce(local, slowest, op=MPI.MAX)
    section = "Where the time went (mean over ranks; slowest rank)"
    for name, m, s in sorted(zip(parts, mean, slowest, strict=True), key=lambda row: -row[1]):
        share = 100.0 * m / max(total, 1e-9)
        summary.add(section, name, f"{duration(m)} ({share:.1f}%; {duration(s)})")


def _add_energies(summary: Summary, recorder: Recorder) -> None:
    energies, section = recorder.energies, "Energy"
    summary.add(section, "initial kinetic", energies.initial, "J")
    summary.add(section, "kinetic", energies.kinetic, "J")
    summary.add(section, "internal (law)", energies.internal, "J")
    summary.add(section, "hourglass", energies.hourglass, "J")
    summary.add(section, "bulk viscosity", energies.viscous, "J")
    summary.add(section, "contact work", energies.contact, "J")
    summary.add(section, "work of prescribed velocities", energies.external, "J")
    worst = max(map(abs, recorder.history["balance"]))
    summary.add(section, "balance at the end", 100.0 * energies.balance, "%", ".3g")
    summary.add(section, "worst balance", 100.0 * worst, "%", ".3g")


def _add_contact(summary: Summary, recorder: Recorder) -> None:
    history, section = recorder.history, "Contact"
    force = np.array([history[f"contact_force_{axis}"] for axis in "xyz"])
    size = np.linalg.norm(force, axis=0)
    peak = int(size.argmax())
    summary.add(section, "largest force", float(size[peak]), "kN")
    summary.add(section, "at time", history["time"][peak], "us")
    summary.add(section, "force at the end", float(size[-1]), "kN")
    impulse = np.linalg.norm(recorder.solver.contact_impulse)
    summary.add(section, "impulse", float(impulse), "kN us")


def _add_trust(summary: Summary, recorder: Recorder) -> None:
    trust, history, section = recorder.trust, recorder.history, TRUST
    share = 100.0 * history["outside_training"][-1]
    summary.add(section, "left the training range", share, "% of volume", ".1f")
    largest = history["max_distance"][-1]
    summary.add(section, LARGEST_DISTANCE, largest, "(1 is the edge of the data)", ".3g")
    if share == 0.0:
        return
    summary.add(section, "first outside", trust.first, "us")
    if share >= 10.0:
        summary.add(section, "a tenth outside", trust.tenth, "us")
    summary.add(section, "farthest element", list(farthest_place(recorder.solver)), "mm")
