# SPDX-License-Identifier: MIT
"""Table 1 of Liu et al. 2022: 25 cases of data, training and test, our errors beside the paper's.

Each case trains a PCA-Net on histories of one protocol and tests it on others of the same or of
another: R random intervals, F fixed intervals, U uniaxial strain, L load-unload, C cavity
expansion (L and C at constant volume, so that their total error is that of the deviator). Data
sets and models that cases share are made once; a run that was stopped goes on where it was. Run it
without mpirun; it starts the ranks that the generator needs:

    python demos/studies/table1.py --cases 11-15 25 --out results/table1
    python demos/studies/table1.py --cases 11-25 --fraction 0.1 --out results/small

Errors are relative L2 norms over a history, their mean over test paths: `total` of the stress (the
paper's norm) and of its deviator, given the whole strain history (off-line, as in the paper) and
step by step as an impact code calls the law (on-line). `no deviator` is the total error of the
closed-form pressure with no deviator at all.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.judge.judged_data import load_judged
from mlms_fenics.locking import Claim
from mlms_fenics.parallel import entry_point
from mlms_fenics.stages import run_stage
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.evaluate import ZERO, errors_on

PROTOCOLS = {"R": "random", "F": "fixed", "U": "uniaxial-strain", "L": "load-unload", "C": "cavity"}
TRAINING_SHARE = 0.8  # of a data set: the rest is for validation and test
TEST_PATHS = 400  # of a protocol that is not the one trained on


@dataclass(frozen=True)
class Case:
    """One row: unit cell, strain, protocols of training and test, training paths, rate exponent.

    Attributes:
        modes: principal components of each strain and stress component.
        paper: the paper's total error; None: not known to us.
    """

    number: int
    cell: str
    strain: float
    train: str
    test: str
    samples: int
    modes: int
    exponent: float = 0.5
    paper: float | None = None

    def describe(self) -> str:
        cell = "2D FFT" if self.cell == "fft" else "3D Taylor"
        return f"{cell:9} {self.strain:4.0%} {self.train}/{self.test} m={self.exponent:g}"


CASES = [
    Case(1, "fft", 0.1, "R", "R", 3200, 32, paper=0.05),
    Case(2, "fft", 0.1, "R", "F", 3200, 32, paper=0.05),
    Case(3, "fft", 0.1, "R", "U", 3200, 32, paper=0.09),
    Case(4, "fft", 0.1, "R", "L", 3200, 32, paper=0.10),
    Case(5, "fft", 0.1, "R", "C", 3200, 32, paper=0.08),
    Case(6, "fft", 0.1, "F", "F", 3200, 32, paper=0.05),
    Case(7, "fft", 0.1, "F", "R", 3200, 32, paper=0.33),
    Case(8, "fft", 0.1, "F", "U", 3200, 32, paper=0.30),
    Case(9, "fft", 0.1, "L", "R", 900, 32, paper=0.90),
    Case(10, "fft", 0.1, "R", "R", 3200, 32, exponent=0.2, paper=0.05),
    Case(11, "taylor", 0.1, "R", "R", 3200, 100, paper=0.05),
    Case(12, "taylor", 0.1, "R", "F", 3200, 100, paper=0.04),
    Case(13, "taylor", 0.1, "R", "U", 3200, 100, paper=0.08),
    Case(14, "taylor", 0.1, "F", "F", 3200, 100, paper=0.04),
    Case(15, "taylor", 0.1, "F", "R", 3200, 100, paper=0.30),
    Case(16, "taylor", 0.5, "R", "R", 4000, 100, paper=0.17),
    Case(17, "taylor", 0.5, "R", "R", 8000, 100, paper=0.15),
    Case(18, "taylor", 0.5, "R", "R", 16000, 100, paper=0.13),
    Case(19, "taylor", 0.5, "R", "R", 30000, 100, paper=0.10),
    Case(20, "taylor", 0.5, "R", "R", 4000, 60),
    Case(21, "taylor", 0.5, "R", "R", 4000, 30),
    Case(22, "taylor", 0.5, "R", "U", 4000, 100),
    Case(23, "taylor", 0.5, "R", "L", 4000, 100),
    Case(24, "taylor", 0.5, "R", "C", 4000, 100),
    Case(25, "taylor", 0.1, "R", "R", 3200, 100, exponent=0.2, paper=0.04),
]


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--cases", nargs="+", default=["11-25"], metavar="N|N-M", help="default: %(default)s")
    new("--fraction", type=float, default=1.0, help="of the paper's paths (default: 1)")
    new("--recipe", choices=("paper", "default"), default="paper", help="of the PCA-Net")
    new("--epochs", type=int, help="passes over the training data (default: the recipe's)")
    new("--batch", type=int, help="histories per optimiser step (default: the recipe's)")
    new("--rate", type=float, help="learning rate at the start (default: the recipe's)")
    new("--grains", type=int, default=128, help="of the Taylor average (default: 128)")
    new("--grid", type=int, default=64, help="points along an edge of the 2D cell (default: 64)")
    new("--steps", type=int, default=200, help="increments of a history (default: 200)")
    new("--increments", type=int, default=3, help="the 2D cell solves each in so many (default: 3)")
    new("--ranks", type=int, default=os.cpu_count() or 1, help="MPI ranks (default: all cores)")
    new("--out", type=Path, default=Path("results/table1"), help="folder for everything")
    new("--quick", action="store_true", help="tiny data and networks: a test of the chain")
    options = parser.parse_args(argv)
    if options.quick:
        options.fraction, options.grains, options.epochs = 0.025, 4, options.epochs or 2
    return options


def numbers(words: Sequence[str]) -> list[int]:
    """Case numbers from "3" and "11-15"."""
    chosen: set[int] = set()
    for word in words:
        first, _, last = word.partition("-")
        valid = first.isdigit() and (last.isdigit() or not last)
        require(valid, f"--cases {word}: must be a number or a range such as 11-15")
        chosen.update(range(int(first), int(last or first) + 1))
    known = [case.number for case in CASES]
    wrong = sorted(chosen - set(known))
    require(not wrong, f"--cases {wrong}: must lie within {known[0]} to {known[-1]}")
    return sorted(chosen)


class Table:
    """Data sets, models and results of the chosen cases in one folder."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        chosen = numbers(options.cases)
        self.cases = [case for case in CASES if case.number in chosen]
        for name in ("data", "models"):
            (options.out / name).mkdir(parents=True, exist_ok=True)

    def data(self, case: Case, protocol: str) -> Path:
        own = f"_m{case.exponent:g}" if case.exponent != 0.5 else ""
        name = f"{case.cell}_{PROTOCOLS[protocol]}_{case.strain * 100:.0f}{own}.h5"
        return self.options.out / "data" / name

    def size(self, file: Path) -> int:
        """Paths that a data set must hold for all chosen cases."""
        wanted = [max(40, self.options.fraction * TEST_PATHS)]
        for case in self.cases:
            if self.data(case, case.train) == file:
                wanted.append(max(60, self.options.fraction * case.samples / TRAINING_SHARE))
        return round(max(wanted))

    def generate(self, case: Case, protocol: str) -> list[str]:
        """Command that makes, goes on with or grows a data set."""
        o, file = self.options, self.data(case, protocol)
        command = ["mpirun", "-n", str(o.ranks), sys.executable, "-m", "mlms_fenics.data.generate"]
        command += [case.cell, "--out", str(file), "--samples", str(self.size(file))]
        command += ["--max-strain", str(case.strain), "--steps", str(o.steps)]
        walk = protocol in "RF"
        command += ["--protocol", "paper" if walk else PROTOCOLS[protocol]]
        command += ["--intervals", PROTOCOLS[protocol]] if walk else []
        command += ["--exponent", str(case.exponent)]
        # Sets of one seed share their random numbers: each protocol has its own.
        command += ["--seed", str(11 + "RFULC".index(protocol))]
        if case.cell == "fft":
            # This residual of equilibrium leaves an error below 0.1% in the average deviator.
            command += ["--grid", str(o.grid), "--increments", str(o.increments)]
            return [*command, "--tolerance", "1e-3"]
        return [*command, "--grains", str(o.grains)]

    def model(self, case: Case) -> Path:
        stem = f"{self.data(case, case.train).stem}_{case.samples}_{case.modes}.h5"
        return self.options.out / "models" / stem

    def train(self, case: Case) -> list[str]:
        o = self.options
        command = [sys.executable, "-m", "mlms_fenics.surrogate.train"]
        command += [str(self.data(case, case.train)), "--out", str(self.model(case)), "--resume"]
        command += ["--architecture", "pca-net", "--recipe", o.recipe, "--no-picture"]
        command += ["--samples", str(max(40, round(o.fraction * case.samples)))]
        if o.recipe == "paper":
            modes = str(8 if o.quick else case.modes)
            command += ["--modes", modes, "--output-modes", modes]
        command += ["--epochs", str(o.epochs)] if o.epochs else []
        command += ["--batch", str(o.batch)] if o.batch else []
        command += ["--rate", str(o.rate)] if o.rate else []
        return [*command, "--width", "32"] if o.quick else command

    def call(self, what: str, command: list[str]) -> None:
        run_stage(what, what, command, self.options.ranks)

    def result(self, case: Case) -> dict[str, Any]:
        """Data, model and errors of a case, from what is there already or made now."""
        record = self.options.out / f"case_{case.number:02d}.json"
        if record.exists():
            return json.loads(record.read_text())
        for protocol in dict.fromkeys((case.train, case.test)):
            self.call(f"case {case.number}: data", self.generate(case, protocol))
        if not self.model(case).exists():
            self.call(f"case {case.number}: training", self.train(case))
        law = load_model(self.model(case))
        judged = load_judged(law, self.data(case, case.test), TEST_PATHS)
        rows = errors_on(law, judged.U, judged.sigma, judged.time)
        result = {
            "case": asdict(case),
            "training_paths": law.report["split"]["train"],
            "epochs": len(law.report["training"]["loss"]),
            "test_paths": len(judged.U),
            "errors": {
                name: {m: rows[row][m]["mean"] for m in ("total", "deviatoric")}
                for name, row in (
                    ("off_line", "law, given the future"),
                    ("on_line", "law"),
                    ("no_deviator", ZERO),
                )
            },
        }
        with replacing(record) as beside:
            beside.write_text(json.dumps(result, indent=1))
        return result


def text(results: Sequence[dict[str, Any]]) -> str:
    """The table."""
    lines = [
        f"{'':41}|{'off-line':^21}|{'on-line':^21}|{'no deviator':^13}| paper",
        f"{'case':5}{'cell, strain, train/test':28}{'paths':>7} |"
        + f"{'total':>9}{'deviator':>11} |"
        f"{'total':>9}{'deviator':>11} |{'total':>10}   | total",
    ]
    for result in results:
        case, e = Case(**result["case"]), result["errors"]
        cells = "|".join(
            f"{e[k]['total']:9.1%}{e[k]['deviatoric']:11.1%} " for k in ("off_line", "on_line")
        )
        paper = f"{case.paper:.0%}" if case.paper is not None else "-"
        lines.append(
            f"{case.number:<5}{case.describe():28}{result['training_paths']:>7} |{cells}|"
            f"{e['no_deviator']['total']:10.1%}   |{paper:>6}"
        )
    return "\n".join(lines)


def picture(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Bars of the total errors beside the paper's, and of the deviatoric ones."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
    labels = [f"{r['case']['number']}\n{r['case']['train']}/{r['case']['test']}" for r in results]
    bars = (("off_line", -0.2, "off-line"), ("on_line", 0.0, "on-line"))
    for ax, measure in zip(axes, ("total", "deviatoric"), strict=True):
        for name, shift, label in bars:
            heights = [100 * r["errors"][name][measure] for r in results]
            ax.bar([i + shift for i in range(len(results))], heights, 0.2, label=label)
        ax.set(ylabel=f"{measure} error, %", yscale="log")
    paper = [(i, 100 * r["case"]["paper"]) for i, r in enumerate(results) if r["case"]["paper"]]
    none = [100 * r["errors"]["no_deviator"]["total"] for r in results]
    axes[0].bar([i + 0.2 for i, _ in paper], [p for _, p in paper], 0.2, label="Liu et al. 2022")
    axes[0].plot(range(len(results)), none, "k_", markersize=16, label="no deviator")
    axes[0].legend(ncols=4, frameon=False)
    axes[1].set_xticks(range(len(results)), labels)
    axes[1].set_xlabel("case, training/test protocol")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=120, format="png")
    plt.close(figure)


def study(options: argparse.Namespace) -> None:
    """All cases, as a table and a picture."""
    table = Table(options)
    results = [table.result(case) for case in table.cases]
    print(text(results))
    picture(results, options.out / "table1.png")
    print(f"picture written to {options.out / 'table1.png'}; {options.recipe} PCA-Nets")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    options = options_from(argv)
    require(0 < options.fraction <= 1, f"--fraction {options.fraction:g}: must lie in (0, 1]")
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    for name in ("epochs", "batch"):
        value = getattr(options, name)
        require(value is None or value >= 1, f"--{name} {value}: must be at least 1")
    with Claim(options.out):
        study(options)


if __name__ == "__main__":
    sys.exit(main())
