# SPDX-License-Identifier: MIT
"""Laws of several volumes on two and three ranks; each compares itself with a run on one."""

import pytest
from mpi_runs import run_tests

pytestmark = [pytest.mark.slow, pytest.mark.mpi]


@pytest.mark.parametrize("ranks", [2, 3])
def test_laws_by_part_on_several_ranks(ranks: int) -> None:
    run_tests("laws_by_part.py", ranks)
