# SPDX-License-Identifier: MIT
"""Writes a body that is about to be run to one file, for a machine that has no FEniCSx.

    python -m mlms_fenics.macroscale.bundle anvil --mesh-size 0.1 --out anvil.h5
    python -m mlms_fenics.loop anvil.h5 --device cuda --end-time 1 --out result.h5

The second command needs the package with numpy, h5py, numba and torch only.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mpi4py import MPI

from mlms_fenics.errors import require
from mlms_fenics.loop.files import write_bundle
from mlms_fenics.macroscale.remote import problem_of
from mlms_fenics.macroscale.solver import ExplicitSolver
from mlms_fenics.materials import LawsByPart, NeoHookean, magnesium
from mlms_fenics.parallel import entry_point


def bundle(solver: ExplicitSolver, path: str | os.PathLike[str]) -> None:
    """Write the solver's problem to a file that `loop.files.read_bundle` reads.

    Laws are not written: the loop takes any, with its own density and moduli.

    Args:
        solver: at its start, on one rank.
        path: of the file.

    Raises:
        InputError: several ranks, a solver that has gone on, something that is a function of the
            time, or a file that cannot be written.
    """
    require(
        solver.comm.size == 1,
        f"a bundle is of one rank, but the mesh is on {solver.comm.size}: write it on one",
    )
    require(
        not isinstance(solver.material, LawsByPart),
        "a bundle is of one law, but the body has several: run it with ExplicitSolver",
    )
    require(
        solver.step_count == 0,
        f"the solver has done {solver.step_count} steps, but a bundle is of the start",
    )
    write_bundle(problem_of(solver.body, solver.motion, solver.settings["viscosity"]), path)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    # The bodies stand on the solver; only this command needs them here.
    from mlms_fenics.impact import anvil_solver, plate_solver

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("problem", choices=("anvil", "plate"), help="of the demos")
    new("--velocity", type=float, default=200.0, help="m/s (default: 200)")
    new("--mesh-size", type=float, default=0.1, help="mm (default: 0.1)")
    new("--out", type=Path, required=True, help="the file")
    options = parser.parse_args(argv)
    metal = magnesium()
    law = NeoHookean(metal.shear_modulus, metal.bulk_modulus, metal.density)
    make = {"anvil": anvil_solver, "plate": plate_solver}[options.problem]
    solver = make(MPI.COMM_SELF, law, velocity=options.velocity, size=options.mesh_size)
    bundle(solver, options.out)
    print(f"{options.out}: {len(solver.elements.dofs)} elements", flush=True)


if __name__ == "__main__":
    sys.exit(main())
