# SPDX-License-Identifier: MIT
"""Tangents of the learnt laws against finite differences of their stress."""

import numpy as np
import pytest
import torch
from tangents import (
    after_history,
    converges_quadratically,
    differences,
    largest_error,
    random_rotations,
    uniaxial_residuals,
)
from untrained_laws import untrained_laws

from mlms_fenics.kinematics.piola import rotated_tangent
from mlms_fenics.kinematics.tensors import polar
from mlms_fenics.materials import NeoHookean
from mlms_fenics.materials.by_torch import AT_ONCE, stress_and_slope
from mlms_fenics.surrogate import load_model

BY_TORCH = ("recurrent 3D", "recurrent 2D", "grains 3D", "pca-net 3D", "pca-net 2D")


@pytest.fixture(scope="module")
def laws():
    return {**untrained_laws(), "shipped 3D": load_model().to(dtype=torch.float64)}


def histories(n: int, dimension: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Deformations at the beginning and at the end of a step, with large rotations in between."""
    random = np.random.default_rng(7)
    eye = torch.eye(dimension, dtype=torch.float64)
    start = eye + torch.from_numpy(random.uniform(-0.15, 0.15, (n, dimension, dimension)))
    # Some go on, some turn back, some hardly move.
    part = torch.linspace(-0.4, 0.4, n, dtype=torch.float64)[:, None, None]
    change = part * (start - eye)
    change += torch.from_numpy(random.uniform(-0.03, 0.03, start.shape))
    return start, random_rotations(n, random, dimension) @ (start + change)


@pytest.mark.parametrize("name", [*BY_TORCH, "shipped 3D"])
def test_tangents_of_learnt_laws(laws, name):
    law, d = laws[name], int(name[-2])
    start, F = histories(8, d)
    dt = 0.02 * law.horizon
    _, state = after_history(law, start, dt)
    held = {key: value.clone() for key, value in state.items()}
    sigma, new, A = law.linearise(F, 5.0 * dt, dt, state)
    assert A.shape == (8, d, d, d, d) and A.dtype == torch.float64
    assert all(torch.equal(state[key], held[key]) for key in state)
    expected, after = law.update(F, 5.0 * dt, dt, state)
    assert torch.allclose(sigma, expected, rtol=1e-12, atol=1e-14)
    assert set(new) == set(after)
    assert all(torch.allclose(new[k], after[k], rtol=1e-12, atol=1e-13) for k in after)
    assert not any(value.requires_grad for value in (sigma, A, *new.values()))
    assert largest_error(A, differences(law, F, 5.0 * dt, dt, state)) < 1e-6


@pytest.mark.parametrize("name", ["recurrent 3D", "grains 3D", "pca-net 3D", "shipped 3D"])
def test_newton_converges_quadratically(laws, name):
    law = laws[name]
    F = torch.diag(torch.tensor([1.02, 0.99, 0.99], dtype=torch.float64))[None]
    dt = 0.02 * law.horizon
    _, state = after_history(law, F, dt)
    residuals = uniaxial_residuals(law, 1.04, 5.0 * dt, dt, state, F)
    assert converges_quadratically(residuals, law.shear_modulus), residuals


def test_long_steps_are_differentiated_through_their_parts():
    law = load_model("one-microsecond").to(dtype=torch.float64)
    dt = 0.1 * law.horizon
    assert law.substeps(dt) > 1
    start, F = histories(4, 3)
    _, state = after_history(law, start, dt)
    A = law.tangent(F, 5.0 * dt, dt, state)
    assert largest_error(A, differences(law, F, 5.0 * dt, dt, state)) < 1e-6


def test_single_precision_is_close_to_double(laws):
    law, wide = load_model(), laws["shipped 3D"]
    assert law.dtype == torch.float32
    start, F = histories(8, 3)
    dt = 0.02 * law.horizon
    _, state = after_history(wide, start, dt)
    exact = wide.tangent(F, 5.0 * dt, dt, state)
    narrow = {name: value.float() for name, value in state.items()}
    sigma, _, A = law.linearise(F, 5.0 * dt, dt, narrow)
    assert (sigma.dtype, A.dtype) == (torch.float32, torch.float64)
    assert largest_error(A, exact) < 1e-4


def test_points_are_recorded_in_parts():
    law, n = NeoHookean(25.0, 48.0, 1.74), AT_ONCE + 3
    random = np.random.default_rng(9)
    U = torch.eye(3) + torch.from_numpy(random.uniform(-0.1, 0.1, (n, 3, 3)))
    R, U = polar(random_rotations(n, random) @ U)
    sigma, new, slope = stress_and_slope(lambda V, state: law.update(V, 1.0, 1.0, {}), U, {})
    assert new == {} and sigma.shape == (n, 3, 3)
    F = R @ U
    A = rotated_tangent(R, U, sigma, slope)
    assert torch.allclose(A, law.tangent(F, 1.0, 1.0, {}), rtol=1e-10, atol=1e-10)
    assert stress_and_slope(lambda V, s: law.update(V, 1.0, 1.0, {}), U[:0], {})[2].shape[0] == 0
