# SPDX-License-Identifier: MIT
"""A rigid, flat-ended cylinder hits a plate of learnt magnesium.

    mpirun -n 2 python demos/plate_impact.py --out results/plate_impact

It writes plate.xdmf with its data (fields, for ParaView), history.csv (scalars over time), pictures
of the axial section, and summary.json. Problem: Liu et al. 2022, section 4.2: 200 m/s, a plate 1 mm
thick and wide, simply supported far away. The paper gives the projectile's "radius D_p = 2 mm";
that is taken as its diameter here, the other reading is `--diameter 4`. Once the wave from the free
back has returned, the plate's middle may run ahead of the projectile: the summary says when they
part. A body of one's own:

    mpirun -n 2 python demos/plate_impact.py --mesh plate.inp --clamp NAME --law johnson-cook

with NAME the group that is held along z (default: rim); the projectile comes along the z axis from
below its lowest point.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import require
from mlms_fenics.geometry import NamedMesh, plate_divisions
from mlms_fenics.impact import build_law, chosen_device, plate_mesh_size, plate_solver
from mlms_fenics.impact.bodies import check_speed
from mlms_fenics.impact.command import (
    add_run_options,
    check_run,
    fill_defaults,
    loop_place,
    note_beyond_training,
    recorder_of,
    worst_imbalance,
)
from mlms_fenics.impact.laws import add_law_options, check_law
from mlms_fenics.impact.own_mesh import add_mesh_options, bounds, check_mesh_options, own_body
from mlms_fenics.impact.probes import Gap, Position, projectile_of, separation_time
from mlms_fenics.impact.snapshots import near_axis
from mlms_fenics.io import Recorder, Summary
from mlms_fenics.io.command import Parser
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.io.report import add_run, write_summary
from mlms_fenics.io.section import cut
from mlms_fenics.io.section_figure import draw_run
from mlms_fenics.locking import Claim
from mlms_fenics.materials import Material
from mlms_fenics.parallel import entry_point, on_every_rank, on_rank_zero

COMM = MPI.COMM_WORLD
QUICK = {"mesh_size": 0.25, "end_time": 0.5, "outputs": 2}
FULL = {"end_time": 1.0, "outputs": 10}
# A gap counts once it is this part of the thickness.
GAP = 1e-3


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    add_law_options(new)
    new("--velocity", type=float, default=200.0, help="of the projectile, m/s (default: 200)")
    new("--diameter", type=float, default=2.0, help="of the projectile, mm (default: 2)")
    new("--mass", type=float, help="of the projectile, mg (default: it keeps its velocity)")
    new("--thickness", type=float, help="of the plate, mm (default: 1)")
    new("--radius", type=float, help="of the plate, mm (default: four times --diameter)")
    new("--mesh-size", type=float,
        help="edge length of the elements under the projectile, mm (default: 0.1, with projectiles "
        "above 3 mm 0.15, at most a fifth of the thickness)")  # fmt: skip
    add_mesh_options(new)
    new("--clamp", metavar="NAME", help="of --mesh: what is held along z (default: rim)")
    add_run_options(new, "results/plate_impact")
    options = parser.parse_args(argv)
    with_mesh = ("thickness", "radius", "mesh_size"), ("clamp",)
    check_mesh_options(options, *with_mesh)
    fill_defaults(options, {"thickness": 1.0, **(QUICK if options.quick else FULL)})
    require(
        math.isfinite(options.diameter) and options.diameter > 0.0,
        f"--diameter is {options.diameter:g} mm, but must be positive and finite",
    )
    size = plate_mesh_size(options.diameter, options.thickness)
    fill_defaults(options, {"radius": 4.0 * options.diameter, "mesh_size": size})
    if options.quick:
        options.mesh_size = min(options.mesh_size, options.thickness / 2.0)
    return options


def check(options: argparse.Namespace) -> None:
    check_run(options)
    check_law(options)
    require(
        options.mass is None or (math.isfinite(options.mass) and options.mass > 0.0),
        f"--mass is {options.mass} mg, but must be positive: leave it out for a constant velocity",
    )
    if options.mesh is None:
        sizes = options.thickness, options.radius, 0.5 * options.diameter, options.mesh_size
        plate_divisions(*sizes)


def add_problem(summary: Summary, options: argparse.Namespace, law: str) -> None:
    section = "Plate impact"
    summary.add(section, "projectile diameter", options.diameter, "mm", "g")
    summary.add(section, "projectile velocity", options.velocity, "m/s", "g")
    if options.mass is not None:
        summary.add(section, "projectile mass", options.mass, "mg", "g")
    if options.mesh is None:
        summary.add(section, "plate thickness", options.thickness, "mm", "g")
        summary.add(section, "plate radius", options.radius, "mm", "g")
        summary.add(section, "mesh size", options.mesh_size, "mm", "g")
    else:
        summary.add(section, "mesh", str(options.mesh))
    summary.add(section, "law", law)


def add_result(
    summary: Summary, recorder: Recorder, options: argparse.Namespace, law: Material
) -> None:
    history, section = recorder.history, "Result"
    projectile = projectile_of(recorder.solver)
    summary.add(section, "projectile moved", projectile.position, "mm")
    if options.mass is not None:
        speed = projectile.velocity / 1e-3
        summary.add(section, "projectile velocity at the end", speed, "m/s")
    least = GAP * options.thickness
    parted = separation_time(np.array(history["time"]), np.array(history["gap"]), least)
    if math.isnan(parted):
        summary.add(section, "separation under the centre", "none up to the end")
    else:
        summary.add(section, "separation under the centre at", parted, "us")
        summary.add(section, "gap there at the end", history["gap"][-1], "mm")
    worst = 100.0 * worst_imbalance(history)
    summary.add("Energy", "worst imbalance over the largest energy", worst, "%", ".3g")
    summary.add(section, "largest sigma_M", 1000.0 * max(history["max_sigma_M"]), "MPa")
    summary.add(section, "largest e_d", max(history["max_e_d"]))
    note_beyond_training(summary, section, law, recorder.end_time)


def draw(folder: Path, recorder: Recorder, options: argparse.Namespace) -> list[Path]:
    """Pictures of the axial section around the projectile, on rank 0."""
    width = min(1.75 * options.diameter, options.radius)
    sections = [near_axis(cut(body, time), width) for time, body in recorder.snapshots]
    H = options.thickness
    outline = np.array([[-width, 0.0], [width, 0.0], [width, H], [-width, H]])
    outline = outline if options.mesh is None else None
    title = f"Plate of {H:g} mm, projectile of {options.diameter:g} mm, {options.velocity:g} m/s"
    return draw_run(folder, sections, title, outline)


def simulate(options: argparse.Namespace, law: Material, name: str, body: NamedMesh | None) -> None:
    """Run the impact and write its results (collective)."""
    folder = writable_folder(COMM, options.out)
    solver = plate_solver(
        COMM,
        law,
        velocity=options.velocity,
        diameter=options.diameter,
        thickness=options.thickness,
        radius=options.radius,
        size=options.mesh_size,
        mass=options.mass,
        safety=options.safety,
        **loop_place(options, law.device),
        body=body,
        clamp=options.clamp or "rim",
    )
    front = float(bounds(body)[0][2]) if body else 0.0
    probes = {"gap": Gap(solver, front), "position": Position()}
    recorder = recorder_of(solver, options, folder, "plate", probes)
    recorder.run()
    summary = Summary()
    add_problem(summary, options, name)
    add_run(summary, recorder)
    add_result(summary, recorder, options, law)

    def finish() -> None:
        pictures = [] if options.no_pictures else draw(folder, recorder, options)
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
    if body is not None:
        low, high = bounds(body)
        options.thickness, options.radius = float(high[2] - low[2]), float(max(high[:2] - low[:2]))
    with Claim(options.out, COMM):
        simulate(options, law, name, body)


if __name__ == "__main__":
    sys.exit(main())
