# SPDX-License-Identifier: MIT
"""The explicit solver on two and three ranks; each compares itself with a run on one."""

import subprocess
import sys
from pathlib import Path

import pytest

BODY = Path(__file__).parent / "mpi" / "explicit.py"


@pytest.mark.parametrize("ranks", [2, 3])
def test_explicit_solver_on_several_ranks(ranks: int) -> None:
    command = ["mpirun", "--oversubscribe", "-n", str(ranks)]
    command += [sys.executable, "-m", "mpi4py", "-m", "pytest", "-q", "-x", str(BODY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert done.stdout.count("9 passed") == ranks
