# SPDX-License-Identifier: MIT
"""Single slip, twinning and saturation against closed forms."""

import numpy as np
import pytest

from mlms_fenics.materials import CrystalLaw, SlipFamily, magnesium
from mlms_fenics.materials.crystal.points import CrystalState, advance

G, TAU_0, RATE_0, RATE = 25.0, 0.05, 0.1, 1.0


def single_slip(m, **hardening):
    family = SlipFamily(
        "one", ((1.0, 0.0, 0.0),), ((0.0, 1.0, 0.0),), TAU_0, RATE_0, m, **hardening
    )
    return CrystalLaw("one", 3, G, 24.0, 1.0, (family,))


def shear_stress(law, times):
    """σ_12 in simple shear at the rate RATE along the slip system."""

    def F(t):
        return np.array([[1.0, RATE * t, 0], [0, 1, 0], [0, 0, 1]])[None]

    state, tau = CrystalState.virgin(law, 1), []
    for start, end in zip([0.0, *times], times, strict=False):
        sigma, state = advance(state, F(start), F(end), end - start, tolerance=1e-6)
        tau.append(sigma[0, 0, 1])
    return np.array(tau), state


def test_transient_of_single_slip():
    """A = I + γ_e s⊗m: γ̇_e = γ̇ - γ̇_0 (G γ_e/τ_0)², whose solution is a tanh."""
    times = np.linspace(0, 0.05, 21)[1:]
    tau, _ = shear_stress(single_slip(0.5), times)
    b = RATE_0 * (G / TAU_0) ** 2
    exact = G * np.sqrt(RATE / b) * np.tanh(np.sqrt(RATE * b) * times)
    np.testing.assert_allclose(tau, exact, atol=3e-6 * exact.max())


@pytest.mark.parametrize("m", [1.0, 0.5, 0.3, 0.2, 0.05])
def test_steady_stress_of_single_slip(m):
    tau, _ = shear_stress(single_slip(m), [0.1, 0.2, 0.3])
    np.testing.assert_allclose(tau[-1], TAU_0 * (RATE / RATE_0) ** m, rtol=1e-5)


def test_strength_saturates():
    """Late, τ = σ∞ + τ_0 (γ̇/γ̇_0)^m; on the way, g = σ∞ (1 - exp(-h e/σ∞))."""
    law = single_slip(0.5, hardening=2.0, saturation=0.1)
    tau, state = shear_stress(law, np.linspace(0, 1, 11)[1:])
    viscous = TAU_0 * (RATE / RATE_0) ** 0.5
    np.testing.assert_allclose(tau[-1], 0.1 + viscous, rtol=1e-5)
    tau, state = shear_stress(law, [0.05, 0.1])
    e = state.slip[0, 0]
    g = 0.1 * (1 - np.exp(-2.0 * e / 0.1))
    # The rate is not yet quite steady: ė = γ̇ - τ̇/G with τ̇ = g' ė.
    slope = 2.0 * np.exp(-2.0 * e / 0.1)
    rate = RATE / (1 + slope / G)
    np.testing.assert_allclose(tau[-1], g + TAU_0 * (rate / RATE_0) ** 0.5, rtol=1e-3)


def along_c(law, strain, steps=40):
    """Isochoric stretch of a crystal along c, tilted by half a degree to break the tie of twins."""
    tilt = np.deg2rad(0.5)
    c, s = np.cos(tilt), np.sin(tilt)
    R = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    z = np.exp(np.linspace(0, strain, steps + 1))
    F = np.zeros((steps + 1, 3, 3))
    F[:, 0, 0] = F[:, 1, 1] = z**-0.5
    F[:, 2, 2] = z
    F = F @ R
    state, history = CrystalState.virgin(law, 1), []
    for k in range(steps):
        _, state = advance(state, F[k][None], F[k + 1][None], 1.0 / steps)
        history.append((state.twin_fraction.sum(), state.slip[0, 6:].sum()))
    return np.array(history).T, state


def test_tension_along_c_twins_and_compression_does_not():
    (twins, _), _ = along_c(magnesium(), 0.05)
    assert twins[0] > 0 and (np.diff(twins) > 0).all()
    (twins, pyramidal), state = along_c(magnesium(), -0.05)
    assert state.twin_fraction.max() < 1e-30  # round-off of zero stress, squared
    assert pyramidal[-1] > 0.05  # nothing else can shorten c


def test_soft_twins_come_before_hard_pyramidal_slip():
    law = magnesium(tau_0_pyramidal=5.0, tau_0_twin=1e-3, tau_0_basal=5.0, tau_0_prismatic=5.0)
    (twins, pyramidal), state = along_c(law, 0.03)
    assert twins[-1] > 0.1
    # Twins alone lengthen c by Σλ γ_t × their Schmid factor, 0.499.
    early = len(twins) // 4
    assert pyramidal[early] < 0.05 * twins[early] * 0.129
    assert state.twin_fraction.max() > 0.9 * twins[-1]  # K lets one variant win


@pytest.mark.parametrize("detwinning", [False, True])
def test_twins_shrink_only_where_detwinning_is_allowed(detwinning):
    """Tension along c and back: by default what has twinned stays."""
    law = magnesium(
        tau_0_pyramidal=5.0,
        tau_0_twin=1e-3,
        tau_0_basal=5.0,
        tau_0_prismatic=5.0,
        detwinning=detwinning,
    )
    _, state = along_c(law, 0.02)
    grown = state.twin_fraction.sum()
    assert grown > 0.1
    F0 = np.diag([np.exp(-0.01), np.exp(-0.01), np.exp(0.02)])[None]
    for k in range(10):
        z = np.exp(0.02 * (1 - (k + 1) / 10))
        F1 = np.diag([z**-0.5, z**-0.5, z])[None]
        _, state = advance(state, F0, F1, 0.05)
        F0 = F1
        assert (state.twin_fraction >= 0).all()
    if detwinning:
        assert state.twin_fraction.sum() < 0.5 * grown
    else:
        assert state.twin_fraction.sum() >= grown
