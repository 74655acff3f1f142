# SPDX-License-Identifier: MIT
"""The benchmark's command runs, prints figures that hang together, and refuses nonsense."""

import re

import pytest

from mlms_fenics.benchmarks import stiff
from mlms_fenics.benchmarks.__main__ import main


@pytest.mark.slow
def test_it_prints_speed_and_error(capsys):
    assert main(["crystal", "--paths", "1", "--grains", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "float64, one core; 4 grains" in lines[0]
    walks = [line for line in lines if "walk to" in line]
    assert len(walks) == 4
    for line in walks:
        tolerance, error = float(re.search(r"tolerance (\S+):", line)[1]), float(line.split()[-1])
        assert 0 < error < 3 * tolerance
        assert float(re.search(r"([\d.]+)e6 grain-substeps/s", line)[1]) > 0
    share = float(re.search(r"(\d+)% of that peak", "\n".join(lines))[1])
    assert 0 < share <= 100


def test_bad_options(capsys):
    assert main(["crystal", "--paths", "0"]) == 2
    assert "--paths must be at least 1, got 0" in capsys.readouterr().err


@pytest.mark.slow
def test_prices_of_real_rate_exponents_come_with_their_errors(capsys, monkeypatch):
    monkeypatch.setattr(stiff, "EXPONENTS", (2, 20))
    monkeypatch.setattr(stiff, "STEPS", 40)
    assert main(["stiff", "--grains", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = [line for line in lines if "tolerance" in line]
    assert len(found) == 2 * (2 + 3)
    for line in found:
        tolerance, error = float(re.search(r"tolerance (\S+):", line)[1]), float(line.split()[-1])
        assert 0 < error < 4 * tolerance
        assert float(re.search(r"([\d.]+) times", line)[1]) > 0
