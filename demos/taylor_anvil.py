# SPDX-License-Identifier: MIT
"""The Taylor anvil: a cylinder of learnt magnesium flies into a rigid, frictionless wall.

    mpirun -n 2 python demos/taylor_anvil.py --out results/taylor_anvil

It writes anvil.xdmf with its data (fields, for ParaView), history.csv (scalars over time), pictures
of the axial section, and summary.json. Problem: Liu et al. 2022, section 4.1.
"""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mpi4py import MPI

from mlms_fenics.errors import InputError, require
from mlms_fenics.geometry import LATERAL, cylinder_divisions, cylinder_mesh
from mlms_fenics.io import Recorder, Summary
from mlms_fenics.io.command import Parser
from mlms_fenics.io.front import FrontTracker
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.io.probes import FootRadius, Length, Probe
from mlms_fenics.io.report import add_files, add_run
from mlms_fenics.io.section import cut
from mlms_fenics.io.section_figure import draw_sections
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, RigidPlane
from mlms_fenics.materials import J2, Material, NeoHookean, johnson_cook, magnesium
from mlms_fenics.parallel import entry_point, on_every_rank, on_rank_zero
from mlms_fenics.units import METRE_PER_SECOND

COMM = MPI.COMM_WORLD
DTYPES = {"float32": torch.float32, "float64": torch.float64}
QUICK = {"mesh_size": 0.2, "end_time": 0.5, "outputs": 2}
FULL = {"mesh_size": 0.1, "end_time": 1.0, "outputs": 10}


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--model", type=Path, help="model file of a learnt law (default: the one shipped)")
    new("--law", choices=("learnt", "neo-hookean", "j2", "johnson-cook"), default="learnt",
        help="the cylinder's law; neo-hookean and j2 have magnesium's moduli, "
        "johnson-cook is OFHC copper")  # fmt: skip
    new("--velocity", type=float, default=200.0, help="of the cylinder, m/s (default: 200)")
    new("--height", type=float, default=5.0, help="of the cylinder, mm (default: 5)")
    new("--diameter", type=float, default=1.0, help="of the cylinder, mm (default: 1)")
    new("--mesh-size", type=float, help="edge length of the elements, mm (default: 0.1)")
    new("--end-time", type=float, help="simulated time, µs (default: 1)")
    new("--out", type=Path, default=Path("results/taylor_anvil"), help="folder for all results")
    new("--outputs", type=int, help="of the fields, besides the first (default: 10)")
    new("--output-every", type=float, metavar="TIME", help="of the fields, µs, not --outputs")
    new("--checkpoint-every", type=int, default=0, metavar="STEPS",
        help="steps between checkpoints (default: only where the run ends early)")  # fmt: skip
    new("--wall-time", type=float, default=math.inf, metavar="SECONDS",
        help="end with a checkpoint after so long; exit status 4, as after SIGTERM")  # fmt: skip
    new(
        "--restart",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="FILE",
        help="go on from a checkpoint (default: checkpoint.h5 in --out); other options as before",
    )
    new("--precision", choices=tuple(DTYPES), default="float32", help="of the law and the files")
    new("--device", help="of the law: cpu, cuda, cuda:1, ... (default: a GPU where there is one)")
    new("--hold-lateral", action="store_true",
        help="hold the lateral surface (uniaxial strain) and measure the front's speed; elastic at "
        "0.05 m/s, slower above, since magnesium flows at any stress")  # fmt: skip
    new("--quick", action="store_true", help="a coarse mesh and a short time: a test of seconds")
    options = parser.parse_args(argv)
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def check(options: argparse.Namespace) -> None:
    for name, unit in (("velocity", "m/s"), ("end_time", "µs")):
        value = getattr(options, name)
        require(
            math.isfinite(value) and value > 0.0,
            f"--{name.replace('_', '-')} is {value:g} {unit}, but must be positive and finite",
        )
    require(options.outputs >= 1, f"--outputs is {options.outputs}, but must be at least 1")
    cylinder_divisions(options.diameter, options.height, options.mesh_size)
    require(
        options.model is None or options.law == "learnt",
        f"--model goes with --law learnt, not with --law {options.law}: leave one out",
    )


def chosen_device(name: str | None) -> torch.device:
    """The device asked for; by default ranks of a machine share its GPUs in turn (collective)."""
    require(
        name is None or re.fullmatch(r"cpu|cuda(:\d+)?", name) is not None,
        f"--device is {name!r}, but must be cpu, cuda, or cuda: and the number of a GPU",
    )
    gpus, local = torch.cuda.device_count(), COMM.Split_type(MPI.COMM_TYPE_SHARED).rank
    if name is None or (name == "cuda" and gpus):
        name = f"cuda:{local % gpus}" if gpus else "cpu"

    def prove() -> torch.device:
        try:
            return torch.zeros(1, device=name).device
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"--device {name} cannot be used here ({reason}); cpu can") from None

    return on_every_rank(COMM, prove)


def build_law(options: argparse.Namespace, device: torch.device) -> tuple[Material, str]:
    """The law and what to call it."""
    if options.law == "johnson-cook":
        return johnson_cook("OFHC copper"), "Johnson-Cook, OFHC copper (Johnson & Cook 1983)"
    crystal = magnesium()
    G, K, density = crystal.shear_modulus, crystal.bulk_modulus, crystal.density
    if options.law == "neo-hookean":
        return NeoHookean(G, K, density), "neo-Hookean, moduli of magnesium"
    if options.law == "j2":
        young, poisson = 9.0 * K * G / (3.0 * K + G), (3.0 * K - 2.0 * G) / (6.0 * K + 2.0 * G)
        law = J2(young, poisson, yield_stress=0.2, hardening=1.0, density=density)
        return law, "J2, moduli of magnesium, yield 0.2 GPa, hardening 1 GPa"
    from mlms_fenics.surrogate import load_model

    law = load_model(options.model, device=device, dtype=DTYPES[options.precision])
    source = "the shipped model" if options.model is None else str(options.model)
    require(law.dimension == 3, f"{source} is of a two-dimensional unit cell: a 3D model is needed")
    law.check_end_time(options.end_time)
    return law, f"learnt ({law.architecture}), {source}, {law.dtype} on {law.device}"


def build_solver(options: argparse.Namespace, law: Material) -> ExplicitSolver:
    mesh, _, facets = cylinder_mesh(COMM, options.diameter, options.height, options.mesh_size)
    held = [PrescribedVelocity((facets, LATERAL), components=(0, 1))]
    return ExplicitSolver(
        mesh,
        law,
        velocity=(0.0, 0.0, -options.velocity * METRE_PER_SECOND),
        contacts=[RigidPlane(point=(0.0, 0.0, 0.0), normal=(0.0, 0.0, 1.0))],
        constraints=held if options.hold_lateral else [],
    )


def add_problem(summary: Summary, options: argparse.Namespace, law: str) -> None:
    section = "Taylor anvil" + (", lateral surface held" if options.hold_lateral else "")
    summary.add(section, "diameter", options.diameter, "mm", "g")
    summary.add(section, "height", options.height, "mm", "g")
    summary.add(section, "velocity", options.velocity, "m/s", "g")
    summary.add(section, "law", law)
    summary.add(section, "mesh size", options.mesh_size, "mm", "g")


def add_result(
    summary: Summary, recorder: Recorder, front: FrontTracker | None, law: Material
) -> None:
    history, section = recorder.history, "Result"
    lengths = history["length"]
    shortest = int(np.argmin(lengths))
    summary.add(section, "length at the end", lengths[-1], "mm", ".5g")
    summary.add(section, "shortest length", lengths[shortest], "mm", ".5g")
    summary.add(section, "shortest at", history["time"][shortest], "us")
    summary.add(section, "foot radius at the end", history["foot_radius"][-1], "mm", ".5g")
    summary.add(section, "largest sigma_M", 1000.0 * max(history["max_sigma_M"]), "MPa")
    summary.add(section, "largest e_d", max(history["max_e_d"]))
    horizon = getattr(law, "horizon", math.inf)
    if recorder.end_time > horizon * (1.0 + 1e-9):
        note = f"the run goes beyond the {horizon:g} us for which the law was trained"
        summary.add(section, "note", note)
    if front is not None:
        speed = front.speed_measured()
        summary.add(section, "front speed", speed, "mm/us", ".5g")
        summary.add(section, "sqrt((K + 4G/3)/rho)", law.wave_speed, "mm/us", ".5g")
        summary.add(section, "front speed off by", 100.0 * (speed / law.wave_speed - 1.0), "%")


def draw(folder: Path, recorder: Recorder, options: argparse.Namespace) -> list[Path]:
    """Pictures of the axial section, on rank 0."""
    sections = [cut(body, time) for time, body in recorder.snapshots]
    R, H = options.diameter / 2.0, options.height
    outline = np.array([[-R, 0.0], [R, 0.0], [R, H], [-R, H]])
    title = f"Taylor anvil, {options.velocity:g} m/s"
    files = [folder / "section.png", folder / "section_times.png"]
    last = sections[-1]
    draw_sections(files[0], [last], title=f"{title}, {last.time:.3g} µs", outline=outline)
    if len(sections) == 1:
        return files[:1]
    draw_sections(files[1], sections, title=title, outline=outline)
    return files


@entry_point
def main(argv: Sequence[str] | None = None) -> Any:
    options = options_from(argv)
    check(options)
    device = chosen_device(options.device)
    law, name = on_every_rank(COMM, lambda: build_law(options, device))
    folder = writable_folder(COMM, options.out)
    solver = build_solver(options, law)
    probes: dict[str, Probe] = {"length": Length(), "foot_radius": FootRadius(solver)}
    front = None
    if options.hold_lateral:
        layers = cylinder_divisions(options.diameter, options.height, options.mesh_size)[2]
        front = FrontTracker(layers, options.height, options.velocity * METRE_PER_SECOND)
        probes["front"] = front
    recorder = Recorder(
        solver,
        folder,
        name="anvil",
        end_time=options.end_time,
        outputs=options.outputs,
        dtype=np.dtype(options.precision),
        probes=probes,
        every=options.output_every,
        checkpoint_every=options.checkpoint_every,
        wall_time=options.wall_time,
        restart=folder / "checkpoint.h5" if options.restart == Path() else options.restart,
    )
    recorder.run()
    summary = Summary()
    add_problem(summary, options, name)
    add_run(summary, recorder)
    add_result(summary, recorder, front, law)

    def finish() -> None:
        files = [*recorder.files, *draw(folder, recorder, options), folder / "summary.json"]
        add_files(summary, files)
        summary.save(files[-1])
        print(summary.text(), flush=True)

    on_rank_zero(COMM, finish)


if __name__ == "__main__":
    sys.exit(main())
