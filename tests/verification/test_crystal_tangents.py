# SPDX-License-Identifier: MIT
"""Tangents of polycrystals against finite differences of their stress.

The substeps follow the error, so that stresses are smooth to the tolerance only: differences are
taken at one so small that they do not see it.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from tangents import (
    after_history,
    differences,
    largest_error,
    random_rotations,
    uniaxial_residuals,
)
from test_crystal_any_law import LAWS as ANY
from test_crystal_any_law import copper_source
from untrained_laws import untrained_laws

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.tensors import polar
from mlms_fenics.materials import Polycrystal, magnesium
from mlms_fenics.materials.crystal.paths import integrate_paths
from mlms_fenics.materials.crystal.slopes import slopes_by_differences, slopes_by_stages
from mlms_fenics.materials.crystal.variants import CrystalVariant
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations

# Law, step in µs, tolerance: explicit substeps with twins; implicit ones with strengths that evolve
# and cubic elasticity; implicit ones with twins.
CASES = {
    "magnesium": (magnesium, 0.05, 1e-9),
    "copper": (lambda: metal("copper"), 50.0, 1e-7),
    "titanium": (lambda: metal("titanium"), 50.0, 1e-7),
}

# Laws of all kinds, with implicit substeps.
LAWS = {**ANY, "the source's hardening": copper_source(20), "the source's twins": magnesium()}


def polycrystal(
    name: str, tolerance: float | None = None, grains: int = 2
) -> tuple[Polycrystal, float]:
    """Grains of unlike weights, and the step."""
    law, dt, small = CASES[name]
    weights = np.arange(1.0, grains + 1.0)
    Q = random_orientations(grains, 3)
    return Polycrystal(law(), Q, weights=weights, tolerance=tolerance or small), dt


def deformations(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """At the beginning and at the end of a step that goes on, turns back or hardly moves."""
    random = np.random.default_rng(4)
    eye = torch.eye(3, dtype=torch.float64)
    start = eye + torch.from_numpy(random.uniform(-0.02, 0.02, (n, 3, 3)))
    part = torch.linspace(-0.3, 0.3, n, dtype=torch.float64)[:, None, None]
    change = part * (start - eye) + torch.from_numpy(random.uniform(-1e-4, 1e-4, start.shape))
    return start, random_rotations(n, random) @ (start + change)


@pytest.mark.parametrize("name", CASES)
def test_tangents_of_polycrystals(name):
    law, dt = polycrystal(name)
    start, F = deformations(3)
    _, state = after_history(law, start, dt, steps=2)
    held = {key: value.clone() for key, value in state.items()}
    sigma, new, A = law.linearise(F, 3.0 * dt, dt, state)
    assert all(torch.equal(state[key], held[key]) for key in state)
    expected, after = law.update(F, 3.0 * dt, dt, state)
    assert torch.equal(sigma, expected)
    assert all(torch.equal(new[key], after[key]) for key in after)
    assert largest_error(A, differences(law, F, 3.0 * dt, dt, state, 1e-5)) < 1e-6


@pytest.mark.parametrize("name", ["reduced 3D", "reduced 2D"])
def test_tangents_of_reduced_polycrystals(name):
    law, d = untrained_laws()[name], int(name[-2])
    law.polycrystal.tolerance = 1e-10
    dt = 0.02 * law.horizon
    start, F = (x[:, :d, :d] for x in deformations(3))
    F = random_rotations(3, np.random.default_rng(6), d) @ (1.01 * start)
    _, state = after_history(law, start, dt, steps=2)
    sigma, new, A = law.linearise(F, 3.0 * dt, dt, state)
    expected, after = law.update(F, 3.0 * dt, dt, state)
    assert torch.allclose(sigma, expected, rtol=1e-13, atol=1e-15)
    assert all(torch.allclose(new[key], after[key], rtol=1e-12) for key in after)
    assert not sigma.requires_grad and A.shape == (3, d, d, d, d)
    assert largest_error(A, differences(law, F, 3.0 * dt, dt, state, 3e-6)) < 1e-6


def test_tangents_of_grains_that_are_crystals_of_their_own():
    one, dt = polycrystal("magnesium")
    law, n = one.law, one.law.n_slip + one.law.n_twin
    turns = np.tile(np.eye(3), (n, 1, 1))
    crystals = [
        CrystalVariant.of(law, turns, np.full(n, factor), np.ones(law.n_slip))
        for factor in (1.0, 1.3)
    ]
    own = Polycrystal(law, one.orientations, tolerance=1e-9, crystals=crystals)
    start, F = deformations(2)
    _, state = after_history(own, start, dt, steps=2)
    A = own.tangent(F, 3.0 * dt, dt, state)
    assert largest_error(A, differences(own, F, 3.0 * dt, dt, state, 1e-5)) < 1e-6


def test_the_same_substeps_are_taken_again():
    law, dt = polycrystal("magnesium", 1e-4)
    copper, long = polycrystal("copper", 1e-4)
    start, _ = deformations(3)
    for one, step in ((law, dt), (copper, long)):
        U = torch.stack((torch.eye(3, dtype=torch.float64).expand(3, 3, 3), start), 1).numpy()
        given = (one.law, U, one.orientations, np.array([step]), 1e-4)
        first = integrate_paths(*given, record=300)
        taken = first.chosen > 0.0
        assert np.array_equal(taken.sum(-1), first.substeps)
        assert np.allclose(first.chosen.sum(-1), step, rtol=1e-12)
        with pytest.raises(InputError, match=r"substeps to follow make up .* of the path's"):
            integrate_paths(*given, follow=(0.9 * first.chosen, first.implicit))
        again = integrate_paths(*given, follow=(first.chosen, first.implicit))
        assert np.array_equal(again.substeps, first.substeps) and not again.rejected.any()
        # Implicit stages are solved to round-off the second time, to a share of 1e-4 at first.
        close = 1e-15 if not first.implicit.any() else 1e-4 * np.abs(first.deviator).max()
        assert np.abs(again.deviator - first.deviator).max() <= close


def test_more_substeps_than_there_is_room_for_at_first():
    law, dt = polycrystal("magnesium")
    start, _ = deformations(1)
    state = law.initial_state(1)
    A = law.tangent(start, 20 * dt, 20 * dt, state)
    many = integrate_paths(
        law.law, torch.stack((state["U"], polar(start)[1]), 1).numpy(), law.orientations,
        np.array([20 * dt]), law.tolerance, state=state["grains"].numpy(),
    )  # fmt: skip
    assert many.substeps.min() > 64
    assert largest_error(A, differences(law, start, 20 * dt, 20 * dt, state, 1e-5)) < 1e-6


@pytest.mark.parametrize("name", CASES)
def test_newton_converges_as_far_as_the_tolerance_lets_it(name):
    # Substeps that move with the iterate leave the tangent as good as the tolerance: each iteration
    # gains that factor once Newton's own error is smaller.
    law, dt = polycrystal(name, 1e-4, grains=6)
    F = torch.diag(torch.tensor([1.01, 0.995, 0.995], dtype=torch.float64))[None]
    _, state = after_history(law, F, dt, steps=2)
    r = np.array(uniaxial_residuals(law, 1.014, 3.0 * dt, dt, state, F)) / law.shear_modulus
    near = [(a, b) for a, b in pairwise(r) if a < 1e-4]
    assert r.min() < 1e-9, r
    assert all(b < max(0.05 * a, 1e-10) for a, b in near), r


@pytest.mark.parametrize("name", LAWS)
def test_stages_carry_the_derivatives_exactly(name):
    # Against differences of paths that take the same substeps.
    law, Q = LAWS[name], random_orientations(2, 3)
    start, end = (polar(x)[1].numpy() for x in deformations(2))
    given = {"steps": "implicit"} if law.source_form else {}
    first = integrate_paths(
        law, np.stack((np.broadcast_to(np.eye(3), start.shape), start), 1), Q,
        np.array([20.0]), 1e-4, **given,
    )  # fmt: skip
    state = {"state": first.state, "wanted": first.wanted, "scale": first.scale}
    U = np.stack((start, end), 1)
    result = integrate_paths(law, U, Q, np.array([20.0]), 1e-4, record=400, **given, **state)
    assert result.implicit.all()
    followed = (law, U, Q, 20.0, 1e-4, (result.chosen, result.implicit), state)
    found, expected = slopes_by_stages(*followed), slopes_by_differences(*followed)
    scale = np.abs(expected).max(axis=(-2, -1), keepdims=True).clip(min=1.0)
    assert (np.abs(found - expected) / scale).max() < 2e-6
