# SPDX-License-Identifier: MIT
"""Sharpness, harmonic coefficients and weighted pole figures against what is known exactly."""

import numpy as np
import pytest
import torch
from scipy.special import beta, sph_harm_y

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure import (
    Texture,
    draw_pole_figures,
    fibre_texture,
    random_orientations,
    texture_index,
    texture_strength,
)
from mlms_fenics.microstructure.harmonics import (
    Coefficients,
    lattice_rotations,
    sphere_points,
    spherical_harmonics,
    symmetric_basis,
)
from mlms_fenics.microstructure.pole_figure import family_poles, pole_density

LATTICES = ("cubic", "hexagonal")


def test_harmonics_are_scipys():
    y = sphere_points(50)
    theta, phi = np.arccos(y[:, 2].numpy()), np.arctan2(y[:, 1].numpy(), y[:, 0].numpy())
    for l in range(7):
        Y = spherical_harmonics(l, y).numpy() / np.sqrt(4 * np.pi)
        for m in range(l + 1):
            exact = sph_harm_y(l, m, theta, phi) * (-1) ** m * (np.sqrt(2) if m else 1)
            assert np.abs(Y[:, l + m] - exact.real).max() < 1e-13
            if m:
                assert np.abs(Y[:, l - m] - exact.imag).max() < 1e-13


def test_number_of_symmetric_harmonics():
    """Bunge (1982), ch. 14: of 432 the first are of degree 4, 6, 8; of 622 of degree 2."""
    assert [symmetric_basis(l, "cubic").shape[1] for l in range(13)] == [
        1, 0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 0, 2,
    ]  # fmt: skip
    assert [symmetric_basis(l, "hexagonal").shape[1] for l in range(9)] == [
        1, 0, 1, 0, 1, 0, 2, 1, 2,
    ]  # fmt: skip


@pytest.mark.parametrize("lattice", LATTICES)
def test_coefficients_do_not_see_which_equivalent_orientation_is_meant(lattice):
    C, Q = Coefficients(lattice, 8, 10.0), torch.from_numpy(random_orientations(4, 0))
    for turn in lattice_rotations(lattice):
        assert (C(Q @ torch.from_numpy(turn)) - C(Q)).abs().max() < 1e-12
    # Turning the sample keeps the length of each degree's coefficients.
    assert (C(Q).norm(dim=1) - C(Q)[0].norm()).abs().max() < 1e-12


@pytest.mark.parametrize("lattice", LATTICES)
def test_index_of_one_crystal_is_the_kernels_own(lattice):
    """∫ψ² of C cos^2κ(ω/2), averaged over the lattice's rotations, those of no overlap being 0."""
    kappa = np.log(0.5) / (2 * np.log(np.cos(np.radians(5.0))))
    C = beta(1.5, 0.5) / beta(1.5, kappa + 0.5)
    square = C**2 * beta(1.5, 2 * kappa + 0.5) / beta(1.5, 0.5)
    n = len(lattice_rotations(lattice))
    index, as_random = texture_index(Texture(np.eye(3)[None]), lattice)
    assert index == pytest.approx(square / n, rel=1e-3)
    assert as_random == pytest.approx(index)


@pytest.mark.parametrize("lattice", LATTICES)
def test_index_of_random_orientations(lattice):
    values = [texture_index(Texture(random_orientations(40, s)), lattice) for s in range(30)]
    index, as_random = np.array(values).T
    assert index.mean() == pytest.approx(as_random[0], rel=0.02)


def test_index_by_harmonics():
    """Of a smooth kernel, of low degree, the sum of squares of coefficients says the same."""
    Q = fibre_texture(60, 0, spread=20.0)
    half = 50.0
    kappa = np.log(0.5) / (2 * np.log(np.cos(np.radians(half / 2))))
    C, total = Coefficients("hexagonal", 14, 0.0), 1.0
    mean = C(torch.from_numpy(Q)).mean(0).numpy()
    at, omega = 0, (np.arange(4000) + 0.5) / 4000 * np.pi
    psi = np.cos(omega / 2) ** (2 * kappa)
    psi /= (psi * np.sin(omega / 2) ** 2).mean() * 2
    for l, _, basis, _ in C.parts:
        n = 2 * l + 1
        a = 2 * (psi * np.sin(n * omega / 2) * np.sin(omega / 2)).mean() / n
        size = n * basis.shape[1]
        total += a**2 * np.square(mean[at : at + size]).sum()
        at += size
    assert texture_index(Texture(Q), "hexagonal", half)[0] == pytest.approx(total, rel=1e-4)


def test_index_of_equivalent_orientations_and_of_weights():
    Q = random_orientations(12, 2)
    turned = Q @ lattice_rotations("cubic")[np.arange(12)]
    weights = np.r_[np.zeros(4), np.ones(8)]
    for other in (Texture(turned), Texture(np.repeat(Q, 3, axis=0))):
        assert texture_index(other, "cubic")[0] == pytest.approx(
            texture_index(Texture(Q), "cubic")[0], rel=1e-6
        )
    assert texture_index(Texture(Q, weights), "cubic")[0] == pytest.approx(
        texture_index(Texture(Q[4:]), "cubic")[0], rel=1e-9
    )


def test_index_of_many_orientations_by_some_of_the_pairs(monkeypatch):
    texture = Texture(fibre_texture(600, 0, spread=15.0))
    whole = texture_index(texture, "hexagonal")
    monkeypatch.setattr("mlms_fenics.microstructure.texture._PAIRED", 300)
    some = texture_index(texture, "hexagonal")
    assert some[1] == whole[1] and some[0] == pytest.approx(whole[0], rel=0.1)


def test_strength_with_weights():
    Q = fibre_texture(20, 0, spread=20.0)
    weights = np.r_[np.ones(10), np.zeros(10)]
    assert texture_strength(Q, weights) == pytest.approx(texture_strength(Q[:10]))
    assert texture_strength(Q, np.full(20, 0.05)) == pytest.approx(texture_strength(Q))


def test_pole_density_of_a_known_fibre():
    """Watson's kernel about z: exp(κ/2 (z² - 1)) over its mean, with κ = 1/spread²."""
    density = pole_density(np.array([[0.0, 0.0, 1.0]]), spread=12.0)[1]
    (x, y), _ = pole_density(np.array([[0.0, 0.0, 1.0]]), spread=12.0)
    z = 1 - x**2 - y**2
    kappa = 1 / np.radians(12.0) ** 2
    u = (np.arange(200000) + 0.5) / 200000
    exact = np.exp(kappa / 2 * (z**2 - 1)) / np.exp(kappa / 2 * (u**2 - 1)).mean()
    inside = np.isfinite(density)
    assert np.abs(density[inside] - exact[inside]).max() < 1e-4 * exact[inside].max()


def test_pole_figure_of_a_fibre_that_was_sampled():
    """c axes scattered about z by von Mises and Fisher: their density, smoothed."""
    Q = fibre_texture(2000, 1, spread=15.0)
    density = pole_density(Q[..., 2], spread=10.0)[1]
    # Both are nearly Gaussian on the sphere, so variances add up; an axis has two ends.
    expected = 1 / (np.radians(15.0) ** 2 + np.radians(10.0) ** 2)
    assert density[40, 40] == pytest.approx(expected, rel=0.05)
    assert density[40, 79] < 0.01


def test_weights_of_poles():
    poles = random_orientations(5, 0)[:, :, 2]
    weights = np.array([1.0, 2, 0, 0, 1])
    one = pole_density(poles, weights=weights)[1]
    other = pole_density(poles[[0, 1, 1, 4]])[1]
    assert np.nanmax(np.abs(one - other)) < 1e-12


def test_families_of_poles():
    assert [len(family_poles("cubic", p)) for p in ((1, 0, 0), (1, 1, 0), (1, 1, 1))] == [3, 6, 4]
    assert [len(family_poles("hexagonal", p)) for p in ((0, 0, 1), (1, 0, 0), (1, 0, 2))] == [
        1, 3, 6,
    ]  # fmt: skip


def test_pictures_with_weights(tmp_path):
    Q = random_orientations(30, 0)
    draw_pole_figures(Q, tmp_path / "a.png", lattice="cubic", weights=np.arange(30.0))
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    for bad, expected in (({"lattice": "tetragonal"}, "lattice"), ({"weights": [1]}, "shape")):
        with pytest.raises(InputError, match=expected):
            draw_pole_figures(Q, tmp_path / "b.png", **bad)


def test_bad_numbers_are_refused():
    with pytest.raises(InputError, match="halfwidth"):
        texture_index(Texture(np.eye(3)[None]), "cubic", 1.0)
    with pytest.raises(InputError, match="lattice is 'tetragonal'"):
        texture_index(Texture(np.eye(3)[None]), "tetragonal")
    with pytest.raises(InputError, match="three dimensions"):
        texture_index(Texture(np.eye(2)[None]), "cubic")
