# SPDX-License-Identifier: MIT
"""A learnt law in a form of one's own: Newton converges quadratically, to what a point says."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from demo_scripts import load

from mlms_fenics.io import read_history
from mlms_fenics.kinematics.piola import first_piola
from mlms_fenics.materials import NeoHookean
from mlms_fenics.surrogate import load_model


@pytest.mark.slow
def test_bar_of_a_learnt_law(tmp_path, capsys):
    demo = load("external_operator")
    assert demo.main(["--quick", "--out", str(tmp_path)]) == 0
    assert "residuals of the last step" in capsys.readouterr().out
    table = read_history(tmp_path / "history.csv")
    assert np.allclose(table["stretch"], [1.005, 1.01, 1.015])
    assert (np.diff(table["stress"]) > 0.0).all() and 0.05 < table["stress"][-1] < 1.0
    assert (table["iterations"] <= 6).all()
    assert demo.main(["--stretch", "3", "--out", str(tmp_path)]) == 2
    assert "--stretch is 3: must be 0.5 to 2" in capsys.readouterr().err


def test_newton_converges_quadratically_in_the_form():
    demo = load("external_operator")
    law = load_model(dtype=torch.float64)
    bar = demo.Bar(law, 1)
    for k in (1, 2, 3):
        bar.step(1.0 + 0.005 * k, 0.1 * k, 0.1)
    r = np.array(bar.norms) / bar.norms[0]
    near = [(a, b) for a, b in pairwise(r) if a < 0.1]
    assert len(near) >= 2, r
    assert all(b < max(30.0 * a * a, 1e-11) for a, b in near), r


@pytest.mark.parametrize("law", ["learnt", "neo-Hookean"])
def test_a_bar_without_grips_deforms_as_a_point(law):
    demo = load("external_operator")
    learnt = load_model(dtype=torch.float64)
    law = learnt if law == "learnt" else NeoHookean(25.0, 48.0, 1.74)
    bar, state = demo.Bar(law, 1, grips=False), law.initial_state(1)
    F = torch.eye(3, dtype=torch.float64)[None]
    for k in (1, 2, 3):
        stretch, time = 1.0 + 0.005 * k, 0.1 * k
        bar.step(stretch, time, 0.1)
        F[0, 2, 2] = stretch
        for _ in range(10):  # sides free of stress
            sigma, new, A = law.linearise(F, time, 0.1, state)
            P = first_piola(F, sigma)[0]
            slope = torch.stack([A[0, i, i, [0, 1], [0, 1]] for i in (0, 1)])
            change = torch.linalg.solve(slope, -P.diagonal()[:2])
            F[0, 0, 0] += change[0]
            F[0, 1, 1] += change[1]
        state = new
    # A polycrystal of few grains would also shear, which the planes of symmetry hinder.
    shear = float(P[[0, 0, 1], [1, 2, 2]].abs().max())
    assert bar.force == pytest.approx(float(P[2, 2]), rel=1e-8, abs=2.0 * shear)
