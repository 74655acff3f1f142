# SPDX-License-Identifier: MIT
"""The stated tolerance is kept, the order is the pair's, and grains average as 1/√N."""

import numpy as np
import pytest

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.kinematics.tensors import deviator, frobenius
from mlms_fenics.materials import magnesium, two_slip_crystal
from mlms_fenics.materials.crystal.paths import integrate_paths
from mlms_fenics.materials.crystal.points import CrystalState, advance
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage


def errors(law, Q, U, horizon, tolerance):
    """Of each path: largest error, relative to its largest mean deviator."""
    taylor = TaylorAverage(law, Q)
    exact = taylor.stress(U, horizon, 2e-3 * tolerance)
    sigma = taylor.stress(U, horizon, tolerance)
    return frobenius(sigma - exact).max(1) / frobenius(deviator(exact)).max(1)


@pytest.mark.parametrize("strain", [0.1, 0.5])
def test_hundred_random_paths_keep_the_tolerance(strain):
    settings = PathSettings(steps=50, max_strain=strain)
    U = np.stack([sample_path(settings, 11, k) for k in range(100)])
    found = errors(magnesium(), random_orientations(2, seed=1), U, 1.0, 1e-4)
    print(f"\nmax strain {strain}: mean error {found.mean():.1e}, largest {found.max():.1e}")
    assert found.max() < 3e-4
    assert np.median(found) < 1e-4


@pytest.mark.parametrize(("power", "strain"), [(1.0, 0.5), (5.0, 0.5), (10.0, 0.5), (20.0, 0.5)])
def test_rate_exponents_from_1_to_20(power, strain):
    settings = PathSettings(steps=20, max_strain=strain)
    U = np.stack([sample_path(settings, 12, k) for k in range(4)])
    law = magnesium(rate_exponent=1.0 / power)
    assert errors(law, random_orientations(2, seed=1), U, 1.0, 1e-3).max() < 3e-3


def test_two_slip_paths_keep_the_tolerance():
    settings = PathSettings(steps=50, max_strain=0.5, dimension=2)
    U = np.stack([sample_path(settings, 13, k) for k in range(20)])
    Q = random_orientations(3, seed=1, dimension=2)
    assert errors(two_slip_crystal(), Q, U, 1e6, 1e-4).max() < 3e-4


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-5])
def test_other_tolerances(tolerance):
    settings = PathSettings(steps=50, max_strain=0.3)
    U = np.stack([sample_path(settings, 14, k) for k in range(10)])
    found = errors(magnesium(), random_orientations(2, seed=1), U, 1.0, tolerance)
    assert found.max() < 3 * tolerance


def test_third_order_in_the_number_of_substeps():
    """On one smooth segment, with 1/m = 5: at 1/m = 2 the law has a jump in its second derivative
    wherever a system begins to slip, which costs half an order."""
    law, Q = magnesium(rate_exponent=0.2), random_orientations(1, seed=2)[0]
    shear = np.array([[0, 1, 0.3], [1, 0, 0], [0.3, 0, 0]])
    F = [(np.eye(3) + e * shear) @ Q for e in (0.0, 0.03, 0.06)]
    _, start = advance(CrystalState.virgin(law, 1), F[0][None], F[1][None], 0.03, 1e-9)
    exact, _ = segment(start, F[1], F[2], 1e-11)
    runs = [segment(start, F[1], F[2], tolerance) for tolerance in (1e-5, 1e-6, 1e-7, 1e-8)]
    error = [float(np.abs(sigma - exact).max()) for sigma, _ in runs]
    steps = [n for _, n in runs]
    order = -np.polyfit(np.log(steps), np.log(error), 1)[0]
    print(f"\nsubsteps {steps}, errors {error}, order {order:.2f}")
    assert 2.6 < order < 4.0


def segment(start, F0, F1, tolerance):
    result = integrate_paths(
        start.law,
        np.stack((F0, F1))[None],
        np.eye(3)[None],
        np.array([0.03]),
        tolerance,
        state=start.packed,
        scale=start.scale,
    )
    return result.deviator[0, 0, 1], int(result.substeps[0, 0])


def test_scatter_of_the_deviator_falls_as_the_root_of_the_number_of_grains():
    """The same stretch along different axes of the sample: how isotropic are N grains?"""
    strain = np.linspace(0, 0.05, 11)
    axes = random_orientations(12, seed=3)
    stretch = np.stack([np.diag([np.exp(e), np.exp(-e / 2), np.exp(-e / 2)]) for e in strain])
    U = axes[:, None] @ stretch @ axes[:, None].swapaxes(-1, -2)
    scatter = []
    numbers = [8, 32, 128, 512]
    for n in numbers:
        per_texture = []
        for seed in range(3):
            sigma = TaylorAverage(magnesium(), random_orientations(n, 20 + seed)).stress(
                U, 1.0, 1e-3
            )[:, -1]
            back = deviator(axes.swapaxes(-1, -2) @ sigma @ axes)
            per_texture.append(
                (frobenius(back - back.mean(0)) ** 2).mean() ** 0.5 / frobenius(back.mean(0))
            )
        scatter.append(float(np.mean(per_texture)))
    slope = np.polyfit(np.log(numbers), np.log(scatter), 1)[0]
    table = ", ".join(f"{n}: {s:.1%}" for n, s in zip(numbers, scatter, strict=True))
    print(f"\nscatter of dev σ by number of grains: {table}; slope {slope:.2f} (1/√N is -0.5)")
    assert -0.65 < slope < -0.35
    assert scatter[2] < 0.2
