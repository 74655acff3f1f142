# SPDX-License-Identifier: MIT
"""Speed of the crystal law and of the Taylor average, on one core and on a torch device."""

import time
from collections.abc import Iterator

import numba
import numpy as np

from mlms_fenics.benchmarks.timing import cpu_seconds, relative_error
from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.materials import magnesium
from mlms_fenics.materials.crystal import kernel as ck
from mlms_fenics.materials.crystal import step as cs
from mlms_fenics.materials.crystal.paths import crystal_tables
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

PAPER_SECONDS = 197.0  # a path of Liu et al. 2022: 5.9e6 s of CPU time for 30,000
PAPER_PATHS = 30_000
REFERENCE = 1e-6  # tolerance that stands for the exact stress


def flops_per_evaluation(n_slip: int, n_twin: int) -> int:
    """Additions and multiplications of one evaluation of the rates at one grain, counted by hand.

    F, det F, A, AᵀA and the Mandel stress; the effective Mandel stress; resolved shear, strength,
    (m = 1/2) rate and stiffness of a slip system; the slip velocity; a twin; Ḃ. An exponential or
    a logarithm counts 25.
    """
    kinematics = 18 + 14 + 60 + 9 * 5 + 30 + 22
    slip = 11 + 30 + 8 + 10 + 9 * 2
    twin = 40 + 70 + 11 + 8 + 10 + 9 * 2
    return kinematics + n_slip * slip + n_twin * twin + 9 * 6


def report(n_grains: int, n_paths: int, device: str | None = None) -> Iterator[str]:
    """Lines of the benchmark's table, each as soon as it is known (seconds of CPU time)."""
    law = magnesium()
    yield f"Magnesium, 12 slip and 6 twin systems, float64, one core; {n_grains} grains."
    peak = measure_peak()
    yield f"  arithmetic peak of one core (multiply-adds in registers): {peak / 1e9:.1f} GFLOP/s"
    evaluations = rate_evaluations()
    share = evaluations * flops_per_evaluation(law.n_slip, law.n_twin) / peak
    yield (
        f"  rates of one grain, kernel alone: {evaluations / 1e6:.1f}e6 evaluations/s, "
        f"{share:.0%} of that peak; bound by loads: a lane's operands pass through the caches, "
        "about two for each multiply-add"
    )
    taylor = TaylorAverage(law, random_orientations(n_grains, seed=1))
    single = TaylorAverage(law, random_orientations(1, seed=1))
    single.stress(np.tile(np.eye(3), (2, 1, 1)), 1.0)  # compile
    for strain in (0.1, 0.5):
        settings = PathSettings(steps=200, max_strain=strain)
        U = np.stack([sample_path(settings, 1, k) for k in range(n_paths)])
        exact = taylor.stress(U[:2], 1.0, REFERENCE)
        for tolerance in (1e-3, 1e-4):
            results, seconds = cpu_seconds(lambda U=U, t=tolerance: taylor.solve(U, 1.0, t))
            trials = int(results.substeps.sum() + results.rejected.sum())
            error = relative_error(results.stress[:2], exact)
            each = seconds / n_paths
            yield (
                f"  walk to {strain:.0%} in 200 steps, tolerance {tolerance:.0e}: "
                f"{each:.3f} s a path (paper: {PAPER_SECONDS:.0f} s, "
                f"{PAPER_SECONDS / each:.0f} times), "
                f"{trials / seconds / 1e6:.2f}e6 grain-substeps/s of 3 evaluations, "
                f"{trials / n_paths / n_grains:.0f} a grain, "
                f"{results.rejected.sum() / trials:.1%} rejected, error {error:.1e}"
            )
    yield (
        f"  {PAPER_PATHS} paths like the last: {each * PAPER_PATHS / 60:.0f} minutes on one core, "
        f"{each * PAPER_PATHS / 120:.0f} on two"
    )
    if device is not None:
        yield from _device_lines(law, taylor, U, each, device)


def _device_lines(law, taylor, U, cpu_each, device) -> Iterator[str]:
    other = TaylorAverage(law, taylor.orientations, device=device)
    other.stress(U[:1, :3], 0.01)
    many = np.concatenate([U] * 64) if device.startswith("cuda") else U[:1]
    start = time.perf_counter()
    sigma = other.stress(many, 1.0)
    each = (time.perf_counter() - start) / len(many)
    difference = np.abs(sigma[0] - taylor.stress(U[0], 1.0)).max() / np.abs(sigma[0]).max()
    yield (
        f"  torch on {device}, {len(many)} paths at once: {each:.4f} s a path, "
        f"{cpu_each / each:.2g} times one core; {each * PAPER_PATHS / 60:.1f} minutes for "
        f"{PAPER_PATHS}; difference to the CPU {difference:.0e}"
    )


def rate_evaluations(repeat: int = 2000) -> float:
    """Evaluations of one grain's rates per second of CPU time, by the compiled kernel alone."""
    law = magnesium()
    slip, twin = crystal_tables(law)
    rng = np.random.default_rng(0)
    w, S = (0.01 * rng.random(rows * ck.L) for rows in (cs.ROWS, cs.STATE_ROWS))
    for i in range(3):
        for rows, first in ((w, ck.F_START), (S, cs.Y0)):
            row = first + 4 * i
            rows[row * ck.L : (row + 1) * ck.L] += 1.0

    @numba.njit
    def many(w, S, slip, twin, n):
        for _ in range(n):
            ck.rates(w, S, cs.Y0, cs.F1, slip, twin, False, 25.0)

    many(w, S, slip, twin, 1)
    _, seconds = cpu_seconds(lambda: many(w, S, slip, twin, repeat), repeat=5)
    return repeat * ck.L / seconds


def measure_peak(n: int = 200_000) -> float:
    """Floating-point operations per second of independent fused multiply-adds on a small array."""

    @numba.njit(fastmath={"contract"}, error_model="numpy")
    def chains(x, n):
        a, b = 0.999999, 1e-7
        for _ in range(n):
            for i in range(np.uint64(128)):
                y = x[i]
                y = y * a + b
                y = y * a + b
                y = y * a + b
                y = y * a + b
                y = y * a + b
                y = y * a + b
                y = y * a + b
                x[i] = y * a + b

    x = np.ones(128)
    chains(x, 1)
    _, seconds = cpu_seconds(lambda: chains(x, n), repeat=5)
    return 2.0 * 8 * 128 * n / seconds
