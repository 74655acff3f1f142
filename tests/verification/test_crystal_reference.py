# SPDX-License-Identifier: MIT
"""Stress histories against an independent integration of the same equations by scipy."""

import numpy as np
import pytest
from plain_crystal import PlainMagnesium, PlainTwoSlip

from mlms_fenics.data import PROTOCOLS, PathSettings, sample_path
from mlms_fenics.materials import magnesium, two_slip_crystal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

TOLERANCE = 1e-4


def error(sigma, exact):
    """Largest error relative to the largest deviator of the path."""
    mean = np.trace(exact, axis1=1, axis2=2)[:, None, None] / 3
    deviator = np.linalg.norm(exact - mean * np.eye(3), axis=(1, 2))
    return np.linalg.norm(sigma - exact, axis=(1, 2)).max() / deviator.max()


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_magnesium(protocol):
    k = sorted(PROTOCOLS).index(protocol)
    U = sample_path(PathSettings(protocol=protocol, steps=8, max_strain=0.1), 4, k)
    Q = random_orientations(12, seed=5)[[k]]
    exact, states = PlainMagnesium().cauchy_history(U @ Q[0], 1.0)
    assert error(TaylorAverage(magnesium(), Q).stress(U, 1.0, TOLERANCE), exact) < TOLERANCE
    assert states[-1][15:].sum() > 1e-3  # it has slipped


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_two_slip_crystal(protocol):
    k = sorted(PROTOCOLS).index(protocol)
    settings = PathSettings(protocol=protocol, steps=10, max_strain=0.3, dimension=2)
    U = np.tile(np.eye(3), (11, 1, 1))
    U[:, :2, :2] = sample_path(settings, 4, k)
    Q = np.eye(3)[None].copy()
    Q[0, :2, :2] = random_orientations(12, seed=5, dimension=2)[k]
    exact, _ = PlainTwoSlip().cauchy_history(U @ Q[0], 1e6)
    sigma = TaylorAverage(two_slip_crystal(), Q).stress(U, 1e6, TOLERANCE)
    assert error(sigma, exact) < TOLERANCE


@pytest.mark.parametrize("power", [1.0, 3.5, 20.0])
def test_other_rate_exponents(power):
    U = sample_path(PathSettings(steps=4, max_strain=0.02), 4, 0)
    Q = random_orientations(2, seed=6)[1:]
    exact, _ = PlainMagnesium(power).cauchy_history(U @ Q[0], 1.0)
    sigma = TaylorAverage(magnesium(rate_exponent=1 / power), Q).stress(U, 1.0, TOLERANCE)
    assert error(sigma, exact) < TOLERANCE
