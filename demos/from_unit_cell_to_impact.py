# SPDX-License-Identifier: MIT
"""From nothing to an impact: compute unit cells, learn their law, crash a cylinder with it.

Three stages, each an ordinary command that is printed before it runs: generate stress histories of
a magnesium polycrystal, train a learnt law on them, run the Taylor anvil with that law. Run this
script itself without mpirun; it starts the ranks that each stage needs:

    python demos/from_unit_cell_to_impact.py --ranks 2 --out results/from_unit_cell

A run that was stopped goes on where it was when the same command is given again.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.locking import Claim
from mlms_fenics.parallel import entry_point
from mlms_fenics.stages import run_stage

HERE = Path(__file__).resolve().parent


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--samples", type=int, default=400, help="stress histories to compute (default: 400)")
    new("--max-strain", type=float, default=0.1, help="amplitude of their strain (default: 0.1)")
    new("--grains", type=int, default=128, help="grains of the polycrystal (default: 128)")
    new(
        "--architecture",
        choices=("recurrent", "pca-net"),
        default="recurrent",
        help="kind of learnt law (default: recurrent)",
    )
    new("--minutes", type=float, default=4.0, help="training, at most (default: 4)")
    new("--velocity", type=float, default=200.0, help="of the impact, m/s (default: 200)")
    new("--ranks", type=int, default=os.cpu_count() or 1, help="MPI ranks (default: all cores)")
    new("--out", type=Path, default=Path("results/from_unit_cell"), help="folder for everything")
    new("--quick", action="store_true", help="few grains, paths and epochs: a test of the chain")
    return parser.parse_args(argv)


def check(options: argparse.Namespace) -> None:
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    require(options.samples >= 40, f"--samples {options.samples}: must be at least 40")
    require(options.minutes > 0, f"--minutes {options.minutes:g}: must be positive")
    require(options.velocity > 0, f"--velocity {options.velocity:g}: must be positive, in m/s")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {options.out}: cannot be made: {error.strerror}") from error
    require(os.access(options.out, os.W_OK), f"--out {options.out}: the folder is not writable")
    # A model of other data must not pass for the one asked for.
    record = options.out / "settings.json"
    asked = {k: v for k, v in vars(options).items() if k not in ("out", "ranks")}
    if record.exists():
        known = json.loads(record.read_text())
        changed = [k for k in asked if known.get(k) != asked[k]]
        require(
            not changed,
            f"--out {options.out} holds a run with other values of {', '.join(changed)}: "
            "name another folder, or remove this one",
        )
    with replacing(record) as beside:
        beside.write_text(json.dumps(asked, indent=1))


def stages(options: argparse.Namespace) -> list[tuple[str, Path, list[str]]]:
    """Name, file that shows that the stage is done, and command of each stage."""
    quick, out = options.quick, options.out
    data, model, anvil = out / "data.h5", out / "model.h5", out / "anvil"
    python, ranks = sys.executable, ["mpirun", "-n", str(options.ranks)]
    generate = [*ranks, python, "-m", "mlms_fenics.data.generate", "taylor", "--out", str(data)]
    generate += ["--samples", str(60 if quick else options.samples)]
    generate += ["--grains", str(4 if quick else options.grains)]
    generate += ["--max-strain", str(options.max_strain)]
    train = [python, "-m", "mlms_fenics.surrogate.train", str(data), "--out", str(model)]
    train += ["--architecture", options.architecture, "--resume"]
    # Small sets need many passes; the wall time is what ends the training.
    train += ["--epochs", "3"] if quick else ["--epochs", "400", "--batch", "32"]
    train += ["--minutes", str(options.minutes)]
    impact = [*ranks, python, str(HERE / "taylor_anvil.py"), "--model", str(model)]
    impact += ["--velocity", str(options.velocity), "--out", str(anvil)]
    impact += ["--quick"] if quick else []
    return [
        ("stress histories of the unit cell", data, generate),
        ("training of the learnt law", model, train),
        ("impact with the learnt law", anvil / "summary.json", impact),
    ]


def run_stages(options: argparse.Namespace) -> None:
    """Run the stages that are not done."""
    spent = []
    for number, (name, result, command) in enumerate(stages(options), start=1):
        if result.exists():
            print(f"[{number}/3] {name}: done before ({result})", flush=True)
            continue
        seconds = run_stage(
            f"[{number}/3] {name}", f"stage {number} ({name})", command, options.ranks
        )
        spent.append(f"{name} {seconds:.0f} s")
        if not result.exists():
            raise SimulationError(f"stage {number} ({name}) left no {result}")
    print("done: " + (", ".join(spent) or "nothing was left to do") + f"; results in {options.out}")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    options = options_from(argv)
    check(options)
    with Claim(options.out):
        run_stages(options)


if __name__ == "__main__":
    sys.exit(main())
