# SPDX-License-Identifier: MIT
"""J2 plasticity by a measured curve: the curve comes back, and straight curves are J2's."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from mlms_fenics.errors import InputError
from mlms_fenics.materials import J2, HardeningCurve, drive

STRAIN, STRESS = [0.0, 0.006, 0.019, 0.066, 0.5], [0.451, 0.476, 0.525, 0.642, 0.777]
LAW = HardeningCurve(200.0, 0.3, STRAIN, STRESS, 7.8)


def test_a_straight_curve_is_linear_hardening() -> None:
    straight = HardeningCurve(117.0, 0.35, [0.0, 0.1, 5.0], [0.4, 0.41, 0.9], 8.93)
    J2_law = J2(117.0, 0.35, 0.4, 0.1, 8.93)
    random = np.random.default_rng(1)
    ends = np.eye(3) + random.uniform(-0.3, 0.3, (20, 3, 3))
    share = np.linspace(0.0, 1.0, 11)[:, None, None]
    F = np.eye(3) + share * (ends[:, None] - np.eye(3))
    found, expected = (drive(law, F, np.linspace(0.0, 1.0, 11)) for law in (straight, J2_law))
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_uniaxial_stress_follows_the_curve() -> None:
    """Kirchhoff stress σ J at plastic strain ln λ − τ/E (small elastic strains)."""
    state, lateral = LAW.initial_state(1), 1.0
    for stretch in np.exp(np.linspace(0.002, 0.55, 240)):

        def step(w: float, stretch: float = stretch) -> torch.Tensor:
            return torch.diag(torch.tensor([stretch, w, w], dtype=torch.float64))[None]

        lateral = brentq(
            lambda w, before=state: float(LAW.update(step(w), 1.0, 1.0, before)[0][0, 1, 1]),
            0.9 * lateral, 1.02 * lateral, xtol=1e-15,
        )  # fmt: skip
        sigma, state = LAW.update(step(lateral), 1.0, 1.0, state)
        tau = float(sigma[0, 0, 0]) * stretch * lateral**2
        plastic = np.log(stretch) - tau / 200.0
        assert float(state["plastic_strain"][0]) == pytest.approx(
            max(plastic, 0.0), rel=5e-3, abs=1e-6
        )
        if plastic > 1e-4:
            strain = float(state["plastic_strain"][0])
            assert tau == pytest.approx(np.interp(strain, STRAIN, STRESS), rel=1e-9)


@pytest.mark.parametrize(
    ("strain", "stress", "message"),
    [
        ([0.0, 0.1], [0.4], "as many of both"),
        ([0.1, 0.2], [0.4, 0.5], "begin with 0"),
        ([0.0, 0.0], [0.4, 0.5], "begin with 0 and rise"),
        ([0.0, 0.1], [0.5, 0.4], "must not fall"),
        ([0.0, 0.1], [0.0, 0.4], "must be positive"),
        ([0.0, np.nan], [0.3, 0.4], "begin with 0 and rise"),
    ],
)
def test_impossible_curves_are_refused(strain, stress, message) -> None:
    with pytest.raises(InputError, match=message):
        HardeningCurve(200.0, 0.3, strain, stress, 7.8)
