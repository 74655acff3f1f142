# SPDX-License-Identifier: MIT
"""The reduced polycrystal as a law: what it inherits from the crystal, and its file."""

import h5py
import numpy as np
import pytest
import torch
from reduced_polycrystal_data import HORIZON, histories, reduced, rotation
from surrogate_histories import law, stretch, walks

from mlms_fenics.errors import InputError
from mlms_fenics.materials import Polycrystal, drive
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate import load_model, save_model
from mlms_fenics.surrogate.reduced.law import GrainSet, ReducedPolycrystal
from mlms_fenics.surrogate.reduced.variations import Variations
from mlms_fenics.unitcell import TaylorAverage

Q = random_orientations(3, 8)
WEIGHTS = np.array([0.5, 0.3, 0.2])


def test_stress_is_the_weighted_mean_of_single_crystals():
    U = histories(3)
    single = [TaylorAverage(law(), q[None]).stress(U, 1.0, 1e-5) for q in Q]
    expected = np.einsum("g,g...->...", WEIGHTS, single)
    found = reduced(Q, WEIGHTS, tolerance=1e-5).stress(U, 1.0)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert not np.allclose(found, np.mean(single, axis=0), rtol=1e-2)  # so the weights do matter


def test_plane_strain():
    angles = random_orientations(3, 8, dimension=2)
    in_space = np.tile(np.eye(3), (3, 1, 1))
    in_space[:, :2, :2] = angles
    U = histories(2, 2)
    single = [TaylorAverage(law(2), q[None]).stress(U, HORIZON[2], 1e-5) for q in angles]
    found = reduced(in_space, WEIGHTS, 2, tolerance=1e-5).stress(U, HORIZON[2])
    expected = np.einsum("g,g...->...", WEIGHTS, single)
    assert found.shape == U.shape
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_equal_weights_are_the_concurrent_polycrystal():
    F = torch.from_numpy(histories(2)[:, :11])
    time = torch.linspace(0.0, 0.25, 11)
    concurrent = drive(Polycrystal(law(), Q), F, time)
    found = drive(reduced(Q, np.full(3, 1 / 3)), F, time)
    assert torch.allclose(found, concurrent, rtol=0.0, atol=1e-15 + 1e-12 * float(found.max()))


def test_exactly_causal():
    U = histories(2)
    other = U.copy()
    other[:, 21:] = histories(2, seed=9)[:, 21:]
    model = reduced(Q, WEIGHTS)
    first, second = model.stress(U, 1.0), model.stress(other, 1.0)
    assert np.array_equal(first[:, :21], second[:, :21])
    assert not np.array_equal(first[:, 21:], second[:, 21:])


def test_objective():
    model = reduced(Q, WEIGHTS)
    U = torch.from_numpy(histories(2)[:, :11])
    time = torch.linspace(0.0, 0.25, 11)
    R = torch.stack([torch.eye(3, dtype=torch.float64), *(rotation(k) for k in range(10))])
    sigma, turned = drive(model, U, time), drive(model, R @ U, time)
    assert torch.allclose(turned, R @ sigma @ R.mT, rtol=0.0, atol=1e-10)


def test_no_stress_at_rest():
    model = reduced(Q, WEIGHTS)
    sigma = model.stress(np.tile(np.eye(3), (2, 6, 1, 1)), 1.0)
    assert np.abs(sigma).max() < 1e-13


def test_closed_cycles_dissipate():
    strain = walks(6, seed=4)
    closed = np.concatenate([strain, strain[:, -2::-1]], axis=1)
    # Back on another way, so that the cycle encloses something.
    bump = np.sin(np.linspace(0.0, np.pi, strain.shape[1] - 1))[:, None]
    closed[:, strain.shape[1] :] += 0.03 * bump * np.array([1.0, -1.0, 0.0, 1.0, 0.0, 0.5])
    closed[:, -1] = 0.0
    U = stretch(closed)
    sigma = reduced(Q, WEIGHTS).stress(U, 2.0)
    J = np.linalg.det(U)[..., None, None]
    middle = 0.5 * (U[:, 1:] + U[:, :-1])
    rate = np.diff(U, axis=1) @ np.linalg.inv(middle)
    power = 0.5 * (J * sigma)[:, 1:] + 0.5 * (J * sigma)[:, :-1]
    work = np.einsum("ntij,ntij->n", power, rate)
    assert (work > 1e-3).all()  # GPa: the crystals have flowed


def test_state_can_be_taken_up_again():
    model, U = reduced(Q, WEIGHTS), torch.from_numpy(histories(2))
    state = model.initial_state(2)
    assert all(isinstance(v, torch.Tensor) and len(v) == 2 for v in state.values())
    sigma = torch.empty(0)
    for n in range(1, 9):
        if n == 5:
            kept = {name: value.clone() for name, value in state.items()}
        sigma, state = model.update(U[:, n], n / 40, 1 / 40, state)
    for n in range(5, 9):
        again, kept = model.update(U[:, n], n / 40, 1 / 40, kept)
    assert torch.equal(again, sigma)
    fields = model.fields(state)
    assert set(fields) == {"distance", "slip", "twin_fraction"}
    assert (fields["slip"] > 0).all()


def test_file_round_trip(tmp_path):
    model, U = reduced(Q, WEIGHTS, tolerance=1e-3), histories(2)
    save_model(model, tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5", device="cpu")
    assert again.architecture == "reduced"
    assert again.dtype == torch.float64  # integrated in double precision whatever is asked for
    assert again.polycrystal.tolerance == 1e-3
    assert again.wave_speed == model.wave_speed
    assert np.array_equal(again.stress(U, 1.0), model.stress(U, 1.0))
    distances = [m.stress_and_distance(U, 1.0)[1] for m in (again, model)]
    assert np.array_equal(*distances) and (distances[0] > 0).all()


def varied(dimension: int = 3, tilt: float = 0.0) -> ReducedPolycrystal:
    """Three grains with systems of their own."""
    rng = np.random.default_rng(7)
    slip, systems = (12, 18) if dimension == 3 else (2, 2)
    turns = rng.normal(scale=0.2, size=(3, systems, 3))
    if dimension == 2:
        turns[..., :2] = tilt
    resistances = np.exp(rng.normal(scale=0.2, size=(3, systems)))
    strengths = np.exp(rng.normal(scale=0.2, size=(3, slip)))
    orientations = Q if dimension == 3 else np.tile(np.eye(3), (3, 1, 1))
    return reduced(
        orientations, WEIGHTS, dimension, variations=Variations(turns, resistances, strengths)
    )


@pytest.mark.parametrize("dimension", [2, 3])
def test_varied_grains_are_kept(tmp_path, dimension):
    model, U = varied(dimension), histories(2, dimension)
    save_model(model, tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5", device="cpu")
    sigma = again.stress(U, HORIZON[dimension])
    assert np.array_equal(sigma, model.stress(U, HORIZON[dimension]))
    orientations = model.polycrystal.orientations
    law_only = reduced(orientations, WEIGHTS, dimension).stress(U, HORIZON[dimension])
    assert np.abs(sigma - law_only).max() > 1e-2 * np.abs(sigma).max()
    single = [
        TaylorAverage(crystal, q[None, :dimension, :dimension]).stress(U, HORIZON[dimension], 1e-5)
        for crystal, q in zip(model.polycrystal.crystals, orientations, strict=True)
    ]
    expected = np.einsum("g,g...->...", WEIGHTS, single)
    assert np.abs(sigma - expected).max() < 1e-3 * np.abs(expected).max()


def test_varied_grains_have_the_elasticity_of_the_law():
    fast = 1e-6  # µs: nothing flows
    U = np.stack([np.eye(3), histories(1)[0, 1]])
    sigma = varied().stress(U, fast)
    law_only = reduced(Q, WEIGHTS).stress(U, fast)
    assert np.abs(sigma - law_only).max() < 1e-4 * np.abs(sigma).max()


def test_damaged_variations_are_refused(tmp_path):
    path = tmp_path / "model.h5"
    save_model(varied(), path)
    with h5py.File(path, "r+") as file:
        file["network/resistances"][0, 0] = -1.0
    with pytest.raises(InputError, match="positive"):
        load_model(path, device="cpu")
    with pytest.raises(InputError, match="out of their plane"):
        varied(2, tilt=0.1)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weights", np.array([0.5, 0.5, 0.5]), "the sum 1"),
        ("weights", np.array([1.2, -0.1, -0.1]), "must not be negative"),
        ("orientations", np.ones((3, 3, 3)), "no rotation"),
        ("orientations", -Q, "reflection"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, name, value, message):
    path = tmp_path / "model.h5"
    save_model(reduced(Q, WEIGHTS), path)
    with h5py.File(path, "r+") as file:
        file[f"network/{name}"][...] = value
    with pytest.raises(InputError, match=message):
        load_model(path, device="cpu")


def test_a_plane_law_takes_no_tilted_crystal():
    with pytest.raises(InputError, match="out of its plane"):
        reduced(Q, WEIGHTS, 2)


def test_impossible_grain_sets():
    with pytest.raises(InputError, match="at least 1"):
        GrainSet(0)
    with pytest.raises(InputError, match="must lie in"):
        GrainSet(2, tolerance=0.5)
