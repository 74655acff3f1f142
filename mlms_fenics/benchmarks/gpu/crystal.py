# SPDX-License-Identifier: MIT
"""Grain-substeps per second, and paths of the Taylor average per second."""

import time
from contextlib import nullcontext

import numpy as np
import torch

from mlms_fenics.benchmarks.gpu.place import Found, Place, difference
from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.materials import magnesium
from mlms_fenics.materials.crystal.apart import integrate_apart
from mlms_fenics.materials.crystal.paths import integrate_paths
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

PATHS = 30_000  # of the source's data
_STEPS = 200


def measure(place: Place, found: Found) -> None:
    """The explicit engine on 10% walks against itself on the CPU, then its speed."""
    law = magnesium()
    grains = 2 if place.quick else 128
    Q = random_orientations(grains, seed=1)
    U = _walks(2, 4 if place.quick else _STEPS)
    segments = np.full(U.shape[1] - 1, 1.0 / _STEPS)
    expected = integrate_paths(law, U, Q, segments, 1e-4, steps="explicit")
    given = [torch.from_numpy(x).to(place.device) for x in (U, Q, segments)]
    with place.there():
        there = integrate_apart(law, *given, 1e-4)
    deviator = torch.from_numpy(expected.deviator)
    found.check("stress of each grain along a walk", difference(deviator, there["deviator"]), 1e-10)
    substeps = torch.from_numpy(expected.substeps)
    found.check("substeps of each grain", difference(substeps, there["substeps"]), 0.0)
    _speed(found, place, TaylorAverage(law, Q), 1 if place.quick else 4, "one core")
    on_device = TaylorAverage(law, Q, device=place.device)
    for n in (1,) if place.quick else (64, 512, 4096):
        _speed(found, place, on_device, n, f"{n} paths at once")


def _walks(n: int, steps: int) -> np.ndarray:
    settings = PathSettings(steps=_STEPS, max_strain=0.1)
    U = np.stack([sample_path(settings, 1, k % 256) for k in range(n)])
    return np.ascontiguousarray(U[:, : steps + 1])


def _speed(found: Found, place: Place, cell: TaylorAverage, n: int, name: str) -> None:
    U = _walks(n, 4 if place.quick else _STEPS)
    horizon = (U.shape[1] - 1) / _STEPS
    with nullcontext() if cell.device is None else place.there():
        cell.solve(U[:1, :3], 2.0 / _STEPS)  # compile
        begin = time.perf_counter()
        results = cell.solve(U, horizon)
        seconds = time.perf_counter() - begin
    trials = float(results.substeps.sum() + results.rejected.sum())
    found.figure(f"Taylor average, {name}", n / seconds, "paths/s")
    found.figure(f"Taylor average, {name}", trials / seconds, "grain-substeps/s")
    if not place.quick:
        found.figure(f"{PATHS} such paths, {name}", PATHS * seconds / n, "s")
