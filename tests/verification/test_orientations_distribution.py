# SPDX-License-Identifier: MIT
"""Orientations against known distributions, scipy's rotations and tabulated angles."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from mlms_fenics.microstructure import fibre_texture, random_orientations, texture_strength
from mlms_fenics.microstructure.pole_figure import hexagonal_poles
from mlms_fenics.microstructure.rotations import (
    euler_from_rotations,
    quaternions_from_rotations,
    rotations_from_euler,
)

N = 20_000


def test_rotation_angle_has_the_haar_distribution():
    Q = random_orientations(N, 11)
    angle = np.arccos(np.clip((np.trace(Q, axis1=1, axis2=2) - 1) / 2, -1, 1))
    # density (1 - cos a)/π on (0, π)
    assert stats.kstest(angle, lambda a: (a - np.sin(a)) / np.pi).pvalue > 1e-3


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_images_of_axes_are_uniform_on_the_sphere(axis):
    image = random_orientations(N, 12)[:, :, axis]
    for component in image.T:  # Archimedes: each coordinate is uniform
        assert stats.kstest(component, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    azimuth = np.arctan2(image[:, 1], image[:, 0])
    assert stats.kstest(azimuth, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


def test_rotation_axes_are_uniform_and_independent_of_the_angle():
    rotvec = Rotation.from_matrix(random_orientations(N, 13)).as_rotvec()
    angle = np.linalg.norm(rotvec, axis=1)
    axes = rotvec / angle[:, None]
    for component in axes.T:
        assert stats.kstest(component, stats.uniform(-1, 2).cdf).pvalue > 1e-3
        assert abs(stats.spearmanr(component, angle).statistic) < 4 / np.sqrt(N)


def test_distribution_is_invariant_under_turning():
    """E[Q ⊗ Q] of the Haar measure: E[Q_ij Q_kl] = δ_ik δ_jl / 3, E[Q] = 0."""
    Q = random_orientations(N, 14).reshape(N, 9)
    assert np.abs(Q.mean(axis=0)).max() < 5 / np.sqrt(3 * N)
    assert np.abs(Q.T @ Q / N - np.eye(9) / 3).max() < 5 * 0.3 / np.sqrt(N)


def test_plane_angles_are_uniform():
    Q = random_orientations(N, 15, dimension=2)
    angle = np.arctan2(Q[:, 1, 0], Q[:, 0, 0])
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


def test_euler_angles_are_bunges():
    """Intrinsic z-x-z turns of the crystal, as scipy has them."""
    angles = np.random.default_rng(0).uniform((0, 0, 0), (360, 180, 360), (200, 3))
    Q = Rotation.from_euler("ZXZ", angles, degrees=True).as_matrix()
    assert np.abs(rotations_from_euler(angles) - Q).max() < 1e-14
    assert np.allclose(euler_from_rotations(Q), angles, atol=1e-6)


def test_bunge_matrix_takes_sample_to_crystal():
    """g = Qᵀ as printed by Bunge, Texture Analysis in Materials Science (1982), eq. 2.50."""
    p1, P, p2 = np.radians((35.0, 50.0, 75.0))
    c1, s1, c, s, c2, s2 = (f(a) for a in (p1, P, p2) for f in (np.cos, np.sin))
    g = [
        [c1 * c2 - s1 * s2 * c, s1 * c2 + c1 * s2 * c, s2 * s],
        [-c1 * s2 - s1 * c2 * c, -s1 * s2 + c1 * c2 * c, c2 * s],
        [s1 * s, -c1 * s, c],
    ]
    assert np.abs(rotations_from_euler(np.array((35.0, 50.0, 75.0))).T - g).max() < 1e-15


def test_quaternions_are_scipys():
    Q = random_orientations(200, 16)
    q = Rotation.from_matrix(Q).as_quat()[:, [3, 0, 1, 2]]
    q = np.where(q[:, :1] < 0, -q, q)
    assert np.abs(quaternions_from_rotations(Q) - q).max() < 1e-13


def test_fibre_scatter_is_as_stated():
    spread = 12.0
    Q = fibre_texture(N, 17, (1.0, 1.0, 0.0), spread=spread)
    axis = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    cosine = Q[:, :, 2] @ axis
    kappa = 1 / np.radians(spread) ** 2
    # von Mises-Fisher: E[cos] = coth κ - 1/κ
    assert cosine.mean() == pytest.approx(1 / np.tanh(kappa) - 1 / kappa, rel=1e-3)
    across = np.cross(axis, [0.0, 0.0, 1.0])
    spin = np.arctan2(Q[:, :, 0] @ across, Q[:, 2, 0])
    assert stats.kstest(spin, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3


def test_angles_between_magnesium_poles():
    """Tabulated: {10-12} is 43.15° from (0001), so that its twin turns c by 86.3°."""
    twin = hexagonal_poles(1, 0, 2)
    assert len(twin) == 6
    assert len(hexagonal_poles(1, 0, 0)) == 3
    assert len(hexagonal_poles(0, 0, 1)) == 1
    angle = np.degrees(np.arccos(np.abs(twin[:, 2])))
    assert np.allclose(2 * angle, 86.3, atol=0.05)


@pytest.mark.parametrize("dimension", [2, 3])
def test_texture_strength_of_random_orientations_is_one_on_average(dimension):
    strengths = [texture_strength(random_orientations(50, s, dimension)) for s in range(200)]
    assert np.square(strengths).mean() == pytest.approx(1.0, abs=0.1)
    assert np.quantile(strengths, 0.99) < (2.0 if dimension == 3 else 2.3)


def test_texture_strength_of_a_single_orientation_is_root_n():
    assert texture_strength(np.tile(np.eye(3), (49, 1, 1))) == pytest.approx(7.0)
    assert texture_strength(fibre_texture(100, 0, spread=20.0)) > 4.0
