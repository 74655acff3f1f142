# SPDX-License-Identifier: MIT
"""Does the stress depend on the time steps, and does it survive beyond the horizon?"""

from itertools import pairwise
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.materials.polycrystal import Polycrystal
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.histories import exponential, logarithm, resampled, run
from mlms_fenics.surrogate.metrics import path_errors

FACTOR = 4


def self_consistency(law: LearntLaw, U: np.ndarray, time: np.ndarray) -> dict[str, float]:
    """Mean relative deviatoric difference of the law from itself on other steps of the same path.

    Args:
        law: to be judged.
        U: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`.
        time: *Shape* `(n_t + 1,)`, µs.

    Returns:
        "finer": each step cut into four; "coarser": four steps joined to one; "irregular": each of
        those cut at random into one to eight uneven ones. The path is the same polygon, and the
        stress is compared where all of them have it.
    """

    def difference(U: np.ndarray, knots: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
        there = [
            run(law, resampled(U, knots, new), new)[0][:, np.isin(new, knots)] for new in (a, b)
        ]
        return float(path_errors(*there, knots)["deviatoric"].mean())

    result = {"finer": difference(U, time, _cut(time, FACTOR), time)}
    if (len(time) - 1) % FACTOR == 0:
        # Against the law itself on the same, coarser polygon, so that only the steps differ.
        knots, coarse = time[::FACTOR], U[:, ::FACTOR]
        steps = _cut(knots, FACTOR)
        result["coarser"] = difference(coarse, knots, knots, steps)
        result["irregular"] = difference(coarse, knots, _cut_at_random(knots), steps)
    return result


def _cut(time: np.ndarray, parts: int) -> np.ndarray:
    inner = time[:-1, None] + np.diff(time)[:, None] * np.arange(parts) / parts
    return np.append(inner.ravel(), time[-1])


def _cut_at_random(time: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pieces = [
        np.append(a, a + (b - a) * np.sort(rng.uniform(0.02, 0.98, rng.integers(0, 8))))
        for a, b in pairwise(time)
    ]
    return np.append(np.concatenate(pieces), time[-1])


def beyond_the_horizon(
    law: LearntLaw, U: np.ndarray, time: np.ndarray, reference: Polycrystal | None = None
) -> dict[str, Any]:
    """Runs of twice the training horizon: refused, or how large the stress becomes.

    Each path is followed by the increments of the next one.

    Returns:
        "refused", the law's message, or "growth", the largest deviatoric stress of the second half
        over that of the first, "bounded", and with a reference the mean deviatoric error of each
        half ("first", "second"), relative to the polycrystal's stress in that half.
    """
    horizon = float(time[-1])
    try:
        law.check_end_time(2.0 * horizon)
    except InputError as error:
        return {"refused": str(error)}
    strain = logarithm(U)
    after = np.roll(strain, 1, axis=0)
    whole = exponential(np.concatenate([strain, strain[:, -1:] + after[:, 1:]], axis=1))
    times = np.concatenate([time, horizon + time[1:]])
    sigma, distance = run(law, whole, times)
    E, half = isometry(law.dimension, deviatoric=True).T, len(time) - 1
    size = np.linalg.norm(sigma @ E, axis=-1)
    result = {
        "growth": float(size[:, half:].max() / size[:, : half + 1].max()),
        "bounded": bool(np.isfinite(sigma).all()),
        "outside_training_range": float((distance > 1.0).mean()),
    }
    if reference is not None:
        truth = reference.stress(whole, times)
        for name, rows in (("first", slice(0, half + 1)), ("second", slice(half, None))):
            errors = path_errors(sigma[:, rows], truth[:, rows], time)
            result[name] = float(errors["deviatoric"].mean())
    return result
