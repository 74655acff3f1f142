# SPDX-License-Identifier: MIT
"""A law of one's own, in twenty lines: checked at one point, then in a body that hits a wall.

    mpirun -n 2 python demos/own_law.py --out results/own_law [--mesh FILE] [--quick]

The law is a viscoelastic fluid with elastic volume (Maxwell, upper convected): its shear stress
relaxes with time τ. Held at a simple shear γ it has σ₁₂ = G γ exp(-t/τ), at every γ. The body is a
cylinder, or a mesh of one's own (gmsh, Abaqus, Nastran, Salome, VTK); the wall is at its lowest z.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from mpi4py import MPI

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.geometry import cylinder_mesh, read_mesh
from mlms_fenics.impact.bodies import check_speed
from mlms_fenics.io import Length, NodeHistory, Recorder, Summary
from mlms_fenics.io.command import Parser
from mlms_fenics.io.report import add_files, add_run
from mlms_fenics.macroscale import ExplicitSolver, RigidPlane
from mlms_fenics.materials import Material, State, drive
from mlms_fenics.parallel import entry_point, on_rank_zero
from mlms_fenics.units import METRE_PER_SECOND

COMM = MPI.COMM_WORLD


class Maxwell(Material):
    """σ = G/J dev(F̄ A F̄ᵀ) + K (J - 1) I, with A relaxing towards (F̄ᵀF̄)⁻¹; det F̄ = 1."""

    def __init__(self, shear: float, bulk: float, density: float, relaxation: float) -> None:
        self.shear_modulus, self.bulk_modulus, self.density = shear, bulk, density
        self.relaxation = relaxation

    def initial_state(self, n: int) -> State:
        return {"A": torch.eye(3, dtype=self.dtype).repeat(n, 1, 1)}

    def update(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        J = torch.linalg.det(F)[:, None, None]
        Fi = F / J ** (1.0 / 3.0)
        rest = torch.linalg.inv(Fi.mT @ Fi)
        A = rest + (state["A"] - rest) * math.exp(-dt / self.relaxation)
        b = Fi @ A @ Fi.mT
        one = torch.eye(3, dtype=F.dtype)
        mean = b.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None]
        sigma = self.shear_modulus / J * (b - mean * one) + self.bulk_modulus * (J - 1.0) * one
        return sigma, {"A": A}


def check_at_a_point(law: Maxwell) -> float:
    """Largest error of the relaxing shear stress over its first value; `drive` needs no mesh.

    Raises:
        SimulationError: it is not small.
    """
    time = torch.linspace(0.0, 3.0 * law.relaxation, 61, dtype=torch.float64)
    gamma = torch.tensor([0.01, 0.5, 2.0], dtype=torch.float64)
    F = torch.eye(3, dtype=torch.float64).repeat(len(gamma), len(time), 1, 1)
    F[:, 1:, 0, 1] = gamma[:, None]
    exact = law.shear_modulus * gamma[:, None] * torch.exp(-time[1:] / law.relaxation)
    error = drive(law, F, time)[:, 1:, 0, 1] / exact[:, :1] - exact / exact[:, :1]
    largest = float(error.abs().max())
    if not largest < 1e-12:
        raise SimulationError(f"the law's relaxation is off by {largest:.2g} of its first value")
    return largest


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--mesh", type=Path, help="mesh file (default: a cylinder, 4 mm by 8 mm)")
    new("--scale", type=float, default=1.0, help="from the file's unit of length to mm")
    new("--relaxation", type=float, default=2.0, help="τ, µs (default: 2)")
    new("--velocity", type=float, default=0.05, help="towards the wall, mm/µs (default: 0.05)")
    new("--end-time", type=float, default=10.0, help="µs (default: 10)")
    new("--out", type=Path, default=Path("results/own_law"), help="folder for the results")
    new("--quick", action="store_true", help="a coarse mesh")
    return parser.parse_args(argv)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    options = options_from(argv)
    for name in ("relaxation", "velocity", "end_time"):
        value = getattr(options, name)
        require(0.0 < value < math.inf, f"--{name.replace('_', '-')} is {value:g}: must be > 0")
    law = Maxwell(shear=1.0, bulk=5.0, density=1.2, relaxation=options.relaxation)
    check_speed(law, options.velocity / METRE_PER_SECOND)
    error = check_at_a_point(law)
    if options.mesh is None:
        mesh = cylinder_mesh(COMM, 4.0, 8.0, 1.0 if options.quick else 0.4)[0]
    else:
        mesh = read_mesh(COMM, options.mesh, scale=options.scale).mesh
    z = mesh.geometry.x[:, 2]
    low = COMM.allreduce(z.min(initial=math.inf), op=MPI.MIN)
    high = COMM.allreduce(z.max(initial=-math.inf), op=MPI.MAX)
    solver = ExplicitSolver(
        mesh, law, velocity=(0.0, 0.0, -options.velocity), contacts=[RigidPlane((0.0, 0.0, low))]
    )
    top = NodeHistory(solver, (0.0, 0.0, high), "v", 2)
    recorder = Recorder(
        solver, options.out, name="body", end_time=options.end_time,
        probes={"length": Length(), "top_velocity": top},
    )  # fmt: skip
    recorder.run()
    summary = Summary()
    summary.add("Law at a point", "error of the relaxation", error)
    add_run(summary, recorder)
    summary.add("Result", "length", recorder.history["length"][-1], "mm")
    summary.add("Result", "velocity of the top", recorder.history["top_velocity"][-1], "mm/us")
    add_files(summary, recorder.files)
    on_rank_zero(COMM, lambda: print(summary.text(), flush=True))


if __name__ == "__main__":
    sys.exit(main())
