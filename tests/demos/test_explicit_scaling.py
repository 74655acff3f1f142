# SPDX-License-Identifier: MIT
"""The scaling table: its figures belong together."""

import json

import pytest
from demo_scripts import load


def test_table_of_two_small_meshes(tmp_path, capsys):
    main = load("explicit_scaling").main
    options = ["--elements", "60", "1000", "--seconds", "0.1", "--out", str(tmp_path)]
    assert main(options) == 0
    small, large = json.loads((tmp_path / "scaling.json").read_text())
    assert (small["elements"], large["elements"]) == (64, 1000)
    for result in (small, large):
        spent = result["seconds_per_step"]
        parts = sum(spent[key] for key in load("explicit_scaling").PARTS)
        # Least times of each part on their own: together no more than the least of all.
        assert 0.0 < parts <= spent["wall"]
        assert result["steps"] >= 6
    said = capsys.readouterr().out
    assert "A billion elements, from the 1,000 here" in said
    memory = 1e9 * large["bytes_per_element"] / 1e12
    assert f"{memory:.2f} TB" in said


@pytest.mark.parametrize("bad", [["--elements", "1"], ["--seconds", "0"], ["--assembly", "x"]])
def test_bad_input(tmp_path, capsys, bad):
    assert load("explicit_scaling").main([*bad, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
