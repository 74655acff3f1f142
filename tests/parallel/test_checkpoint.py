# SPDX-License-Identifier: MIT
"""Restart on the same and on other numbers of ranks, stops, failures, point histories."""

import subprocess
import sys
from pathlib import Path

BODY = Path(__file__).parent / "mpi" / "checkpoint.py"


def test_restart_on_three_ranks() -> None:
    command = ["mpirun", "--oversubscribe", "-n", "3"]
    command += [sys.executable, "-m", "mpi4py", "-m", "pytest", "-q", "-x", str(BODY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert done.stdout.count("7 passed") == 3
