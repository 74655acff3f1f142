# SPDX-License-Identifier: MIT
"""Tests that send signals hold in the background of a script and under nohup, too."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

WITH_SIGNALS = (
    "test_docker_run.py::test_signal_reaches_the_command",
    "test_docker_run.py::test_interrupted_build_leaves_nothing_half_made",
    "test_io_restart.py::test_a_signal_ends_the_run_with_a_checkpoint_and_nothing_is_lost",
    "test_locking.py::test_another_process_is_refused_and_a_killed_one_is_not_in_the_way",
)
IGNORED = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip


def ignore() -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.slow
def test_tests_that_send_signals_pass_where_they_are_ignored():
    here = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *(str(here / test) for test in WITH_SIGNALS)],
        preexec_fn=ignore, capture_output=True, text=True, cwd=here.parents[1], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
