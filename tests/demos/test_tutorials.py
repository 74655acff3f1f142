# SPDX-License-Identifier: MIT
"""The tutorials run in their quick mode, and say what they should."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlms_fenics.io import read_history
from mlms_fenics.surrogate import load_model

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
pytestmark = pytest.mark.slow


def run(name: str, out: Path, *before: str) -> str:
    """What the tutorial prints."""
    command = [*before, sys.executable, str(TUTORIALS / f"{name}.py"), "--quick", "--out", str(out)]
    # No screen but one that is asked for.
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_tutorials_are_tested():
    assert {path.stem for path in TUTORIALS.glob("*.py")} == {"anvil", "measured", "own_law"}


def test_own_law(tmp_path):
    said = run("own_law", tmp_path)
    assert float(re.search(r"error at a point: (\S+) GPa", said)[1]) < 1e-9
    assert float(re.search(r"balance within (\S+)", said)[1]) < 1e-3
    assert (tmp_path / "bar.png").stat().st_size > 10_000


def test_anvil_with_a_screen(tmp_path):
    said = run("anvil", tmp_path, "xvfb-run", "-a", "-s", "-noreset")
    assert "fields: u, v, sigma, sigma_M, e_d, e_v, distance" in said
    assert (tmp_path / "anvil.png").stat().st_size > 10_000
    # In 0.3 µs the back has flown 0.06 mm at 200 m/s, and no wave has reached it.
    assert read_history(tmp_path / "history.csv")["length"][-1] == pytest.approx(4.94, abs=1e-4)


def test_measured_curves_to_a_law(tmp_path):
    said = run("measured", tmp_path)
    for result in ("law.yaml", "law.png", "poles.png", "sheet.txt", "copper.h5"):
        assert (tmp_path / result).exists(), result
    model = load_model(tmp_path / "copper_model.h5", device="cpu")
    assert len(model.orientations) == 4 and model.law.name == "copper"
    assert 0.0 < float(re.search(r"along the path: (\S+)%", said)[1]) < 30.0
