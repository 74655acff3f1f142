# SPDX-License-Identifier: MIT
"""The implicit solver on two and three ranks; each compares itself with a run on one."""

import pytest
from mpi_runs import run_tests

pytestmark = pytest.mark.mpi


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 3])
def test_implicit_solver_on_several_ranks(ranks: int) -> None:
    run_tests("implicit.py", ranks, timeout=600.0)
