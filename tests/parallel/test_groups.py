# SPDX-License-Identifier: MIT
"""Named groups of meshes on one, two and three ranks."""

import pytest
from mpi_runs import run_tests

pytestmark = [pytest.mark.slow, pytest.mark.mpi]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_groups_on_any_number_of_ranks(ranks: int) -> None:
    run_tests("groups.py", ranks)
