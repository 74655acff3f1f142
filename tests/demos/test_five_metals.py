# SPDX-License-Identifier: MIT
"""The study of five metals, as a user runs it, on tiny data."""

import json
from functools import partial

import demo_scripts
import numpy as np
import pytest

run = partial(demo_scripts.run, "five_metals")


@pytest.mark.slow
def test_a_metal_from_data_to_table_and_again(tmp_path):
    words = ("--quick", "--metals", "brass-copper", "--out", tmp_path)
    done = run(*words)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    found = results["brass-copper, 0"]
    assert set(found["errors"]["law"]) == {
        "walk10", "walk50", "hold", "rate-jump", "cyclic", "uniaxial", "all"
    }  # fmt: skip
    assert 0.0 < found["errors"]["law"]["all"] < 1.5 and found["microseconds"] > 0.0
    assert "| brass-copper, 0 | " in (tmp_path / "table.md").read_text()
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.h5")}
    assert len(made) == 7
    again = run(*words)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.h5")} == made


def test_brass_is_what_it_is_called():
    """RD along ⟨211⟩ and ND along {011} of each variant, within the scatter."""
    module = demo_scripts.load("five_metals")
    Q = module.brass(4000)
    assert np.allclose(Q @ np.swapaxes(Q, 1, 2), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(Q), 1.0)
    for sample, direction in ((0, (1, 1, 2)), (2, (0, 1, 1))):
        near = np.sort(np.abs(Q[:, sample]), axis=1) @ (
            np.sort(direction) / np.linalg.norm(direction)
        )
        assert np.degrees(np.arccos(np.clip(near, -1, 1))).mean() < module.SCATTER


def test_wrong_input(tmp_path, capsys):
    module = demo_scripts.load("five_metals")
    assert module.main(["--paths", "10", "--out", str(tmp_path / "x")]) == 2
    assert "--paths 10: must be at least 100" in capsys.readouterr().err
