# SPDX-License-Identifier: MIT
"""Start tests of `mpi/` under mpirun, in such a way that one failing rank ends them all."""

import re
import subprocess
import sys
from pathlib import Path

BODIES = Path(__file__).parents[1] / "parallel" / "mpi"


def run_tests(body: str, ranks: int, timeout: float = 240.0) -> None:
    """Run the tests in `mpi/<body>` on `ranks` ranks; all must pass, the same number on each."""
    command = ["mpirun", "--oversubscribe", "-n", str(ranks)]
    command += [sys.executable, "-m", "mpi4py", "-m", "pytest", "-q", "-x", "--color=no"]
    command += ["-p", "no:cacheprovider", str(BODIES / body)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.findall(r"(\d+) passed", done.stdout)
    assert len(passed) == ranks and len(set(passed)) == 1, done.stdout[-2000:]
