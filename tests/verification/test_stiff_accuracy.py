# SPDX-License-Identifier: MIT
"""Real rate exponents: the tolerance is kept on straight paths and walks, random and sharp texture.

What stands for exact are the explicit steps, bound by stability and right to about 1e-6 there; the
two share no step.
"""

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.kinematics.tensors import frobenius, from_components
from mlms_fenics.materials import cubic_crystal, magnesium
from mlms_fenics.materials.crystal.paths import integrate_paths
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

STEPS = 60
EXACT = 1e-6


def copper(n):
    values = {"tau_0": 0.016, "rate": 1e-6, "rate_exponent": 1 / n}
    values |= {"hardening": 0.25, "saturation": 0.117}
    return cubic_crystal(
        "fcc", shear_modulus=48.3, lambda_e=70.0, density=8.9, slip={"{111}<110>": values}
    )


def brass(n_grains):
    """Sharp brass texture, {110}⟨112⟩ within about 5 degrees."""
    n, b = np.array([1, 1, 0]) / np.sqrt(2), np.array([1, -1, 2]) / np.sqrt(6)
    spread = Rotation.from_rotvec(0.09 * np.random.default_rng(3).normal(size=(n_grains, 3)))
    return spread.as_matrix() @ np.stack((b, np.cross(n, b), n))


PATHS = {
    "straight": np.stack(
        [expm(t * np.diag([0.18, -0.13, -0.05])) for t in np.linspace(0, 1, STEPS + 1)]
    ),
    "walk": sample_path(PathSettings(steps=STEPS, max_strain=0.1), 1, 0),
}
LAWS = {"copper": copper, "magnesium": lambda n: magnesium(rate_exponent=1 / n)}
TEXTURES = {"random": random_orientations(4, seed=7), "sharp": brass(4)}


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("n", [20, 50])
@pytest.mark.parametrize("metal", LAWS)
def test_tolerance_is_kept(metal, n, path, texture):
    law, U, Q = LAWS[metal](n), PATHS[path], TEXTURES[texture]
    segments = np.full(STEPS, 1.0 / STEPS)

    def mean_deviator(tolerance, steps):
        result = integrate_paths(law, U[None], Q, segments, tolerance, steps=steps)
        assert np.isnan(result.failed_at).all()
        return from_components(torch.from_numpy(result.deviator[0].mean(0))).numpy()

    exact = mean_deviator(EXACT, "explicit")
    size = frobenius(exact).max()
    for tolerance in (1e-2, 2e-3):
        error = frobenius(mean_deviator(tolerance, "implicit") - exact).max() / size
        print(f"\n{metal}, 1/m = {n}, {path}, {texture}, {tolerance:.0e}: {error:.1e}")
        assert error < 3 * tolerance


@pytest.mark.parametrize("n", [20, 50, 100, 200])
def test_every_walk_to_half_strain_is_done(n):
    U = np.stack([sample_path(PathSettings(steps=40, max_strain=0.5), 21, k) for k in range(12)])
    results = TaylorAverage(copper(n), TEXTURES["random"]).solve(U, 1.0, 1e-2)
    assert (results.status == 1).all()
    assert np.isfinite(results.stress).all()
    # The price of a step does not grow with n G/τ: today's explicit steps would be thousands.
    assert results.substeps.mean() < 40 * 4 * 20


def test_grains_go_on_where_a_path_rests():
    """At a turning point of a walk the strain stands still while the stress relaxes."""
    U = PATHS["walk"].copy()
    U[21:25] = U[20]
    Q = random_orientations(16, seed=1)
    segments = np.full(STEPS, 1.0 / STEPS)
    for n in (20, 100):
        result = integrate_paths(copper(n), U[None], Q, segments, 1e-3, steps="implicit")
        assert np.isnan(result.failed_at).all()


def test_steps_pass_the_nodes_of_a_smooth_path_and_end_at_its_corner():
    legs = np.diag([0.06, -0.04, -0.02]), np.array([[0, 0.04, 0], [0.04, 0, 0], [0, 0, 0]])
    t = np.linspace(0.0, 2.0, 2 * STEPS + 1)
    U = np.stack([expm(min(x, 1.0) * legs[0] + max(x - 1.0, 0.0) * legs[1]) for x in t])
    Q, segments = TEXTURES["random"], np.full(2 * STEPS, 0.5 / STEPS)
    exact = integrate_paths(copper(50), U[None], Q, segments, EXACT, steps="explicit").deviator
    size = np.abs(exact).max()
    for tolerance in (1e-2, 1e-3):
        found = integrate_paths(
            copper(50), U[None], Q, segments, tolerance, steps="implicit", record=2 * STEPS
        )
        assert found.substeps.max() < 2 * STEPS  # one to a segment where no node is passed
        ends = np.cumsum(found.chosen[0], axis=-1)
        assert (np.abs(ends - 0.5).min(axis=-1) < 1e-12).all()
        error = np.abs((found.deviator - exact)[0].mean(0)).max() / size
        print(f"\n{tolerance:.0e}: {found.substeps.mean():.0f} steps, error {error:.1e}")
        assert error < 3 * tolerance


def test_grains_do_not_depend_on_those_they_are_solved_with() -> None:
    # Anisotropic elasticity: the skew part of the Mandel stress is taken from the last iterate.
    law = metal("magnesium-wang2014")
    rng = np.random.default_rng(0)
    E = rng.normal(0.0, 0.05, (9, 3, 3))
    values, vectors = np.linalg.eigh(E + E.swapaxes(1, 2))
    parts = np.linspace(0.0, 1.0, 5)
    stretch = np.exp(parts[None, :, None] * values[:, None, :])
    U = np.einsum("pia,pta,pja->ptij", vectors, stretch, vectors)
    U = 0.5 * (U + U.swapaxes(-1, -2))
    Q = random_orientations(9, 0)
    together = integrate_paths(law, U, Q, np.full(4, 0.1), 1e-2)
    alone = [integrate_paths(law, u[None], Q, np.full(4, 0.1), 1e-2) for u in U]
    for name in ("deviator", "state", "wanted"):
        found = np.concatenate([getattr(result, name) for result in alone])
        assert np.array_equal(getattr(together, name), found), name
