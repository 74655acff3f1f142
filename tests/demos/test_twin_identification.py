# SPDX-License-Identifier: MIT
"""The study of twins through a family of laws, small, with an untrained family."""

import json

import numpy as np
import pytest
from twin_identification import HIDDEN, ROWS, main, write_profile
from untrained_families import untrained_family

from mlms_fenics.impact.identification import read_profile
from mlms_fenics.surrogate import save_model


def test_a_profile_is_off_by_the_noise(tmp_path):
    angles, heights = np.arange(0.0, 180.0, 15.0), np.linspace(0.0, 2.0, 40)
    shape = {
        "angles [degrees]": angles.tolist(), "heights [mm]": heights.tolist(),
        "half widths [mm]": np.full((40, 12), 0.6).tolist(), "length [mm]": 2.0,
    }  # fmt: skip
    write_profile(tmp_path / "a.csv", shape, 0.01, 0)
    rest = read_profile(tmp_path / "a.csv").misfit(shape)
    assert len(rest) == 481 and abs(rest.std() - 0.01) < 0.001 and abs(rest.mean()) < 0.002
    write_profile(tmp_path / "b.csv", shape, 0.01, 1)
    assert (tmp_path / "a.csv").read_text() != (tmp_path / "b.csv").read_text()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the texture is")
def test_a_small_round_goes_to_the_end(tmp_path):
    save_model(untrained_family(), tmp_path / "family.h5")
    case = "prismatic.saturation, GPa"
    words = ["--end-time", "0.5", "--mesh-size", "0.25", "--grains", "2", "--searched", "2"]
    words += ["--seeds", "1", "--only", case, "--out", str(tmp_path / "out")]
    assert main([str(tmp_path / "family.h5"), *words]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())[case]
    assert set(results) == {name for name, _, _ in ROWS}
    (own,) = results["family"]
    assert own["true"] == HIDDEN[case][0]
    assert abs(own["off"]) < 4.0 * own["standard error"] < 1.0
    (corrected,), (alone,) = results["polycrystal, corrected"], results["polycrystal"]
    assert corrected["impacts"] > alone["impacts"]
    assert (tmp_path / "out" / "table.md").read_text().count("| prismatic") == 3
