# SPDX-License-Identifier: MIT
"""Start commands, and the tests of `parallel/mpi`, under mpirun; one failing rank ends them all."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BODIES = Path(__file__).parents[1] / "parallel" / "mpi"


def slow(ranks: int) -> Any:
    """A number of ranks that a parametrised test leaves out of the daily round."""
    return pytest.param(ranks, marks=pytest.mark.slow)


def mpirun(ranks: int, *command: object) -> list[str]:
    """The command on so many ranks, more than there are cores if need be."""
    return ["mpirun", "--oversubscribe", "-n", str(ranks), *map(str, command)]


def python(ranks: int, *arguments: object) -> list[str]:
    """Python on so many ranks, all of which end if one of them fails."""
    return mpirun(ranks, sys.executable, "-m", "mpi4py", *arguments)


def run_tests(body: str, ranks: int, timeout: float = 240.0) -> None:
    """Run the tests in `mpi/<body>` on `ranks` ranks; all must pass, the same number on each."""
    options = ["-q", "-x", "--color=no", "-p", "no:cacheprovider"]
    command = python(ranks, "-m", "pytest", *options, BODIES / body)
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.findall(r"(\d+) passed", done.stdout)
    assert len(passed) == ranks and len(set(passed)) == 1, done.stdout[-2000:]
