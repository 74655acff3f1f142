# SPDX-License-Identifier: MIT
"""The parametric studies of Liu et al. 2022, section 4, with their figures.

    python demos/studies/impact_studies.py --ranks 2 --out results/studies

Fig. 4: the Taylor anvil over time. Fig. 5: its velocity, and its diameter at fixed height. Fig. 6:
the plate over time. Fig. 7: the projectile's velocity, and the plate's thickness. Then an animation
of each problem, and the convergence of the anvil with mesh and time step, for the learnt law and
for the concurrent polycrystal (of few grains: `--grains`). Each run is an ordinary command of a
demo, done once; a study that was stopped goes on where it was. Run this script without mpirun; it
starts the ranks.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from math import inf
from pathlib import Path

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact.animation import animate
from mlms_fenics.impact.batch import Run, run_once, save_json
from mlms_fenics.impact.compare import only_xdmf
from mlms_fenics.impact.figures import draw_side_by_side, save_figure, section_of
from mlms_fenics.impact.snapshots import output_at, read_snapshot
from mlms_fenics.io import Section, XDMFReader
from mlms_fenics.io.command import Parser
from mlms_fenics.io.section_figure import MEASURES
from mlms_fenics.stages import study_command

DEMOS = {"anvil": "taylor_anvil.py", "plate": "plate_impact.py"}
PARTS = ("fig4", "fig5", "fig6", "fig7", "animations", "convergence")
VELOCITIES = (100, 200, 300)
DIAMETERS = (0.5, 1.0, 2.0)
THICKNESSES = (0.5, 1.0, 2.0)
MESHES = (0.25, 0.2, 0.125, 0.1, 0.08)
SAFETIES = (0.8, 0.4, 0.2)
FRAMES = 40
# What is drawn, mm from the axis and up to z: beyond, nothing has happened by 1 µs.
DRAWN = {"anvil": (inf, 3.0), "plate": (3.0, inf)}
QUICK = {"anvil": ["--mesh-size", "0.25"], "plate": ["--mesh-size", "0.25"]}


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(0, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    new = parser.add_argument
    new("--parts", nargs="+", choices=PARTS, help="default: all")
    new("--model", type=Path, help="of the learnt law (default: the one shipped)")
    new("--grains", type=int, default=16,
        help="of the concurrent law in the study of convergence (default: 16)")  # fmt: skip
    new("--ranks", type=int, default=os.cpu_count() or 1, help="MPI ranks (default: all cores)")
    new("--out", type=Path, default=Path("results/studies"), help="folder for everything")
    new("--quick", action="store_true", help="coarse, short, few runs: a test of the chain")
    options = parser.parse_args(argv)
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    require(options.grains >= 1, f"--grains {options.grains}: must be at least 1")
    options.parts = options.parts or (PARTS[:2] if options.quick else PARTS)
    return options


class Study:
    """Runs of the demos in one folder.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.out = options, options.out
        self.end = 0.1 if options.quick else 1.0

    def run(self, problem: str, name: str, *options: object) -> Run:
        """Run `problem` with extra options, and enough outputs for figures and animation."""
        common: list[object] = ["--device", "cpu", "--end-time", self.end]
        common += ["--outputs", 4 if self.options.quick else FRAMES]
        if self.options.model is not None:
            common += ["--model", self.options.model.resolve()]
        if self.options.quick and "--mesh-size" not in options:
            common += QUICK[problem]
        return run_once(
            self.out / "runs" / f"{problem}_{name}",
            DEMOS[problem],
            [*common, *options],
            ranks=self.options.ranks,
        )

    def base(self, problem: str) -> Run:
        return self.run(problem, "v200", "--velocity", 200)

    def sections(self, problem: str, run: Run, times: Sequence[float]) -> list[Section]:
        reader = XDMFReader(only_xdmf(run.folder))
        fields = ("u", *(panel.field for panel in MEASURES))
        return [
            section_of(
                read_snapshot(reader, reader.times[output_at(reader, t)], fields),
                t,
                *DRAWN[problem],
            )
            for t in times
        ]


def over_time(study: Study, problem: str, path: Path) -> None:
    """Figs. 4 and 6."""
    run = study.base(problem)
    times = [study.end * part for part in (0.25, 0.5, 0.75, 1.0)]
    sections = study.sections(problem, run, times)
    names = [f"{t:.3g} µs" for t in times]
    title = {"anvil": "Taylor anvil, 200 m/s", "plate": "plate of 1 mm, 200 m/s"}[problem]
    draw_side_by_side(path, list(zip(names, sections, strict=True)), title=title)


def over_values(
    study: Study, problem: str, path: Path, option: str, values: Sequence[float], unit: str
) -> None:
    """Figs. 5 and 7: the end of runs that differ in one option."""
    columns = []
    values = values[:2] if study.options.quick else values
    for value in values:
        base = {"--velocity": 200, "--diameter": 1.0, "--thickness": 1.0}[option]
        name = f"{option[2]}{value:g}"
        run = study.base(problem) if value == base else study.run(problem, name, option, value)
        label = f"{option[2:]} {value:g} {unit}"
        columns.append((label, study.sections(problem, run, [study.end])[0]))
    title = {"anvil": "Taylor anvil", "plate": "plate"}[problem] + f", {study.end:g} µs"
    draw_side_by_side(path, columns, title=title)


def animations(study: Study) -> list[Path]:
    """One of each problem."""
    made = []
    for problem in DEMOS:
        run = study.base(problem)
        times = XDMFReader(only_xdmf(run.folder)).times[::2]  # small files
        sections = study.sections(problem, run, times)
        made.append(study.out / f"{problem}.gif")
        title = {"anvil": "Taylor anvil, 200 m/s", "plate": "plate of 1 mm, 200 m/s"}[problem]
        animate(made[-1], sections, MEASURES[0], title=title)
    return made


def convergence(study: Study) -> dict[str, dict[str, list[list[float]]]]:
    """Foot radius and internal energy of the anvil against mesh size and time step."""
    laws = {
        "learnt": [],
        f"concurrent, {study.options.grains} grains": [
            "--law", "taylor", "--grains", study.options.grains,
        ],
    }  # fmt: skip
    meshes, safeties = (MESHES[:2], SAFETIES[:2]) if study.options.quick else (MESHES, SAFETIES)
    middle = meshes[len(meshes) // 2]
    results: dict[str, dict[str, list[list[float]]]] = {}
    for law, chosen in laws.items():
        short = "learnt" if law == "learnt" else f"taylor{study.options.grains}"
        results[law] = {"mesh": [], "step": []}
        for size in meshes:
            run = study.run("anvil", f"{short}_h{size:g}", "--mesh-size", size, *chosen)
            results[law]["mesh"].append([size, *measured(run)])
        for safety in safeties:
            options = ["--mesh-size", middle, "--safety", safety, *chosen]
            run = study.run("anvil", f"{short}_s{safety:g}", *options)
            step = 1e3 * run.summary["Run"]["mean step [us]"]
            results[law]["step"].append([step, *measured(run)])
    save_json(study.out / "convergence.json", results)
    draw_convergence(study.out / "convergence.png", results, middle)
    return results


def measured(run: Run) -> list[float]:
    foot = run.summary["Result"]["foot radius at the end [mm]"]
    return [foot, run.summary["Energy"]["internal (law) [J]"]]


def draw_convergence(path: Path, results: dict[str, dict], middle: float) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    axes = figure.subplots(2, 2, sharey="row")
    columns = (
        ("mesh", "element size [mm]"),
        ("step", f"time step [ns], {middle:g} mm elements"),
    )
    for column, (key, label) in enumerate(columns):
        for row, name in enumerate(("foot radius [mm]", "internal energy [J]")):
            axis = axes[row, column]
            for law, found in results.items():
                x, *values = np.array(found[key]).T
                axis.plot(x, values[row], "o-", label=law, markersize=4)
            axis.set_xlim(left=0.0)
            if column == 0:
                axis.set_ylabel(name)
            if row == 1:
                axis.set_xlabel(label)
    axes[0, 0].legend(fontsize=8)
    figure.suptitle("Taylor anvil, 200 m/s, 1 µs: convergence", fontsize=10)
    save_figure(figure, path)


def report(study: Study) -> str:
    """A table of all runs."""
    lines = ["| run | elements | steps | result | worst imbalance % |", "|---|---|---|---|---|"]
    for folder in sorted((study.out / "runs").iterdir()):
        summary = Run(folder, *_read(folder)).summary
        if not summary:
            continue
        result, energy, run = summary["Result"], summary["Energy"], summary["Run"]
        wanted = ("foot radius at the end [mm]", "separation under the centre", "largest e_d",
                  "separation under the centre at [us]")  # fmt: skip
        shown = "; ".join(
            f"{key} {value:.4g}" if isinstance(value, float) else f"{key}: {value}"
            for key, value in result.items()
            if key in wanted
        )
        key = "worst imbalance over the largest energy [%]"
        worst = energy.get(key, energy["worst balance [%]"])
        lines.append(
            f"| {folder.name} | {run['elements']} | {run['steps']} | {shown} | {worst:.2g} |"
        )
    return "\n".join(lines) + "\n"


def _read(folder: Path) -> tuple[dict, dict]:
    from mlms_fenics.impact.batch import finished

    run = finished(folder)
    return run.summary, run.cost


def study(options: argparse.Namespace) -> None:
    """All figures asked for, and the table of runs."""
    study, out = Study(options), options.out
    steps = {
        "fig4": lambda: over_time(study, "anvil", out / "fig4_anvil.png"),
        "fig5": lambda: (
            over_values(study, "anvil", out / "fig5_velocity.png", "--velocity", VELOCITIES, "m/s"),
            over_values(study, "anvil", out / "fig5_diameter.png", "--diameter", DIAMETERS, "mm"),
        ),
        "fig6": lambda: over_time(study, "plate", out / "fig6_plate.png"),
        "fig7": lambda: (
            over_values(study, "plate", out / "fig7_velocity.png", "--velocity", VELOCITIES, "m/s"),
            over_values(
                study, "plate", out / "fig7_thickness.png", "--thickness", THICKNESSES, "mm"
            ),
        ),
        "animations": lambda: animations(study),
        "convergence": lambda: convergence(study),
    }
    for part in options.parts:
        print(part, flush=True)
        steps[part]()
    with replacing(out / "runs.md") as beside:
        beside.write_text(report(study), encoding="utf-8")
    print(report(study))


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
