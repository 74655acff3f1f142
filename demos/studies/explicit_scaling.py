# SPDX-License-Identifier: MIT
"""What a step of the explicit solver costs, from thousands to millions of elements.

    python demos/studies/explicit_scaling.py --out results/scaling [--elements 3e3 1e4 1e5 1e6]
    mpirun -n 2 python demos/studies/explicit_scaling.py --elements 1e5 --out results/scaling_2

A block of one-point hexahedra, neo-Hookean or Johnson-Cook copper, with a velocity that varies over
it. Times are the best of several batches of steps, so that other load on the machine matters less;
with `--clock cpu` all of them are CPU time, the mean of all ranks. The halo are the nodes that a
rank has of others, the most of all ranks. Memory is what the process has grown by from before the
mesh to after the steps; on small meshes most of it is libraries. The last table works out what a
billion elements would take from the largest mesh here.
"""

import argparse
import json
import math
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError, require
from mlms_fenics.io.command import Parser
from mlms_fenics.io.heavy import writable_folder
from mlms_fenics.locking import Claim
from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.macroscale.response import ASSEMBLIES
from mlms_fenics.materials import NeoHookean, johnson_cook
from mlms_fenics.parallel import entry_point, on_rank_zero

COMM = MPI.COMM_WORLD
CLOCKS = {"wall": perf_counter, "cpu": process_time}
PARTS = ("law", "kinematics", "stress", "hourglass", "assembly", "contact", "exchange")


def resident() -> float:
    """Memory of this process, bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


LAWS = {
    "neo-hookean": lambda: NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0),
    "johnson-cook": lambda: johnson_cook("OFHC copper"),
}


def block(elements: float, options: argparse.Namespace) -> ExplicitSolver:
    """A solver on a cube of about so many elements of 0.1 mm."""
    n = max(2, round(elements ** (1.0 / 3.0)))
    side = 0.1 * n
    domain = mesh.create_box(COMM, [[0.0, 0.0, 0.0], [side] * 3], [n] * 3, mesh.CellType.hexahedron)

    def velocity(x: np.ndarray) -> np.ndarray:
        return options.speed * np.sin(2.0 * math.pi * np.roll(x, 1, axis=0) / side)

    law = LAWS[options.law]()
    solver = ExplicitSolver(domain, law, velocity=velocity, assembly=options.assembly)
    solver.stopwatch.clock = CLOCKS[options.clock]
    return solver


def measure(elements: float, options: argparse.Namespace) -> dict[str, Any]:
    """Best time per step by part, and memory (collective); the same on all ranks."""
    before = resident()
    solver = block(elements, options)
    clock = CLOCKS[options.clock]
    cells = int(solver.mesh.topology.index_map(3).size_global)
    halo = COMM.allreduce(solver.elements.space.dofmap.index_map.num_ghosts, op=MPI.MAX)
    solver.step()
    steps = max(2, min(50, COMM.bcast(round(2e5 / cells * COMM.size))))
    best: dict[str, float] = {"wall": math.inf}
    begin, batches = perf_counter(), 0
    while COMM.bcast(batches < 3 or (perf_counter() - begin < options.seconds and batches < 200)):
        COMM.Barrier()
        old, wall, cpu = dict(solver.timings), clock(), process_time()
        for _ in range(steps):
            solver.step()
        spent = {"wall": clock() - wall, "CPU": process_time() - cpu}
        spent |= {key: solver.timings[key] - old[key] for key in PARTS}
        spent["wall"] = COMM.allreduce(spent["wall"], op=MPI.MAX)
        for key in ("CPU", *PARTS):
            spent[key] = COMM.allreduce(spent[key]) / COMM.size
        for key, value in spent.items():
            best[key] = min(best.get(key, math.inf), value / steps)
        batches += 1
    grown = COMM.allreduce(resident() - before)
    peak = COMM.allreduce(float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024.0)
    return {
        "elements": cells, "ranks": COMM.size, "assembly": options.assembly, "law": options.law,
        "clock": options.clock, "steps": batches * steps,
        "bytes_per_element": grown / cells, "peak_bytes": peak,
        "halo_nodes": halo, "dt_us": solver.dt, "seconds_per_step": best,
    }  # fmt: skip


def row(result: dict[str, Any]) -> str:
    spent, n = result["seconds_per_step"], result["elements"]
    without = spent["wall"] - spent["law"]
    return (
        f"{n:>10,} {result['ranks']:>5} {1e3 * spent['wall']:>9.3f} {1e3 * without:>9.3f} "
        f"{n / spent['wall']:>9.2e} {n / without:>9.2e} {1e9 * without / n:>8.0f} "
        + " ".join(f"{1e9 * spent[key] / n:>10.0f}" for key in ("CPU", *PARTS))
        + f" {result['bytes_per_element']:>9.0f} {result['halo_nodes']:>9,}"
    )


HEAD = (
    f"{'elements':>10} {'ranks':>5} {'ms/step':>9} {'less law':>9} {'el-st/s':>9} {'less law':>9} "
    f"{'ns less':>8} " + " ".join(f"{key + ' ns':>10}" for key in ("CPU", *PARTS))
    + f" {'B/elem':>9} {'halo':>9}"
)  # fmt: skip


def billion(result: dict[str, Any]) -> list[str]:
    """What a billion elements would need, by elements per rank (no measurement)."""
    n, spent = 1e9, result["seconds_per_step"]
    each, memory = spent["wall"] * result["ranks"] / result["elements"], result["bytes_per_element"]
    lines = [
        f"A billion elements, from the {result['elements']:,} here: {memory * n / 1e12:.2f} TB in "
        "all; exchange taken as hidden or small, which this machine cannot show",
        f"{'per rank':>10} {'ranks':>8} {'GB/rank':>8} {'s/step':>8} {'h for 20,000 steps':>19} "
        f"{'GB sent/rank/step':>18}",
    ]
    for per_rank in (5e4, 2e5, 1e6, 4e6):
        seconds = each * per_rank
        # Six faces of a cube of elements, 24 B per node, there and back.
        sent = 6.0 * per_rank ** (2.0 / 3.0) * 48.0 / 1e9
        lines.append(
            f"{per_rank:>10,.0f} {n / per_rank:>8,.0f} {memory * per_rank / 1e9:>8.2f} "
            f"{seconds:>8.3f} {seconds * 20000 / 3600:>19.1f} {sent:>18.4f}"
        )
    return lines


def study(options: argparse.Namespace) -> None:
    """Measure all meshes and save what was found (collective)."""
    folder = writable_folder(COMM, options.out)
    say = print if COMM.rank == 0 else lambda *_, **__: None
    say(HEAD, flush=True)
    results = []
    for n in options.elements:
        results.append(measure(n, options))
        say(row(results[-1]), flush=True)
    say("\n".join(billion(max(results, key=lambda result: result["elements"]))), flush=True)

    def save() -> None:
        beside = folder / ".scaling.json.part"
        try:
            beside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            os.replace(beside, folder / "scaling.json")
        except OSError as error:
            raise InputError(f"cannot write {str(folder)!r}: {error.strerror}") from None

    on_rank_zero(COMM, save)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--elements", type=float, nargs="+", default=[3e3, 1e4, 1e5, 1e6], help="of the meshes")
    new("--law", choices=(*LAWS,), default="neo-hookean", help="(%(default)s)")
    new("--speed", type=float, default=0.02, help="largest velocity, mm/us (%(default)s)")
    new("--clock", choices=(*CLOCKS,), default="wall", help="of all times (%(default)s)")
    new("--assembly", choices=ASSEMBLIES, default="fused", help="of the internal force")
    new("--seconds", type=float, default=3.0, help="to measure each mesh for, at least")
    new("--out", type=Path, default=Path("results/scaling"), help="folder of scaling.json")
    options = parser.parse_args(argv)
    for n in options.elements:
        require(8 <= n <= 1e8, f"--elements {n:g}: must be between 8 and 1e8")
    require(0.0 <= options.speed <= 0.1, f"--speed {options.speed:g}: must be between 0 and 0.1")
    require(0.0 < options.seconds < math.inf, f"--seconds {options.seconds:g}: must be positive")
    with Claim(options.out, COMM):
        study(options)


if __name__ == "__main__":
    sys.exit(main())
