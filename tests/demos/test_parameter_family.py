# SPDX-License-Identifier: MIT
"""The study of a family of metals, small."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from parameter_family import KINDS, SPANS, UNSEEN, numbers, some_of, training_set

from mlms_fenics.data.laws import numbers_of
from mlms_fenics.impact.textures import body_frame
from mlms_fenics.materials import magnesium

STUDY = Path(__file__).parents[2] / "demos" / "studies" / "parameter_family.py"


def test_sets_fill_the_ranges_and_none_is_judged():
    usual, sets = numbers_of(magnesium()), [training_set(k) for k in range(48)]
    factors = np.array([f for _, f in sets])
    for column, span in zip(factors.T, SPANS.values(), strict=True):
        assert 1.0 / span <= column.min() < 1.2 / span and span / 1.2 < column.max() <= span
    assert 8.0 <= min(s for s, _ in sets) < 10.0 and 40.0 < max(s for s, _ in sets) <= 50.0
    for scatter, *other in UNSEEN.values():
        apart = np.abs(np.log(np.column_stack([[s for s, _ in sets], factors]) / (scatter, *other)))
        assert apart.max(1).min() > 0.02
    found = numbers((2.0, 3.0, 0.5))
    assert found["pyramidal.rate"] == 0.5 * usual["pyramidal.rate"]
    assert found["basal.tau_0"] == 2.0 * usual["basal.tau_0"]


def test_histories_of_bars_are_turned_into_the_plate():
    z = np.diag([0.9, 0.9, 1.3])  # of a bar, along its axis
    U = np.stack([np.eye(3), z])[None]
    found = some_of(U, 60, 1)[:, 1]
    expected = [np.diag(d) for d in ([1.3, 0.9, 0.9], [0.9, 1.3, 0.9], [0.9, 0.9, 1.3])]
    apart = np.abs(found[:, None] - expected).max((2, 3))
    assert (apart.min(1) < 1e-12).all() and set(apart.argmin(1)) == {0, 1, 2}
    np.testing.assert_allclose(body_frame("RD").T @ z @ body_frame("RD"), expected[0], atol=1e-12)


@pytest.mark.slow
def test_a_quick_round_goes_to_the_end_and_on(tmp_path):
    order = [sys.executable, STUDY, "--quick", "--minutes", "0.1", "--out", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for _ in range(2):  # the second time all is there already
        done = subprocess.run(order, env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert set(results) == set(UNSEEN)
    for found in results.values():
        assert all(0.0 < x < 1.0 for kind in KINDS for x in found[kind].values())
    table = (tmp_path / "table.md").read_text()
    assert table.count("%") >= 54 and "family train" not in done.stdout
