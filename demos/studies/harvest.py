# SPDX-License-Identifier: MIT
"""Close the loop: teach a learnt law the strain paths of the very impact that it is for.

    python demos/studies/harvest.py --rounds 2 --out results/harvest

Each round runs the impact with the learnt law, harvests the strain paths of its elements, computes
their stress by the Taylor average, adds them to the data, trains the law further (from where it is,
with random walks like those it first learnt from, so that it does not forget them), and runs again.
Every run is judged against the concurrent one, with the polycrystal itself at every point. It
writes rounds.json, table.md and rounds.png. A study that was stopped goes on where it was. Run it
without mpirun.
"""

import argparse
import contextlib
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mpi4py import MPI

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.impact import anvil_solver, plate_solver
from mlms_fenics.impact.batch import Run, run_once, save_json
from mlms_fenics.impact.compare import compare_runs
from mlms_fenics.impact.figures import save_figure
from mlms_fenics.impact.harvested import choose_deformed, stretch_histories, write_histories
from mlms_fenics.io.command import Parser
from mlms_fenics.stages import study_command
from mlms_fenics.surrogate import load_model

DEMOS = {"anvil": "taylor_anvil.py", "plate": "plate_impact.py"}
SOLVERS = {"anvil": anvil_solver, "plate": plate_solver}
FLIGHT = {"anvil": -0.2, "plate": 0.0}
STEPS = 200
MEASURES = ("motion", "sigma_M", "e_d", "e_v")


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(0, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    new = parser.add_argument
    new("--problems", nargs="+", choices=tuple(DEMOS), default=["anvil"], help="default: anvil")
    new("--rounds", type=int, default=2, help="default: 2")
    new("--model", type=Path, help="recurrent model to begin with (default: the shipped one)")
    new("--data", type=Path, nargs="+",
        help="data sets to go on learning from (default: walks computed here)")  # fmt: skip
    new("--walks", type=int, default=300, help="without --data: of 10%% and of 50%% each")
    new("--paths", type=int, default=300, help="to harvest in each round (default: 300)")
    new("--least-strain", type=float, default=0.01,
        help="of the elements to harvest from: largest |dev log U| (default: 0.01)")  # fmt: skip
    new("--minutes", type=float, default=5.0, help="of training in each round, at most")
    new("--epochs", type=int, default=60, help="likewise (default: 60)")
    new("--rate", type=float, default=1e-3, help="learning rate (default: 1e-3)")
    new("--mesh-size", type=float, default=0.125, help="of all runs, mm (default: 0.125)")
    new("--end-time", type=float, default=1.0, help="of all runs, µs (default: 1)")
    new("--seed", type=int, default=0, help="of the choice of elements and of the training")
    new("--out", type=Path, default=Path("results/harvest"), help="folder for everything")
    new("--quick", action="store_true", help="coarse, short, few paths: a test of the chain")
    options = parser.parse_args(argv)
    if options.quick:
        options.rounds, options.walks, options.paths, options.epochs = 1, 12, 20, 2
        options.mesh_size, options.end_time = 0.25, 0.2
    for name in ("rounds", "walks", "paths", "epochs"):
        value = getattr(options, name)
        require(value >= 1, f"--{name} {value}: must be at least 1")
    require(options.minutes > 0.0, f"--minutes {options.minutes:g}: must be positive")
    return options


def command(arguments: Sequence[str | Path | float], log: Path) -> None:
    """Run one of the package's commands in this process; `SimulationError` where it fails."""
    name, *options = map(str, arguments)
    print(f"  python -m {name} {shlex.join(options)}", flush=True)
    main = import_module(name).main
    with (
        open(log, "w", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        status = main(options)
    if status != 0:
        end = log.read_text(encoding="utf-8").strip()[-800:]
        raise SimulationError(f"{name} {shlex.join(options)} ended with {status}: {end}")


def generate(out: Path, *options: str | Path | float) -> Path:
    """A data set of the Taylor average; what is there is kept or gone on with."""
    log = out.with_suffix(".log")
    common = ["--tolerance", 1e-3, "--out", out]
    command(["mlms_fenics.data.generate", "taylor", *options, *common], log)
    return out


def run(options: argparse.Namespace, problem: str, name: str, law: Sequence[str]) -> Run:
    return run_once(
        options.out / problem / name,
        DEMOS[problem],
        ["--outputs", "4", "--device", "cpu", "--mesh-size", f"{options.mesh_size:g}",
         "--end-time", f"{options.end_time:g}", *law],
    )  # fmt: skip


def strain_paths(options: argparse.Namespace, problem: str, model: Path | None) -> np.ndarray:
    """Stretch histories of all elements, `(n, STEPS + 1, 3, 3)`, as long as the model's horizon."""
    law = load_model(model, device="cpu", dtype=torch.float32)
    solver = SOLVERS[problem](MPI.COMM_SELF, law, size=options.mesh_size)
    return stretch_histories(solver, options.end_time, [law.horizon], STEPS)[0]


def harvest(
    options: argparse.Namespace, model: Path | None, rng: np.random.Generator, out: Path
) -> Path:
    """Write paths of randomly chosen elements, of all problems, that were deformed."""
    if out.exists():
        return out
    kept = []
    for problem in options.problems:
        U = strain_paths(options, problem, model)
        wanted = -(-options.paths // len(options.problems))
        kept.append(choose_deformed(U, options.least_strain, wanted, rng, problem))
    horizon = load_model(model, device="cpu").horizon
    write_histories(out, np.concatenate(kept), horizon)
    return out


def training_command(
    options: argparse.Namespace, model: Path | None, data: Sequence[Path], out: Path, seed: int
) -> list[str | Path | float]:
    network = load_model(model, device="cpu").network.options
    begin = model
    if begin is None:
        from mlms_fenics.surrogate.model_file import DEFAULT_MODEL

        begin = DEFAULT_MODEL
    return [
        "mlms_fenics.surrogate.train", *data, "--architecture", "recurrent",
        "--start-from", begin, "--internal", network["internal"], "--width", network["width"],
        "--branches", network["branches"],
        "--minutes", options.minutes, "--epochs", options.epochs, "--rate", options.rate,
        "--seed", seed, "--no-picture", "--out", out,
    ]  # fmt: skip


def judge(options: argparse.Namespace, problem: str, model: Path | None, k: int) -> dict[str, Any]:
    """Run with the model of round `k` and compare with the concurrent run."""
    truth = run(options, problem, "truth", ["--law", "taylor"])
    law = [] if model is None else ["--model", str(model.resolve())]
    learnt = run(options, problem, f"round_{k}", law)
    times = [options.end_time * part for part in (0.25, 0.5, 0.75, 1.0)]
    found = compare_runs(learnt.folder, truth.folder, times, flight=FLIGHT[problem])
    mean = {key: float(np.mean(found.errors[key])) for key in MEASURES}
    return {"mean over times": mean, "all": float(np.mean(list(mean.values()))), **found.as_dict()}


def table(rounds: list[dict[str, Any]], problems: Sequence[str]) -> str:
    lines = [
        "Relative L2 difference from the concurrent run over the body, mean over the quarters of "
        "the run",
        "",
        "| problem | round | motion | σ_M | e_d | e_v | all | of the first |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for problem in problems:
        for k, found in enumerate(rounds):
            r = found[problem]
            row = [f"{100 * r['mean over times'][key]:.2f} %" for key in MEASURES]
            share = r["all"] / rounds[0][problem]["all"]
            lines.append(
                f"| {problem} | {k} | "
                + " | ".join(row)
                + f" | {100 * r['all']:.2f} % | {share:.2f} |"
            )
    return "\n".join(lines) + "\n"


def picture(path: Path, rounds: list[dict[str, Any]], problems: Sequence[str]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(problems), 3.4), layout="constrained")
    axes = figure.subplots(1, len(problems), squeeze=False, sharey=True)[0]
    labels = {"motion": "displacement", "sigma_M": r"$\sigma_M$", "e_d": "$e_d$", "e_v": "$e_v$"}
    for axis, problem in zip(axes, problems, strict=True):
        for key in MEASURES:
            values = [100.0 * r[problem]["mean over times"][key] for r in rounds]
            axis.plot(range(len(rounds)), values, "o-", label=labels[key])
        axis.set(xlabel="rounds of harvesting", title=problem, xticks=range(len(rounds)))
        axis.set_ylim(bottom=0.0)
    axes[0].set_ylabel("difference from concurrent [%]")
    axes[0].legend(fontsize=8)
    save_figure(figure, path)


def study(options: argparse.Namespace) -> None:
    """All rounds of running, harvesting and training."""
    data = list(options.data or ())
    if not data:
        for name, strain, seed in (("walks_10.h5", 0.1, 71), ("walks_50.h5", 0.5, 72)):
            settings = ["--samples", options.walks, "--max-strain", strain, "--seed", seed]
            data.append(generate(options.out / name, *settings))
    model: Path | None = options.model
    rounds: list[dict[str, Any]] = []
    for k in range(options.rounds + 1):
        rounds.append({problem: judge(options, problem, model, k) for problem in options.problems})
        save_json(options.out / "rounds.json", rounds)
        print(table(rounds, options.problems), flush=True)
        if k == options.rounds:
            break
        rng = np.random.default_rng([options.seed, k])
        paths = harvest(options, model, rng, options.out / f"paths_{k}.h5")
        new = ["--protocol", "harvested", "--paths", paths]
        data.append(generate(options.out / f"harvested_{k}.h5", *new))
        trained = options.out / f"model_{k + 1}.h5"
        if not trained.exists():
            seed = options.seed + k
            training = training_command(options, model, data, trained, seed)
            command(training, trained.with_suffix(".log"))
        model = trained
    with replacing(options.out / "table.md") as beside:
        beside.write_text(table(rounds, options.problems), encoding="utf-8")
    picture(options.out / "rounds.png", rounds, options.problems)


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
