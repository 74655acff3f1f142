# SPDX-License-Identifier: MIT
"""A full-field cell in slabs, on any number of ranks, against the same cell on one."""

import h5py
import numpy as np
import pytest
import scipy.fft
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.materials import magnesium, two_slip_crystal
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.unitcell import FFTCell, fft_path
from mlms_fenics.unitcell.fft_operators import multiplicity, wave_vectors
from mlms_fenics.unitcell.fft_slabs import SlabGrid

COMM = MPI.COMM_WORLD
GRAINS = 4


def difference(a, b):
    return np.abs(a - b).max() / np.abs(a).max()


def path(size, steps, d):
    t = np.linspace(0, 1, steps + 1)[:, None, None]
    direction = np.array([[0.9, 0.4, -0.1], [0.4, -0.8, 0.2], [-0.1, 0.2, 0.05]])
    return np.eye(d) + size * t * direction[:d, :d]


@pytest.mark.parametrize("shape", [(6, 8), (5, 7), (4, 6, 5)])
def test_transforms_and_sums(shape):
    grid = SlabGrid(shape, tuple(float(n) for n in shape), "rotated", comm=COMM)
    d = len(shape)
    whole = np.random.default_rng(0).random((1, d, d, *shape))
    mine = whole[(..., *grid.points)].reshape(1, d, d, -1)
    reference = scipy.fft.rfftn(whole, axes=tuple(range(-d, 0)), norm="forward")
    found = grid.spectrum_of(mine)
    assert np.abs(found - reference[(..., *grid.modes)].reshape(1, d, d, -1)).max() < 1e-14
    assert np.abs(grid.backward(found.copy()) - mine).max() < 1e-14
    assert np.abs(grid.mean(found) - whole.mean(tuple(range(-d, 0)))).max() < 1e-14
    assert np.abs(grid.average(mine) - whole.mean(tuple(range(-d, 0)))).max() < 1e-14
    assert np.array_equal(grid.whole(mine), whole.reshape(1, d, d, -1))
    k = wave_vectors(shape, np.array(shape) / max(shape), "rotated")
    assert abs(grid.norm(grid.k) / np.linalg.norm(k) - 1) < 1e-14
    assert grid.sum(grid.count.sum()) == multiplicity(shape).sum() == np.prod(shape)
    # Decisions are taken on sums: they must be the same bits everywhere.
    total = grid.sum(np.random.default_rng(COMM.rank).random(5))
    assert all(np.array_equal(total, other) for other in COMM.allgather(total))


@pytest.mark.parametrize("method", ["newton", "anderson"])
def test_same_averages_in_two_dimensions(method):
    grains = voronoi_grains((7, 6), GRAINS, 2)
    cell = (two_slip_crystal(), grains, random_orientations(GRAINS, 4, dimension=2))
    U = path(0.01, 3, 2)
    alone = FFTCell(*cell, method=method).solve(U, 2e4)
    seen = []
    together = FFTCell(*cell, method=method, comm=COMM).solve(
        U, 2e4, observe=lambda c, t, k, fields: seen.append(fields.P.shape[-1])
    )
    assert difference(alone.stress, together.stress) < 1e-10
    assert difference(alone.P, together.P) < 1e-10
    assert np.array_equal(alone.iterations, together.iterations)
    assert sum(COMM.allgather(seen[-1])) == grains.size
    assert all(np.array_equal(together.P, other) for other in COMM.allgather(together.P))


def test_same_averages_in_three_dimensions():
    grains = voronoi_grains((3, 4, 5), GRAINS, 2)
    cell = (magnesium(), grains, random_orientations(GRAINS, 4))
    U = path(0.02, 2, 3)
    alone = FFTCell(*cell).solve(U, 1.0)
    together = FFTCell(*cell, comm=COMM).solve(U, 1.0)
    assert alone.status == together.status == 1
    assert difference(alone.stress, together.stress) < 1e-10


def test_failure_is_everybody_s(tmp_path, monkeypatch):
    original = fft_path.Settings
    monkeypatch.setattr(
        "mlms_fenics.unitcell.fft_cell.Settings",
        lambda *a, max_iterations: original(*a, max_iterations=2, max_halvings=0),
    )
    file = COMM.bcast(tmp_path, root=0) / "last.h5"
    grains = voronoi_grains((6, 4), GRAINS, 2)
    Q = random_orientations(GRAINS, 4, dimension=2)
    cell = FFTCell(two_slip_crystal(), grains, Q, comm=COMM)
    U = np.concatenate((np.eye(2)[None], path(0.3, 2, 2)))
    with pytest.raises(SimulationError, match="increment 2 of 3"):
        cell.stress(U, 2e5, failure_file=file)
    with h5py.File(file) as saved:
        assert np.array_equal(saved["grains"][()], grains)
        assert saved["F"].shape == saved["P"].shape == (2, 2, 6, 4)
        assert saved["state"].shape[:2] == (6, 4)
        assert np.abs(saved["F"][()] - np.eye(2)[:, :, None, None]).max() < 1e-14


def test_more_ranks_than_slabs():
    n = COMM.size
    with pytest.raises(InputError, match="at most as many"):
        SlabGrid((n - 1, 2 * n), (1.0, 1.0), "rotated", comm=COMM)
