# SPDX-License-Identifier: MIT
"""What a law costs, measured through the contract that the macroscale uses."""

import time as clock
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch

from mlms_fenics.judge.isotropy import rotations
from mlms_fenics.kinematics.tensors import embedded, from_components
from mlms_fenics.materials.base import Material

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
    their ratios are free of the machine's noise.

    Args:
        materials: laws by name, on the CPU.
        U: components of histories, repeated to the number of points, *Shape* `(N, n_t + 1, c)`.
        time: *Shape* `(n_t + 1,)`, µs.
        points: batch of one update.
        seconds: go on for at least so long, or to the end of the history.

    Returns:
        By name, µs of process time per point and step.
    """
    F = from_components(np.asarray(U, np.float64))[np.arange(points) % len(U)]
    F = rotations(points, F.shape[-1])[:, None] @ F
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {
            name: _cost(material, _for(material, F), time, seconds)
            for name, material in materials.items()
        }
    finally:
        torch.set_num_threads(threads)


def _for(material: Material, F: np.ndarray) -> torch.Tensor:
    plane = F.shape[-1] == 2 and getattr(material, "dimension", 3) == 3
    return torch.tensor(embedded(F) if plane else F, dtype=torch.float64)


def _cost(material: Material, F: torch.Tensor, time: np.ndarray, seconds: float) -> float:
    state = material.initial_state(len(F))
    # Two long steps first: out of the elastic range, compiled, and built what the others need.
    first = min(10, len(time) // 2)
    instants = [0, *sorted({first // 2, first} - {0}), *range(first + 1, len(time))]
    spent: list[float] = []
    for m, n in pairwise(instants):
        given = F[:, n].contiguous()  # as the macroscale's is
        start = clock.process_time()
        _, state = material.update(given, float(time[n]), float(time[n] - time[m]), state)
        if n > first:
            spent.append(clock.process_time() - start)
            if sum(spent) > seconds and len(spent) >= LEAST:
                break
    return 1e6 * float(np.median(spent)) / len(F)
