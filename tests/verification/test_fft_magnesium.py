# SPDX-License-Identifier: MIT
"""The three-dimensional full-field cell of slipping and twinning magnesium."""

import numpy as np
import pytest

from mlms_fenics.materials import magnesium
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.unitcell import TaylorAverage, solve_cells
from mlms_fenics.unitcell.fft_cell import FFTCell

N, GRAINS, STEPS, HORIZON = 8, 6, 12, 1.0


@pytest.fixture(scope="module")
def solution():
    cell = FFTCell(
        magnesium(), voronoi_grains((N, N, N), GRAINS, 3), random_orientations(GRAINS, 3)
    )
    t = np.linspace(0.0, 1.0, STEPS + 1)[:, None, None]
    U = np.eye(3) + 0.03 * t * np.array([[1.0, 0.3, 0.0], [0.3, -0.6, 0.2], [0.0, 0.2, -0.4]])
    seen = []
    results, march = solve_cells(
        [cell], U[None], HORIZON, observe=lambda c, t, k, f: seen.append((f.F.copy(), f.P.copy()))
    )
    assert results.status[0] == 1
    return cell, U, results, march, seen


def test_it_slips_and_twins(solution):
    cell, _, results, march, _ = solution
    state = march.points.state[0]
    twins, slips = state[:, 9 : 9 + cell.law.n_twin], state[:, 9 + cell.law.n_twin :]
    print(f"slip up to {slips.max():.3g}, twins up to {twins.sum(1).max():.3g}")
    assert slips.max() > 0.02 and twins.sum(1).max() > 1e-3
    B = state[:, :9].reshape(-1, 3, 3)
    assert np.abs(np.linalg.det(B) - 1).max() < 1e-12
    assert results.iterations.mean() < 8


def test_equilibrium_in_real_space(solution):
    _, _, results, _, seen = solution
    h = 1.0 / N
    for k in (0, 5, STEPS - 1):
        P = seen[k][1].reshape(3, 3, N, N, N)
        force = np.zeros((3, N, N, N))
        for j in range(3):
            x = P[:, j]
            for axis in (1, 2, 3):  # difference along j, mean along the others, at the corners
                back = np.roll(x, 1, axis=axis)
                x = (x - back) / h if axis == j + 1 else (x + back) / 2
            force += x
        residual = np.sqrt((force**2).sum(0).mean()) / np.linalg.norm(results.P[0, k + 1])
        assert residual <= 1.0001e-4
        assert abs(residual / results.residual[0, k] - 1) < 1e-6


def test_hill_mandel(solution):
    _, U, results, _, seen = solution
    F = np.stack([U[0][:, :, None] + np.zeros(N**3), *(f for f, _ in seen)])
    P = np.stack([np.zeros_like(F[0]), *(p for _, p in seen)])
    assert np.abs(F.mean(-1) - U).max() < 1e-14
    dF = np.diff(F, axis=0)
    middle = 0.5 * (P[1:] + P[:-1])
    local = (middle * dF).sum((1, 2)).mean(-1)
    mean = 0.5 * (results.P[0, 1:] + results.P[0, :-1])
    of_means = (mean * np.diff(U, axis=0)).sum((1, 2))
    # The fluctuation is far from nothing, its work is.
    assert np.abs(dF - dF.mean(-1, keepdims=True)).max() > 0.1 * np.abs(np.diff(U, axis=0)).max()
    assert np.abs(local - of_means).max() < 1e-4 * np.abs(of_means).max()


def test_taylor_bounds_the_work(solution):
    cell, U, results, _, _ = solution
    share = np.bincount(cell.grains.ravel()) / cell.grains.size
    taylor = sum(
        w * TaylorAverage(cell.law, Q[None]).stress(U, HORIZON)
        for w, Q in zip(share, cell.orientations, strict=True)
    )
    work = []
    for sigma in (results.stress[0], taylor):
        P = sigma @ np.linalg.inv(U) * np.linalg.det(U)[:, None, None]
        work.append(0.5 * ((P[1:] + P[:-1]) * np.diff(U, axis=0)).sum())
    print(f"work {work[0]:.6g} GPa, of the Taylor average {work[1]:.6g} GPa")
    assert 0.5 * work[1] < work[0] < work[1]
