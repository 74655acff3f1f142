# SPDX-License-Identifier: MIT
"""Principal components against the Karhunen-Loève expansion of Brownian motion."""

import numpy as np
import pytest

from mlms_fenics.surrogate.pca_net.reduction import mass_matrix, principal_components


def brownian(n_t: int) -> np.ndarray:
    """Histories `(n_t, n_t + 1, 1)` whose empirical covariance is min(s, t) exactly."""
    t = np.linspace(0.0, 1.0, n_t + 1)[1:]
    factor = np.linalg.cholesky(np.minimum.outer(t, t))
    x = np.zeros((n_t, n_t + 1, 1))
    x[:, 1:, 0] = np.sqrt(n_t) * factor.T
    return x


def errors(n_t: int) -> tuple[np.ndarray, float]:
    mean, functions, variances = principal_components(brownian(n_t), 8, centred=False)
    k = np.arange(1, 6)
    # Karhunen-Loève: variances 1/((k - 1/2)² π²), functions √2 sin((k - 1/2) π t).
    exact = 1.0 / ((k - 0.5) * np.pi) ** 2
    t = np.linspace(0.0, 1.0, n_t + 1)
    shape = np.sqrt(2.0) * np.sin(np.outer(k - 0.5, np.pi * t))
    M = mass_matrix(n_t)
    # The interpolant of the sine is a little shorter than 1: compare directions.
    shape /= np.sqrt(np.einsum("ks,st,kt->k", shape, M, shape))[:, None]
    overlap = np.abs(np.einsum("ks,st,kt->k", functions[:5, :, 0], M, shape))
    assert not mean.any()
    return np.abs(variances[:5] / exact - 1.0), float(np.abs(1.0 - overlap).max())


def test_brownian_motion_converges_to_its_karhunen_loeve_expansion_at_second_order():
    (coarse, _), (fine, overlap) = errors(50), errors(100)
    assert fine.max() < 4e-3
    assert overlap < 1e-3
    assert np.all(coarse / fine > 3.5)


def test_truncation_error_is_the_sum_of_the_variances_left_out():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 21, 3)).cumsum(1)
    mean, functions, variances = principal_components(x, 63)
    M = mass_matrix(20)
    coefficients = np.einsum("ntc,st,ksc->nk", x - mean, M, functions)
    for K in (3, 10, 40):
        rest = x - mean - np.einsum("nk,ktc->ntc", coefficients[:, :K], functions[:K])
        error = np.einsum("nsc,st,ntc->n", rest, M, rest).mean()
        assert error == pytest.approx(variances[K:].sum(), rel=1e-9)


@pytest.mark.parametrize("jointly", [True, False])
def test_functions_are_orthonormal_and_a_component_basis_stays_in_its_component(jointly):
    x = np.random.default_rng(2).normal(size=(200, 31, 2)).cumsum(1)
    _, functions, variances = principal_components(x, 10, jointly=jointly)
    gram = np.einsum("ksc,st,ltc->kl", functions, mass_matrix(30), functions)
    assert np.abs(gram - np.eye(len(gram))).max() < 1e-12
    assert (variances > 0).all()
    if not jointly:
        assert len(functions) == 20
        assert not functions[:10, :, 1].any() and not functions[10:, :, 0].any()
