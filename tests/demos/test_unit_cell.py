# SPDX-License-Identifier: MIT
"""The unit-cell demo as a user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np

DEMO = Path(__file__).parents[2] / "demos" / "unit_cell.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, DEMO, *arguments], capture_output=True, text=True, timeout=200
    )


def test_quick(tmp_path):
    done = run("--quick", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "iterations per step" in done.stdout and "Taylor" in done.stdout
    strain, full, taylor = np.loadtxt(tmp_path / "stress.txt").T
    assert len(strain) == 41 and 0 < full[-1] < taylor[-1]
    for name in ("grains.png", "fields.png", "grains.vti", "grains.h5"):
        assert (tmp_path / name).stat().st_size > 1000


def test_wrong_input(tmp_path):
    done = run("--steps", "1", "--out", str(tmp_path))
    assert done.returncode == 2 and "--steps is 1" in done.stderr
