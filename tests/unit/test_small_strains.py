# SPDX-License-Identifier: MIT
"""Small strains under large rotations reach a law in single precision undiminished."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mlms_fenics.kinematics.tensors import to_components
from mlms_fenics.macroscale.stiffness import stiffness_ratio
from mlms_fenics.materials import drive
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.histories import run

# Rounding F to single precision changes it by up to 6e-8: 6% of this.
SMALL = 1e-6


def stretches(n: int = 20) -> np.ndarray:
    rng = np.random.default_rng(3)
    strain = rng.normal(size=(n, 3, 3))
    return np.eye(3) + 0.5 * SMALL * (strain + np.swapaxes(strain, -1, -2))


def error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_small_strains_under_rotation(dtype: torch.dtype) -> None:
    law = load_model(dtype=dtype)
    R = Rotation.random(20, rng=np.random.default_rng(4)).as_matrix()
    U = stretches()
    still = np.stack([np.broadcast_to(np.eye(3), U.shape), U], axis=1)
    turned = np.stack([still[:, 0], R @ U], axis=1)
    times = torch.tensor([0.0, 0.01], dtype=torch.float64)
    exact = drive(load_model(dtype=torch.float64), torch.from_numpy(still), times)[:, 1].numpy()
    rotated = drive(law, torch.from_numpy(turned), times)[:, 1].numpy().astype(float)
    assert error(np.swapaxes(R, -1, -2) @ rotated @ R, exact) < 1e-3
    along, _ = run(law, to_components(still), times.numpy())
    assert error(along[:, 1], to_components(exact)) < 1e-3
    assert error(law.stress(still, 0.01)[:, 1], exact) < 1e-3


def test_stiffness_is_seen_at_a_small_strain() -> None:
    law = load_model(dtype=torch.float32)
    at_rest = np.eye(3)[None]
    small, usual = (
        stiffness_ratio(law, at_rest, 1e-2, 1e-2, law.initial_state(1), strain=strain)
        for strain in (SMALL, 1e-4)
    )
    np.testing.assert_allclose(small, usual, rtol=0.05)
