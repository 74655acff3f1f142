# SPDX-License-Identifier: MIT
"""The Taylor anvil: a cylinder of learnt magnesium flies into a rigid, frictionless wall.

    mpirun -n 2 python demos/taylor_anvil.py --out results/taylor_anvil

It writes anvil.xdmf with its data (fields, for ParaView), history.csv (scalars over time), pictures
of the axial section, and summary.json. Problem: Liu et al. 2022, section 4.1. A body of one's own:

    mpirun -n 2 python demos/taylor_anvil.py --mesh bar.inp --foot NAME --law johnson-cook

with NAME the surface that touches the wall (default: what lies lowest); it flies along -z. Volumes
of the mesh may have laws of their own: --part-law head=j2 --part-law body=johnson-cook.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.geometry import NamedMesh, cylinder_divisions
from mlms_fenics.impact import anvil_solver, build_law, chosen_device
from mlms_fenics.impact.bodies import check_speed
from mlms_fenics.impact.command import (
    add_run_options,
    check_run,
    fill_defaults,
    loop_place,
    note_beyond_training,
    recorder_of,
)
from mlms_fenics.impact.laws import add_law_options, check_law
from mlms_fenics.impact.own_mesh import add_mesh_options, bounds, check_mesh_options, own_body
from mlms_fenics.io import Recorder, Summary
from mlms_fenics.io.command import Parser
from mlms_fenics.io.front import FrontTracker
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.io.probes import FootRadius, Length, Probe
from mlms_fenics.io.report import add_run, write_summary
from mlms_fenics.io.section import cut
from mlms_fenics.io.section_figure import draw_run
from mlms_fenics.locking import Claim
from mlms_fenics.materials import Material
from mlms_fenics.parallel import entry_point, on_every_rank, on_rank_zero
from mlms_fenics.units import METRE_PER_SECOND

COMM = MPI.COMM_WORLD
QUICK = {"mesh_size": 0.2, "end_time": 0.5, "outputs": 2}
FULL = {"mesh_size": 0.1, "end_time": 1.0, "outputs": 10}


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    add_law_options(new)
    new("--velocity", type=float, default=200.0, help="of the cylinder, m/s (default: 200)")
    new("--height", type=float, help="of the cylinder, mm (default: 5)")
    new("--diameter", type=float, help="of the cylinder, mm (default: 1)")
    new("--mesh-size", type=float, help="edge length of the elements, mm (default: 0.1)")
    new("--hold-lateral", action="store_true",
        help="hold the lateral surface (uniaxial strain) and measure the front's speed; elastic at "
        "0.01 m/s, slower above, since magnesium flows at any stress")  # fmt: skip
    add_mesh_options(new)
    new("--foot", metavar="NAME", help="of --mesh: the surface that touches the wall")
    add_run_options(new, "results/taylor_anvil")
    options = parser.parse_args(argv)
    with_mesh = ("height", "diameter", "mesh_size", "hold_lateral"), ("foot",)
    check_mesh_options(options, *with_mesh)
    fill_defaults(options, {"height": 5.0, "diameter": 1.0, **(QUICK if options.quick else FULL)})
    return options


def check(options: argparse.Namespace) -> None:
    check_run(options)
    check_law(options)
    cylinder_divisions(options.diameter, options.height, options.mesh_size)


def add_problem(summary: Summary, options: argparse.Namespace, law: str) -> None:
    section = "Taylor anvil" + (", lateral surface held" if options.hold_lateral else "")
    if options.mesh is None:
        summary.add(section, "diameter", options.diameter, "mm", "g")
        summary.add(section, "height", options.height, "mm", "g")
        summary.add(section, "mesh size", options.mesh_size, "mm", "g")
    else:
        summary.add(section, "mesh", str(options.mesh))
    summary.add(section, "velocity", options.velocity, "m/s", "g")
    summary.add(section, "law", law)


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
    note_beyond_training(summary, section, law, recorder.end_time)
    if front is not None:
        speed = front.speed_measured()
        summary.add(section, "front speed", speed, "mm/us", ".5g")
        summary.add(section, "sqrt((K + 4G/3)/rho)", law.wave_speed, "mm/us", ".5g")
        summary.add(section, "front speed off by", 100.0 * (speed / law.wave_speed - 1.0), "%")


def draw(
    folder: Path, recorder: Recorder, options: argparse.Namespace, middle: np.ndarray
) -> list[Path]:
    """Pictures of the section through the middle, on rank 0."""
    sections = [cut(body, time, origin=middle) for time, body in recorder.snapshots]
    R, H = options.diameter / 2.0, options.height
    outline = np.array([[-R, 0.0], [R, 0.0], [R, H], [-R, H]])
    title = f"Taylor anvil, {options.velocity:g} m/s"
    return draw_run(folder, sections, title, outline if options.mesh is None else None)


def simulate(options: argparse.Namespace, law: Material, name: str, body: NamedMesh | None) -> None:
    """Run the impact and write its results (collective)."""
    folder = writable_folder(COMM, options.out)
    solver = anvil_solver(
        COMM,
        law,
        velocity=options.velocity,
        diameter=options.diameter,
        height=options.height,
        size=options.mesh_size,
        hold_lateral=options.hold_lateral,
        safety=options.safety,
        **loop_place(options, law.device),
        body=body,
        foot=options.foot,
    )
    foot = body.surface(options.foot) if body and options.foot else None
    middle = np.mean(bounds(body), axis=0) if body else np.zeros(3)
    probes: dict[str, Probe] = {"length": Length(), "foot_radius": FootRadius(solver, foot)}
    front = None
    if options.hold_lateral:
        layers = cylinder_divisions(options.diameter, options.height, options.mesh_size)[2]
        front = FrontTracker(layers, options.height, options.velocity * METRE_PER_SECOND)
        probes["front"] = front
    recorder = recorder_of(solver, options, folder, "anvil", probes)
    recorder.run()
    summary = Summary()
    add_problem(summary, options, name)
    add_run(summary, recorder)
    add_result(summary, recorder, front, law)

    def finish() -> None:
        pictures = [] if options.no_pictures else draw(folder, recorder, options, middle)
        files = [*recorder.files, *pictures, folder / "summary.json"]
        write_summary(summary, files)

    on_rank_zero(COMM, finish)


@entry_point
def main(argv: Sequence[str] | None = None) -> Any:
    options = options_from(argv)
    check(options)
    device = chosen_device(COMM, options.device)
    law, name = on_every_rank(COMM, lambda: build_law(options, device, options.end_time))
    check_speed(law, options.velocity)
    body = own_body(COMM, options)
    with Claim(options.out, COMM):
        simulate(options, law, name, body)


if __name__ == "__main__":
    sys.exit(main())
