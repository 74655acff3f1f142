# SPDX-License-Identifier: MIT
"""The Taylor anvil ended early by a signal and gone on with: the same results."""

import os
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from demo_scripts import load, script
from mpi_runs import python

OPTIONS = ["--law", "j2", "--mesh-size", "0.25", "--end-time", "3", "--outputs", "3"]
OPTIONS += ["--device", "cpu"]


@pytest.mark.slow
@pytest.mark.mpi
def test_a_signal_through_mpirun_and_a_restart(tmp_path: Path) -> None:
    options = [*OPTIONS, "--out", str(tmp_path / "cut")]
    command = python(1, script("taylor_anvil"), *options)
    cut = subprocess.Popen(
        [*command, "--checkpoint-every", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    first = tmp_path / "cut" / "checkpoint.h5"
    deadline = time.monotonic() + 120.0
    while not first.exists() and time.monotonic() < deadline and cut.poll() is None:
        time.sleep(0.005)
    os.kill(cut.pid, signal.SIGUSR1)
    said = cut.communicate(timeout=120)[0]
    assert cut.returncode == 4, said[-2000:]
    assert "SIGUSR1" in said and said.count("error: stopped at") == 1
    main = load("taylor_anvil").main
    assert main([*OPTIONS, "--out", str(tmp_path / "whole")]) == 0
    assert main([*options, "--restart"]) == 0
    for name in ("history.csv", "anvil.xdmf"):
        one, other = ((tmp_path / folder / name).read_bytes() for folder in ("whole", "cut"))
        assert one == other
    for file in sorted((tmp_path / "whole" / "anvil_data").glob("*.h5")):
        with h5py.File(file) as one, h5py.File(tmp_path / "cut" / "anvil_data" / file.name) as two:
            assert list(one) == list(two)
            assert all(np.array_equal(one[key][()], two[key][()]) for key in one)
