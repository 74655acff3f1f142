# SPDX-License-Identifier: MIT
"""The whole chain in its quick mode: it runs, resumes, and refuses another run's folder."""

import json
import subprocess
from pathlib import Path

import demo_scripts
import numpy as np
import pytest

from mlms_fenics.data import Dataset
from mlms_fenics.surrogate import load_model

pytestmark = [pytest.mark.slow, pytest.mark.mpi]


def run(out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    fixed = ("--quick", "--ranks", "2", "--out", out)
    return demo_scripts.run("from_unit_cell_to_impact", *fixed, *options, timeout=300)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("chain") / "run"
    done = run(out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_all_three_stages_leave_their_results(finished):
    with Dataset(finished / "data.h5") as data:
        assert len(data.good) == 60
        orientations = np.asarray(data.orientations)
    model = load_model(finished / "model.h5", device="cpu")
    np.testing.assert_array_equal(model.orientations, orientations)
    assert json.loads((finished / "anvil" / "summary.json").read_text())
    assert (finished / "anvil" / "section.png").stat().st_size > 10_000


def test_a_second_call_redoes_only_what_is_missing(finished):
    before = (finished / "model.h5").stat().st_mtime_ns
    (finished / "anvil" / "summary.json").unlink()
    again = run(finished)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done before") == 2
    assert (finished / "anvil" / "summary.json").exists()
    assert (finished / "model.h5").stat().st_mtime_ns == before


def test_a_folder_of_other_settings_is_refused(finished):
    other = run(finished, "--samples", "80")
    assert other.returncode == 2
    assert "samples" in other.stderr and "another folder" in other.stderr
