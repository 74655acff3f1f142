# SPDX-License-Identifier: MIT
"""One full-field cell on one, two and three ranks."""

import pytest
from mpi_runs import run_tests

pytestmark = [pytest.mark.slow, pytest.mark.mpi]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_cell_in_slabs(ranks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Thousands of small messages: a rank that waits must leave the core to the others.
    monkeypatch.setenv("OMPI_MCA_mpi_yield_when_idle", "1")
    run_tests("fft_slabs.py", ranks)
