# SPDX-License-Identifier: MIT
"""The ablation of the recurrent operator as a user runs it."""

import json
from functools import partial

import demo_scripts
import pytest

run = partial(demo_scripts.run, "ablation", timeout=200)


@pytest.mark.slow
def test_quick(tmp_path):
    done = run("--quick", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = {
        row["name"]: row for row in json.loads((tmp_path / "ablation.json").read_text()).values()
    }
    assert len(rows) == 4
    assert all(name in done.stdout for name in rows)
    full, plain, few = (rows[k] for k in ("full", "no elastic split", "4 internal variables"))
    assert few["parameters"] < full["parameters"] == plain["parameters"]
    # Two epochs teach little, but elasticity need not be taught.
    assert full["errors"]["own"] < 0.9 * plain["errors"]["own"]
    assert "diverged" in done.stdout or "errors" in rows["explicit Euler update"]
    # What is there is not computed again.
    before = (tmp_path / "ablation.json").stat().st_mtime_ns
    again = run("--quick", "--out", str(tmp_path))
    assert again.returncode == 0, again.stderr
    assert "epoch" in done.stderr and "epoch" not in again.stderr
    assert (tmp_path / "ablation.json").stat().st_mtime_ns == before


def test_bad_input_is_named(tmp_path):
    done = run("--paths", "3", "--out", str(tmp_path))
    assert done.returncode != 0 and "--paths [3]" in done.stderr
