# SPDX-License-Identifier: MIT
"""Commands that a study starts one after the other, each on the cores that it may use."""

import os
import shlex
import subprocess
import time
from collections.abc import Sequence

from mlms_fenics.errors import SimulationError


def run_stage(title: str, name: str, command: Sequence[str], ranks: int) -> float:
    """Print a command, run it and wait for its end; ranks times threads do not exceed the cores.

    Args:
        title: printed above the command.
        name: of the stage, for the message where it fails.
        command: a program and its arguments; one that begins with "mpirun" shares the cores.
        ranks: of MPI.

    Returns:
        The seconds that it took.

    Raises:
        SimulationError: the command did not end well.
    """
    print(f"{title}:\n  {shlex.join(command)}", flush=True)
    cores = os.cpu_count() or 1
    threads = str(max(1, cores // ranks) if command[0] == "mpirun" else cores)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    begin = time.monotonic()
    status = subprocess.run(command, env=environment, check=False).returncode
    if status != 0:
        raise SimulationError(
            f"{name} ended with status {status}: see the message above; the same command goes on "
            "from here"
        )
    return time.monotonic() - begin
