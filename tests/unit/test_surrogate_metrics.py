# SPDX-License-Identifier: MIT
import numpy as np
import pytest
import torch

from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials import NeoHookean, two_slip_crystal
from mlms_fenics.surrogate.metrics import (
    exact_pressure,
    path_errors,
    summary,
    table,
    without_deviator,
)

TIME = np.linspace(0.0, 2.0, 201)


def history(amplitudes) -> np.ndarray:
    """One path: each component grows linearly."""
    return (TIME[:, None] / 2.0 * np.asarray(amplitudes))[None]


def test_relative_norms_of_known_histories():
    reference = history([1.0, 1.0, 1.0, 0.5, 0.0, 0.0])
    # Pressure part |I| = √3, deviator √2 x 0.5; the error is in the shear alone.
    errors = path_errors(history([1.0, 1.0, 1.0, 0.4, 0.0, 0.0]), reference, TIME)
    assert errors["deviatoric"][0] == pytest.approx(0.2, rel=1e-12)
    assert errors["total"][0] == pytest.approx(np.sqrt(2) * 0.1 / np.sqrt(3.5), rel=1e-12)
    assert errors["pressure"][0] == pytest.approx(0.0, abs=1e-14)
    # von Mises: √3 x 0.1 GPa, linear in time: its root mean square is 1/√3 of that.
    assert errors["von_mises_mpa"][0] == pytest.approx(100.0, rel=1e-3)


def test_zero_deviator_has_the_deviatoric_error_one():
    reference = history([1.3, 1.0, 0.7, 0.5, 0.1, -0.2])
    errors = path_errors(history([1.0, 1.0, 1.0, 0, 0, 0]), reference, TIME)
    assert errors["deviatoric"][0] == pytest.approx(1.0)
    assert errors["pressure"][0] == pytest.approx(0.0, abs=1e-14)
    isochoric = history([0.3, 0.0, -0.3, 0, 0, 0])
    assert np.isfinite(path_errors(isochoric * 1.1, isochoric, TIME)["pressure"]).all()


@pytest.mark.parametrize("dimension", [2, 3])
def test_exact_pressure_is_the_determinant(dimension):
    U = np.eye(dimension) + 0.1 * np.random.default_rng(0).normal(size=(20, dimension, dimension))
    U = 0.5 * (U + np.swapaxes(U, -1, -2))
    sigma = from_components(exact_pressure(to_components(U), 48.0))
    expected = 48.0 * (np.linalg.det(U) - 1.0)[:, None, None] * np.eye(dimension)
    assert np.allclose(sigma, expected, rtol=0, atol=1e-12)


def test_without_deviator_in_plane_strain_is_the_law_itself_under_equal_stretch():
    law = two_slip_crystal()
    J = np.array([0.8, 0.95, 1.0, 1.1, 1.3])
    elastic = NeoHookean(law.shear_modulus, law.bulk_modulus, law.density)
    F = torch.diag_embed(torch.tensor(np.stack([J**0.5, J**0.5, J**0], -1)))
    expected = elastic.update(F, 1.0, 1.0, {})[0].numpy()[:, :2, :2]
    U = to_components(F.numpy()[:, :2, :2])
    sigma = from_components(without_deviator(U, law.bulk_modulus, law.shear_modulus))
    assert np.allclose(sigma, expected, rtol=1e-12, atol=1e-14)
    U = to_components(np.broadcast_to(1.1 * np.eye(3), (2, 3, 3)))
    assert np.array_equal(without_deviator(U, 48.0, 19.0), exact_pressure(U, 48.0))


def test_summary_and_table():
    rows = summary({k: np.arange(1, 101) / 100 for k in ("total", "deviatoric", "pressure")})
    assert rows["total"] == pytest.approx({"mean": 0.505, "median": 0.505, "p90": 0.901, "max": 1})
    rows["von_mises_mpa"] = rows["total"]
    text = table({"a law": rows})
    assert "a law" in text and "50.50%" in text and "100.00%" in text
