# SPDX-License-Identifier: MIT
"""Impact problems ready to run: bodies, the laws to choose from, comparisons of runs."""

from mlms_fenics.impact.bodies import anvil_solver, plate_mesh_size, plate_solver
from mlms_fenics.impact.compare import Comparison, compare_runs
from mlms_fenics.impact.laws import LAWS, build_law, chosen_device
from mlms_fenics.impact.snapshots import read_snapshot, relative_difference

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
