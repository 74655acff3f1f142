# SPDX-License-Identifier: MIT
"""What a law costs in an impact: the whole run, timed step by step."""

import os
import platform
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from mpi4py import MPI

from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.materials import Material, State


class Shadow(Material):
    """A law that is evaluated, and timed, at every step while another one moves the body.

    For the cost of a network whose weights have not been trained: the work is that of the trained
    one, and the strains that it sees are those of an impact.

    Args:
        law: to be timed.
        mover: gives the stress.

    Attributes:
        seconds: wall time of `mover` so far, to be taken from the run's.
        cpu: CPU time of `mover` so far, s.
    """

    def __init__(self, law: Material, mover: Material) -> None:
        self.law, self.mover = law, mover
        self.density, self.bulk_modulus = mover.density, mover.bulk_modulus
        self.shear_modulus = mover.shear_modulus
        self.dtype = torch.float64
        self.seconds = self.cpu = 0.0

    def initial_state(self, n: int) -> State:
        own = {f"law/{key}": value for key, value in self.law.initial_state(n).items()}
        return own | {f"mover/{key}": v for key, v in self.mover.initial_state(n).items()}

    def update(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        parts = {
            who: {k.partition("/")[2]: v for k, v in state.items() if k.startswith(f"{who}/")}
            for who in ("law", "mover")
        }
        wall, cpu = perf_counter(), process_time()
        sigma, moved = self.mover.update(F, time, dt, parts["mover"])
        self.seconds += perf_counter() - wall
        self.cpu += process_time() - cpu
        given = F.to(self.law.device)
        found, own = self.law.update(given, time, dt, parts["law"])
        found.cpu()  # a GPU has finished only then
        new = {f"law/{key}": value for key, value in own.items()}
        return sigma, new | {f"mover/{key}": value for key, value in moved.items()}


def resident() -> float:
    """Memory of this process, MB."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor() -> str:
    """What the processor calls itself."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            found = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        found = []
    return found[0] if found else platform.processor()


def time_run(solver: ExplicitSolver, end_time: float, steps: int | None = None) -> dict[str, float]:
    """Run to `end_time` and tell what it took (collective).

    Args:
        solver: at its beginning; of its law all but the first step is timed, since the first one
            loads and compiles what is needed.
        end_time: µs.
        steps: equal steps, all of which must be stable; None for the stable ones.

    Returns:
        "elements", "steps", "ranks", "wall [s]" (slowest rank), "CPU [s]" (sum over ranks), "law
        [s]" (CPU, likewise), "element-steps/s" (wall), "state [B/element]", "memory [MB]" (growth
        in the run, sum over ranks).
    """
    comm = solver.comm
    cells = int(solver.mesh.topology.index_map(solver.mesh.topology.dim).size_global)
    limit = np.inf if steps is None else end_time / steps
    shadow = solver.material if isinstance(solver.material, Shadow) else None
    before = resident()
    solver.step(min(limit, end_time))
    if shadow is not None:
        shadow.seconds = shadow.cpu = 0.0
    first = solver.step_count
    law_before = solver.timings["law"]
    comm.Barrier()
    wall, cpu = perf_counter(), process_time()
    while solver.time < end_time * (1.0 - 1e-9):
        solver.step(min(limit, end_time - solver.time))
    wall, cpu = perf_counter() - wall, process_time() - cpu
    law = solver.timings["law"] - law_before
    if shadow is not None:  # without what moves the body
        wall, cpu = wall - shadow.seconds, cpu - shadow.cpu
        law -= shadow.seconds
    done = solver.step_count - first
    # As if the first step had cost what the others did.
    whole = solver.step_count / max(done, 1)
    wall = whole * comm.allreduce(wall, op=MPI.MAX)
    bytes_here = sum(t.element_size() * t.nelement() for t in solver.state.values())
    points = comm.allreduce(len(solver.F))
    return {
        "elements": cells,
        "steps": solver.step_count,
        "ranks": comm.size,
        "wall [s]": wall,
        "CPU [s]": whole * comm.allreduce(cpu),
        "law [s]": whole * comm.allreduce(law, op=MPI.MAX),
        "element-steps/s": cells * solver.step_count / wall,
        "state [B/element]": comm.allreduce(bytes_here) / points,
        "memory [MB]": comm.allreduce(resident() - before),
        "balance": float(solver.energies().balance),
    }


def untrained_pca_net(
    recipe: str, dtype: torch.dtype, device: Any, products: str | None = None
) -> Material:
    """A PCA-Net of the recipe's architecture with random weights: for its cost alone.

    Args:
        recipe: "paper" or "default".
        dtype: of the network.
        device: likewise.
        products: of its matrices, see `LearntLaw.to`.
    """
    from mlms_fenics.materials import magnesium
    from mlms_fenics.surrogate.pca_net.law import PCANet, PCANetLaw
    from mlms_fenics.surrogate.pca_net.training import RECIPES
    from mlms_fenics.surrogate.trust import TrustMeasure

    torch.manual_seed(0)
    made, paper = RECIPES[recipe], recipe == "paper"
    per = 6 if paper else 1  # the paper's modes are those of each component
    network = PCANet(
        200,
        3,
        per * made["modes"],
        per * made["output_modes"],
        [made["width"]] * made["layers"],
        strain="stretch" if paper else "log",
        stress="total" if paper else "deviator",
        zero_at_rest=not paper,
        extrapolation=1.0 if paper else 0.0,
        linear=not paper,
    )
    law = PCANetLaw(
        network,
        law=magnesium(),
        orientations=np.eye(3)[None],
        horizon=1.0,
        trust=TrustMeasure(3, 1.0),
    )
    return law.to(device=device, dtype=dtype, products=products)
