# SPDX-License-Identifier: MIT
"""A block cut from a rolled plate is pressed or pulled slowly, with several laws side by side.

    mpirun -n 2 python demos/textured_compression.py --load compression --laws taylor hill
    python demos/textured_compression.py --load channel-die --laws taylor learnt --model plate.h5

The implicit solver loads a block of 1 mm, whose z axis is --axis of the plate and whose x lies
across it towards ND (RD, where the axis is ND). The texture makes its section oblong: how much,
each law says for itself. A folder for each law holds fields (XDMF), history.csv and summary.json;
beside them are loading.png (curves and sections), loading.json and, of the polycrystal at every
point (taylor), poles_rest.png and poles_end.png.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact.reorientation import grains_near
from mlms_fenics.impact.slow_loading import LOADINGS, SlowLoading, section, spans
from mlms_fenics.impact.slow_loading_figure import draw_loading
from mlms_fenics.impact.textured_laws import (
    LAWS,
    add_metal_options,
    build_textured_law,
    crystal_of,
)
from mlms_fenics.impact.textures import add_texture_options, body_texture
from mlms_fenics.io import Recorder, Summary
from mlms_fenics.io.command import Parser
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.io.probes import Probe
from mlms_fenics.io.report import add_run, write_summary
from mlms_fenics.locking import Claim
from mlms_fenics.macroscale import ImplicitSolver
from mlms_fenics.macroscale.implicit.linear import LINEAR
from mlms_fenics.materials import Material, Polycrystal
from mlms_fenics.microstructure import Texture, draw_pole_figures
from mlms_fenics.parallel import entry_point, on_every_rank, on_rank_zero
from mlms_fenics.units import PER_SECOND

COMM = MPI.COMM_WORLD


class AxialForce(Probe):
    """Force on the block's end, kN."""

    unit = "kN"

    def __init__(self, loading: SlowLoading) -> None:
        self._loading = loading

    def value(self, solver: ImplicitSolver, sums: np.ndarray, maxima: np.ndarray) -> float:
        return self._loading.force(solver)


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--laws", nargs="+", choices=LAWS, default=["taylor", "hill"],
        help="to compare: taylor, the polycrystal at every point; learnt (--model FILE); hill, "
        "johnson-cook and j2, each fitted to the polycrystal here and now (default: taylor hill)"
    )  # fmt: skip
    new("--model", metavar="FILE", help="of the learnt law")
    new("--load", choices=LOADINGS, default="compression", help="(default: %(default)s)")
    new("--strain", type=float, help="nominal, in the end (default: 0.1)")
    new("--rate", type=float, default=1e3, help="of the nominal strain, 1/s (default: 1000)")
    new("--height", type=float, default=1.0, help="of the block, mm (default: 1)")
    new("--friction", type=float, default=0.0, help="Coulomb's, at the planes (default: 0)")
    new("--divisions", type=int, help="elements along x and y (default: 3)")
    new("--steps", type=int, help="at least (default: 10)")
    new("--linear", choices=tuple(LINEAR), default="direct", help="(default: direct, MUMPS)")
    add_metal_options(new)
    add_texture_options(new)
    new("--out", type=Path, default=Path("results/textured_compression"), help="folder")
    new("--no-pictures", action="store_true", help="no pictures")
    new("--quick", action="store_true", help="coarse and short: a test of seconds")
    options = parser.parse_args(argv)
    full = {"strain": 0.1, "divisions": 3, "steps": 10}
    quick = {"strain": 0.02, "divisions": 1, "steps": 3}
    for name, value in (quick if options.quick else full).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.quick:
        options.grains = min(options.grains, 4)
    options.precision = "float64"
    return options


def loading_of(options: argparse.Namespace) -> SlowLoading:
    require(
        (options.model is not None) == ("learnt" in options.laws),
        "--model FILE goes with a learnt law in --laws, and only with that",
    )
    require(
        len(set(options.laws)) == len(options.laws),
        f"--laws are {', '.join(options.laws)}: name each once",
    )
    return SlowLoading(
        options.load, options.strain, options.rate * PER_SECOND, options.height, options.friction,
        options.divisions, options.steps,
    )  # fmt: skip


def simulate(loading: SlowLoading, law: Material, name: str, folder: Path, linear: str) -> Any:
    """Load one block and write its results; the solver and what loading.json holds (collective)."""
    solver = loading.solver(COMM, law, linear)
    recorder = Recorder(
        solver, writable_folder(COMM, folder), name="block", end_time=loading.end_time, outputs=2,
        rows=1000, probes={"axial_force": AxialForce(loading)},
    )  # fmt: skip
    recorder.run()
    outline = section(solver, loading.height)
    wide, deep = spans(outline)
    sign = 1.0 if loading.kind == "tension" else -1.0
    found = {
        "law": name,
        "strain": (loading.rate * np.array(recorder.history["time"])).tolist(),
        "stress": (sign * np.array(recorder.history["axial_force"])).tolist(),
        "width along x [mm]": wide,
        "width along y [mm]": deep,
        "steps": solver.step_count,
        "steps cut back": solver.failed_steps,
        "seconds": recorder.seconds["total"],
        "seconds in the law": recorder.seconds["law"],
        "outline": outline.tolist(),
    }
    summary = Summary()
    summary.add("Block", "law", name)
    summary.add("Block", "loading", loading.kind)
    summary.add("Block", "nominal stress at the end", 1e3 * found["stress"][-1], "MPa", ".5g")
    summary.add("Block", "section, widths along x and y", [wide, deep], "mm", ".5g")
    summary.add("Block", "their ratio", wide / deep, "", ".4g")
    add_run(summary, recorder)

    def finish() -> None:
        write_summary(summary, [*recorder.files, folder / "summary.json"])

    on_rank_zero(COMM, finish)
    return solver, found


def draw_poles(solver: ImplicitSolver, texture: Texture, folder: Path) -> None:
    """Pole figures at rest and in the middle of the block at the end (collective)."""
    law = solver.material
    middle = grains_near(solver, (0.0, 0.0, 0.5 * solver.elements.coordinates[:, 2].max()))[1:]

    def draw() -> None:
        for name, (Q, w) in {"rest": (law.orientations, law.weights), "end": middle}.items():
            file = folder / f"poles_{name}.png"
            draw_pole_figures(Q, file, lattice=texture.lattice or "cubic", weights=w)

    on_rank_zero(COMM, draw)


@entry_point
def main(argv: Sequence[str] | None = None) -> Any:
    options = options_from(argv)
    loading = loading_of(options)
    crystal, lattice = crystal_of(options)
    texture = on_every_rank(COMM, lambda: body_texture(options, lattice)[1])
    results = {}
    with Claim(options.out, COMM):
        for name in options.laws:
            own = argparse.Namespace(**{**vars(options), "law": name})
            law, words, _ = on_every_rank(
                COMM, lambda own=own: build_textured_law(own, crystal, texture)
            )
            solver, results[name] = simulate(
                loading, law, words, options.out / name, options.linear
            )
            if isinstance(law, Polycrystal) and not options.no_pictures:
                draw_poles(solver, texture, options.out)

        def finish() -> None:
            with replacing(options.out / "loading.json") as beside:
                beside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            if not options.no_pictures:
                title = f"{options.metal}, {options.load} along {options.axis}, {options.rate:g}/s"
                outlines = {key: np.array(r["outline"]) for key, r in results.items()}
                draw_loading(options.out / "loading.png", results, outlines, title)
            for key, r in results.items():
                wide, deep = r["width along x [mm]"], r["width along y [mm]"]
                print(
                    f"{key:>12}: {1e3 * r['stress'][-1]:8.1f} MPa, section {wide:.4f} by "
                    f"{deep:.4f} mm, {r['steps']} steps, {r['seconds']:.1f} s",
                    flush=True,
                )

        on_rank_zero(COMM, finish)


if __name__ == "__main__":
    sys.exit(main())
