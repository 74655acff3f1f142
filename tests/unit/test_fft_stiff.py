# SPDX-License-Identifier: MIT
"""Full-field cells of stiff laws, whose points take implicit steps."""

import numpy as np
import pytest
from scipy.linalg import expm

from mlms_fenics.materials import CrystalLaw, SlipFamily
from mlms_fenics.materials.crystal.elasticity import CubicElasticity
from mlms_fenics.materials.crystal.families import as_vectors
from mlms_fenics.materials.crystal.lattice import cubic_systems
from mlms_fenics.materials.crystal.strength import PowerStrength
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import FFTCell, TaylorAverage


def copper(n: float = 20.0) -> CrystalLaw:
    """Power law, evolving strengths, cubic constants."""
    s, m = cubic_systems("{111}<110>")
    slip = SlipFamily(
        "octahedral", as_vectors(s), as_vectors(m), tau_0=0.02, rate=1e-3, rate_exponent=1 / n,
        flow="power", strength=PowerStrength(0.35, 0.0964, 0.6),
    )  # fmt: skip
    return CrystalLaw.anisotropic(
        CubicElasticity(168.9, 121.8, 75.8), name="copper", dimension=3, density=8.9, slip=(slip,)
    )


F = np.array([expm(t * np.diag([0.012, -0.008, -0.003])) for t in np.linspace(0, 1, 7)])


@pytest.mark.parametrize("n", [20.0, 50.0])
def test_a_cell_of_one_grain_is_the_single_crystal(n):
    Q = random_orientations(1, seed=3)
    cell = FFTCell(copper(n), np.zeros((2, 2, 2), dtype=int), Q)
    alone = TaylorAverage(copper(n), Q).stress(F, 0.1, 1e-5)
    found = cell.stress(F, 0.1)
    assert np.abs(found - alone).max() < 3e-3 * np.abs(alone).max()


def test_two_grains_are_in_equilibrium_and_softer_than_taylor():
    Q = random_orientations(2, seed=5)
    grains = np.zeros((4, 1, 1), dtype=int)
    grains[2:] = 1
    results = FFTCell(copper(), grains, Q).solve(F, 0.1)
    assert results.status == 1
    assert results.residual.max() <= 1e-4
    taylor = TaylorAverage(copper(), Q).stress(F, 0.1, 1e-4)

    def work(sigma):
        L = np.diff(F, axis=0) @ np.linalg.inv(F[1:])
        return np.einsum("tij,tij->", 0.5 * (sigma[1:] + sigma[:-1]), L)

    # A uniform strain is one of those among which equilibrium chooses.
    assert 0.5 * work(taylor) < work(results.stress) < work(taylor) * (1 + 1e-3)


def test_a_first_step_far_beyond_yield_is_taken_from_small_parts():
    Q = random_orientations(4, seed=5)
    cell = FFTCell(copper(), np.arange(8).reshape(2, 2, 2) % 4, Q)
    ends = [expm(t * np.diag([0.012, -0.008, -0.003])) for t in np.linspace(0, 1, 7)]
    whole = cell.solve(np.array([ends[0], ends[-1]]), 0.1, 1e-3)
    assert whole.rejected == 0 and whole.substeps == 7  # ln₂(1.2% over 0.02/54.9) is 5.05
    finer = cell.solve(np.array(ends), 0.1, 1e-3).stress[-1]
    assert np.abs(whole.stress[-1] - finer).max() < 0.02 * np.abs(finer).max()
