# SPDX-License-Identifier: MIT
"""Command line of the benchmarks."""

import argparse
import sys

from mlms_fenics.benchmarks.crystal import report
from mlms_fenics.errors import require
from mlms_fenics.parallel import entry_point


@entry_point
def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark that is named and print its table."""
    parser = argparse.ArgumentParser(prog="python -m mlms_fenics.benchmarks", description=__doc__)
    parser.add_argument("name", choices=["crystal"], help="the benchmark to run")
    parser.add_argument("--grains", type=int, default=128, help="grains of the Taylor average")
    parser.add_argument("--paths", type=int, default=8, help="paths of each kind to time")
    parser.add_argument("--device", help="torch device to time beside the CPU, as cuda")
    options = parser.parse_args(arguments)
    for name in ("grains", "paths"):
        value = getattr(options, name)
        require(value >= 1, f"--{name} must be at least 1, got {value}")
    for line in report(options.grains, options.paths, options.device):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
