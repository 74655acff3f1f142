# SPDX-License-Identifier: MIT
"""The study of laws learnt from full-field histories, small."""

import json
from functools import partial

import demo_scripts
import pytest

run = partial(demo_scripts.run, "full_field_law", timeout=900)


@pytest.mark.slow
def test_a_quick_round_goes_to_the_end_and_on(tmp_path):
    for _ in range(2):  # the second time all is there already
        done = run("--quick", "--out", str(tmp_path))
        assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    errors = results["deviatoric error"]
    assert set(errors["Taylor first"]) == set(errors["full field only"]) == {"40", "45"}
    # Grains that all deform alike are 17% off; in the plastic range the cell's own bear less.
    assert 0.05 < errors["Taylor average"] < 0.3
    # What the cell taught, the Taylor average had not; without that, as many passes teach less.
    assert errors["Taylor first"]["45"] < 0.9 * errors["law of the average"]
    assert errors["Taylor first"]["45"] < 0.9 * errors["full field only"]["45"]
    anvil = results["anvil"]
    assert anvil["Taylor first"]["relative L2"]["sigma_M"] == 0.0
    assert 0.0 < anvil["law of the average"]["relative L2"]["sigma_M"] < 1.0
    assert (tmp_path / "errors.png").stat().st_size > 10_000
    assert "epochs" not in done.stderr  # nothing was trained the second time
    assert "| 45 |" in (tmp_path / "table.md").read_text()


def test_bad_input_is_named(tmp_path):
    done = run("--paths", "3", "--out", str(tmp_path))
    assert done.returncode != 0 and "--paths 3" in done.stderr
