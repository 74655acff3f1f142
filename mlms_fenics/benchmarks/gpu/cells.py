# SPDX-License-Identifier: MIT
"""Full-field cells per second, many in one call, in two and three dimensions."""

import time
from contextlib import nullcontext

import numpy as np

from mlms_fenics.benchmarks.gpu.place import Found, Place
from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.materials import magnesium, two_slip_crystal
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.unitcell import FFTCell

_HORIZON = {2: 1e6, 3: 1.0}  # of whole walks, µs


def measure(place: Place, found: Found) -> None:
    """Averages of the accelerated scheme against the CPU's, then speed by number of cells."""
    cases = ((2, 8, 4), (3, 4, 4)) if place.quick else ((2, 32, 16), (3, 16, 16))
    for d, points, grains in cases:
        law = two_slip_crystal() if d == 2 else magnesium()
        given = (
            law,
            voronoi_grains((points,) * d, grains, 1),
            random_orientations(grains, 1, dimension=d),
        )
        here = FFTCell(*given, method="anderson")
        there = FFTCell(*given, method="anderson", device=place.device)
        steps = 2 if place.quick else 10
        name = f"{points}^{d} points"
        expected, seconds = _solved(place, here, _walks(2, steps, d))
        with_device, _ = _solved(place, there, _walks(2, steps, d))
        value = np.abs(with_device - expected).max() / np.abs(expected).max()
        found.check(f"average stress of cells of {name}", value, 1e-8)
        found.figure(f"cells of {name}, {steps} increments, one core", 2 / seconds, "cells/s")
        for n in (2,) if place.quick else (16, 128):
            seconds = _solved(place, there, _walks(n, steps, d))[1]
            found.figure(f"cells of {name}, {n} in one call", n / seconds, "cells/s")


def _walks(n: int, steps: int, d: int) -> np.ndarray:
    settings = PathSettings(steps=200, max_strain=0.1, dimension=d)
    U = np.stack([sample_path(settings, 1, k % 64) for k in range(n)])
    return np.ascontiguousarray(U[:, : steps + 1])


def _solved(place: Place, cell: FFTCell, U: np.ndarray) -> tuple[np.ndarray, float]:
    horizon = _HORIZON[U.shape[-1]] * (U.shape[1] - 1) / 200
    with nullcontext() if cell.device is None else place.there():
        cell.solve(U[:1, :2], horizon / (U.shape[1] - 1))  # compile
        begin = time.perf_counter()
        stress = cell.solve(U, horizon).stress
        return stress, time.perf_counter() - begin
