# SPDX-License-Identifier: MIT
"""Generation on 1, 2, 3 ranks: the same file, whoever is killed when; and a fair share of work."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi_runs import mpirun, slow

pytestmark = pytest.mark.mpi

HERE = Path(__file__).parent / "mpi"
TINY = [sys.executable, str(HERE / "generate_tiny.py"), "tiny"]
TAYLOR = [sys.executable, "-m", "mlms_fenics.data.generate", "taylor"]


def _mpirun(ranks, command, **environment):
    return subprocess.Popen(
        mpirun(ranks, *command),
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(ranks, command, **environment):
    """Output of a command that must succeed."""
    process = _mpirun(ranks, command, **environment)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, out + err
    return out


def _contents(path):
    with h5py.File(path) as file:
        arrays = {name: file[name][()] for name in file}
        return arrays, dict(file.attrs)


def _assert_same(a, b):
    (arrays, attributes), (others, other_attributes) = _contents(a), _contents(b)
    assert attributes == other_attributes
    assert set(arrays) == set(others)
    for name, values in arrays.items():
        assert (
            values.tobytes() == others[name].tobytes() or values.tolist() == others[name].tolist()
        )


@pytest.mark.parametrize("ranks", [1, slow(3)])
def test_checks(ranks, tmp_path):
    command = [sys.executable, "-m", "mpi4py", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    _run(ranks, [*command, HERE / "generate_checks.py"], PYTEST_DEBUG_TEMPROOT=str(tmp_path))


@pytest.mark.slow
def test_taylor_data_do_not_depend_on_ranks_or_appending(tmp_path):
    options = ["--grains", "6", "--steps", "20", "--max-strain", "0.3", "--out"]
    for ranks in (1, 2):
        _run(ranks, [*TAYLOR, "--samples", "22", *options, tmp_path / f"{ranks}.h5"])
    _assert_same(tmp_path / "1.h5", tmp_path / "2.h5")
    grown = tmp_path / "grown.h5"
    _run(3, [*TAYLOR, "--samples", "5", *options, grown])
    assert len(_contents(grown)[0]["sigma"]) == 5
    assert "computed now: 17" in _run(1, [*TAYLOR, "--samples", "17", *options, grown, "--append"])
    _assert_same(tmp_path / "1.h5", grown)


def _start_and_kill(ranks, command, parts, shards, pids, **environment):
    """Kill -9 all ranks as soon as `shards` shards lie there."""
    pids.mkdir()
    process = _mpirun(ranks, command, TINY_PIDS=str(pids), **environment)
    deadline = time.monotonic() + 60
    while len(list(parts.glob("*.h5"))) < shards:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no shard in time"
        time.sleep(0.02)
    for pid in pids.iterdir():
        os.kill(int(pid.name), signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode != 0
    return len(list(parts.glob("*.h5")))


@pytest.mark.slow
def test_killed_twice_and_resumed_and_shared_fairly(tmp_path):
    """The file is an undisturbed run's; and two ranks are 1.8 times as fast (paths that sleep)."""
    setting = {"TINY_SECONDS": "0.04", "TINY_FAIL": "0.1"}
    options = ["--samples", "120", "--grains", "2", "--steps", "10", "--out"]
    whole, broken = tmp_path / "whole.h5", tmp_path / "broken.h5"
    one = _run(1, [*TINY, *options, whole], **setting)
    two = _run(2, [*TINY, *options, tmp_path / "two.h5"], **setting)
    _assert_same(whole, tmp_path / "two.h5")
    rate_one, rate_two = (float(re.search(r"\(([\d.e+]+) paths/s\)", o)[1]) for o in (one, two))
    assert rate_two >= 1.8 * rate_one

    parts = Path(f"{broken}.parts")
    command = [*TINY, *options, broken]
    first = _start_and_kill(2, command, parts, 4, tmp_path / "pids1", **setting)
    second = _start_and_kill(3, command, parts, first + 6, tmp_path / "pids2", **setting)
    assert 10 <= second < 30
    assert not broken.exists()
    (parts / "000000000-000000003.h5.1.tmp").write_text("half a shard")
    damaged = sorted(parts.glob("*.h5"))[1]
    damaged.write_bytes(damaged.read_bytes()[:1000])
    out = _run(1, command, **setting)
    assert int(re.search(r"computed now: (\d+)", out)[1]) == 120 - 4 * (second - 1)
    _assert_same(whole, broken)
    assert not parts.exists()
    with h5py.File(broken) as file:
        failed = np.flatnonzero(file["status"][:] == 2)
        assert 2 <= len(failed) <= 40
        assert all(file["message"].asstr()[k] == "made to fail" for k in failed)
        assert np.isnan(file["sigma"][failed]).all()
    assert f"{len(failed)} failed" in out


@pytest.mark.slow
def test_full_field_data_on_1_2_3_ranks_with_a_kill_between(tmp_path):
    """Three ranks are killed half way and two go on: the file is that of one undisturbed rank."""
    command = [*TINY[:-1], "fft", "--protocol", "paper", "--grid", "8", "--grains", "4"]
    command += ["--max-strain", "0.03", "--steps", "30", "--samples", "10"]
    command += ["--tolerance", "1e-3", "--out"]
    whole, broken = tmp_path / "whole.h5", tmp_path / "broken.h5"
    _run(1, [*command, whole])
    parts = Path(f"{broken}.parts")
    kept = _start_and_kill(3, [*command, broken], parts, 3, tmp_path / "pids")
    assert 3 <= kept < 10
    out = _run(2, [*command, broken])
    assert f"computed now: {10 - kept} " in out
    _assert_same(whole, broken)
    with h5py.File(broken) as file:
        assert file["grains"].shape == (8, 8)
        assert (file["status"][:] == 1).all()
        assert np.abs(file["sigma"][:, -1]).max() > 0.1
