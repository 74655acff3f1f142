# SPDX-License-Identifier: MIT
"""Output on two and three ranks; each checks its files against the original mesh."""

import pytest
from mpi_runs import run_tests, slow

pytestmark = pytest.mark.mpi


@pytest.mark.parametrize("ranks", [2, slow(3)])
def test_output_on_several_ranks(ranks: int) -> None:
    run_tests("io_output.py", ranks)
