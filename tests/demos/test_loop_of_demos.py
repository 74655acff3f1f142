# SPDX-License-Identifier: MIT
"""The impacts by the torch loop: as by the compiled one, with output, restart and refusal."""

import demo_scripts
import numpy as np
import pytest

from mlms_fenics.io import read_history

LAW = ["--law", "neo-hookean", "--precision", "float64", "--no-pictures", "--quick"]


def history(name, folder, *options):
    assert demo_scripts.load(name).main([*LAW, "--out", str(folder), *options]) == 0
    return read_history(folder / "history.csv")


@pytest.mark.parametrize(("name", "options"), [
    ("taylor_anvil", ("--mesh-size", "0.33", "--end-time", "1")),
    ("plate_impact", ("--mesh-size", "0.5", "--end-time", "0.5", "--mass", "10")),
])  # fmt: skip
def test_the_torch_loop_is_the_compiled_one(name, options, tmp_path):
    expected = history(name, tmp_path / "compiled", *options)
    found = history(name, tmp_path / "torch", "--loop", "torch", *options)
    assert found.keys() == expected.keys() and len(expected["time"]) > 5
    for key, values in expected.items():
        near = max(1e-9 * np.abs(values).max(), 1e-14)  # a gap is nothing but rounding at first
        np.testing.assert_allclose(found[key], values, rtol=1e-9, atol=near, err_msg=key)


def test_a_run_goes_on_in_the_other_loop(tmp_path):
    options = ("--mesh-size", "0.33", "--end-time", "1")
    expected = history("taylor_anvil", tmp_path / "whole", *options)
    args = [*LAW, "--out", str(tmp_path / "parts"), *options]
    main = demo_scripts.load("taylor_anvil").main
    assert main([*args, "--loop", "torch", "--wall-time", "1e-6"]) == 4
    assert main([*args, "--restart"]) == 0
    found = read_history(tmp_path / "parts" / "history.csv")
    assert found["time"][-1] == expected["time"][-1] == 1.0
    assert found["length"][-1] == pytest.approx(expected["length"][-1], rel=1e-12)


def test_no_such_loop(tmp_path, capsys):
    options = ["--loop", "analogue", "--out", str(tmp_path)]
    assert demo_scripts.load("taylor_anvil").main(options) == 2
    assert "argument --loop: invalid choice" in capsys.readouterr().err
