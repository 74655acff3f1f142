# SPDX-License-Identifier: MIT
"""A law learnt from full-field histories: from Taylor averages first, then from few of them.

    python demos/studies/full_field_law.py --out results/full_field_law

Grains that all deform alike are cheap and too strong; periodic Voronoi grains in equilibrium cost a
hundred times as much. So a law is learnt from many histories of the Taylor average of the grains,
and then taught few of the full-field cell. Beside it, for each number of full-field histories, the
same network without the Taylor average, and for the least a reduced polycrystal; all judged on
full-field histories that none has seen, with the Taylor average itself and the best fitted
empirical law. Then the Taylor anvil with the law learnt from the Taylor average and with that from
the cell: table.md, results.json, errors.png. Each data set, law and run is made once; a study that
was stopped goes on.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from texture_family import deviatoric, error

from mlms_fenics.data.generate import main as generate
from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact.batch import Run, run_once, save_json
from mlms_fenics.impact.compare import compare_runs, only_xdmf
from mlms_fenics.impact.snapshots import cell_volumes, read_snapshot
from mlms_fenics.judge.baselines import ZERO, fit_baselines
from mlms_fenics.judge.judged_data import load_judged
from mlms_fenics.kinematics.tensors import from_components, to_components, von_mises
from mlms_fenics.microstructure import random_orientations, voronoi_grains, write_orientations
from mlms_fenics.stages import run_stage, study_command
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.histories import run
from mlms_fenics.unitcell import TaylorAverage

TAYLOR, FIRST, ALONE, REDUCED = "Taylor average", "Taylor first", "full field only", "reduced"
LEARNT = "law of the average"
FLIGHT, RADIUS = -0.2, 0.5  # mm/µs and mm, of the anvil's cylinder
FLOWED = 0.02  # e_d of the elements whose stress is averaged


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--law", default="magnesium", help="as of the generator (default: %(default)s)")
    new("--grid", type=int, default=8, help="points along an edge (default: %(default)s)")
    new("--grains", type=int, default=16, help="default: %(default)s")
    new("--steps", type=int, default=50, help="of a history (default: %(default)s)")
    new("--max-strain", type=float, default=0.1, help="of the walks (default: %(default)s)")
    new("--tolerance", type=float, default=1e-2,
        help="of the cell's equilibrium (default: %(default)g)")  # fmt: skip
    new("--taylor", type=int, default=4000, help="Taylor histories (default: %(default)s)")
    new("--paths", type=int, nargs="+", default=[50, 100, 200],
        help="full-field histories to learn from (default: 50 100 200)")  # fmt: skip
    new("--test", type=int, default=40, help="others to judge on (default: %(default)s)")
    new("--epochs", type=int, default=80, help="of Taylor histories (default: %(default)s)")
    new("--more-epochs", type=int, default=150, help="of full-field ones (default: %(default)s)")
    new("--rate", type=float, default=1e-3,
        help="of learning the cell's after Taylor ones (default: %(default)g)")  # fmt: skip
    new("--reduced", type=int, default=16, help="grains of the reduced one (default: %(default)s)")
    new("--minutes", type=float, default=20.0, help="of fitting that (default: %(default)g)")
    new("--ranks", type=int, default=1, help="of MPI, for the anvils (default: %(default)s)")
    new("--out", type=Path, default=Path("results/full_field_law"), help="folder for everything")
    new("--quick", action="store_true", help="4³ points, 4 grains, 8 steps: a test of the chain")
    options = parser.parse_args(argv)
    if options.quick:
        options.grid, options.grains, options.steps, options.max_strain = 4, 4, 8, 0.03
        options.taylor, options.paths, options.test = 60, [40, 45], 5
        options.epochs, options.more_epochs = 100, 40
        options.reduced, options.minutes = 2, 0.1
    options.paths = sorted(set(options.paths))
    require(options.paths[0] >= 40, f"--paths {options.paths[0]}: must be at least 40")
    require(len(options.paths) <= 4, f"--paths: {len(options.paths)} numbers, at most 4")
    require(options.taylor >= 40, f"--taylor {options.taylor}: must be at least 40")
    require(options.test >= 2, f"--test {options.test}: must be at least 2")
    require(options.reduced >= 1, f"--reduced {options.reduced}: must be at least 1")
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    for name in ("epochs", "more_epochs"):
        value = getattr(options, name)
        require(value >= 1, f"--{name.replace('_', '-')} {value}: must be at least 1")
    return options


def histories(
    options: argparse.Namespace, name: str, cell: Sequence[str], n: int, seed: int
) -> Path:
    """Walks of a cell, made where they are not all there."""
    file = options.out / f"{name}.h5"
    generate([
        *cell, "--law", options.law, "--samples", str(n), "--seed", str(seed), "--protocol", "log",
        "--max-strain", f"{options.max_strain:g}", "--steps", str(options.steps), "--horizon", "1",
        "--out", str(file),
    ])  # fmt: skip
    return file


def make_data(options: argparse.Namespace) -> tuple[Path, list[Path], Path]:
    """Histories of the Taylor average; of the cell, those of each number beyond the last; to judge
    on."""
    Q = random_orientations(options.grains, 0)
    grains = voronoi_grains((options.grid,) * 3, options.grains, 0)
    texture = options.out / "grains.txt"
    if not texture.exists():
        share = np.bincount(grains.ravel(), minlength=options.grains) / grains.size
        write_orientations(texture, Q, weights=share)
    taylor = ["taylor", "--orientations", str(texture), "--tolerance", "1e-3"]
    # Two increments a step cost no more than one, which is the harder to solve.
    cell = ["fft", "--grid", str(options.grid), "--grains", str(options.grains)]
    cell += ["--tolerance", f"{options.tolerance:g}", "--increments", "2"]
    more = np.diff([0, *options.paths])
    return (
        histories(options, "taylor", taylor, options.taylor, 5),
        [histories(options, f"cells_{k}", cell, int(n), k) for k, n in enumerate(more, 1)],
        histories(options, "test", cell, options.test, 9),
    )


def learn(file: Path, data: Sequence[Path], *words: object) -> Path:
    """A law, made where it is not there yet."""
    if not file.exists():
        command = [sys.executable, "-m", "mlms_fenics.surrogate.train", *map(str, data)]
        command += [*map(str, words), "--no-picture", "--out", str(file)]
        run_stage(file.stem, file.stem, command, 1)
    return file


def learn_all(options: argparse.Namespace, taylor: Path, sets: list[Path]) -> dict[str, Any]:
    """Files of the laws: that of the Taylor average, and by kind and number of histories."""
    network = ("--architecture", "recurrent", "--resume")
    begin = learn(options.out / "taylor_model.h5", [taylor], *network, "--epochs", options.epochs,
        "--patience", options.epochs)  # fmt: skip
    laws: dict[str, Any] = {TAYLOR: begin, FIRST: {}, ALONE: {}, REDUCED: {}}
    for k, n in enumerate(options.paths, 1):
        words = (*network, "--epochs", options.more_epochs, "--patience", options.more_epochs)
        more = ("--start-from", begin, "--rate", f"{options.rate:g}")
        laws[FIRST][n] = learn(options.out / f"first_{n}.h5", sets[:k], *words, *more)
        laws[ALONE][n] = learn(options.out / f"alone_{n}.h5", sets[:k], *words)
    # It needs few histories, and its time grows with their number.
    n = options.paths[0]
    laws[REDUCED][n] = learn(
        options.out / f"reduced_{n}.h5", sets[:1], "--architecture", "reduced", "--grains",
        options.reduced, "--samples", n, "--starts", 1, "--minutes", f"{options.minutes:g}",
    )  # fmt: skip
    return laws


def judge(options: argparse.Namespace, laws: dict[str, Any], test: Path) -> dict[str, Any]:
    """Mean deviatoric error of each law on the histories kept back."""
    law = load_model(laws[TAYLOR], device="cpu")
    judged = load_judged(law, test, options.test)
    average = TaylorAverage(law.law, law.orientations, weights=law.weights)
    U = from_components(judged.U.astype(np.float64))
    exact = average.stress(U, float(judged.time[-1]), 1e-3)
    found: dict[str, Any] = {
        TAYLOR: deviatoric(to_components(exact), judged),
        LEARNT: error(laws[TAYLOR], test),
    }
    others = fit_baselines(law.law, judged.spare_U, judged.spare_sigma, judged.time)
    found["best empirical law"] = min(
        deviatoric(other.stress(judged.U, judged.time), judged)
        for other in others
        if other.name != ZERO
    )
    for kind in (FIRST, ALONE, REDUCED):
        found[kind] = {n: error(file, test) for n, file in laws[kind].items()}
    return found


def anvils(options: argparse.Namespace, laws: dict[str, Any]) -> dict[str, Any]:
    """The anvil with each law, against that with the law of the cell."""
    learnt = {
        FIRST: laws[FIRST][options.paths[-1]],
        REDUCED: laws[REDUCED][options.paths[0]],
        LEARNT: laws[TAYLOR],
    }
    words = {k: ["--law", "learnt", "--model", str(v.resolve())] for k, v in learnt.items()}
    # All grains of every point alike, nothing learnt: how much of a difference is the learning's.
    words[TAYLOR] = ["--law", "taylor", "--model", str(laws[TAYLOR].resolve())]
    shared = ["--outputs", "4", "--device", "cpu"]
    shared += ["--mesh-size", "0.25", "--end-time", "0.2"] if options.quick else []
    runs: dict[str, Run] = {
        name: run_once(
            options.out / f"anvil_{name.replace(' ', '_')}", "taylor_anvil.py", [*shared, *law],
            ranks=options.ranks,
        )
        for name, law in words.items()
    }  # fmt: skip
    truth = runs[FIRST]
    end = truth.summary["Run"]["simulated time [us]"]
    found = {}
    for name, one in runs.items():
        compared = compare_runs(one.folder, truth.folder, [end], flight=FLIGHT)
        body = read_snapshot(only_xdmf(one.folder), end, ("sigma_M", "e_d"))
        flowed = cell_volumes(body) * (body.cell["e_d"] > FLOWED)
        found[name] = {
            "mean sigma_M [MPa]": 1e3 * float(np.average(body.cell["sigma_M"], weights=flowed)),
            "result": one.summary["Result"],
            "relative L2": {key: values[-1] for key, values in compared.errors.items()},
            "CPU [s]": one.cost["CPU [s]"],
        }
    return found


def table(options: argparse.Namespace, found: dict[str, Any], anvil: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        f"Mean deviatoric error on {options.test} full-field histories that no law has seen: "
        f"{TAYLOR} {found[TAYLOR]:.1%}, {LEARNT} {found[LEARNT]:.1%}, best empirical law "
        f"{found['best empirical law']:.1%}.",
        "",
        f"| full-field histories | {FIRST} | {ALONE} | {REDUCED}, {options.reduced} grains |",
        "|---|---|---|---|",
    ]
    for n in options.paths:
        errors = [found[kind].get(n) for kind in (FIRST, ALONE, REDUCED)]
        row = " | ".join("" if e is None else f"{e:.1%}" for e in errors)
        lines.append(f"| {n} | {row} |")
    lines += [
        "",
        "| anvil with | foot's radius grows by, mm | mean σ_M where e_d > 0.02, MPa | "
        "σ_M, e_d, motion against the first | CPU s |",
        "|---|---|---|---|---|",
    ]
    for name, one in anvil.items():
        off = ", ".join(f"{one['relative L2'][key]:.1%}" for key in ("sigma_M", "e_d", "motion"))
        growth = one["result"]["foot radius at the end [mm]"] - RADIUS
        mean = one["mean sigma_M [MPa]"]
        lines.append(f"| {name} | {growth:.4f} | {mean:.0f} | {off} | {one['CPU [s]']:.1f} |")
    return "\n".join(lines) + "\n"


def draw(
    options: argparse.Namespace, laws: dict[str, Any], found: dict[str, Any], test: Path
) -> None:
    """Error by number of histories, and the stress along two of those kept back."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for colour, kind in zip(("C0", "C3", "C2"), (FIRST, ALONE, REDUCED), strict=True):
        errors = [100 * e for e in found[kind].values()]
        axes[0].plot(list(found[kind]), errors, "o-", c=colour, label=kind)
    for style, name in (("--", TAYLOR), (":", LEARNT), ("-.", "best empirical law")):
        axes[0].axhline(100 * found[name], c="0.4", ls=style, label=name)
    axes[0].set(xscale="log", xlabel="full-field histories", ylabel="deviatoric error, %")
    axes[0].set(xticks=options.paths, xticklabels=options.paths)
    axes[0].set_ylim(0.0, 140 * max(found[TAYLOR], found["best empirical law"]))
    axes[0].minorticks_off()
    first = load_model(laws[FIRST][options.paths[-1]], device="cpu")
    taylor = load_model(laws[TAYLOR], device="cpu")
    judged = load_judged(first, test, 2)
    series = {
        "cell": (judged.sigma, "k", 2.5),
        FIRST: (run(first, judged.U, judged.time)[0], "C0", 1.5),
        LEARNT: (run(taylor, judged.U, judged.time)[0], "0.4", 1.5),
    }
    for row, ax in enumerate(axes[1:]):
        for name, (stress, colour, width) in series.items():
            mises = 1e3 * von_mises(from_components(np.asarray(stress[row], float)))
            ax.plot(judged.time, mises, c=colour, lw=width, label=name)
        ax.set(xlabel="time, µs", ylabel="von Mises stress, MPa", ylim=(0, None))
    for ax in axes:
        ax.grid(alpha=0.3)
        ax.legend(fontsize="small", ncols=2 if ax is axes[0] else 1)
    with replacing(options.out / "errors.png") as beside:
        figure.savefig(beside, dpi=120, format="png")
    plt.close(figure)


def study(options: argparse.Namespace) -> None:
    """Histories, laws, and what they are worth."""
    taylor, sets, test = make_data(options)
    laws = learn_all(options, taylor, sets)
    found = judge(options, laws, test)
    anvil = anvils(options, laws)
    save_json(options.out / "results.json", {"deviatoric error": found, "anvil": anvil})
    text = table(options, found, anvil)
    with replacing(options.out / "table.md") as beside:
        beside.write_text(text, encoding="utf-8")
    draw(options, laws, found, test)
    print(text, flush=True)


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
