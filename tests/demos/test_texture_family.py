# SPDX-License-Identifier: MIT
"""The study of a family of textures, small."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from texture_family import trained, unseen

STUDY = Path(__file__).parents[2] / "demos" / "studies" / "texture_family.py"


def test_textures_are_rotations_and_differ():
    made = [trained(k, 12) for k in range(8)] + list(unseen(12).values())
    for Q in made:
        assert Q.shape == (12, 3, 3)
        np.testing.assert_allclose(
            Q @ np.swapaxes(Q, 1, 2), np.broadcast_to(np.eye(3), Q.shape), atol=1e-12
        )
        np.testing.assert_allclose(np.linalg.det(Q), 1.0)
    c = unseen(2000)["extruded"][:, :, 2]  # c axes across z, all around it
    assert np.abs(c[:, 2]).mean() < 0.15
    assert np.abs((c[:, :2] ** 2).mean(0) - 0.5).max() < 0.05
    split = unseen(2000)["split"][:, :, 2]
    angle = np.degrees(np.arctan2(np.abs(split[:, 0]), np.abs(split[:, 2])))
    assert abs(np.median(angle) - 35.0) < 2.0


@pytest.mark.slow
def test_a_quick_round_goes_to_the_end_and_on(tmp_path):
    order = [sys.executable, STUDY, "--quick", "--minutes", "0.05", "--more-minutes", "0.05"]
    order += ["--out", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for _ in range(2):  # the second time all is there already
        done = subprocess.run(order, env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert set(results) == set(unseen(4)) and "alone" in results["split"]
    assert all(0.0 < found["family"] < 1.0 for found in results.values())
    table = (tmp_path / "table.md").read_text()
    assert table.count("%") >= 13 and "| split |" in table and "family train" not in done.stdout
