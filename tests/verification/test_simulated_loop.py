# SPDX-License-Identifier: MIT
"""The kernels by which a GPU takes the elements' part of a step, in numba's simulator.

They are the compiled loop's own functions, cell by cell, and must come to its motion, to 1e-12, on
every kind of element and of stabilisation. Each thread is plain Python there: a few steps must do.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HELPERS = Path(__file__).parents[1] / "helpers"
STEPS = 10
PROBLEMS = [
    "anvil, held", "one-point", "one-point, friction", "elastic hourglass", "viscous hourglass",
    "mean dilatation", "linear tetrahedra", "quadratic tetrahedra", "axisymmetric",
    "axisymmetric, mean dilatation", "plane strain", "two laws", "loaded", "punched",
    "flat, pressed", "axisymmetric, pressed", "plate, free projectile",
]  # fmt: skip


def test_kernels_are_the_compiled_loop():
    paths = [str(HELPERS), str(HELPERS.parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, HELPERS / "simulated_loop.py", str(STEPS), *PROBLEMS],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.stdout.splitlines() == PROBLEMS and done.returncode == 0, done.stderr
