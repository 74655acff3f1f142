# SPDX-License-Identifier: MIT
"""The price list (Liu et al. 2022, Table 2): every law in the same impacts, on this machine.

    python demos/cost_table.py --ranks 1 2 --out results/cost

The Taylor anvil and the plate run to 1 µs in 200 equal steps, as the paper's, with each law in
turn; polycrystals at the points take the stable step instead (about 75 steps), for nothing in them
is tied to 200. Then the cost of off-line data and of a concurrent full-field cell is estimated from
measured ones; estimates are called so. Both wall time and CPU time (of all ranks together) are
given, since other work on the machine tells on the former. It writes table.md and cost.json. Run it
without mpirun; it starts the ranks.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from mpi4py import MPI

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.impact import anvil_solver, chosen_device, plate_solver
from mlms_fenics.impact.batch import save_json
from mlms_fenics.impact.costs import Shadow, time_run, untrained_pca_net
from mlms_fenics.io.command import Parser
from mlms_fenics.materials import Material, johnson_cook, magnesium
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.parallel import entry_point, on_every_rank
from mlms_fenics.surrogate import load_model
from mlms_fenics.unitcell import TaylorMaterial

COMM = MPI.COMM_WORLD
SOLVERS = {"anvil": anvil_solver, "plate": plate_solver}
SIZES = {"anvil": 0.1, "plate": 0.1}
QUICK_SIZES = {"anvil": 0.25, "plate": 0.5}
# The paper's Table 2, seconds: (anvil, plate), or what does not depend on the problem.
PAPER: dict[str, str] = {
    "Johnson-Cook": "50 / 262",
    "PCA-Net, the paper's": "435 / 2362",
    "concurrent Taylor": "1.2e8 / 3.9e8 (estimate)",
    "concurrent FFT": "3.2e12 / 7.6e12 (estimate)",
    "off-line data": "5.9e6",
    "training": "6.0e4 (GPU)",
}
CONCURRENT = ("reduced polycrystal", "concurrent Taylor")


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new(
        "--problems", nargs="+", choices=tuple(SOLVERS), default=list(SOLVERS), help="default: both"
    )
    new("--ranks", type=int, nargs="+", help="numbers of MPI ranks to measure (default: 1, 2)")
    new("--laws", nargs="+", metavar="LAW", help="only laws whose name holds one of these words")
    new("--recurrent", metavar="FILE", help="model of the recurrent operator (default: shipped)")
    new("--pca-paper", metavar="FILE", help="trained model (default: random weights, same work)")
    new("--pca-default", metavar="FILE", help="likewise")
    new("--reduced", metavar="FILE", help="reduced polycrystal (default: the first 16 grains)")
    new("--tolerance", type=float, default=1e-3, help="of the polycrystals (default: 1e-3)")
    new("--paths", type=int, default=20, help="stress histories to time (default: 20)")
    new("--cell", type=int, default=64, metavar="N", help="grid of the full-field cell: N by N")
    new("--device", help="of learnt laws: cpu, cuda, ... (default: a GPU where there is one)")
    new("--out", type=Path, default=Path("results/cost"), help="folder of table.md and cost.json")
    new("--quick", action="store_true", help="coarse meshes and few steps: a test")
    new("--measure", type=Path, help=argparse.SUPPRESS)  # what the ranks are started with
    options = parser.parse_args(argv)
    if options.ranks is None:
        options.ranks = [1] if options.quick else sorted({1, min(2, os.cpu_count() or 1)})
    for n in options.ranks:
        require(n >= 1, f"--ranks {n}: must be at least 1")
    require(options.paths >= 1, f"--paths {options.paths}: must be at least 1")
    require(options.cell >= 4, f"--cell {options.cell}: must be at least 4")
    return options


def laws(options: argparse.Namespace, device: torch.device) -> dict[str, Callable[[], Material]]:
    """By name, what makes each law."""
    mover = johnson_cook("OFHC copper")

    def pca(recipe: str, file: str | None) -> Material:
        if file is None:
            return Shadow(untrained_pca_net(recipe, torch.float32, device), mover)
        return load_model(file, device=device, dtype=torch.float32)

    def taylor(grains: int | None) -> Material:
        model = load_model()
        compute = None if device.type == "cpu" else device
        return TaylorMaterial(model.law, model.orientations[:grains], options.tolerance, compute)

    def reduced() -> Material:
        if options.reduced is None:
            return taylor(4 if options.quick else 16)
        return load_model(options.reduced, device=device)

    made: dict[str, Callable[[], Material]] = {
        "Johnson-Cook": lambda: johnson_cook("OFHC copper"),
        "recurrent operator": lambda: load_model(
            options.recurrent, device=device, dtype=torch.float32
        ),
        "PCA-Net, default": lambda: pca("default", options.pca_default),
        "PCA-Net, the paper's": lambda: pca("paper", options.pca_paper),
        "reduced polycrystal": reduced,
        "concurrent Taylor": lambda: taylor(8 if options.quick else None),
    }
    if options.laws:
        chosen = {k: v for k, v in made.items() if any(word in k for word in options.laws)}
        made = {"Johnson-Cook": made["Johnson-Cook"], **chosen}
    return made


def measure(options: argparse.Namespace) -> dict[str, dict[str, dict[str, float]]]:
    """All laws in all problems on the present ranks (collective)."""
    device = chosen_device(COMM, options.device)
    sizes = QUICK_SIZES if options.quick else SIZES
    steps, end_time = (10, 0.05) if options.quick else (200, 1.0)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for problem in options.problems:
        results[problem] = {}
        for name, make in laws(options, device).items():
            law = on_every_rank(COMM, make)
            solver = SOLVERS[problem](COMM, law, size=sizes[problem])
            stable = name in CONCURRENT and not options.quick
            found = time_run(solver, end_time, None if stable else steps)
            results[problem][name] = found
            if COMM.rank == 0:  # what has been measured outlives a run that is stopped
                save_json(options.out / f"measured_{COMM.size}.json", results)
            if COMM.rank == 0:
                print(
                    f"  {problem}, {COMM.size} ranks, {name}: {found['wall [s]']:.3g} s, CPU "
                    f"{found['CPU [s]']:.3g} s",
                    flush=True,
                )
    return results


def offline(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """CPU seconds of a stress history of the Taylor average, and of a full-field cell."""
    from mlms_fenics.data import PathSettings, sample_path
    from mlms_fenics.materials import two_slip_crystal
    from mlms_fenics.microstructure import voronoi_grains
    from mlms_fenics.unitcell import FFTCell, TaylorAverage

    n = 2 if options.quick else options.paths
    U = np.stack([sample_path(PathSettings(max_strain=0.5), 7, k) for k in range(n + 1)])
    average = TaylorAverage(magnesium(), random_orientations(128, 0))
    average.stress(U[:1], 1.0, 1e-3)
    begin = process_time()
    average.stress(U[1:], 1.0, 1e-3)
    path = (process_time() - begin) / n
    size, steps = (8, 20) if options.quick else (options.cell, 200)
    law, grains = two_slip_crystal(), 16
    cell = FFTCell(law, voronoi_grains((size, size), grains, 0), random_orientations(grains, 0, 2))
    plane = sample_path(PathSettings(dimension=2, max_strain=0.1, steps=steps), 7, 0)
    begin = process_time()
    cell.stress(plane, 1e6)
    return {
        "Taylor path": {"CPU [s]": path, "paths": n},
        "full-field cell": {"CPU [s]": process_time() - begin, "grid": size, "steps": steps},
    }


def on_ranks(options: argparse.Namespace, argv: Sequence[str], ranks: int) -> Any:
    """`measure` on so many ranks, in processes of their own."""
    file = options.out / f"measured_{ranks}.json"
    file.unlink(missing_ok=True)
    command = ["mpirun", "--oversubscribe", "-n", str(ranks), sys.executable, "-m", "mpi4py"]
    command += [str(Path(__file__).resolve()), *argv, "--measure", str(file)]
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode != 0:
        raise SimulationError(f"measuring on {ranks} ranks ended with status {done.returncode}")
    return json.loads(file.read_text(encoding="utf-8"))


def table(results: dict[str, Any]) -> str:
    """Markdown, rows by law."""
    lines = []
    for ranks, problems in results["ranks"].items():
        for problem, found in problems.items():
            base = found["Johnson-Cook"]
            lines += [
                f"### {problem}, {base['elements']:,} elements, {ranks} rank(s)",
                "",
                "| law | steps | wall s | CPU s | element-steps/s | state B/element | memory MB "
                "| ratio to Johnson-Cook (CPU a step) | the paper s |",
                "|---|---|---|---|---|---|---|---|---|",
            ]
            for name, r in found.items():
                per = (r["CPU [s]"] / r["steps"]) / (base["CPU [s]"] / base["steps"])
                lines.append(
                    f"| {name} | {r['steps']} | {r['wall [s]']:.3g} | {r['CPU [s]']:.3g} | "
                    f"{r['element-steps/s']:.2g} | {r['state [B/element]']:.0f} | "
                    f"{r['memory [MB]']:.0f} | {per:.2f} | {PAPER.get(name, '')} |"
                )
            cell = results["off-line"]["full-field cell"]
            lines += [
                f"| concurrent FFT (estimate: {cell['grid']:.0f}² two-dimensional cell, "
                f"{cell['CPU [s]']:.3g} s CPU a history, at every point) | {cell['steps']} | | "
                f"{cell['CPU [s]'] * base['elements']:.2g} | | | | | {PAPER['concurrent FFT']} |",
                "",
            ]
    path = results["off-line"]["Taylor path"]["CPU [s]"]
    lines += [
        "### off-line, CPU seconds of one core",
        "",
        "| what | s | the paper s |",
        "|---|---|---|",
        f"| 30,000 paths to 50%, 128 grains (estimate: {path:.3g} s a path, tolerance 1e-3) | "
        f"{30000 * path:.3g} | {PAPER['off-line data']} |",
        f"| training of the recurrent operator ({results['training']['note']}) | "
        f"{results['training']['seconds']:.3g} | {PAPER['training']} |",
    ]
    return "\n".join(lines) + "\n"


def training(file: str | None) -> dict[str, Any]:
    """Seconds that the model's own record tells, earlier trainings that it began with included."""
    report, seconds, begun = load_model(file).report, 0.0, 0
    while isinstance(report, dict) and report:
        record = report.get("training")
        if isinstance(record, dict) and "wall_s" in record:
            seconds, begun = seconds + float(record["wall_s"]), begun + 1
        report = report.get("start_from")
    return {"seconds": seconds, "note": f"wall time of {begun} training(s) that its file records"}


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    argv = list(sys.argv[1:] if argv is None else argv)
    options = options_from(argv)
    if options.measure is not None:
        found = measure(options)
        if COMM.rank == 0:
            save_json(options.measure, found)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    alone = options.ranks == [1]
    measured = {
        str(n): measure(options) if alone else on_ranks(options, argv, n) for n in options.ranks
    }
    results = {
        "machine": {"processor": platform.processor(), "cores": os.cpu_count()},
        "ranks": measured,
        "off-line": offline(options),
        "training": training(options.recurrent),
    }
    save_json(options.out / "cost.json", results)
    text = table(results)
    with replacing(options.out / "table.md") as beside:
        beside.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    sys.exit(main())
