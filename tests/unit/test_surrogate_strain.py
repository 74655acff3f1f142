# SPDX-License-Identifier: MIT
import numpy as np
import pytest
import torch

from mlms_fenics.kinematics.strain import (
    isometry,
    isometry_inverse,
    log_strain,
    random_turns,
    volume_ratio,
)
from mlms_fenics.kinematics.tensors import deviator, from_components, to_components


def symmetric(n: int, d: int, size: float, seed: int = 0) -> np.ndarray:
    H = np.random.default_rng(seed).normal(size=(n, d, d)) * size
    return 0.5 * (H + np.swapaxes(H, -1, -2))


def exponential(H: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(H)
    U = (vectors * np.exp(values)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return 0.5 * (U + np.swapaxes(U, -1, -2))


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("size", [1e-10, 1e-5, 1e-2, 0.2])
def test_log_strain_inverts_the_matrix_exponential(dimension, size):
    H = symmetric(2000, dimension, size)
    strain = log_strain(torch.as_tensor(exponential(H))).numpy()
    assert np.abs(strain - to_components(H)).max() < 1e-13


def test_log_strain_of_equal_and_large_stretches():
    U = torch.diag_embed(torch.tensor([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [0.5, 0.5, 1.5]]).double())
    strain = log_strain(U)
    assert torch.allclose(strain[:, :3], U.diagonal(dim1=-2, dim2=-1).log(), rtol=0, atol=1e-13)
    assert bool((strain[:, 3:] == 0).all())
    # The stated range: stretches of the isochoric part within (1/3, 3), volume free.
    U = torch.diag_embed(torch.tensor([[30.0, 10.0, 4.0], [0.03, 0.01, 0.025]]).double())
    assert torch.allclose(
        log_strain(U)[:, :3], U.diagonal(dim1=-2, dim2=-1).log(), rtol=0, atol=1e-12
    )


def test_log_strain_in_single_precision_loses_no_digits_near_the_identity():
    H = symmetric(2000, 3, 1e-3)
    U = exponential(H).astype(np.float32)
    reference = log_strain(torch.as_tensor(U.astype(np.float64))).numpy()
    strain = log_strain(torch.as_tensor(U)).numpy()
    assert np.abs(strain - reference).max() < 4 * np.finfo(np.float32).eps * np.abs(H).max()


def test_volume_ratio_is_the_determinant_less_one():
    H = symmetric(100, 3, 0.1)
    J = np.linalg.det(exponential(H))
    ratio = volume_ratio(torch.as_tensor(to_components(H))).numpy()
    assert np.allclose(ratio, J - 1.0, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dimension", [2, 3])
def test_isometry_keeps_the_frobenius_norm(dimension):
    T = symmetric(50, dimension, 1.0)
    c = to_components(T)
    for deviatoric, part in ((False, T), (True, deviator(T))):
        E, back = isometry(dimension, deviatoric), isometry_inverse(dimension, deviatoric)
        assert np.allclose(np.linalg.norm(c @ E.T, axis=-1), np.linalg.norm(part, axis=(-1, -2)))
        assert np.allclose(from_components(c @ E.T @ back.T), part)


@pytest.mark.parametrize("dimension", [2, 3])
def test_random_turns_are_rotations_of_tensors_and_uniform(dimension):
    generator = torch.Generator().manual_seed(0)
    whole, part = random_turns(4000, dimension, (False, True), generator)
    assert torch.allclose(whole @ whole.mT, torch.eye(whole.shape[1]), atol=1e-5)
    T = torch.as_tensor(symmetric(1, dimension, 1.0)[0]).float()
    c = to_components(T).double().numpy()
    turned = whole @ torch.as_tensor(isometry(dimension) @ c).float()
    back = turned.double().numpy() @ isometry_inverse(dimension).T
    # Invariants stay, and a uniform rotation leaves only the mean of the normal components.
    values = np.linalg.eigvalsh(from_components(back))
    assert np.abs(values - np.linalg.eigvalsh(T.double().numpy())).max() < 1e-5
    spread = np.linalg.norm(deviator(T.numpy())) / np.sqrt(4000)
    mean = np.eye(dimension) * np.trace(T.numpy()) / dimension
    assert np.abs(from_components(back.mean(0)) - mean).max() < 5 * spread
    deviatoric = part @ torch.as_tensor(isometry(dimension, True) @ c).float()
    E = isometry(dimension, True)
    assert np.abs(deviatoric.numpy() - back @ E.T).max() < 1e-5
