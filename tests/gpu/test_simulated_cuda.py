# SPDX-License-Identifier: MIT
"""CUDA kernels in numba's simulator give what the CPU's loops give, and wait for nothing.

The simulator runs each thread as plain Python, so that a few points and steps must do.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HELPERS = Path(__file__).parents[1] / "helpers"


@pytest.fixture(scope="module")
def differences() -> dict[str, float]:
    """Relative differences by law, of a process that numba simulates CUDA in."""
    paths = [str(HELPERS), str(HELPERS.parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, HELPERS / "simulated_cuda.py"],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


NAMES = (
    "J2", "Johnson-Cook", "Hill", "kinematics", "learnt", "polycrystal", "copper", "reduced",
    "Taylor", "cells", "loop, secant", "loop, elastic", "loop, viscous",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_is_the_loop(differences, name):
    assert differences[name] < 1e-10


SINGLE = (
    "learnt, default", "learnt, one-microsecond", "training, recurrent, one rate",
    "training, recurrent, rates", "training, grains, one rate", "training, grains, rates",
)  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_a_step_in_single_precision_is_the_compiled_one(differences, name):
    assert 0.0 < differences[name] < 5e-6
