# SPDX-License-Identifier: MIT
"""Strain paths against their definitions (Liu et al. 2022, section 3.2) and closed forms."""

import numpy as np
import pytest
from scipy import linalg, stats

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.data.walks import acceptance, interval_nodes
from mlms_fenics.kinematics.strain import symmetric_exponential
from mlms_fenics.kinematics.tensors import to_components
from mlms_fenics.microstructure.streams import stream

N = 10


def _log(U):
    values, vectors = np.linalg.eigh(U)
    return (vectors * np.log(values)[..., None, :]) @ vectors.swapaxes(-1, -2)


@pytest.fixture(scope="module")
def walks():
    """E = log U of 1500 walks at their nodes, which lie on the grid: *Shape* (1500, 11, 3, 3)."""
    settings = PathSettings(max_strain=0.3, max_volume=0.07, intervals="fixed", steps=2 * N)
    return _log(np.stack([sample_path(settings, 9, k) for k in range(1500)])[:, ::2])


def test_log_walk_steps_by_the_stated_amount(walks):
    step = np.diff(walks, axis=1)
    root = np.sqrt(1 / N)
    for i, j in ((0, 1), (1, 2), (0, 2)):
        assert np.allclose(np.abs(step[..., i, j]), 0.3 * root, rtol=1e-10)
    volume = np.trace(step, axis1=-2, axis2=-1)
    assert np.allclose(np.abs(volume), 0.07 * root, rtol=1e-10)


def test_log_walk_has_the_covariance_of_its_definition(walks):
    """At the end: shear 12, 23, 13 variance U_max²; deviator's diagonal 2/3 and -1/3 of that."""
    E = walks[:, -1]
    volume = np.trace(E, axis1=-2, axis2=-1)
    deviator = to_components(E - volume[:, None, None] / 3 * np.eye(3)) / 0.3
    n = len(E)
    expected = np.eye(6)
    expected[:3, :3] -= 1 / 3
    assert np.abs(deviator.mean(axis=0)).max() < 4 / np.sqrt(n)
    assert np.abs(deviator.T @ deviator / n - expected).max() < 5 * np.sqrt(2 / n)
    assert (volume**2).mean() == pytest.approx(0.07**2, rel=5 * np.sqrt(2 / n))
    assert np.abs(volume @ deviator / 0.07 / n).max() < 4 / np.sqrt(n)


def test_variance_grows_with_time(walks):
    variance = (walks[:, :, 0, 1] ** 2).mean(axis=0)
    assert np.allclose(variance, 0.09 * np.arange(N + 1) / N, rtol=5 * np.sqrt(2 / len(walks)))


def test_successive_steps_are_independent(walks):
    signs = np.sign(np.diff(walks[:, :, 0, 1], axis=1))
    correlation = signs.T @ signs / len(signs) - np.eye(N)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(len(signs))


def test_log_walk_interpolates_monotonically_between_nodes():
    settings = PathSettings(max_strain=0.5, intervals="fixed", steps=200)
    for k in range(20):
        E = _log(sample_path(settings, 2, k)).reshape(201, 9)
        nodes = E[:: 200 // N]
        for n in range(N):
            inside = E[n * 20 : (n + 1) * 20 + 1]
            low, high = np.minimum(nodes[n], nodes[n + 1]), np.maximum(nodes[n], nodes[n + 1])
            assert (inside >= low - 1e-13).all()
            assert (inside <= high + 1e-13).all()


def test_paper_walk_steps_by_the_stated_amount():
    settings = PathSettings(protocol="paper", max_strain=0.2, intervals="fixed", steps=200)
    for k in range(20):
        U = sample_path(settings, 3, k)[:: 200 // N]
        steps = np.abs(np.diff(to_components(U), axis=0))
        assert np.allclose(steps, 0.2 * np.sqrt(1 / N), rtol=1e-12)


def test_paper_walk_at_half_strain_is_mostly_inadmissible():
    """About 6% of the walks keep stretches above 0.3 and det U in (0.5, 2)."""
    tries = 2000
    share = acceptance(PathSettings(protocol="paper", max_strain=0.5), stream(1, 0, "paths"), tries)
    assert share == pytest.approx(0.06, abs=0.02)


def test_random_intervals_are_uniform_spacings():
    settings = PathSettings(shortest_interval=0.0)
    nodes = np.stack([interval_nodes(settings, stream(0, k, "paths")) for k in range(2000)])
    widths = np.diff(nodes, axis=1)
    assert (nodes[:, 0] == 0).all()
    assert (nodes[:, -1] == 1).all()
    for n in (0, 4, 9):
        assert stats.kstest(widths[:, n], stats.beta(1, N - 1).cdf).pvalue > 1e-3
    kept = np.stack([interval_nodes(PathSettings(), stream(0, k, "paths")) for k in range(2000)])
    assert np.diff(kept, axis=1).min() >= 0.1 / N - 1e-15


def test_exponential_is_scipys():
    E = np.random.default_rng(0).uniform(-0.5, 0.5, size=(50, 3, 3))
    E = E + E.swapaxes(1, 2)
    E[0] = 0.0
    E[1] = np.diag([0.3, 0.3, -0.6])
    expected = np.stack([linalg.expm(e) for e in E])
    assert np.abs(symmetric_exponential(E) - expected).max() < 5e-14


def test_simple_shear_is_that_of_its_closed_form():
    """λ - 1/λ = γ for the in-plane stretches λ, 1/λ; the third is 1; γ = 2 max_strain at T."""
    settings = PathSettings(protocol="shear", max_strain=0.4, steps=10)
    for k in range(4):
        stretches = np.linalg.eigvalsh(sample_path(settings, 0, k))
        gamma = 0.8 * np.arange(11) / 10
        assert np.allclose(stretches[:, 1], 1.0, atol=1e-14)
        assert np.allclose(stretches[:, 2] - stretches[:, 0], gamma, atol=1e-14)
        assert np.allclose(stretches[:, 2] * stretches[:, 0], 1.0, atol=1e-14)


@pytest.mark.parametrize("dimension", [2, 3])
def test_cavity_grows_at_constant_speed(dimension):
    """(r/r_0)^d - 1 = ρ^d ((1 + κ s)^d - 1): a polynomial in s with ratios of a binomial."""
    settings = PathSettings(protocol="cavity", dimension=dimension, max_strain=0.5)
    s = np.arange(201) / 200
    for k in range(10):
        stretches = np.linalg.eigvalsh(sample_path(settings, 0, k))
        hoop = stretches[:, -1]
        assert np.allclose(stretches[:, 0], hoop ** -(dimension - 1), rtol=1e-12)
        assert np.log(stretches[-1, 0]) == pytest.approx(-0.5, rel=1e-12)
        c = np.polynomial.polynomial.polyfit(s, hoop**dimension - 1, dimension)
        assert np.abs(np.polynomial.polynomial.polyval(s, c) - hoop**dimension + 1).max() < 1e-12
        kappa = c[2] / c[1] * (1.0 if dimension == 3 else 2.0)
        rho = (c[1] / (dimension * kappa)) ** (1 / dimension)
        assert 0.2 <= rho <= 1.0
        if dimension == 3:
            assert c[3] == pytest.approx(rho**3 * kappa**3, rel=1e-8)


def test_histories_of_the_protocols():
    """Equivalent strain at the times where each protocol turns, and the jump of the rate."""

    def strain(protocol, k=0):
        settings = PathSettings(protocol=protocol, max_strain=0.2, steps=200)
        E = _log(sample_path(settings, 0, k))
        assert np.abs(np.trace(E, axis1=1, axis2=2)).max() < 1e-13
        return np.sqrt(2 / 3 * (E * E).sum((1, 2)))

    load = strain("load-unload")
    assert load[[0, 50, 100, 150, 200]] == pytest.approx([0, 0.1, 0.2, 0.1, 0], abs=1e-12)
    held = strain("hold")
    assert held[30] == pytest.approx(0.1)
    assert np.allclose(held[60:], 0.2)
    wave = strain("cyclic")
    assert wave[[25, 50, 75, 100, 125, 150, 175, 200]] == pytest.approx(
        [0.2, 0, 0.2, 0, 0.2, 0, 0.2, 0], abs=1e-12
    )
    for k, factor in ((0, 10.0), (1, 0.1)):
        rate = np.diff(strain("rate-jump", k))
        assert rate[150] / rate[50] == pytest.approx(factor, rel=1e-8)
    crossed = strain("non-proportional")
    assert crossed[[100, 200]] == pytest.approx([0.2 / np.sqrt(2), 0.2])
