# SPDX-License-Identifier: MIT
"""Parts of the full-field cell's Newton iteration: linear solves, tangents, kept substeps."""

import numpy as np
import pytest

from mlms_fenics.materials import magnesium, two_slip_crystal
from mlms_fenics.materials.crystal.families import SlipFamily
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell.fft_grid import Grid
from mlms_fenics.unitcell.fft_newton import Linear, Memory, iterations_left
from mlms_fenics.unitcell.fft_operators import OPERATORS
from mlms_fenics.unitcell.fft_points import Points


def stiffness(shape, contrast, seed):
    """Random positive definite tangents, not quite symmetric; the first is `contrast` stiffer."""
    random, d = np.random.default_rng(seed), len(shape)
    N = int(np.prod(shape))
    A = np.eye(d * d)[:, :, None] + 0.2 * random.standard_normal((d * d, d * d, N))
    D = np.einsum("abN,cbN->acN", A, A) + 0.02 * random.standard_normal((d * d, d * d, N))
    return (np.where(np.arange(N) < N // 2, contrast, 1.0) * D).reshape(d, d, d, d, N)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("shape", [(8, 6), (7, 5), (4, 5, 6)])
def test_linear_solves_reach_their_target(operator, shape):
    grid, d, N = Grid(shape, shape, operator), len(shape), int(np.prod(shape))
    D = stiffness(shape, 10.0, 1)
    P = np.random.default_rng(2).standard_normal((d, d, N))

    def forces(P):  # of a real field, in plain numpy, over the full transform
        P_hat = np.fft.rfftn(P.reshape(d, d, *shape), axes=grid.axes, norm="forward")
        return np.einsum("ijm,jm->im", P_hat.reshape(d, d, -1), grid.k.conj())

    r = forces(P) * np.sqrt(grid.count)
    size = np.linalg.norm(r)
    for target in (1e-1, 1e-3):
        u, directions = Linear(grid, D).solve(r, target * size)
        G_hat = (u[:, None] * grid.k).reshape(d, d, *grid.spectrum)
        G = np.fft.irfftn(G_hat, s=shape, axes=grid.axes, norm="forward").reshape(d, d, -1)
        left = r + forces(np.einsum("ijklN,klN->ijN", D, G)) * np.sqrt(grid.count)
        assert np.linalg.norm(left) <= 1.001 * target * size
        assert 1 < directions < 40
    homogeneous = np.repeat(D[..., :1], N, axis=-1)  # there the preconditioner is the inverse
    assert Linear(grid, homogeneous).solve(r, 1e-10 * size)[1] == 1


def points(law, n, seed, tolerance=1e-4):
    Q = random_orientations(n, seed, dimension=law.dimension)
    full = np.broadcast_to(np.eye(3), (1, n, 3, 3)).copy()
    full[0, :, : law.dimension, : law.dimension] = Q[:, : law.dimension, : law.dimension]
    return Points((law,), np.zeros((1, n), int), full, tolerance)


def deformations(d, n, size, seed):
    random = np.random.default_rng(seed)
    return np.eye(d)[:, :, None] + size * random.standard_normal((d, d, n))


def test_elastic_tangent():
    never = SlipFamily("none", ((1.0, 0.0, 0.0),), ((0.0, 1.0, 0.0),), 1e9, 1e-6, 0.5)
    law, n = CrystalLaw("elastic", 3, 25.0, 24.0, 1.0, (never,)), 5
    F, start = deformations(3, n, 0.1, 1), np.eye(3)[:, :, None] + np.zeros((3, 3, n))
    body = points(law, n, 1)
    P, _ = body.trial(0, start, F, 1.0, True)
    D = body.tangent(0, start, F, P, 1.0)

    def energy(F):
        J = np.linalg.det(F)
        return 12.5 * ((F * F).sum() / J ** (2 / 3) - 3) + 24.0 * (J - 1) ** 2

    h, e = 1e-4, np.eye(9).reshape(9, 3, 3)
    for x in range(n):
        first = [(energy(F[:, :, x] + h * a) - energy(F[:, :, x] - h * a)) / (2 * h) for a in e]
        assert np.abs(P[:, :, x].ravel() - first).max() < 1e-5
        for a in range(9):
            for b in range(9):
                up, down = F[:, :, x] + h * e[a], F[:, :, x] - h * e[a]
                second = energy(up + h * e[b]) - energy(up - h * e[b])
                second -= energy(down + h * e[b]) - energy(down - h * e[b])
                assert abs(D.reshape(9, 9, n)[a, b, x] - second / (4 * h * h)) < 1e-3


@pytest.mark.parametrize("law, dt", [(two_slip_crystal(), 2e4), (magnesium(), 0.05)])
def test_a_step_keeps_its_substeps(law, dt):
    d, n = law.dimension, 6
    start = np.eye(d)[:, :, None] + np.zeros((d, d, n))
    F = deformations(d, n, 0.02, 3)
    body = points(law, n, 2)
    P, _ = body.trial(0, start, F, dt, True)
    count = body._count.copy()
    assert count.max() > 1
    D = body.tangent(0, start, F, P, dt)
    move = np.random.default_rng(4).standard_normal((d, d, n))
    errors = []
    for h in (1e-4, 1e-5):
        moved, _ = body.trial(0, start, F + h * move, dt, False)
        assert np.array_equal(body._count, count)
        linear = P + h * np.einsum("ijklN,klN->ijN", D, move)
        errors.append(np.abs(moved - linear).max())
        assert errors[-1] < 0.02 * np.abs(moved - P).max()
    assert errors[1] < errors[0] / 30  # smooth: what the tangent leaves out is of second order
    # Then it is committed, and the next step starts from what it left: nothing has moved since.
    again, _ = body.trial(0, start, F, dt, False)
    body.commit(0)
    rest, _ = body.trial(0, F, F, 1e-9 * dt, True)
    assert np.abs(rest - again).max() < 1e-6 * np.abs(again).max()


def test_when_a_tangent_is_renewed():
    assert iterations_left(0.1, 1e3) == pytest.approx(3.0)
    assert iterations_left(1.0, 10.0) == np.inf
    memory = Memory(Grid((4, 4), (4, 4), "rotated"))
    memory.begin()
    assert memory.stale(1.0, True, 4)  # there is none yet
    memory.linear = object()
    memory.refreshed(4)
    assert not memory.stale(np.inf, False, 4)  # new at this very point: no other would be better
    assert memory.stale(20.0, True, 4) and not memory.stale(3.0, True, 4)
    for _ in range(3):
        memory.begin()
        assert not memory.stale(1.0, True, 4)
    for _ in range(4):  # steps become dear
        memory.begin()
        found = [memory.stale(1.0, True, 4) for _ in range(9)]
    assert found[0]
