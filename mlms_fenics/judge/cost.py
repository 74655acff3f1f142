# SPDX-License-Identifier: MIT
"""What a law costs, measured through the contract that the macroscale uses."""

import math
import time as clock
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch

from mlms_fenics.judge.isotropy import rotations
from mlms_fenics.kinematics.tensors import embedded, from_components
from mlms_fenics.materials.base import Material
from mlms_fenics.surrogate.parts import LONGEST_STRAIN, coarsest_step

POINTS = 3200
LEAST = 5  # steps, of which one may have been interrupted or compiled something


def costs(
    materials: Mapping[str, Material],
    U: np.ndarray,
    time: np.ndarray,
    points: int = POINTS,
    seconds: float = 0.4,
) -> dict[str, float]:
    """CPU time per point and step of `Material.update`, one thread, µs.

    All laws run along the same histories, rotations included, in one run of this process: only
    their ratios are free of the machine's noise. Steps are the histories' own or, where these
    strain by more than a learnt law takes whole, equal parts of them: an impact's are far smaller.

    Args:
        materials: laws by name, on the CPU.
        U: components of histories, repeated to the number of points, *Shape* `(N, n_t + 1, c)`.
        time: *Shape* `(n_t + 1,)`, µs.
        points: batch of one update.
        seconds: go on for at least so long, or to the end of the history.

    Returns:
        By name, µs of process time per point and step.
    """
    stretch = from_components(np.asarray(U, np.float64))
    parts = max(1, math.ceil(coarsest_step(stretch) / LONGEST_STRAIN))
    F = stretch[np.arange(points) % len(U)]
    F = rotations(points, F.shape[-1])[:, None] @ F
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {
            name: _cost(material, _for(material, F), time, parts, seconds)
            for name, material in materials.items()
        }
    finally:
        torch.set_num_threads(threads)


def _for(material: Material, F: np.ndarray) -> torch.Tensor:
    plane = F.shape[-1] == 2 and getattr(material, "dimension", 3) == 3
    return torch.tensor(embedded(F) if plane else F, dtype=torch.float64)


def _cost(
    material: Material, F: torch.Tensor, time: np.ndarray, parts: int, seconds: float
) -> float:
    state = material.initial_state(len(F))
    # Two long steps first: out of the elastic range, compiled, and built what the others need.
    first, last = min(10, len(time) // 2), len(time) - 1
    later = first + np.arange(1, parts * (last - first) + 1) / parts
    instants = [0.0, *sorted({float(first // 2), float(first)} - {0.0}), *later.tolist()]
    spent: list[float] = []
    for begin, end in pairwise(instants):
        n = min(int(end), last - 1)
        given = torch.lerp(F[:, n], F[:, n + 1], end - n)  # contiguous, as the macroscale's is
        t, dt = _between(time, begin, end)
        start = clock.process_time()
        _, state = material.update(given, t, dt, state)
        if end > first:
            spent.append(clock.process_time() - start)
            if sum(spent) > seconds and len(spent) >= LEAST:
                break
    return 1e6 * float(np.median(spent)) / len(F)


def _between(time: np.ndarray, begin: float, end: float) -> tuple[float, float]:
    """Time at node `end`, a fraction of them between two, and since node `begin`."""
    before, after = np.interp((begin, end), np.arange(len(time)), time)
    return float(after), float(after - before)
