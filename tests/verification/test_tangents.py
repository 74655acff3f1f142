# SPDX-License-Identifier: MIT
"""Consistent tangents of the laws against finite differences of their stress."""

import numpy as np
import pytest
import torch
from tangents import (
    after_history,
    converges_quadratically,
    differences,
    largest_error,
    random_deformations,
    random_rotations,
    uniaxial_residuals,
)

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.piola import first_piola, piola_tangent
from mlms_fenics.kinematics.tensors import deviator, polar
from mlms_fenics.materials import (
    J2,
    HardeningCurve,
    Hill,
    Material,
    NeoHookean,
    hill_coefficients,
    johnson_cook,
    linearise_by_torch,
)

PLASTIC = {
    "J2": J2(117.0, 0.35, 0.4, 0.1, 8.93),
    "perfect J2": J2(117.0, 0.35, 0.4, 0.0, 8.93),
    "hardening curve": HardeningCurve(
        117.0, 0.35, [0.0, 0.01, 0.03, 0.2, 0.6], [0.4, 0.45, 0.5, 0.62, 0.7], 8.93
    ),
    "OFHC copper": johnson_cook("OFHC copper"),
    "isothermal 4340 steel": johnson_cook("4340 steel", taylor_quinney=0.0),
}


def test_neo_hookean_tangent_is_the_derivative_of_the_stress():
    law = NeoHookean(25.0, 48.0, 1.74)
    F = random_deformations(20, 0.3, np.random.default_rng(1))
    sigma, new, A = law.linearise(F, 1.0, 1.0, {})
    assert new == {} and torch.equal(sigma, law.update(F, 1.0, 1.0, {})[0])
    assert largest_error(A, differences(law, F, 1.0, 1.0, {})) < 1e-9
    # The second derivative of an energy is symmetric.
    assert torch.allclose(A, A.permute(0, 3, 4, 1, 2), rtol=1e-12, atol=1e-12)


def test_neo_hookean_tangent_at_rest_is_hookes():
    G, K = 25.0, 48.0
    law = NeoHookean(G, K, 1.74)
    one = torch.eye(3, dtype=torch.float64)
    unit = torch.einsum("ik,jl->ijkl", one, one)
    hooke = (K - 2.0 * G / 3.0) * torch.einsum("ij,kl->ijkl", one, one)
    hooke += G * (unit + torch.einsum("il,jk->ijkl", one, one))
    assert torch.allclose(law.tangent(one[None], 1.0, 1.0, {})[0], hooke, atol=1e-12)


def test_piola_tangent_follows_from_that_of_the_cauchy_stress():
    law = NeoHookean(25.0, 48.0, 1.74)
    F = random_deformations(5, 0.2, np.random.default_rng(2)).requires_grad_()
    sigma = law.update(F, 1.0, 1.0, {})[0]
    rows = [torch.autograd.grad(sigma[:, i, j].sum(), F, retain_graph=True)[0]
            for i in range(3) for j in range(3)]  # fmt: skip
    dsigma = torch.stack(rows, 1).unflatten(1, (3, 3))
    A = piola_tangent(F.detach(), sigma.detach(), dsigma)
    assert torch.allclose(A, law.tangent(F.detach(), 1.0, 1.0, {}), atol=1e-11)
    P = first_piola(F, sigma)
    assert torch.allclose(P @ F.mT, torch.linalg.det(F)[:, None, None] * sigma)


def elastically_moved(F: torch.Tensor, state: dict, power: float) -> torch.Tensor:
    """F with its elastic logarithmic strain times 1 + power, where nothing else happened."""
    J = torch.linalg.det(F)[:, None, None]
    b = J ** (-2.0 / 3.0) * (F @ state["inverse_plastic_metric"] @ F.mT)
    values, vectors = torch.linalg.eigh(b)
    return (vectors * values[:, None, :] ** (power / 2.0)) @ vectors.mT @ F


# Part of the elastic strain that the step adds.
STEPS = {"loading": 1.0, "unloading": -0.5, "reversed": -3.0, "large": 20.0}


@pytest.mark.parametrize("name", PLASTIC)
@pytest.mark.parametrize("kind", ["first flow", *STEPS])
def test_tangents_of_plastic_laws(name, kind):
    law, random, n, dt = PLASTIC[name], np.random.default_rng(3), 12, 0.5
    start = torch.eye(3) + torch.from_numpy(random.uniform(-0.2, 0.2, (n, 3, 3)))
    state, F = law.initial_state(n), start
    if kind != "first flow":
        _, state = after_history(law, start, dt)
        F = elastically_moved(start, state, STEPS[kind])
    F = random_rotations(n, random) @ F
    held = {name: value.clone() for name, value in state.items()}
    sigma, new, A = law.linearise(F, 3.0, dt, state)
    assert all(torch.equal(state[name], held[name]) for name in state)
    flows = new["plastic_strain"] > state["plastic_strain"]
    assert bool((flows == (kind != "unloading")).all())
    assert torch.equal(sigma, law.update(F, 3.0, dt, state)[0])
    assert largest_error(A, differences(law, F, 3.0, dt, state)) < 1e-6


def hill(**changes: float) -> Hill:
    """A sheet whose axes lie askew in the body."""
    axes = random_rotations(1, np.random.default_rng(8))[0].numpy()
    given = {"A": 0.12, "B": 0.3, "n": 0.4, "C": 0.01} | changes
    ratios = hill_coefficients(1.0, 0.9, 1.25, 1.0, 0.85, 1.1)
    return Hill(
        young=70.0, poisson=0.33, density=2.7, coefficients=ratios, axes=axes, **given
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["first flow", *STEPS])
@pytest.mark.parametrize("changes", [{}, {"B": 0.0, "C": 0.0}], ids=["hardening", "perfect"])
def test_tangents_of_hills_law(kind, changes):
    law, random, n, dt = hill(**changes), np.random.default_rng(5), 12, 0.5
    start = torch.eye(3) + torch.from_numpy(random.uniform(-0.2, 0.2, (n, 3, 3)))
    state, F = law.initial_state(n), start
    if kind != "first flow":
        sigma, state = after_history(law, start, dt)
        # Along the elastic strain, in the frame that turns with R.
        R, U = polar(start)
        part = {**STEPS, "reversed": -5.0}[kind]
        F = U + part / (2.0 * law.shear_modulus) * R.mT @ deviator(sigma) @ R
    F = random_rotations(n, random) @ F
    held = {name: value.clone() for name, value in state.items()}
    sigma, new, A = law.linearise(F, 3.0, dt, state)
    assert all(torch.equal(state[name], held[name]) for name in state)
    flows = new["plastic_strain"] > state["plastic_strain"]
    assert bool((flows == (kind != "unloading")).all())
    assert torch.equal(sigma, law.update(F, 3.0, dt, state)[0])
    assert largest_error(A, differences(law, F, 3.0, dt, state)) < 1e-6


class OwnLaw(Material):
    """Neo-Hookean, softened by a damage that is a state; written in torch as a user would."""

    density, bulk_modulus, shear_modulus = 1.0, 10.0, 3.0

    def initial_state(self, n):
        return {"damage": torch.zeros(n, dtype=torch.float64)}

    def update(self, F, time, dt, state):
        sound = NeoHookean(self.shear_modulus, self.bulk_modulus, self.density)
        stretch = (F * F).sum((-2, -1))
        damage = torch.maximum(state["damage"], 1.0 - torch.exp(-dt * torch.relu(stretch - 3.0)))
        return (1.0 - damage)[:, None, None] * sound.update(F, time, dt, {})[0], {"damage": damage}

    def linearise(self, F, time, dt, state):
        return linearise_by_torch(self, F, time, dt, state)


def test_a_law_of_torch_operations_gets_its_tangent_from_them():
    law = OwnLaw()
    start = random_deformations(8, 0.2, np.random.default_rng(10))
    state = {"damage": torch.linspace(0.0, 0.3, 8, dtype=torch.float64)}
    sigma, new, A = law.linearise(start, 1.0, 0.5, state)
    expected, after = law.update(start, 1.0, 0.5, state)
    assert torch.equal(sigma, expected) and torch.equal(new["damage"], after["damage"])
    assert bool((new["damage"] > state["damage"]).any())
    assert bool((new["damage"] == state["damage"]).any())
    assert largest_error(A, differences(law, start, 1.0, 0.5, state, 1e-5)) < 1e-8


@pytest.mark.parametrize("name", ["neo-Hookean", "Hill", *PLASTIC])
def test_newton_converges_quadratically(name):
    law = {**PLASTIC, "neo-Hookean": NeoHookean(25.0, 48.0, 1.74), "Hill": hill()}[name]
    F = torch.diag(torch.tensor([1.02, 0.99, 0.99], dtype=torch.float64))[None]
    _, state = after_history(law, F, 1.0)
    residuals = uniaxial_residuals(law, 1.06, 5.0, 1.0, state, F)
    assert converges_quadratically(residuals, law.shear_modulus), residuals


def test_a_law_without_tangent_says_so():
    class Without(Material):
        density, bulk_modulus, shear_modulus = 1.0, 1.0, 1.0

        def initial_state(self, n):
            return {}

        def update(self, F, time, dt, state):
            return torch.zeros_like(F), {}

    with pytest.raises(InputError, match=r"Without has no tangent.*linearise"):
        Without().tangent(torch.eye(3).double()[None], 1.0, 1.0, {})
