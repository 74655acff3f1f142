# SPDX-License-Identifier: MIT
"""The polar decomposition against scipy's, compiled and batched, near I and far from it."""

import numpy as np
import pytest
import scipy.linalg
import torch

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.tensors import polar


def gradients(kind: str) -> np.ndarray:
    generator = np.random.default_rng(2)
    A = generator.standard_normal((200, 3, 3))
    if kind == "near I":
        sizes = 10.0 ** generator.uniform(-17.0, -3.0, (200, 1, 1))
        return np.eye(3) + sizes * A
    rotation = np.array([scipy.linalg.expm(3.0 * (a - a.T)) for a in A])
    if kind == "large":
        stretch = np.array([scipy.linalg.expm(0.4 * (a + a.T)) for a in A])
    elif kind == "nearly flat":
        stretch = np.array([np.diag([1.0, 3.0, 1e-3])] * 200)
    else:  # two or three equal stretches
        stretch = np.array([np.diag(np.exp(0.3 * a[0, [0, 0, 1 if k % 2 else 0]]))
                            for k, a in enumerate(A)])  # fmt: skip
    return rotation @ stretch


@pytest.mark.parametrize("path", ["compiled", "batched"])
@pytest.mark.parametrize("kind", ["near I", "large", "equal stretches", "nearly flat"])
def test_polar_is_scipys(kind: str, path: str) -> None:
    F = gradients(kind)
    R, U = polar(torch.from_numpy(F).requires_grad_(path == "batched"))
    R, U = R.detach().numpy(), U.detach().numpy()
    expected = [scipy.linalg.polar(f) for f in F]
    # The rotation of a body stretched by s1 and s2 only is known no better than ε/(s1 + s2).
    np.testing.assert_allclose(R, [r for r, _ in expected], rtol=0, atol=1e-12)
    np.testing.assert_allclose(U, [u for _, u in expected], rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        R.transpose(0, 2, 1) @ R, np.tile(np.eye(3), (200, 1, 1)), atol=1e-12
    )
    np.testing.assert_array_equal(U, U.transpose(0, 2, 1))
    np.testing.assert_allclose(np.linalg.det(R), 1.0, rtol=1e-12)


def test_polar_keeps_shape_and_type_and_sees_small_strains() -> None:
    F = torch.eye(3).repeat(2, 4, 1, 1)
    F[..., 0, 1] = 1e-5
    R, U = polar(F)
    assert R.shape == U.shape == (2, 4, 3, 3) and R.dtype == U.dtype == torch.float32
    assert float(U[1, 2, 0, 1]) == pytest.approx(5e-6, rel=1e-6)
    strain = 1e-14
    _, U = polar((1.0 + strain) * torch.eye(3, dtype=torch.float64))
    assert float(U[0, 0]) - 1.0 == pytest.approx(strain, abs=3e-16)
    R, U = polar(torch.zeros(0, 3, 3))
    assert R.shape == U.shape == (0, 3, 3)


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("entry", [-1.0, 0.0, float("nan")])
def test_polar_refuses_what_has_no_rotation(entry: float, gradient: bool) -> None:
    F = torch.eye(3, dtype=torch.float64).repeat(3, 1, 1)
    F[1, 0, 0] = entry
    with pytest.raises(InputError, match="det F > 0"):
        polar(F.requires_grad_(gradient))
