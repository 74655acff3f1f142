# SPDX-License-Identifier: MIT
"""Studies: their command, and commands that they start one after the other."""

import argparse
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence

from mlms_fenics.errors import SimulationError
from mlms_fenics.locking import Claim
from mlms_fenics.parallel import entry_point


def study_command(
    options_from: Callable[[Sequence[str] | None], argparse.Namespace],
    study: Callable[[argparse.Namespace], None],
) -> Callable[..., int]:
    """The `main` of a study: its options, and then the study with its folder claimed.

    Args:
        options_from: options of a command line; `out` is the folder, which no other process may
            write meanwhile.
        study: what is to be done.
    """

    @entry_point
    def main(argv: Sequence[str] | None = None) -> None:
        options = options_from(argv)
        with Claim(options.out):
            study(options)

    return main


def run_stage(title: str, name: str, command: Sequence[str], ranks: int) -> float:
    """Print a command, run it and wait for its end; ranks times threads do not exceed the cores.

    Nor do threads exceed `OMP_NUM_THREADS`, where that is set.

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
    share = max(1, cores // ranks) if command[0] == "mpirun" else cores
    # Where others compute too, threads that wait for each other are slower than one alone.
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    threads = str(min(share, int(wanted)) if wanted.isdigit() and int(wanted) else share)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    begin = time.monotonic()
    status = subprocess.run(command, env=environment, check=False).returncode
    if status != 0:
        raise SimulationError(
            f"{name} ended with status {status}: see the message above; the same command goes on "
            "from here"
        )
    return time.monotonic() - begin
