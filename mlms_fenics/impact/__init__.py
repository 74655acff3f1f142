# SPDX-License-Identifier: MIT
"""Impact problems ready to run: bodies, the laws to choose from, comparisons of runs."""

from mlms_fenics.impact.bodies import anvil_solver, plate_mesh_size, plate_solver
from mlms_fenics.impact.compare import Comparison, compare_runs
from mlms_fenics.impact.laws import LAWS, build_law
from mlms_fenics.impact.snapshots import read_snapshot, relative_difference
from mlms_fenics.macroscale.remote import chosen_device

__all__ = [
    "LAWS",
    "Comparison",
    "anvil_solver",
    "build_law",
    "chosen_device",
    "compare_runs",
    "plate_mesh_size",
    "plate_solver",
    "read_snapshot",
    "relative_difference",
]
