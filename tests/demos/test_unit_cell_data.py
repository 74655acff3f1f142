# SPDX-License-Identifier: MIT
"""The demo that makes the full-field data sets of Table 1, as a user runs it."""

import re
from functools import partial

import demo_scripts
import numpy as np
import pytest

from mlms_fenics.data import Dataset, sample_path
from mlms_fenics.kinematics.tensors import to_components

run = partial(demo_scripts.run, "unit_cell_data")


@pytest.mark.slow
def test_sets_in_their_order_and_resumed(tmp_path):
    settings = ["--grid", 8, "--steps", 20, "--ranks", 1, "--out", tmp_path]
    done = run("--sets", "random-m0.2=2", "cavity=1", *settings)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(\S+) +(\d+) paths: \2 finished, 0 failed.*; now", done.stdout, re.M)
    assert rows == [("random-m0.2", "2"), ("cavity", "1")]
    with Dataset(tmp_path / "data" / "fft_random_10_m0.2.h5") as data:
        assert data.grains.shape == (8, 8) and len(data.orientations) == 16
        assert {f.rate_exponent for f in data.law.slip} == {0.2}
        assert data.protocol == "paper" and data.sampler["intervals"] == "random"
        expected = to_components(sample_path(data.recipe.paths, data.attrs["seed"], 1))
        assert np.array_equal(data.U[1], expected.astype(np.float32))
    with Dataset(tmp_path / "data" / "fft_cavity_10.h5") as data:
        assert data.protocol == "cavity" and len(data) == 1
    state = run("--state", *settings)
    assert state.returncode == 0, state.stderr
    assert re.search(r"^random-m0.2 +4000 paths: 2 finished", state.stdout, re.M)
    assert re.search(r"^fixed +\d+ paths: not begun", state.stdout, re.M)
    assert len(state.stdout.splitlines()) == 6


def test_wrong_input(tmp_path, capsys):
    main = demo_scripts.load("unit_cell_data").main
    for arguments, expected in (
        (["--sets", "zigzag"], "'zigzag' is none of random, fixed"),
        (["--sets", "random=many"], "'many' must be a positive number"),
        (["--fraction", "2"], "--fraction 2"),
    ):
        assert main([*arguments, "--out", str(tmp_path)]) == 2
        assert expected in capsys.readouterr().err
