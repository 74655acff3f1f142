# SPDX-License-Identifier: MIT
"""Paths per second of a metal of real rate exponents: implicit steps, whose kernel a GPU alone has.

The last part, as the compiler takes minutes over that kernel.
"""

import time

import numpy as np
import torch

from mlms_fenics.benchmarks.gpu.place import Found, Place, difference
from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

_METAL, _GRAINS, _STEPS, _TOLERANCE = "copper", 32, 100, 1e-3


def measure(place: Place, found: Found) -> None:
    """The average stress of copper on 10% walks against the CPU's, then the speed of both."""
    law = metal(_METAL)
    Q = random_orientations(_GRAINS, seed=1)
    settings = PathSettings(steps=_STEPS, max_strain=0.1)
    U = np.stack([sample_path(settings, 1, k) for k in range(256)])
    cells = {None: TaylorAverage(law, Q), place.device: TaylorAverage(law, Q, place.device)}
    stress, figures = [], []
    for device, cell in cells.items():
        n = 4 if device is None else len(U)
        cell.solve(U[:1, :3], 2.0 / _STEPS, _TOLERANCE)  # compile
        begin = time.perf_counter()
        stress.append(cell.solve(U[:n], 1.0, _TOLERANCE).stress[:4])
        seconds = time.perf_counter() - begin
        name = "one core" if device is None else f"{n} paths at once"
        figures.append((f"{_METAL}, {_GRAINS} grains, {name}", n / seconds, "paths/s"))
    # Round-off decides now and then whether a step is taken, and what follows is within tolerance.
    value = difference(*(torch.from_numpy(x) for x in stress))
    found.check(f"average stress of {_METAL}", value, _TOLERANCE)
    for figure in figures:
        found.figure(*figure)
