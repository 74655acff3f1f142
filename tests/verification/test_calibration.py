# SPDX-License-Identifier: MIT
"""Laws calibrated to measured single crystals: within 6% of the measurements."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from mlms_fenics.calibrate import read_experiment, simulate
from mlms_fenics.materials.library import read_crystal

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize(
    ("name", "rate", "measure"),
    [("copper", 3e-3, "engineering"), ("aluminium", 4.5e-3, "true")],
)
def test_calibrated_single_crystals(name, rate, measure, tmp_path):
    """docs/calibration.md says how the laws were found; the files hold their standard errors."""
    law = DATA / f"{name}_calibrated.yaml"
    common = {"rate": rate, "measure": measure, "spread": 1, "steps": 80}
    curves = [
        {"file": str(DATA / f"{name}_single_crystal_{d}.csv"), "along": [int(c) for c in d]}
        for d in ("001", "111")
    ]
    experiment = {
        "law": str(law),
        "free": {"octahedral.tau_0": {"low": 0.1, "high": 30}},
        "curves": [{**c, **common} for c in curves],
    }
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    for curve in read_experiment(tmp_path / "experiment.yaml").curves:
        miss = simulate(read_crystal(law), curve) - curve.stress
        assert np.sqrt(np.mean(miss**2) / np.mean(curve.stress**2)) < 0.06, curve.name
