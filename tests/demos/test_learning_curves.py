# SPDX-License-Identifier: MIT
"""The learning curves as a user draws them."""

import json
from functools import partial

import demo_scripts
import pytest

from mlms_fenics.data.generate import main as generate

run = partial(demo_scripts.run, "learning_curves", timeout=200)


@pytest.mark.slow
def test_more_training_paths_err_less_and_points_are_kept(tmp_path):
    data = str(tmp_path / "walks.h5")
    size = ["--samples", "150", "--grains", "4", "--steps", "40"]
    assert generate(["taylor", "--out", data, "--tolerance", "1e-3", *size]) == 0
    sizes = ["--paths", "10", "100", "--widths", "8", "--width", "16", "--internal", "4"]
    command = [data, *sizes, "--steps", "400", "--test", "20", "--out", str(tmp_path / "out")]
    done = run(*command)
    assert done.returncode == 0, done.stderr
    rows = list(json.loads((tmp_path / "out" / "learning_curves.json").read_text()).values())
    assert [(r["paths"], r["width"]) for r in rows] == [(10, 16), (100, 16), (100, 8)]
    assert rows[1]["test"] < rows[0]["test"]
    assert rows[0]["train"] < rows[0]["test"]  # ten paths are learnt by heart
    assert rows[2]["parameters"] < rows[1]["parameters"]
    assert (tmp_path / "out" / "learning_curves.png").stat().st_size > 10_000
    again = run(*command)
    assert again.returncode == 0 and "epoch" not in again.stderr
    assert again.stdout == done.stdout


def test_bad_input_is_named(tmp_path):
    done = run("missing.h5", "--paths", "3", "--out", str(tmp_path))
    assert done.returncode != 0 and "--paths [3]" in done.stderr
