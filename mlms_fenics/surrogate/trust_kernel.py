# SPDX-License-Identifier: MIT
"""A step of the trust measure in one compiled loop over the points."""

from math import log, sqrt

import numba
import numpy as np


@numba.njit(cache=True, error_model="numpy")
def step(
    strain, before, memory, scale, mean, whitening, keep, gain, lag_size, lag_mean, lag_whitening,
    floor, elastic, forget, distance, after,
):  # fmt: skip
    """Fill `distance` and `after`; see `trust.TrustMeasure.forward`, whose formulas these are.

    Args:
        strain, before, memory: of n points.
        scale: from components to isometric coordinates, *Shape* `(c,)`.
        mean, whitening, lag_size, lag_mean, lag_whitening: the fitted buffers.
        keep, gain: of each lag over the step, *Shape* `(times,)`.
        floor, elastic: the measure's constants.
        forget: share of the mean square distance that the step keeps.
        distance, after: *Shape* `(n,)` and that of `memory`.
    """
    c, times, groups = scale.shape[0], keep.shape[0], lag_mean.shape[0]
    s, y = np.empty(c), np.empty(times)
    for n in range(strain.shape[0]):
        square = 0.0
        for i in range(c):
            s[i] = scale[i] * strain[n, i]
            square += s[i] * s[i]
        largest = max(memory[n, times * c], sqrt(square))
        after[n, times * c] = largest
        size = 0.0
        for i in range(c):
            x = 0.0
            for j in range(c):
                x += whitening[i, j] * (s[j] - mean[j])
            size += x * x
        weight = largest / (largest + elastic)
        for k in range(times):
            square = 0.0
            for i in range(c):
                lag = keep[k] * memory[n, k * c + i]
                lag += gain[k] * (s[i] - scale[i] * before[n, i])
                after[n, k * c + i] = lag
                square += lag * lag
            y[k] = weight * log(sqrt(square) / lag_size[k] + floor)
        nearest = np.inf
        for g in range(groups):
            square = 0.0
            for k in range(times):
                x = 0.0
                for m in range(times):
                    x += lag_whitening[g, k, m] * (y[m] - lag_mean[g, m])
                square += x * x
            nearest = min(nearest, square)
        nearest = forget * memory[n, times * c + 1] + (1.0 - forget) * nearest
        after[n, times * c + 1] = nearest
        distance[n] = sqrt(max(size, nearest))
