# SPDX-License-Identifier: MIT
"""Running sums against the integrals that they stand for, computed plainly."""

import numpy as np
import pytest
import torch

from mlms_fenics.surrogate.pca_net.online import RunningSums
from mlms_fenics.surrogate.pca_net.reduction import BasisIntegrals, HistoryBasis


def random_basis(modes: int = 7, n_t: int = 12, components: int = 3) -> HistoryBasis:
    basis = HistoryBasis(modes, n_t, components).double()
    rng = np.random.default_rng(3)
    basis.set(np.zeros((n_t + 1, components)), rng.normal(size=(modes, n_t + 1, components)))
    return basis


def plain_coefficients(basis: HistoryBasis, s: np.ndarray, x: np.ndarray) -> np.ndarray:
    """∫ φ_k·x over the grid s, by Gauss's rule on the union of both grids (exact)."""
    grid = np.union1d(np.linspace(0, 1, basis.n_t + 1), s)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    a, b = grid[:-1, None], grid[1:, None]
    t = (0.5 * (a + b) + 0.5 * (b - a) * nodes).ravel()
    w = (0.5 * (b - a) * weights).ravel()
    own = np.linspace(0, 1, basis.n_t + 1)
    total = 0.0
    for c in range(x.shape[1]):
        phi = np.array([np.interp(t, own, f) for f in basis.functions[:, :, c].numpy()])
        total = total + phi @ (w * np.interp(t, s, x[:, c]))
    return total


@pytest.mark.parametrize("theta", [0.0, 1.0])
@pytest.mark.parametrize("steps", [1, 5, 12, 61])
def test_running_sums_equal_full_recomputation_at_every_step(theta, steps):
    basis, rng = random_basis(), np.random.default_rng(steps)
    sums = RunningSums(basis, theta)
    s = np.concatenate([[0.0], np.sort(rng.random(steps - 1)), [1.0]])
    x = rng.normal(size=(steps + 1, 3))
    S = sums.start(1)
    for n in range(1, steps + 1):
        pair = [torch.as_tensor(x[None, i]) for i in (n - 1, n)]
        S, c = sums.add(S, *pair, s[n - 1], s[n])
        slope = (x[n] - x[n - 1]) / (s[n] - s[n - 1])
        times, values = s[: n + 1], x[: n + 1]
        if n < steps:
            times = np.append(times, 1.0)
            values = np.vstack([values, x[n] + theta * slope * (1.0 - s[n])])
        reference = plain_coefficients(basis, times, values)
        scale = np.abs(reference).max()
        assert np.abs(c[0].numpy() - reference).max() < 1e-10 * scale
    assert S.shape == sums.start(1).shape


def test_integrals_of_basis_at_any_time():
    basis = random_basis()
    integrals = BasisIntegrals(basis)
    for s in (0.0, 0.031, 1.0 / 12.0, 0.5, 0.77, 1.0):
        t = np.unique(np.concatenate([np.linspace(0, 1, 13), [s]]))
        t = t[t <= s]
        P, Q = np.zeros((3, 7)), np.zeros((3, 7))
        for c in range(3):
            for k in range(7):
                f = np.interp(t, np.linspace(0, 1, 13), basis.functions[k, :, c].numpy())
                middle, d = 0.5 * (t[1:] + t[:-1]), np.diff(t)
                half = 0.5 * (f[1:] + f[:-1])
                P[c, k] = (half * d).sum()
                # Simpson's rule is exact for the quadratic s φ(s).
                ends = t[1:] * f[1:] + t[:-1] * f[:-1]
                Q[c, k] = ((ends + 4 * middle * half) * d / 6).sum()
                assert integrals.value(s)[c, k] == pytest.approx(
                    np.interp(s, np.linspace(0, 1, 13), basis.functions[k, :, c].numpy()), abs=1e-13
                )
        own_P, own_Q = integrals.at(s)
        assert np.abs(own_P.numpy() - P).max() < 1e-13
        assert np.abs(own_Q.numpy() - Q).max() < 1e-13
