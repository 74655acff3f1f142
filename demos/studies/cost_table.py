# SPDX-License-Identifier: MIT
"""The price list (Liu et al. 2022, Table 2): every law in the same impacts, on this machine.

    python demos/studies/cost_table.py --ranks 1 2 --out results/cost

The Taylor anvil and the plate run to 1 µs in 200 equal steps, as the paper's, with each law in
turn; polycrystals at the points take the stable step instead (about 75 steps), for nothing in them
is tied to 200. Then the cost of off-line data and of a concurrent full-field cell is estimated from
measured ones; estimates are called so. Both wall time and CPU time (of all ranks together) are
given, since other work on the machine tells on both, on the former more; a cheap law is run three
times and the fastest counts, and the machine's load stands beside each row. It writes table.md and
cost.json. Run it without mpirun; it starts the ranks.

What has been measured is kept in OUT: a run that was stopped goes on where it was, and

    python demos/studies/cost_table.py --out results/cost --again recurrent "bfloat16"

measures anew the rows whose names hold one of these words.

A PCA-Net whose weights are random (no --pca-paper), or that is so much stiffer than its moduli that
the solver would take more than 200 steps with it, is evaluated at every step while Johnson-Cook's
stress moves the body; the work is the same. The notes below the table say so, row by row.
"""

import argparse
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from mpi4py import MPI

from mlms_fenics.device import HELP
from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.impact import anvil_solver, chosen_device, plate_solver
from mlms_fenics.impact.batch import save_json
from mlms_fenics.impact.costs import Shadow, processor, time_run
from mlms_fenics.impact.price_table import table
from mlms_fenics.impact.priced_laws import NAMES, Row, laws
from mlms_fenics.io.command import Parser
from mlms_fenics.locking import Claim
from mlms_fenics.materials import Material, johnson_cook, magnesium
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.parallel import entry_point, on_every_rank, on_rank_zero
from mlms_fenics.surrogate import load_model

COMM = MPI.COMM_WORLD
SOLVERS = {"anvil": anvil_solver, "plate": plate_solver}
SIZES = {"anvil": 0.1, "plate": 0.1}
QUICK_SIZES = {"anvil": 0.25, "plate": 0.5}
SAFETY = 0.8  # of the solvers' steps
# A row is the fastest of so many runs, or of as many as take so many seconds of CPU.
REPEATS, ENOUGH = 3, 10.0
Results = dict[str, dict[str, dict[str, Any]]]


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
    new("--grains", metavar="FILE", help="model of learnt grains (default: no such row)")
    new("--pca-paper", metavar="FILE", help="trained model (default: random weights, same work)")
    new("--pca-default", metavar="FILE", help="likewise")
    new("--reduced", metavar="FILE", help="reduced polycrystal (default: the first 16 grains)")
    new("--tolerance", type=float, default=1e-3, help="of the polycrystals (default: 1e-3)")
    new("--paths", type=int, default=20, help="stress histories to time (default: 20)")
    new("--cell", type=int, default=64, metavar="N", help="grid of the full-field cell: N by N")
    new("--device", help=f"of learnt laws: {HELP}")
    new("--again", nargs="+", default=[], metavar="LAW",
        help="measure rows anew whose names hold one of these words; off-line: the off-line costs"
    )  # fmt: skip
    new("--out", type=Path, default=Path("results/cost"), help="folder of table.md and cost.json")
    new("--quick", action="store_true", help="coarse meshes and few steps: a test")
    new("--measure", action="store_true", help=argparse.SUPPRESS)  # what the ranks are started with
    options = parser.parse_args(argv)
    if options.ranks is None:
        options.ranks = [1] if options.quick else sorted({1, min(2, os.cpu_count() or 1)})
    for n in options.ranks:
        require(n >= 1, f"--ranks {n}: must be at least 1")
    for word in options.again:
        names = (*NAMES, "off-line")
        require(
            any(word in name for name in names),
            f"--again {word}: must be part of one of {', '.join(names)}",
        )
    require(options.paths >= 1, f"--paths {options.paths}: must be at least 1")
    require(options.cell >= 4, f"--cell {options.cell}: must be at least 4")
    return options


def measure(options: argparse.Namespace) -> Results:
    """All laws in all problems on the present ranks that have not been measured (collective)."""
    device = chosen_device(COMM, options.device)
    file = options.out / f"measured_{COMM.size}.json"
    results: Results = on_rank_zero(COMM, lambda: read(file))
    for problem in options.problems:
        for name, row in on_every_rank(COMM, lambda: laws(options, device)).items():
            of = {"quick": options.quick, "device": device.type, **row.of}
            before = results.setdefault(problem, {}).get(name)
            if before is not None and before["of"] == of:
                continue
            found = {**time_row(problem, row, options.quick), "of": of}
            every = {**results[problem], name: found}
            results[problem] = {key: every[key] for key in NAMES if key in every}
            if COMM.rank == 0:  # what has been measured outlives a run that is stopped
                save_json(file, results)
                print(
                    f"  {problem}, {COMM.size} ranks, {name}: {found['wall [s]']:.3g} s, CPU "
                    f"{found['CPU [s]']:.3g} s, load {found['load']:.1f}",
                    flush=True,
                )
    return results


def time_row(problem: str, row: Row, quick: bool) -> dict[str, Any]:
    """The fastest of up to three runs (collective)."""
    steps, end_time = (10, 0.05) if quick else (200, 1.0)
    size = (QUICK_SIZES if quick else SIZES)[problem]
    law, note = on_every_rank(COMM, row.make), ""
    if row.shadow:
        law, note = moved_by_another(problem, size, law, row.shadow, end_time / steps)
    best: dict[str, Any] = {}
    spent = 0.0
    for _ in range(REPEATS):
        solver = SOLVERS[problem](COMM, law, size=size)
        load = COMM.bcast(os.getloadavg()[0])
        found = time_run(solver, end_time, None if row.stable and not quick else steps)
        spent += found["CPU [s]"]
        if not best or found["CPU [s]"] < best["CPU [s]"]:
            best = {**found, "load": load, "note": note}
        if spent > ENOUGH:
            break
    return best


def moved_by_another(
    problem: str, size: float, law: Material, when: str, dt: float
) -> tuple[Material, str]:
    """The law, or one that is evaluated beside Johnson-Cook's; and a note on it (collective)."""
    other = Shadow(law, johnson_cook("OFHC copper"))
    if when == "always":
        return other, "random weights: evaluated at every step, Johnson-Cook's moves the body"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            solver = SOLVERS[problem](COMM, law, size=size)
        stable = SAFETY * solver.stable_dt
        if stable >= dt:
            return law, ""
        why = f"its stiffness asks for steps of {stable:.2g} µs"
    except InputError as error:
        why = f"the solver refuses it ({str(error).partition(':')[0]})"
    return other, f"{why}: evaluated at every step, Johnson-Cook's moves the body"


def offline(options: argparse.Namespace) -> dict[str, Any]:
    """CPU seconds of a stress history of the Taylor average, and of a full-field cell."""
    from mlms_fenics.data import PathSettings, sample_path
    from mlms_fenics.materials import two_slip_crystal
    from mlms_fenics.microstructure import voronoi_grains
    from mlms_fenics.unitcell import FFTCell, TaylorAverage

    of = {"quick": options.quick, "paths": options.paths, "cell": options.cell}
    before = read(options.out / "offline.json")
    if before.get("of") == of:
        return before
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
    found = {
        "Taylor path": {"CPU [s]": path, "paths": n},
        "full-field cell": {"CPU [s]": process_time() - begin, "grid": size, "steps": steps},
        "of": of,
    }
    save_json(options.out / "offline.json", found)
    return found


def on_ranks(options: argparse.Namespace, argv: Sequence[str], ranks: int) -> Any:
    """`measure` on so many ranks, in processes of their own."""
    file = options.out / f"measured_{ranks}.json"
    command = ["mpirun", "--oversubscribe", "-n", str(ranks), sys.executable, "-m", "mpi4py"]
    command += [str(Path(__file__).resolve()), *argv, "--measure"]
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode != 0:
        raise SimulationError(f"measuring on {ranks} ranks ended with status {done.returncode}")
    return json.loads(file.read_text(encoding="utf-8"))


def training(file: str | None) -> dict[str, Any]:
    """Seconds that the model's own record tells, earlier trainings that it began with included."""
    report, seconds, begun = load_model(file).report, 0.0, 0
    while isinstance(report, dict) and report:
        record = report.get("training")
        if isinstance(record, dict) and "wall_s" in record:
            seconds, begun = seconds + float(record["wall_s"]), begun + 1
        report = report.get("start_from")
    return {"seconds": seconds, "note": f"wall time of {begun} training(s) that its file records"}


def read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def forget(options: argparse.Namespace) -> None:
    """Take out of OUT the rows to be measured again."""
    for ranks in options.ranks:
        file = options.out / f"measured_{ranks}.json"
        results = read(file)
        for problem in options.problems:
            for name in list(results.get(problem, {})):
                if any(word in name for word in options.again):
                    del results[problem][name]
        if results:
            save_json(file, results)
    if "off-line" in options.again:
        (options.out / "offline.json").unlink(missing_ok=True)


def study(options: argparse.Namespace, argv: Sequence[str]) -> None:
    """Measure what is not measured yet, and write the table."""
    forget(options)
    alone = options.ranks == [1]
    measured = {
        str(n): measure(options) if alone else on_ranks(options, argv, n) for n in options.ranks
    }
    results = {
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "ranks": measured,
        "off-line": offline(options),
        "training": training(options.recurrent),
    }
    save_json(options.out / "cost.json", results)
    text = table(results)
    with replacing(options.out / "table.md") as beside:
        beside.write_text(text, encoding="utf-8")
    print(text)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    argv = list(sys.argv[1:] if argv is None else argv)
    options = options_from(argv)
    if options.measure:
        measure(options)
        return
    laws(options, torch.device("cpu"))  # whose files must be there
    with Claim(options.out):
        study(options, argv)


if __name__ == "__main__":
    sys.exit(main())
