# SPDX-License-Identifier: MIT
"""Full-field cells on a device, many in one call, are the CPU's, solved one after the other."""

import h5py
import numpy as np
import pytest
import torch

from mlms_fenics.data import full_field
from mlms_fenics.data.cells import CELLS
from mlms_fenics.data.full_field import FullField
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.materials import magnesium, two_slip_crystal
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.unitcell import FFTCell, fft_cell
from mlms_fenics.unitcell.apart.room import BYTES, cells_at_once
from mlms_fenics.unitcell.fft_cell import solve_cells

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch sees"),
        ],
    ),
]


def corners(n: int, size: float, d: int, paths: int = 3) -> np.ndarray:
    """Paths with a corner, *Shape* `(paths, n + 1, d, d)`."""
    rng, t = np.random.default_rng(0), np.linspace(0.0, 1.0, n + 1)[:, None, None]
    A = rng.standard_normal((paths, 1, d, d))
    A = A + A.swapaxes(-1, -2)
    A -= 0.9 * np.trace(A, axis1=-2, axis2=-1)[..., None, None] / d * np.eye(d)
    A *= size / np.linalg.norm(A, axis=(-2, -1), keepdims=True)
    B = A * np.where(np.eye(d), 1.0, -1.0)
    return np.eye(d) + np.where(t < 0.6, t * A, 0.6 * A + (t - 0.6) * B)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", ["anderson", "basic"])
@pytest.mark.parametrize("d", [2, 3])
def test_averages(d, method, device):
    law, grid, horizon = (
        (two_slip_crystal(), (8, 8), 2e5) if d == 2 else (magnesium(), (4, 4, 4), 0.05)
    )
    given = law, voronoi_grains(grid, 4, 1), random_orientations(4, 1, dimension=d)
    U = corners(10, 0.03, d)
    here = FFTCell(*given, method=method).solve(U, horizon)
    there = FFTCell(*given, method=method, device=device).solve(U, horizon)
    scale = np.abs(here.stress).max()
    np.testing.assert_allclose(there.stress, here.stress, rtol=0, atol=1e-8 * scale)
    np.testing.assert_array_equal(there.iterations, here.iterations)
    np.testing.assert_array_equal(there.substeps, here.substeps)


def test_cells_of_two_laws_and_other_grains_in_one_call():
    soft = two_slip_crystal()
    hard = type(soft).from_dict({**soft.to_dict(), "shear_modulus": 2.0 * soft.shear_modulus})
    Q, U = random_orientations(4, 1, dimension=2), corners(5, 0.02, 2, paths=2)
    laws = [[soft, hard, soft, hard], soft]

    def made(**options):
        return [
            FFTCell(law, voronoi_grains((8, 8), 4, seed), Q, method="anderson", **options)
            for seed, law in enumerate(laws)
        ]

    here, _ = solve_cells(made(), U, 1e5)
    there, _ = solve_cells(made(device="cpu"), U, 1e5)
    scale = np.abs(here.stress).max()
    np.testing.assert_allclose(there.stress, here.stress, rtol=0, atol=1e-8 * scale)


@pytest.mark.parametrize(("iterations", "tolerance"), [(12, 1e-4), (2, 1e-9)])
def test_steps_are_halved_and_failures_told_alike(iterations, tolerance, tmp_path, monkeypatch):
    monkeypatch.setitem(fft_cell._ITERATIONS, "basic", iterations)
    given = two_slip_crystal(), voronoi_grains((8, 8), 4, 1), random_orientations(4, 1, dimension=2)
    U = corners(2, 0.02, 2, paths=2)
    U[1] = np.eye(2) + 0.01 * (U[1] - np.eye(2))
    U = U[:1] if iterations == 2 else U
    cells = [FFTCell(*given, method="basic", device=where) for where in (None, "cpu")]
    here, there = (cell.solve(U, 2e5, tolerance) for cell in cells)
    assert here.rejected.max() > 0 and (here.status[0] == 2) == (iterations == 2)
    np.testing.assert_array_equal(here.rejected, there.rejected)
    np.testing.assert_array_equal(here.status, there.status)
    np.testing.assert_allclose(there.stress, here.stress, rtol=0, atol=1e-9)
    if iterations == 2:
        with pytest.raises(SimulationError, match="no equilibrium at increment"):
            cells[1].stress(U, 2e5, tolerance, failure_file=tmp_path / "last.h5")
        with h5py.File(tmp_path / "last.h5") as stored:
            assert stored["F"].shape == (2, 2, 8, 8)


def test_what_a_device_cannot_do():
    grains, Q = voronoi_grains((4, 4, 4), 2, 1), random_orientations(2, 1)
    with pytest.raises(InputError, match="method is 'newton'"):
        FFTCell(magnesium(), grains, Q, device="cpu")
    stiff = FFTCell(metal("copper"), grains, Q, method="anderson", device="cpu")
    with pytest.raises(InputError, match="needs implicit steps"):
        stiff.solve(corners(2, 0.01, 3, paths=1), 0.01)


def test_there_are_as_many_at_once_as_there_is_room_for(monkeypatch):
    for name, value in (("mem_get_info", (72e9, 80e9)), ("memory_reserved", 9e9)):
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1e9)
    gpu = torch.device("cuda", 0)
    assert cells_at_once(64**3, gpu) == int(0.8 * 80e9 / (BYTES * 64**3))
    assert cells_at_once(512**3, gpu) == 1 and cells_at_once(512**3, None) == 1
    grains, Q = voronoi_grains((4, 4), 2, 1), random_orientations(2, 1, dimension=2)
    cell = FullField.__new__(FullField)
    cell.cell = FFTCell(two_slip_crystal(), grains, Q, method="anderson", device="cpu")
    cell.increments = 1
    U = corners(2, 0.01, 2, paths=3)
    whole = cell.solve(U, 2e5, 1e-6).stress
    monkeypatch.setattr(full_field, "cells_at_once", lambda points, device: 2)
    np.testing.assert_allclose(cell.solve(U, 2e5, 1e-6).stress, whole, rtol=0, atol=1e-12)


def test_the_generator_offers_it():
    assert CELLS["fft"].devices == ("cpu", "cuda") and CELLS["fft"].device_block > 1
