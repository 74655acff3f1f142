# SPDX-License-Identifier: MIT
"""What the command lines of the impact demos share."""

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlms_fenics.errors import require
from mlms_fenics.impact.probes import LargestStrain
from mlms_fenics.io import Recorder, Summary
from mlms_fenics.io.probes import Probe
from mlms_fenics.macroscale import ExplicitSolver, deviatoric_strain
from mlms_fenics.macroscale.measures import EXPONENTS
from mlms_fenics.macroscale.remote import LOOPS
from mlms_fenics.materials import Material


def add_run_options(new: Callable[..., Any], folder: str) -> None:
    """Options of time, output, checkpoints and restart.

    Args:
        new: `add_argument` of a parser.
        folder: default of `--out`.
    """
    new("--end-time", type=float, help="simulated time, µs (default: 1)")
    new("--out", type=Path, default=Path(folder), help="folder for all results")
    new("--outputs", type=int, help="of the fields, besides the first")
    new("--output-every", type=float, metavar="TIME", help="of the fields, µs, not --outputs")
    new("--checkpoint-every", type=int, default=0, metavar="STEPS",
        help="steps between checkpoints (default: only where the run ends early)")  # fmt: skip
    new("--wall-time", type=float, default=math.inf, metavar="SECONDS",
        help="end with a checkpoint after so long; exit status 4, as after SIGTERM")  # fmt: skip
    new("--restart", type=Path, nargs="?", const=Path(), metavar="FILE",
        help="go on from a checkpoint (default: checkpoint.h5 in --out); other options as before"
    )  # fmt: skip
    new("--loop", choices=LOOPS, default="compiled",
        help="over the elements: compiled, on the CPU, or torch, on --device, for large meshes on "
        "a GPU (default: compiled)")  # fmt: skip
    new("--safety", type=float, default=0.8,
        help="time step over the stable one, in (0, 1] (default: 0.8)")  # fmt: skip
    new("--strain-measure", choices=sorted(EXPONENTS), default="isochoric",
        help="e_d = |FᵀF/(det F)^p − I|/2 with p = 2/3 (isochoric) or, as the paper prints it, 2"
    )  # fmt: skip
    new("--no-pictures", action="store_true", help="no pictures of sections")
    new("--quick", action="store_true", help="a coarse mesh and a short time: a test of seconds")


def loop_place(options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """`device` and `loop` of `ExplicitSolver`.

    Args:
        options: with the attributes of `add_run_options`.
        device: of the law.
    """
    if options.loop == "compiled":
        return {"device": "cpu", "loop": "compiled"}
    return {"device": device, "loop": options.loop}


def fill_defaults(options: argparse.Namespace, values: Mapping[str, Any]) -> None:
    """Set the options that were not given."""
    for name, value in values.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def check_run(options: argparse.Namespace) -> None:
    """Raise `InputError` where options of the run are out of range."""
    for name, unit in (("velocity", "m/s"), ("end_time", "µs")):
        value = getattr(options, name)
        require(
            math.isfinite(value) and value > 0.0,
            f"--{name.replace('_', '-')} is {value:g} {unit}, but must be positive and finite",
        )
    require(options.outputs >= 1, f"--outputs is {options.outputs}, but must be at least 1")
    require(0.0 < options.safety <= 1.0, f"--safety is {options.safety:g}: must be in (0, 1]")


class ImpactRecorder(Recorder):
    """A recorder with the strain measure asked for.

    Args:
        form: of `macroscale.deviatoric_strain`.
        others: as of `Recorder`.
    """

    def __init__(self, *others: Any, form: str = "isochoric", **named: Any) -> None:
        self._form = form
        probes = {"max_e_d": LargestStrain(form), **(named.pop("probes", None) or {})}
        super().__init__(*others, probes=probes, **named)

    def fields(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        nodal, cell = super().fields()
        if self._form != "isochoric":
            solver = self.solver
            cell["e_d"] = solver.cell_mean(deviatoric_strain(solver.F, self._form))
        return nodal, cell


def recorder_of(
    solver: ExplicitSolver,
    options: argparse.Namespace,
    folder: Path,
    name: str,
    probes: Mapping[str, Probe],
    kind: type[ImpactRecorder] = ImpactRecorder,
) -> ImpactRecorder:
    """The recorder that the options ask for, of a kind (collective)."""
    return kind(
        solver,
        folder,
        name=name,
        form=options.strain_measure,
        end_time=options.end_time,
        outputs=options.outputs,
        dtype=np.dtype(options.precision),
        probes=probes,
        every=options.output_every,
        checkpoint_every=options.checkpoint_every,
        wall_time=options.wall_time,
        restart=folder / "checkpoint.h5" if options.restart == Path() else options.restart,
    )


def worst_imbalance(history: Mapping[str, Any]) -> float:
    """Largest |total − initial energy| of a run over the largest energy in it.

    The balance that each row of the history gives is relative to the energy at that time, which is
    next to nothing at the start of a run whose body is at rest.
    """
    column = {key: np.asarray(values, dtype=float) for key, values in history.items()}
    parts = ("kinetic", "internal", "hourglass", "viscous")
    stored = sum(column[key] for key in parts)
    total = stored - column["contact"] - column["external"]
    return float(np.abs(total - total[0]).max() / stored.max())


def note_beyond_training(summary: Summary, section: str, law: Material, end_time: float) -> None:
    """Say in a summary that a run of `end_time`, µs, outlasts all that a law was taught."""
    longest = getattr(law, "longest_history", math.inf)
    if end_time > longest * (1.0 + 1e-9):
        note = f"the run goes beyond the {longest:g} us for which the law was trained"
        summary.add(section, "note", note)
