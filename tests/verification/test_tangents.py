# SPDX-License-Identifier: MIT
"""Consistent tangents of the laws against finite differences of their stress."""

import numpy as np
import pytest
import torch
from tangents import differences, largest_error, random_deformations

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.piola import first_piola, piola_tangent
from mlms_fenics.materials import Material, NeoHookean


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


def test_a_law_without_tangent_says_so():
    class Without(Material):
        density, bulk_modulus, shear_modulus = 1.0, 1.0, 1.0

        def initial_state(self, n):
            return {}

        def update(self, F, time, dt, state):
            return torch.zeros_like(F), {}

    with pytest.raises(InputError, match=r"Without has no tangent.*linearise"):
        Without().tangent(torch.eye(3).double()[None], 1.0, 1.0, {})
