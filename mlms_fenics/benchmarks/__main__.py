# SPDX-License-Identifier: MIT
"""Command line of the benchmarks."""

import argparse
import sys
from pathlib import Path

from mlms_fenics.benchmarks import cell, crystal, stiff
from mlms_fenics.benchmarks.cell_refinement import refinement
from mlms_fenics.errors import require
from mlms_fenics.parallel import entry_point
from mlms_fenics.unitcell.fft_operators import OPERATORS


@entry_point
def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark that is named and print its table."""
    parser = argparse.ArgumentParser(prog="python -m mlms_fenics.benchmarks", description=__doc__)
    parser.add_argument(
        "name", choices=["crystal", "stiff", "cell", "gpu"], help="the benchmark to run"
    )
    parser.add_argument("--grains", type=int, default=128, help="grains of the Taylor average")
    parser.add_argument("--paths", type=int, default=8, help="paths of each kind to time")
    parser.add_argument("--device", help="torch device to time beside the CPU, as cuda")
    new = parser.add_argument_group("cell").add_argument
    new("--grid", type=int, default=64, help="points along each axis (default: 64)")
    new("--steps", type=int, default=cell.STEPS, help="increments of the path (default: 1000)")
    new("--sizes", type=int, nargs="*", default=[], help="compare grids, as 16 32 64 128")
    new("--picture", help="PNG file of that comparison")
    new("--refine", type=int, nargs="*", default=[], help="instead: average stress on such grids")
    new("--operators", nargs="+", default=["rotated"], choices=OPERATORS, help="of --refine")
    new("--batch", type=int, default=0, help="cells to solve in one call and each alone")
    new = parser.add_argument_group("gpu (checks against the CPU, then speed)").add_argument
    new("--quick", action="store_true", help="smallest sizes, also with --device cpu")
    new("--out", type=Path, default=Path("gpu_benchmark"), help="folder for gpu.json and gpu.md")
    new("--parts", nargs="+", default=[], help="of it (default: all that --out does not hold)")
    new("--minutes", type=float, help="of all parts (default: 6, with --quick as long as it takes)")
    options = parser.parse_args(arguments)
    for name in ("grains", "paths", "steps"):
        value = getattr(options, name)
        require(value >= 1, f"--{name} must be at least 1, got {value}")
    for size in (options.grid, *options.sizes, *options.refine):
        require(8 <= size <= 1024, f"a grid of {size}: must have from 8 to 1024 points an axis")
    require(options.batch >= 0, f"--batch must not be negative, got {options.batch}")
    require(not options.picture or bool(options.sizes), "--picture needs --sizes")
    if options.name == "gpu":
        from mlms_fenics.benchmarks.gpu.command import run  # torch takes a second to import

        given = (options.quick, options.out, options.parts, options.minutes)

        def follow(line: str) -> None:
            print(line, file=sys.stderr, flush=True)

        lines = run(options.device or "cuda", *given, follow)
    elif options.name == "crystal":
        lines = crystal.report(options.grains, options.paths, options.device)
    elif options.name == "stiff":
        lines = stiff.report(options.grains)
    elif options.refine:
        require(len(options.refine) > 1, "--refine compares at least two grids")
        lines = refinement(options.refine, options.operators)
    else:
        lines = cell.report(
            options.grid, options.steps, options.sizes, options.picture, options.batch
        )
    for line in lines:
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
