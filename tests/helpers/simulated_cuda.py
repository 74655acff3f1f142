# SPDX-License-Identifier: MIT
"""Laws of the CUDA kernels in numba's simulator beside the CPU's; prints a dict of differences.

To be run with NUMBA_ENABLE_CUDASIM=1, which numba reads when it is imported.
"""

import json

import numpy as np
import torch

from mlms_fenics.device import treated_as_apart
from mlms_fenics.gpu import launch
from mlms_fenics.materials import J2, johnson_cook, magnesium
from mlms_fenics.materials.hill import Hill, hill_coefficients
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

LAWS = {
    "J2": J2(young=117.0, poisson=0.35, yield_stress=0.1, hardening=0.1, density=8.93),
    "Johnson-Cook": johnson_cook("OFHC copper"),
    "Hill": Hill(
        young=45.0, poisson=0.3, density=1.74, A=0.1, B=0.2, n=0.3, C=0.02,
        coefficients=hill_coefficients(1.0, 1.2, 0.8),
    ),
}  # fmt: skip


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference over the largest entry."""
    return float((a - b).abs().max() / a.abs().max())


def law_difference(law, steps: int = 2, points: int = 3) -> float:
    """Largest difference of stress and state over a few plastic steps."""
    rng, found = np.random.default_rng(3), 0.0
    A = torch.from_numpy(0.02 * rng.standard_normal((points, 3, 3)))
    here = there = law.initial_state(points)
    for k in range(1, steps + 1):
        F = torch.eye(3, dtype=torch.float64) + k * A
        s0, here = law.update(F, 0.1 * k, 0.1, here)
        with treated_as_apart():
            assert launch.usable(F.device)
            s1, there = law.update(F, 0.1 * k, 0.1, there)
        pairs = [(s0, s1), *((here[name], there[name]) for name in here)]
        found = max(found, *(difference(a, b) for a, b in pairs))
    return found


def taylor_difference() -> float:
    """Of stress and statistics of four grains along a short path with a corner."""
    path = np.eye(3) + np.array([0.0, 0.004, 0.006])[:, None, None] * np.diag([1.0, -0.5, -0.5])
    path[2, 0, 1] = path[2, 1, 0] = 0.002
    law, Q = magnesium(), random_orientations(3, seed=1)
    here = TaylorAverage(law, Q).solve(path[None], 0.02, 1e-3)
    with treated_as_apart():
        there = TaylorAverage(law, Q, device="cpu").solve(path[None], 0.02, 1e-3)
    assert np.array_equal(here.substeps, there.substeps) and here.substeps.min() > 6
    return float(np.abs(here.stress - there.stress).max() / np.abs(here.stress).max())


if __name__ == "__main__":
    assert launch.SIMULATED
    found = {name: law_difference(law) for name, law in LAWS.items()}
    print(json.dumps({**found, "Taylor": taylor_difference()}))
