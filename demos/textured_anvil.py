# SPDX-License-Identifier: MIT
"""A bar cut from a rolled plate hits a rigid, frictionless wall: its foot becomes an ellipse.

    mpirun -n 2 python demos/textured_anvil.py --axis RD --out results/textured_anvil
    python demos/textured_anvil.py --axis RD --law hill --out results/textured_hill

The body's z axis is the bar's; x lies across it towards ND (RD, where the axis is ND). Beside the
files of the other anvil it writes footprint.json (half axes of the foot and the bar's silhouette),
foot.png and, where the law has grains, poles_*.png: pole figures at rest and at three places after
the impact, twins included. Thermal softening is left out.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.files import replacing
from mlms_fenics.geometry import cylinder_divisions
from mlms_fenics.impact import anvil_solver
from mlms_fenics.impact.bodies import check_speed
from mlms_fenics.impact.command import (
    add_run_options,
    check_run,
    fill_defaults,
    recorder_of,
)
from mlms_fenics.impact.footprint import fit_ellipse, rim_of_foot, silhouette
from mlms_fenics.impact.footprint_figure import draw_foot
from mlms_fenics.impact.reorientation import grains_near
from mlms_fenics.impact.textured_laws import (
    FROM_FAMILY,
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
from mlms_fenics.io.probes import FootRadius, Length
from mlms_fenics.io.report import add_run, write_summary
from mlms_fenics.io.section import cut
from mlms_fenics.io.section_figure import draw_sections
from mlms_fenics.locking import Claim
from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.materials import Material, Polycrystal
from mlms_fenics.microstructure import Texture, draw_pole_figures
from mlms_fenics.parallel import entry_point, on_every_rank, on_rank_zero
from mlms_fenics.unitcell import response_difference

COMM = MPI.COMM_WORLD
QUICK = {"mesh_size": 0.25, "end_time": 0.5, "outputs": 1}
FULL = {"mesh_size": 0.1, "end_time": 3.0, "outputs": 4}
ANGLES = np.arange(0.0, 180.0, 15.0)


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    add_textured_law_options(new)
    add_texture_options(new)
    new("--velocity", type=float, default=300.0, help="of the bar, m/s (default: 300)")
    new("--height", type=float, default=3.0, help="of the bar, mm (default: 3)")
    new("--diameter", type=float, default=1.0, help="of the bar, mm (default: 1)")
    new("--mesh-size", type=float, help="edge length of the elements, mm (default: 0.1)")
    add_run_options(new, "results/textured_anvil")
    options = parser.parse_args(argv)
    fill_defaults(options, QUICK if options.quick else FULL)
    if options.quick:
        options.grains = min(options.grains, 4)
    return options


def check(options: argparse.Namespace) -> None:
    check_run(options)
    check_textured_law(options)
    cylinder_divisions(options.diameter, options.height, options.mesh_size)


def places(options: argparse.Namespace) -> dict[str, tuple[float, float, float]]:
    """Where pole figures are taken, mm at rest."""
    return {
        "foot": (0.0, 0.0, 0.0),
        "edge": (0.5 * options.diameter, 0.0, 0.0),
        "middle": (0.0, 0.0, 0.5 * options.height),
    }


def pole_figures(
    solver: ExplicitSolver, options: argparse.Namespace, texture: Texture, folder: Path
) -> list[Path]:
    """Pole figures at rest and at three places (collective); the files."""
    law = solver.material
    if options.no_pictures or not isinstance(law, Polycrystal):
        return []
    found = {"rest": (law.orientations, law.weights)}
    for name, place in places(options).items():
        found[name] = grains_near(solver, place)[1:]
    files = [folder / f"poles_{name}.png" for name in found]

    def draw() -> None:
        for file, (Q, w) in zip(files, found.values(), strict=True):
            draw_pole_figures(Q, file, lattice=texture.lattice or "cubic", weights=w)

    on_rank_zero(COMM, draw)
    return files


def add_problem(
    summary: Summary,
    options: argparse.Namespace,
    name: str,
    texture: Texture,
    errors: dict[str, float],
) -> None:
    section = "Textured anvil"
    for key, unit in (("diameter", "mm"), ("height", "mm"), ("velocity", "m/s")):
        summary.add(section, key, getattr(options, key), unit, "g")
    summary.add(section, "mesh size", options.mesh_size, "mm", "g")
    summary.add(section, "texture", ", ".join(texture.said))
    summary.add(section, "orientations at a point", len(texture))
    off = 100.0 * errors["few orientations"]
    summary.add(section, "their deviator off that of all by", off, "%", ".2g")
    summary.add(section, "law", name)
    for key, title in (("error", "error of its fit"), ("error, others", "on other histories")):
        if key in errors:
            summary.add(section, title, 100.0 * errors[key], "%", ".3g")
    for key, title in FROM_FAMILY.items():
        if key in errors:
            summary.add(section, title, errors[key], "(1 is the edge of the data)", ".3g")


def add_result(summary: Summary, recorder: Recorder, options: argparse.Namespace) -> dict[str, Any]:
    """Foot and silhouette, on rank 0; what footprint.json holds."""
    body, section = recorder.snapshots[-1][1], "Result"
    foot = fit_ellipse(rim_of_foot(body))
    heights, widths = silhouette(body, ANGLES)
    across = {"x": foot.reach(0.0), "y": foot.reach(90.0)}
    for axis, half in across.items():
        summary.add(section, f"foot's ellipse along {axis}", half, "mm", ".5g")
    summary.add(section, "its half axes", [foot.major, foot.minor], "mm", ".5g")
    summary.add(section, "aspect ratio", foot.aspect, "", ".4g")
    summary.add(section, "major axis from x towards y", foot.direction, "degrees", ".3g")
    summary.add(section, "length at the end", recorder.history["length"][-1], "mm", ".5g")
    summary.add(section, "largest e_d", max(recorder.history["max_e_d"]))
    if "twin_fraction" in body.cell:
        largest = float(body.cell["twin_fraction"].max())
        summary.add(section, "largest twin fraction", largest, "", ".3g")
    return {
        "radius at rest [mm]": 0.5 * options.diameter,
        "ellipse of the foot [mm]": across,
        "half axes [mm]": [foot.major, foot.minor],
        "direction of the major axis [degrees]": foot.direction,
        "misfit [mm]": foot.misfit,
        "length [mm]": float(recorder.history["length"][-1]),
        "angles [degrees]": ANGLES.tolist(),
        "heights [mm]": heights.tolist(),
        "half widths [mm]": widths.tolist(),
    }


def pictures(folder: Path, recorder: Recorder, options: argparse.Namespace) -> list[Path]:
    """The foot from below, and the section through the axis in x, on rank 0."""
    time, body = recorder.snapshots[-1]
    files = [folder / "foot.png", folder / "section.png"]
    title = f"{options.metal}, axis {options.axis}, {options.law}, {options.velocity:g} m/s"
    draw_foot(files[0], {options.law: rim_of_foot(body)}, 0.5 * options.diameter, title)
    R, H = 0.5 * options.diameter, options.height
    outline = np.array([[-R, 0.0], [R, 0.0], [R, H], [-R, H]])
    draw_sections(
        files[1], [cut(body, time)], panels(body), title=f"{title}, {time:g} µs", outline=outline
    )
    return files


def simulate(
    options: argparse.Namespace,
    law: Material,
    name: str,
    texture: Texture,
    errors: dict[str, float],
) -> None:
    """Run the impact and write its results (collective)."""
    folder = writable_folder(COMM, options.out)
    solver = anvil_solver(
        COMM,
        law,
        velocity=options.velocity,
        diameter=options.diameter,
        height=options.height,
        size=options.mesh_size,
        safety=options.safety,
    )
    probes = {"length": Length(), "foot_radius": FootRadius(solver)}
    recorder = recorder_of(solver, options, folder, "anvil", probes, TexturedRecorder)
    recorder.run()
    files = pole_figures(solver, options, texture, folder)
    summary = Summary()
    add_problem(summary, options, name, texture, errors)
    add_run(summary, recorder)

    def finish() -> None:
        found = add_result(summary, recorder, options)
        with replacing(folder / "footprint.json") as beside:
            beside.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        drawn = [] if options.no_pictures else pictures(folder, recorder, options)
        written = [*recorder.files, *files, *drawn, folder / "footprint.json"]
        written.append(folder / "summary.json")
        write_summary(summary, written)

    on_rank_zero(COMM, finish)


@entry_point
def main(argv: Sequence[str] | None = None) -> Any:
    options = options_from(argv)
    check(options)
    crystal, lattice = crystal_of(options)

    def build() -> tuple[Material, str, Texture, dict[str, float]]:
        whole, texture = body_texture(options, lattice, reduced=family_of(options) is None)
        off = 0.0
        if texture is not whole and not options.quick:
            off = response_difference(crystal, texture, whole)
        law, name, fit = build_textured_law(options, crystal, texture)
        law.check_end_time(options.end_time)
        return law, name, texture, {"few orientations": off, **fit}

    law, name, texture, errors = on_every_rank(COMM, build)
    check_speed(law, options.velocity)
    with Claim(options.out, COMM):
        simulate(options, law, name, texture, errors)


if __name__ == "__main__":
    sys.exit(main())
