# SPDX-License-Identifier: MIT
"""The two-dimensional full-field data sets of Table 1 of Liu et al. 2022, one after the other.

    python demos/studies/unit_cell_data.py --ranks 2 --grid 64 --out results/table1
    python demos/studies/unit_cell_data.py --sets random=300 fixed=300 --out results/table1
    python demos/studies/unit_cell_data.py --state --out results/table1

Writes DIR/data/fft_*.h5, where `demos/studies/table1.py --out DIR` finds them if it is given the
same `--grid`, `--steps` and `--increments`. A path takes seconds: a run that was stopped in
whatever way goes on where it was when the same command is given again, and `--state` tells how far
it is. Run it without mpirun; it starts the ranks. Units: mm, µs, GPa, mg.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from table1 import CASES, PROTOCOLS, Case, Table

from mlms_fenics.data import Dataset
from mlms_fenics.errors import require
from mlms_fenics.parallel import entry_point
from mlms_fenics.progress import duration
from mlms_fenics.stages import run_stage


@dataclass(frozen=True)
class Set:
    """A data set: a case of the table that it belongs to, its protocol's letter, its paths."""

    name: str
    case: Case
    protocol: str
    samples: int


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--sets", nargs="+", default=None, metavar="NAME[=N]", help="which, in this order, and how "
        "many paths (default: all, as many as the table needs)")  # fmt: skip
    new("--fraction", type=float, default=1.0, help="of the table's paths (default: 1)")
    new("--grid", type=int, default=64, help="points along an edge of the cell (default: 64)")
    new("--steps", type=int, default=200, help="increments of a history (default: 200)")
    new("--increments", type=int, default=3, help="solve each step in so many (default: 3)")
    new("--ranks", type=int, default=os.cpu_count() or 1, help="MPI ranks (default: all cores)")
    new(
        "--out",
        type=Path,
        default=Path("results/table1"),
        metavar="DIR",
        help="default: %(default)s",
    )
    new("--state", action="store_true", help="tell what is there, compute nothing")
    options = parser.parse_args(argv)
    require(0 < options.fraction <= 1, f"--fraction {options.fraction:g}: must lie in (0, 1]")
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    return options


class Work:
    """The data sets that a command line asks for, by their names in the order of their use."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.cases = [case for case in CASES if case.cell == "fft"]
        self.table = Table(
            argparse.Namespace(
                **{**vars(options), "cases": [str(c.number) for c in self.cases], "grains": 16}
            )
        )
        known: dict[str, Set] = {}
        for case in self.cases:
            for protocol in dict.fromkeys((case.train, case.test)):
                name = PROTOCOLS[protocol]
                name += f"-m{case.exponent:g}" if case.exponent != 0.5 else ""
                size = self.table.size(self.table.data(case, protocol))
                known.setdefault(name, Set(name, case, protocol, size))
        self.sets = list(known.values()) if options.sets is None else []
        for word in options.sets or ():
            name, _, number = word.partition("=")
            require(name in known, f"--sets {word}: '{name}' is none of {', '.join(known)}")
            require(
                not number or (number.isdecimal() and int(number) > 0),
                f"--sets {word}: '{number}' must be a positive number of paths",
            )
            one = known[name]
            self.sets.append(
                Set(name, one.case, one.protocol, int(number) if number else one.samples)
            )

    def file(self, one: Set) -> Path:
        return self.table.data(one.case, one.protocol)

    def command(self, one: Set) -> list[str]:
        """Of the generator; all but the number of paths is the table's."""
        command = self.table.generate(one.case, one.protocol)
        command[command.index("--samples") + 1] = str(one.samples)
        return command

    def state(self, one: Set) -> str:
        """What is there of a data set, as a line of text."""
        file = self.file(one)
        under_way = sum(1 for _ in Path(f"{file}.parts").glob("*-*.h5"))  # a path in each
        text = f"{one.name:16} {one.samples:5} paths: "
        if not file.exists():
            return text + (f"{under_way} finished" if under_way else "not begun")
        with Dataset(file) as dataset:
            text += f"{len(dataset.status)} finished, {len(dataset.failures)} failed"
            if len(dataset):
                text += f", {dataset.substeps.mean():.4g} increments each"
        return text + (f"; {under_way} more to be added" if under_way else "") + f" ({file})"


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """Run the demo."""
    options = options_from(argv)
    work = Work(options)
    took: dict[str, float] = {}
    for one in () if options.state else work.sets:
        command = work.command(one)
        title = f"{time.strftime('%H:%M:%S')} {one.name}"
        seconds = run_stage(title, one.name, command, options.ranks)
        took[one.name] = took.get(one.name, 0.0) + seconds
    # A set may be asked for in parts, so that all have some paths early.
    for name, one in {one.name: one for one in work.sets}.items():
        print(work.state(one) + (f"; now {duration(took[name])}" if name in took else ""))


if __name__ == "__main__":
    sys.exit(main())
