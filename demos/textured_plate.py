# SPDX-License-Identifier: MIT
"""A rigid, flat-ended cylinder hits a rolled plate along ND, or a block of it along RD.

    mpirun -n 2 python demos/textured_plate.py --axis ND --out results/textured_plate
    mpirun -n 2 python demos/textured_plate.py --axis RD --thickness 2 --out results/textured_block

The body of demos/plate_impact.py, whose z axis lies along --axis of the rolled plate; x lies across
it towards ND (RD, where the axis is ND). Beside fields and history it writes bulge.json: how far
the middle of the back has moved, and how wide the bulge is along x and along y.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mpi4py import MPI

from mlms_fenics.files import replacing
from mlms_fenics.geometry import plate_divisions
from mlms_fenics.impact import plate_mesh_size, plate_solver
from mlms_fenics.impact.bodies import check_speed
from mlms_fenics.impact.command import add_run_options, check_run, fill_defaults, recorder_of
from mlms_fenics.impact.footprint import bulge
from mlms_fenics.impact.probes import Gap, Position
from mlms_fenics.impact.snapshots import near_axis
from mlms_fenics.impact.textured_laws import (
    add_textured_law_options,
    build_textured_law,
    check_textured_law,
    crystal_of,
    family_of,
)
from mlms_fenics.impact.textured_recorder import TexturedRecorder, panels
from mlms_fenics.impact.textures import add_texture_options, body_texture
from mlms_fenics.io import Recorder, Summary
from mlms_fenics.io.command import Parser
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.io.report import add_run, write_summary
from mlms_fenics.io.section import cut
from mlms_fenics.io.section_figure import draw_sections
from mlms_fenics.locking import Claim
from mlms_fenics.materials import Material
from mlms_fenics.parallel import entry_point, on_every_rank, on_rank_zero

COMM = MPI.COMM_WORLD
QUICK = {"mesh_size": 0.5, "end_time": 0.3, "outputs": 1}
FULL = {"end_time": 1.5, "outputs": 3}


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    add_textured_law_options(new)
    add_texture_options(new)
    new("--velocity", type=float, default=300.0, help="of the projectile, m/s (default: 300)")
    new("--diameter", type=float, default=2.0, help="of the projectile, mm (default: 2)")
    new("--thickness", type=float, default=1.0, help="of the body, mm (default: 1)")
    new("--radius", type=float, help="of the body, mm (default: twice --diameter)")
    new("--mesh-size", type=float, help="under the projectile, mm (default: a fifth of the "
        "thickness, at most 0.2)")  # fmt: skip
    add_run_options(new, "results/textured_plate")
    options = parser.parse_args(argv)
    fill_defaults(options, QUICK if options.quick else FULL)
    size = min(2.0 * plate_mesh_size(options.diameter, options.thickness), options.thickness / 5.0)
    fill_defaults(options, {"radius": 2.0 * options.diameter, "mesh_size": size})
    if options.quick:
        options.grains = min(options.grains, 4)
    return options


def check(options: argparse.Namespace) -> None:
    check_run(options)
    check_textured_law(options)
    sizes = options.thickness, options.radius, 0.5 * options.diameter, options.mesh_size
    plate_divisions(*sizes)


def finish(recorder: Recorder, options: argparse.Namespace, name: str, folder: Path) -> None:
    """Summary, bulge.json and pictures, on rank 0."""
    time, body = recorder.snapshots[-1]
    found = bulge(body)
    summary, section = Summary(), "Textured plate"
    for key in ("velocity", "diameter", "thickness", "radius", "mesh_size"):
        unit = "m/s" if key == "velocity" else "mm"
        summary.add(section, key.replace("_", " "), getattr(options, key), unit, "g")
    summary.add(section, "axis", options.axis)
    summary.add(section, "law", name)
    add_run(summary, recorder)
    for key, value in found.items():
        key, _, unit = key.partition(" [")
        summary.add("Result", key, value, unit.rstrip("]"), ".5g")
    files = [*recorder.files, folder / "bulge.json", folder / "summary.json"]
    with replacing(files[-2]) as beside:
        beside.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if not options.no_pictures:
        title = f"{options.metal}, axis {options.axis}, {options.law}, {time:g} µs"
        for axis, normal in (("x", (0.0, 1.0, 0.0)), ("y", (1.0, 0.0, 0.0))):
            plane = (0, 2) if axis == "x" else (1, 2)
            whole = cut(body, time, normal=normal, axes=plane)
            files.insert(0, folder / f"section_{axis}.png")
            part = near_axis(whole, 1.5 * options.diameter)
            draw_sections(files[0], [part], panels(body), title=f"{title}, through {axis}")
    write_summary(summary, files)


def simulate(options: argparse.Namespace, law: Material, name: str) -> None:
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
        safety=options.safety,
    )
    probes = {"gap": Gap(solver), "position": Position()}
    recorder = recorder_of(solver, options, folder, "plate", probes, TexturedRecorder)
    recorder.run()
    on_rank_zero(COMM, lambda: finish(recorder, options, name, folder))


@entry_point
def main(argv: Sequence[str] | None = None) -> Any:
    options = options_from(argv)
    check(options)
    crystal, lattice = crystal_of(options)

    def build() -> tuple[Material, str]:
        texture = body_texture(options, lattice, reduced=family_of(options) is None)[1]
        law, name, _ = build_textured_law(options, crystal, texture)
        law.check_end_time(options.end_time)
        return law, name

    law, name = on_every_rank(COMM, build)
    check_speed(law, options.velocity)
    with Claim(options.out, COMM):
        simulate(options, law, name)


if __name__ == "__main__":
    sys.exit(main())
