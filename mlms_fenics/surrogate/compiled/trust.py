# SPDX-License-Identifier: MIT
"""A step of the trust measure in one compiled loop over the points."""

from math import log, sqrt

import numba
import numpy as np

from mlms_fenics.kinematics.strain_kernel import POINTS


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


_F = np.float32
_N = POINTS


@numba.njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy")
def _log(x):  # type: ignore[no-untyped-def]
    """log(x) of a normal float32 x > 0 to 2e-7."""
    bits = _F(x).view(np.int32)
    # x = 2^k z with z in [√½, √2).
    k = np.int32(np.int32(bits - np.int32(0x3F3504F3)) >> np.int32(23))
    z = np.int32(bits - np.int32(k << np.int32(23))).view(np.float32)
    f = (z - _F(1.0)) / (z + _F(1.0))
    s = f * f
    p = _F(2 / 3) + s * (_F(2 / 5) + s * (_F(2 / 7) + s * _F(2 / 9)))
    return _F(k) * _F(log(2.0)) + f * (_F(2.0) + s * p)


@numba.njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy")
def trust_of_chunk(trust, strain, before, memory, work, after, distance):  # type: ignore[no-untyped-def]
    """`step` for a chunk of points, in float32 with points last, two lags and three dimensions.

    Args:
        trust: float32 arrays: mean; whitening; keep and gain of both lags, `(2, 2)`; one over
            lag_size; lag_mean; lag_whitening; floor, elastic and forget.
        strain, before: log U at the end and the beginning, `(6 POINTS,)`.
        memory: `(14 POINTS,)`.
        work: `(9 POINTS,)`.
        after: memory after the step, filled in.
        distance: `(POINTS,)`, filled in.
    """
    mean, whitening, lags, size, lag_mean, lag_whitening, numbers = trust
    floor, elastic, forget = numbers[0], numbers[1], numbers[2]
    for i in range(6):
        scale = _F(1.0) if i < 3 else _F(sqrt(2.0))
        for p in range(_N):
            work[i * _N + p] = scale * strain[i * _N + p]
    for p in range(_N):
        square = _F(0.0)
        for i in range(6):
            square += work[i * _N + p] * work[i * _N + p]
        after[12 * _N + p] = max(memory[12 * _N + p], np.sqrt(square))
        distance[p] = _F(0.0)
    for i in range(6):
        w0, w1, w2 = whitening[i, 0], whitening[i, 1], whitening[i, 2]
        w3, w4, w5 = whitening[i, 3], whitening[i, 4], whitening[i, 5]
        m0, m1, m2, m3, m4, m5 = mean[0], mean[1], mean[2], mean[3], mean[4], mean[5]
        for p in range(_N):
            x = w0 * (work[p] - m0) + w1 * (work[_N + p] - m1) + w2 * (work[2 * _N + p] - m2)
            x += w3 * (work[3 * _N + p] - m3) + w4 * (work[4 * _N + p] - m4)
            x += w5 * (work[5 * _N + p] - m5)
            distance[p] += x * x
    for t in range(2):
        keep, gain, per = lags[0, t], lags[1, t], size[t]
        for p in range(_N):
            work[(6 + t) * _N + p] = _F(0.0)
        for i in range(6):
            scale = gain * (_F(1.0) if i < 3 else _F(sqrt(2.0)))
            row = (6 * t + i) * _N
            for p in range(_N):
                lag = keep * memory[row + p] + scale * (strain[i * _N + p] - before[i * _N + p])
                after[row + p] = lag
                work[(6 + t) * _N + p] += lag * lag
        for p in range(_N):
            largest = after[12 * _N + p]
            ratio = np.sqrt(work[(6 + t) * _N + p]) * per + floor
            work[(6 + t) * _N + p] = largest / (largest + elastic) * _log(ratio)
    for p in range(_N):
        work[8 * _N + p] = _F(3e38)
    for g in range(lag_mean.shape[0]):
        m0, m1, w = lag_mean[g, 0], lag_mean[g, 1], lag_whitening[g]
        w00, w01, w10, w11 = w[0, 0], w[0, 1], w[1, 0], w[1, 1]
        for p in range(_N):
            y0, y1 = work[6 * _N + p] - m0, work[7 * _N + p] - m1
            a, b = w00 * y0 + w01 * y1, w10 * y0 + w11 * y1
            work[8 * _N + p] = min(work[8 * _N + p], a * a + b * b)
    for p in range(_N):
        square = forget * memory[13 * _N + p] + (_F(1.0) - forget) * work[8 * _N + p]
        after[13 * _N + p] = square
        distance[p] = np.sqrt(max(distance[p], square))
