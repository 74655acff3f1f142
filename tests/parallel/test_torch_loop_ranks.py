# SPDX-License-Identifier: MIT
"""The torch loop on two and three ranks; each compares itself with the compiled loop there."""

import pytest
from mpi_runs import run_tests

pytestmark = pytest.mark.mpi


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 3])
def test_torch_loop_on_several_ranks(ranks: int) -> None:
    run_tests("torch_loop.py", ranks)
