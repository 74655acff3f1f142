# SPDX-License-Identifier: MIT
"""A second program that would write where one is at work is refused; a killed one is not there."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from demo_scripts import load, script

from mlms_fenics.errors import InputError
from mlms_fenics.impact.batch import run_once
from mlms_fenics.io.history import read_history
from mlms_fenics.locking import Claim

OPTIONS = ["--law", "j2", "--mesh-size", "0.25", "--outputs", "2", "--device", "cpu"]
OPTIONS += ["--no-pictures", "--end-time", "0.3"]


def anvil(*options: str | Path, ranks: int = 0) -> list[str]:
    mpi = ["mpirun", "--oversubscribe", "-n", str(ranks)] if ranks else []
    program = [sys.executable, "-m", "mpi4py", str(script("taylor_anvil"))]
    return [*mpi, *program, *OPTIONS, *map(str, options)]


@contextmanager
def at_work(out: Path) -> Iterator[subprocess.Popen]:
    """A run of minutes that has written its first rows."""
    run = subprocess.Popen(
        anvil("--velocity", "100", "--end-time", "1e5", "--out", out),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120.0
        while not (out / "history.csv").exists() and time.monotonic() < deadline:
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.01)
        yield run
    finally:
        run.send_signal(signal.SIGKILL)
        run.communicate()


@pytest.mark.slow
@pytest.mark.mpi
def test_the_second_run_is_refused_on_any_number_of_ranks_until_the_first_is_gone(tmp_path):
    out = tmp_path / "same"
    with at_work(out) as first:
        for ranks in (0, 2, 3):
            second = subprocess.run(
                anvil("--velocity", "300", "--out", out, ranks=ranks),
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert second.returncode == 2, second.stderr
            assert second.stderr.count("error:") == 1
            assert f"same' is being written by process {first.pid} on" in second.stderr
            assert second.stdout == ""
        assert first.poll() is None
    third = subprocess.run(
        anvil("--velocity", "300", "--out", out, ranks=2),
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert third.returncode == 0, third.stderr
    times = np.array(read_history(out / "history.csv")["time"])
    assert (np.diff(times) > 0.0).all() and times[-1] == pytest.approx(0.3)
    assert not list(out.glob("*lock")) + list(out.glob(".*lock"))


STUDIES = {
    "ablation": ["--paths", "10"],
    "concurrent_multiscale": ["--quick", "--ranks", "1"],
    "cost_table": ["--quick", "--ranks", "1"],
    "explicit_scaling": ["--elements", "60"],
    "from_unit_cell_to_impact": ["--quick", "--ranks", "1"],
    "harvest": ["--quick"],
    "impact_studies": ["--quick", "--ranks", "1"],
    "plate_impact": ["--quick", "--law", "j2"],
    "table1": ["--quick", "--cases", "11", "--ranks", "1"],
    "unit_cell": ["--quick"],
}

HOLDER = """
import sys, time
from mlms_fenics.locking import Claim
with Claim(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def held(folder: Path) -> Iterator[subprocess.Popen]:
    """A process that writes to the folder."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize("name", STUDIES)
def test_studies_are_refused_before_they_begin(tmp_path, capsys, name):
    demo = load(name)
    with held(tmp_path) as holder:
        assert demo.main([*STUDIES[name], "--out", str(tmp_path)]) == 2
    assert f"is being written by process {holder.pid}" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} <= {".lock", "settings.json"}
    Claim(tmp_path).release()


def test_a_run_of_a_study_leaves_the_run_that_is_there_alone(tmp_path):
    (tmp_path / "checkpoint.h5").write_text("of the other run")
    with held(tmp_path), pytest.raises(InputError, match="is being written by process"):
        run_once(tmp_path, "taylor_anvil.py", OPTIONS)
    assert (tmp_path / "checkpoint.h5").read_text() == "of the other run"
    assert not (tmp_path / "command.json").exists()
