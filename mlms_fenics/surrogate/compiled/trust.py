# SPDX-License-Identifier: MIT
"""A step of the trust measure in one compiled loop over chunks of points."""

from math import sqrt

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics import vector_math
from mlms_fenics.kinematics.strain_kernel import POINTS
from mlms_fenics.kinematics.vector_math import log_positive
from mlms_fenics.surrogate.compiled import functions
from mlms_fenics.surrogate.compiled.functions import give, take

_OPTIONS = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}
_N = POINTS


@numba.njit(**_OPTIONS)
def trust_of_chunk(trust, strain, before, memory, work, after, distance):  # type: ignore[no-untyped-def]
    """Fill `after` and `distance`; see `trust.TrustMeasure.forward`, whose formulas these are.

    Args:
        trust: arrays of `TrustMeasure.arrays`.
        strain, before: log U at the end and the beginning, *Shape* `(c, POINTS)`.
        memory: *Shape* `(times c + 2, POINTS)`.
        work: *Shape* `(c + times + 1, POINTS)`.
        after: memory after the step, filled in.
        distance: *Shape* `(POINTS,)`, filled in.
    """
    scale, mean, whitening, lags, size, lag_mean, lag_whitening, numbers = trust
    floor, elastic, forget, learn = numbers[0], numbers[1], numbers[2], numbers[3]
    c, times = len(mean), lags.shape[1]
    largest, square = times * c, times * c + 1
    rate, nearest = work[c:], c + times
    for p in range(_N):
        after[largest, p] = 0.0
        distance[p] = 0.0
    for i in range(c):
        for p in range(_N):
            work[i, p] = scale[i] * strain[i, p]
            after[largest, p] += work[i, p] * work[i, p]
    for p in range(_N):
        after[largest, p] = max(memory[largest, p], sqrt(after[largest, p]))
    for i in range(c):
        for p in range(_N):
            work[nearest, p] = 0.0
        for j in range(c):
            for p in range(_N):
                work[nearest, p] += whitening[i, j] * (work[j, p] - mean[j])
        for p in range(_N):
            distance[p] += work[nearest, p] * work[nearest, p]
    for t in range(times):
        for p in range(_N):
            rate[t, p] = 0.0
        for i in range(c):
            keep, gain, row = lags[0, t], lags[1, t] * scale[i], t * c + i
            for p in range(_N):
                lag = keep * memory[row, p] + gain * (strain[i, p] - before[i, p])
                after[row, p] = lag
                rate[t, p] += lag * lag
        for p in range(_N):
            weight = after[largest, p] / (after[largest, p] + elastic)
            rate[t, p] = weight * log_positive(sqrt(rate[t, p]) * size[t] + floor)
    # The coordinates in `work` have served: their first two rows are used again.
    for p in range(_N):
        work[nearest, p] = 3e38
    for g in range(lag_mean.shape[0]):
        for p in range(_N):
            work[1, p] = 0.0
        for m in range(times):
            for p in range(_N):
                work[0, p] = 0.0
            for t in range(times):
                for p in range(_N):
                    work[0, p] += lag_whitening[g, m, t] * (rate[t, p] - lag_mean[g, t])
            for p in range(_N):
                work[1, p] += work[0, p] * work[0, p]
        for p in range(_N):
            work[nearest, p] = min(work[nearest, p], work[1, p])
    for p in range(_N):
        mean_square = forget * memory[square, p] + learn * work[nearest, p]
        after[square, p] = mean_square
        distance[p] = sqrt(max(distance[p], mean_square))


@numba.njit(**_OPTIONS)
def trust_space(trust, kind):  # type: ignore[no-untyped-def]
    """Work space of `measure`, of the floating type `kind`."""
    c, times = len(trust[1]), trust[3].shape[1]
    rows = times * c + 2
    return (
        np.empty((c, _N), kind),
        np.empty((rows, _N), kind),
        np.empty((rows, _N), kind),
        np.empty((c + times + 1, _N), kind),
        np.empty(_N, kind),
    )


@numba.njit(**_OPTIONS)
def measure(trust, now, before, memory, largest, start, here, space, new_memory, new_largest):  # type: ignore[no-untyped-def]
    """Largest distance so far of points `start` on, `here` of them.

    Args:
        trust: arrays of `TrustMeasure.arrays`.
        now: log U of these points at the end of the step, *Shape* `(c, POINTS)`.
        before, memory, largest: of all points at its beginning, points last.
        space: of `trust_space`.
        new_memory, new_largest: at its end, filled in.
    """
    old, kept, new, work, far = space
    take(before, 0, start, here, old)
    take(memory, 0, start, here, kept)
    trust_of_chunk(trust, now, old, kept, work, new, far)
    give(new, new_memory, 0, start, here)
    for p in range(here):
        new_largest[start + p] = max(largest[start + p], far[p])


def _cached(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**_OPTIONS, cache=True)
    def trust_step(trust, strain, before, memory, distance, after):  # type: ignore[no-untyped-def]
        """The distance of all points, in the arrays' precision.

        Args:
            trust: arrays of `TrustMeasure.arrays`.
            strain, before: *Shape* `(c, n)`.
            memory: *Shape* `(times c + 2, n)`.
            distance: *Shape* `(n,)`, zero; filled in.
            after: memory after the step, filled in.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        n, space = strain.shape[1], trust_space(trust, strain.dtype)
        now = np.empty((len(strain), _N), strain.dtype)
        for start in range(0, n, _N):
            here = min(_N, n - start)
            take(strain, 0, start, here, now)
            measure(trust, now, before, memory, distance, start, here, space, after, distance)

    return trust_step


trust_step = _cached(source_checksum(vector_math, functions))
