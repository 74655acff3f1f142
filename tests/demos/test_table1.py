# SPDX-License-Identifier: MIT
"""The demo of Table 1: data, training and test of two cases, and what it refuses."""

import json
from functools import partial

import demo_scripts
import pytest

run = partial(demo_scripts.run, "table1", timeout=300)


@pytest.mark.slow
def test_two_cases_of_one_model_and_again(tmp_path):
    options = ["--quick", "--cases", "11-12", "--ranks", "1", "--out", str(tmp_path)]
    first = run(*options)
    assert first.returncode == 0, first.stderr[-2000:]
    assert len(list((tmp_path / "models").glob("*.h5"))) == 1
    assert {f.name for f in (tmp_path / "data").glob("*.h5")} == {
        "taylor_random_10.h5",
        "taylor_fixed_10.h5",
    }
    for number in (11, 12):
        result = json.loads((tmp_path / f"case_{number}.json").read_text())
        assert result["training_paths"] == 80
        # No network of two epochs beats the closed-form pressure, which is a few per cent off.
        assert 0.01 < result["errors"]["no_deviator"]["total"] < 0.15
        assert result["errors"]["off_line"]["total"] > 0.15
        assert result["errors"]["off_line"] != result["errors"]["on_line"]
    assert (tmp_path / "table1.png").stat().st_size > 10_000
    again = run(*options)
    assert again.returncode == 0
    assert "training" not in again.stdout
    table = first.stdout[first.stdout.index("case cell") :]
    assert table in again.stdout
    assert "3D Taylor  10% R/F" in table


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cases", "0-3"], "must lie within 1 to 25"),
        (["--cases", "x"], "must be a number or a range"),
        (["--fraction", "0"], "--fraction 0: must lie in (0, 1]"),
        (["--epochs", "0"], "--epochs 0: must be at least 1"),
    ],
)
def test_what_it_refuses(tmp_path, capsys, options, message):
    assert demo_scripts.load("table1").main([*options, "--out", str(tmp_path / "none")]) != 0
    assert message in capsys.readouterr().err
    assert not (tmp_path / "none" / "data").exists()
