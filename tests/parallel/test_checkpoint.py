# SPDX-License-Identifier: MIT
"""Restart on the same and on other numbers of ranks, stops, failures, point histories."""

import pytest
from mpi_runs import run_tests

pytestmark = pytest.mark.mpi


@pytest.mark.slow
def test_restart_on_three_ranks() -> None:
    run_tests("checkpoint.py", 3)
