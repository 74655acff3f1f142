# SPDX-License-Identifier: MIT
"""Concurrent multiscale as the truth: what a learnt law gets wrong in the impact itself.

    python demos/studies/concurrent_multiscale.py --ranks 2 --out results/concurrent

The Taylor anvil and the plate are run with the polycrystal itself at every quadrature point (128
grains each, the same that the learnt law was trained on), which the paper could only estimate
(1.2e8 s for the anvil), then with learnt and fitted laws on the same mesh. It writes the relative
L2 differences over the body, shape, contact force and energies, whether the trust field shows
where the error is, and pictures of both and of the difference: results.json, table.md, *.png. Each
run is an ordinary command of a demo, done once; a study that was stopped goes on where it was.
Run this script without mpirun; it starts the ranks.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact.batch import Run, run_once, save_json
from mlms_fenics.impact.compare import compare_runs, only_xdmf, spearman
from mlms_fenics.impact.figures import difference, draw_side_by_side, section_of
from mlms_fenics.impact.snapshots import read_snapshot
from mlms_fenics.io.command import Parser
from mlms_fenics.stages import study_command

DEMOS = {"anvil": "taylor_anvil.py", "plate": "plate_impact.py"}
FLIGHT = {"anvil": -0.2, "plate": 0.0}
# What is drawn, mm from the axis and up to z: beyond, nothing has happened by 1 µs.
DRAWN = {"anvil": (inf, 3.0), "plate": (3.0, inf)}
LAWS = ("learnt", "johnson-cook-fitted", "j2-fitted")
QUICK = ["--mesh-size", "0.25", "--end-time", "0.2"]


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(0, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    new = parser.add_argument
    new("--problems", nargs="+", choices=tuple(DEMOS), help="default: both")
    new("--grains", type=int, help="of the truth (default: all of the shipped model)")
    new("--model", nargs="*", default=[], metavar="NAME=FILE",
        help="more learnt laws, such as reduced=reduced_16.h5")  # fmt: skip
    new("--mesh-size", type=float, help="of both problems, mm (default: the demos')")
    new("--ranks", type=int, default=os.cpu_count() or 1, help="MPI ranks (default: all cores)")
    new("--out", type=Path, default=Path("results/concurrent"), help="folder for everything")
    new("--quick", action="store_true", help="coarse mesh, 4 grains, short: a test of the chain")
    options = parser.parse_args(argv)
    options.problems = options.problems or (["anvil"] if options.quick else list(DEMOS))
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    for given in options.model:
        name, _, file = given.partition("=")
        require(
            bool(name) and name not in (*LAWS, "truth") and Path(file).is_file(),
            f"--model {given!r}: must be NAME=FILE with a new name and an existing file",
        )
    return options


def common_options(options: argparse.Namespace) -> list[str]:
    common = ["--outputs", "4", "--device", "cpu"]
    if options.mesh_size is not None:
        common += ["--mesh-size", f"{options.mesh_size:g}"]
    return common + (QUICK if options.quick else [])


def run_all(options: argparse.Namespace, problem: str) -> dict[str, Run]:
    """The truth first, then each law."""
    grains = 4 if options.quick and options.grains is None else options.grains
    laws = {"truth": ["--law", "taylor", *(["--grains", str(grains)] if grains else [])]}
    laws |= {name: ["--law", name] for name in LAWS}
    for given in options.model:
        name, _, file = given.partition("=")
        laws[name] = ["--law", "learnt", "--model", str(Path(file).resolve())]
    return {
        name: run_once(
            options.out / problem / name,
            DEMOS[problem],
            [*common_options(options), *law],
            ranks=options.ranks,
        )
        for name, law in laws.items()
    }


def trust(run: Run, truth: Run, time: float) -> dict[str, float] | None:
    """Rank correlation over the cells of the trust field with the error of the stress.

    Over the whole body much of it is that both are small where nothing has happened; so also over
    the cells that have been deformed.
    """
    fields = ("sigma", "sigma_M", "e_d", "distance")
    body, exact = (read_snapshot(only_xdmf(r.folder), time, fields) for r in (run, truth))
    if "distance" not in body.cell:
        return None
    error = np.abs(body.cell["sigma_M"] - exact.cell["sigma_M"])
    distance, deformed = body.cell["distance"], exact.cell["e_d"] > 0.02
    return {
        "whole body": spearman(distance, error),
        "e_d > 0.02": spearman(distance[deformed], error[deformed]),
        "largest distance": float(distance.max()),
    }


def judge(problem: str, runs: dict[str, Run]) -> dict[str, Any]:
    """Each law against the truth."""
    truth = runs["truth"]
    end = truth.summary["Run"]["simulated time [us]"]
    times = [end * k / 4.0 for k in (1, 2, 3, 4)]
    results: dict[str, Any] = {"truth": {"cost": truth.cost, "run": truth.summary["Run"]}}
    for name, run in runs.items():
        if name == "truth":
            continue
        found = compare_runs(run.folder, truth.folder, times, flight=FLIGHT[problem])
        results[name] = {
            **found.as_dict(),
            "trust field against error, Spearman": trust(run, truth, end),
            "cost": run.cost,
            "run": run.summary["Run"],
        }
    return results


def picture(problem: str, name: str, runs: dict[str, Run], folder: Path) -> Path:
    """The truth, the law and their difference at the end of the run."""
    truth, run = runs["truth"], runs[name]
    time = truth.summary["Run"]["simulated time [us]"]
    exact, body = (read_snapshot(only_xdmf(r.folder), time) for r in (truth, run))
    drawn = DRAWN[problem]
    path = folder / f"{problem}_{name}.png"
    draw_side_by_side(
        path,
        [
            ("concurrent", section_of(exact, time, *drawn)),
            (name, section_of(body, time, *drawn)),
        ],
        [("difference", section_of(difference(body, exact), time, *drawn))],
        title=f"{problem}, {time:.3g} µs",
    )
    return path


def table(problem: str, results: dict[str, Any]) -> str:
    """Markdown."""
    times = next(r for k, r in results.items() if k != "truth")["times [us]"]
    lines = [
        f"### {problem}, {results['truth']['run']['elements']:,} elements: relative L2 difference "
        "from the concurrent run over the body, at " + ", ".join(f"{t:g}" for t in times) + " µs",
        "",
        "| law | u | motion | σ_M | e_d | e_v | force | trust: all, deformed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, r in results.items():
        if name == "truth":
            continue
        errors = r["relative L2"]
        shown = [" ".join(f"{100 * e:.2g}" for e in errors[key]) + " %" for key in errors]
        force = f"{100 * r['contact force, relative L2 over time']:.2g} %"
        ranks = r["trust field against error, Spearman"]
        seen = f"{ranks['whole body']:.2f}, {ranks['e_d > 0.02']:.2f}" if ranks else ""
        lines.append(f"| {name} | " + " | ".join([*shown, force, seen]) + " |")
    keys = list(next(r for k, r in results.items() if k != "truth")["run and truth"])
    lines += ["", "| | " + " | ".join(keys) + " | CPU [s] |", "|---|" + "---|" * (len(keys) + 1)]
    first = True
    for name, r in results.items():
        if name == "truth":
            continue
        pairs = r["run and truth"]
        if first:
            row = " | ".join(f"{pairs[k][1]:.5g}" for k in keys)
            lines.append(f"| concurrent | {row} | {results['truth']['cost']['CPU [s]']:.0f} |")
            first = False
        row = " | ".join(f"{pairs[k][0]:.5g}" for k in keys)
        lines.append(f"| {name} | {row} | {r['cost']['CPU [s]']:.0f} |")
    return "\n".join(lines) + "\n"


def study(options: argparse.Namespace) -> None:
    """Run and compare all problems."""
    everything, tables = {}, []
    for problem in options.problems:
        runs = run_all(options, problem)
        everything[problem] = judge(problem, runs)
        for name in runs:
            if name != "truth":
                picture(problem, name, runs, options.out)
        tables.append(table(problem, everything[problem]))
        print(tables[-1], flush=True)
        save_json(options.out / "results.json", everything)
        with replacing(options.out / "table.md") as beside:
            beside.write_text("\n".join(tables), encoding="utf-8")


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
