# SPDX-License-Identifier: MIT
"""Crystals whose systems differ one by one, against scipy's integration of the same equations."""

import numpy as np
import pytest
import torch
from plain_crystal import PlainMagnesium
from scipy.spatial.transform import Rotation

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.errors import InputError
from mlms_fenics.materials import magnesium
from mlms_fenics.materials.crystal.paths import integrate_paths
from mlms_fenics.materials.crystal.variants import CrystalVariant, integrate_grains
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

TOLERANCE = 1e-4


def variant(seed: int) -> CrystalVariant:
    rng = np.random.default_rng(seed)
    R = Rotation.from_rotvec(rng.normal(scale=0.3, size=(18, 3))).as_matrix()
    factors = np.exp(rng.normal(scale=0.3, size=30))
    return CrystalVariant.of(magnesium(), R, factors[:18], factors[18:])


def plain(crystal: CrystalVariant) -> PlainMagnesium:
    """The same crystal, written out without the package's tables."""
    other = PlainMagnesium()
    # Its systems come in another order, some with s or m reversed.
    for name, own in (("P", magnesium().slip_schmid), ("T", magnesium().twin_schmid)):
        products = np.einsum("aij,bij->ab", own, getattr(other, name))
        order = np.abs(products).argmax(1)
        assert np.allclose(np.abs(products[range(len(own)), order]), 1.0)
        setattr(other, name, getattr(other, name)[order])
    R, twin_R = crystal.turns[:12], crystal.turns[12:]
    other.P, other.T = R @ other.P @ R.mT, twin_R @ other.T @ twin_R.mT
    # T = s⊗m, so that TᵀT = m⊗m.
    mirrors = np.eye(3) - 2.0 * other.T.mT @ other.T
    other.mirrored = mirrors[:, None] @ other.P @ mirrors[:, None]
    other.tau_0 = 0.0505 * crystal.resistances[:12]
    other.twin_tau_0 = 0.0505 * crystal.resistances[12:]
    other.h, other.saturation = other.h * crystal.strengths, other.saturation * crystal.strengths
    return other


def path(seed: int, steps: int = 8) -> np.ndarray:
    return sample_path(PathSettings(steps=steps, max_strain=0.1), 4, seed)


@pytest.mark.parametrize("seed", [0, 1])
def test_histories(seed):
    crystal, U = variant(seed), path(seed)
    Q = random_orientations(3, seed=5)[[seed]]
    exact, states = plain(crystal).cauchy_history(U @ Q[0], 1.0)
    sigma = TaylorAverage(crystal, Q).stress(U, 1.0, TOLERANCE)
    mean = np.trace(exact, axis1=1, axis2=2)[:, None, None] / 3
    size = np.linalg.norm(exact - mean * np.eye(3), axis=(1, 2)).max()
    assert np.linalg.norm(sigma - exact, axis=(1, 2)).max() < TOLERANCE * size
    assert states[-1][9:15].sum() > 1e-4 and states[-1][15:].sum() > 1e-3  # twinned, and slipped
    law = TaylorAverage(magnesium(), Q).stress(U, 1.0, TOLERANCE)
    assert np.linalg.norm(sigma - law, axis=(1, 2)).max() > 0.05 * size


@pytest.mark.slow
def test_grains_of_their_own_crystals():
    crystals, Q = [variant(0), magnesium(), variant(2)], random_orientations(3, seed=6)
    U, segments = np.stack([path(k, 4) for k in range(2)]), np.full(4, 0.25)
    both = integrate_grains(crystals, U, Q, segments, 1e-5)
    for g, crystal in enumerate(crystals):
        own = integrate_paths(crystal, U, Q[[g]], segments, 1e-5)
        assert np.array_equal(both.deviator[:, [g]], own.deviator)
        assert np.array_equal(both.state[:, [g]], own.state)
    # One path in two pieces, and in torch.
    first = integrate_grains(crystals, U[:, :3], Q, segments[:2], 1e-5)
    kept = {name: getattr(first, name) for name in ("state", "wanted", "scale")}
    rest = integrate_grains(crystals, U[:, 2:], Q, segments[2:], 1e-5, **kept)
    in_torch = integrate_grains(crystals, U, Q, segments, 1e-5, device=torch.device("cpu"))
    size = np.abs(both.deviator).max()
    for other in (rest.deviator[:, :, -1], in_torch.deviator[:, :, -1]):
        assert np.abs(other - both.deviator[:, :, -1]).max() < 2e-5 * size


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("turns", np.eye(3), "shape"),
        ("resistances", np.zeros(18), "positive"),
        ("resistances", np.ones(12), "shape"),
        ("strengths", np.full(12, np.nan), "finite"),
    ],
)
def test_what_is_no_variant(name, value, message):
    given = {"turns": np.tile(np.eye(3), (18, 1, 1)), "resistances": np.ones(18)}
    given |= {"strengths": np.ones(12), name: value}
    with pytest.raises(InputError, match=message):
        CrystalVariant.of(magnesium(), **given)


def test_no_variation_is_the_law():
    same = CrystalVariant.of(magnesium(), np.tile(np.eye(3), (18, 1, 1)), np.ones(18), np.ones(12))
    Q, U = random_orientations(1, seed=7), path(3, 4)
    found, law = (TaylorAverage(crystal, Q).stress(U, 1.0) for crystal in (same, magnesium()))
    assert np.array_equal(found, law)
    assert same.to_dict() == magnesium().to_dict()
