# SPDX-License-Identifier: MIT
"""A whole `RecurrentLaw.update` in three dimensions as one compiled loop over chunks of points.

From F to the rotated stress and the measure of trust nothing leaves a core's own cache, and all
loops run over points, so that they are vectorised; matrix products are those of BLAS. What it
computes is what `RecurrentLaw.step`, `TrustMeasure` and `LearntLaw.update` do in torch, in float32,
with rotation and strain in float64.
"""

from math import sqrt

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics import strain_kernel, vector_math
from mlms_fenics.kinematics.strain_kernel import (
    GROWTH,
    POINTS,
    ROWS,
    VOLUME,
    kinematics,
    load,
)
from mlms_fenics.surrogate.compiled import trust as trust_kernel
from mlms_fenics.surrogate.compiled.trust import trust_of_chunk
from mlms_fenics.surrogate.recurrent import cell as recurrent_cell
from mlms_fenics.surrogate.recurrent import kernel as recurrent_kernel
from mlms_fenics.surrogate.recurrent.kernel import _drive, _move

_OPTIONS = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}
_F = np.float32
_N = POINTS
_HALF, _SIXTH = _F(1 / sqrt(2.0)), _F(1 / sqrt(6.0))
_ELASTIC = 5


@numba.njit(**_OPTIONS)
def _silu(h, bias):  # type: ignore[no-untyped-def]
    """silu(h + bias) in place, to 1e-6 of itself for |x| < 20."""
    for i in range(h.shape[0]):
        b = bias[i]
        for p in range(_N):
            x = h[i, p] + b
            # exp(-x) = 2^n 2^f with |f| <= 1/2, where Taylor's polynomial is good to 2e-7.
            t = min(max(x * _F(-1.442695041), _F(-126.0)), _F(126.0))
            n = np.floor(t + _F(0.5))
            f = t - n
            q = _F(0.0096181291) + f * (_F(0.0013333558) + f * _F(0.000154035304))
            q = _F(1.0) + f * (
                _F(0.69314718) + f * (_F(0.24022651) + f * (_F(0.055504109) + f * q))
            )
            power = np.int32(np.int32(n) << np.int32(23))
            e = np.int32(_F(q).view(np.int32) + power).view(np.float32)
            h[i, p] = x / (_F(1.0) + e)


@numba.njit(**_OPTIONS)
def _take(rows, start, here, flat):  # type: ignore[no-untyped-def]
    """Copy a chunk of `rows` `(rows, n)` to `flat`; points beyond the last one are zero."""
    for i in range(rows.shape[0]):
        for p in range(here):
            flat[i * _N + p] = rows[i, start + p]
        for p in range(here, _N):
            flat[i * _N + p] = _F(0.0)


@numba.njit(**_OPTIONS)
def _give(flat, start, here, rows):  # type: ignore[no-untyped-def]
    for i in range(rows.shape[0]):
        for p in range(here):
            rows[i, start + p] = flat[i * _N + p]


@numba.njit(**_OPTIONS)
def _features(k, old, c, strain, z):  # type: ignore[no-untyped-def]
    """`RecurrentCell.features` of a chunk, from log U at both ends of the step.

    Args:
        k: of `kinematics`.
        old: log U at the beginning, `(6 POINTS,)`.
        c: scales, see `update`.
        strain: log U at the end, `(6 POINTS,)`, filled in.
        z: `(16 POINTS + ...,)`, of which the first rows are filled in.
    """
    rate, elastic, whole, volume = c[0], c[1], c[2], c[3]
    for i in range(6):
        for p in range(_N):
            strain[i * _N + p] = _F(k[i * _N + p])
    for p in range(_N):
        a, b, g = old[p], old[_N + p], old[2 * _N + p]
        z[10 * _N + p] = (a - b) * _HALF * whole
        z[11 * _N + p] = (g + g - a - b) * _SIXTH * whole
        a, b, g = strain[p] - a, strain[_N + p] - b, strain[2 * _N + p] - g
        z[5 * _N + p] = (a - b) * _HALF
        z[6 * _N + p] = (g + g - a - b) * _SIXTH
        z[15 * _N + p] = _F(k[VOLUME * _N + p]) * volume
    for i in range(3):
        for p in range(_N):
            before = old[(3 + i) * _N + p]
            z[(12 + i) * _N + p] = before * (_F(2.0) * _HALF) * whole
            z[(7 + i) * _N + p] = (strain[(3 + i) * _N + p] - before) * (_F(2.0) * _HALF)
    for p in range(_N):
        square = _F(0.0)
        for i in range(_ELASTIC):
            square += z[(5 + i) * _N + p] * z[(5 + i) * _N + p]
        root = rate / np.sqrt(np.sqrt(square * rate * rate + _F(1e-4)))
        for i in range(_ELASTIC):
            change = z[(5 + i) * _N + p]
            z[i * _N + p] = change * root
            z[(5 + i) * _N + p] = change * elastic


@numba.njit(**_OPTIONS)
def _stress(k, y, branches, c, start, here, s, sigma):  # type: ignore[no-untyped-def]
    """R σ Rᵀ of a chunk, from the elastic strains; `s` is work space, `(12 POINTS,)`."""
    scale, shear, bulk = c[4], c[5], c[6]
    for i in range(_ELASTIC):
        for p in range(_N):
            s[i * _N + p] = y[i * _N + p]
        for branch in range(1, branches):
            for p in range(_N):
                s[i * _N + p] += y[(branch * _ELASTIC + i) * _N + p]
    share = scale * shear / _F(branches)
    for p in range(_N):
        growth = _F(k[GROWTH * _N + p])
        factor = share / (_F(1.0) + growth)
        normal, axial = s[p] * _HALF * factor, s[_N + p] * _SIXTH * factor
        a, b, g = normal - axial, -normal - axial, axial + axial
        factor *= _HALF
        d, h, m = s[2 * _N + p] * factor, s[3 * _N + p] * factor, s[4 * _N + p] * factor
        R00, R01, R02 = _F(k[8 * _N + p]), _F(k[9 * _N + p]), _F(k[10 * _N + p])
        R10, R11, R12 = _F(k[11 * _N + p]), _F(k[12 * _N + p]), _F(k[13 * _N + p])
        R20, R21, R22 = _F(k[14 * _N + p]), _F(k[15 * _N + p]), _F(k[16 * _N + p])
        x0, x1, x2 = (
            R00 * a + R01 * d + R02 * m,
            R00 * d + R01 * b + R02 * h,
            R00 * m + R01 * h + R02 * g,
        )
        y0, y1, y2 = (
            R10 * a + R11 * d + R12 * m,
            R10 * d + R11 * b + R12 * h,
            R10 * m + R11 * h + R12 * g,
        )
        z0, z1, z2 = (
            R20 * a + R21 * d + R22 * m,
            R20 * d + R21 * b + R22 * h,
            R20 * m + R21 * h + R22 * g,
        )
        pressure = bulk * growth
        s[6 * _N + p] = x0 * R00 + x1 * R01 + x2 * R02 + pressure
        s[7 * _N + p] = y0 * R10 + y1 * R11 + y2 * R12 + pressure
        s[8 * _N + p] = z0 * R20 + z1 * R21 + z2 * R22 + pressure
        s[9 * _N + p] = x0 * R10 + x1 * R11 + x2 * R12
        s[10 * _N + p] = y0 * R20 + y1 * R21 + y2 * R22
        s[11 * _N + p] = x0 * R20 + x1 * R21 + x2 * R22
    for p in range(here):
        n = start + p
        sigma[n, 0, 0], sigma[n, 1, 1], sigma[n, 2, 2] = s[6 * _N + p], s[7 * _N + p], s[8 * _N + p]
        sigma[n, 0, 1] = sigma[n, 1, 0] = s[9 * _N + p]
        sigma[n, 1, 2] = sigma[n, 2, 1] = s[10 * _N + p]
        sigma[n, 0, 2] = sigma[n, 2, 0] = s[11 * _N + p]


def _cached(sources: int):  # type: ignore[no-untyped-def]
    # numba's cache looks at this file's date only; a captured value is part of its key.
    @numba.njit(**_OPTIONS, cache=True)
    def update(
        weights, trust, c, branches, F, y, strain, since, memory, distance, sigma, new_y,
        new_strain, new_memory, new_distance,
    ):  # fmt: skip
        """One step of all points.

        Args:
            weights: of the network, w1, b1, w2, b2, w3, b3; w1 for (features, state).
            trust: of the measure of trust, see `compiled.trust.trust_of_chunk`.
            c: float32 numbers: 1/(dt rate_scale), 1/elastic_scale, 1/strain_scale, 1/volume_scale,
                elastic_scale, 2G, bulk modulus, FAST dt, with dt over the reference time.
            branches: number of elastic strains.
            F: *Shape* `(n, 3, 3)`.
            y, strain: state at the beginning, points last.
            since: strain at the beginning of the step that the measure of trust sees; the network's
                may be its last part only.
            memory, distance: of that measure, at that beginning.
            sigma: *Shape* `(n, 3, 3)`, filled in.
            new_y, new_strain, new_memory, new_distance: state at the end, filled in.

        Returns:
            The first point with det F <= 0 or NaN, where it stops; or -1.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return -1
        w1, b1, w2, b2, w3, b3 = weights
        states, n, width = y.shape[0], F.shape[0], w1.shape[0]
        first, m = w1.shape[1] - states, memory.shape[0]
        f, e, k = np.empty(9 * _N), np.empty(12 * _N), np.empty(ROWS * _N)
        z = np.empty(w1.shape[1] * _N, np.float32)
        old, now, s = np.empty(6 * _N, _F), np.empty(6 * _N, _F), np.empty(12 * _N, _F)
        before, after = np.empty(m * _N, _F), np.empty(m * _N, _F)
        far, work = np.empty(_N, _F), np.empty(9 * _N, _F)
        moved = np.empty(states * _N, np.float32)
        Z, M = z.reshape(-1, _N), moved.reshape(-1, _N)
        h1, h2 = np.empty((width, _N), np.float32), np.empty((width, _N), np.float32)
        flow = np.empty((2 * states, _N), np.float32)
        square = np.empty((branches, _N), np.float32)
        drive = np.empty((branches + 1, _N), np.float32)
        increment, Y = Z[5:10], Z[first:]
        for start in range(0, n, _N):
            here = min(_N, n - start)
            bad = load(F, start, here, f)
            if bad >= 0:
                return bad
            kinematics(f, e, k)
            _take(strain, start, here, old)
            _take(y, start, here, z[first * _N :])
            _features(k, old, c, now, z)
            np.dot(w1, Z, h1)
            _silu(h1, b1)
            np.dot(w2, h1, h2)
            _silu(h2, b2)
            np.dot(w3, h2, flow)
            _drive(Y, increment, branches, square, drive)
            _move(Y, flow, b3, increment, branches, c[7], square, drive, M)
            _give(moved, start, here, new_y)
            _give(now, start, here, new_strain)
            _stress(k, moved, branches, c, start, here, s, sigma)
            _take(memory, start, here, before)
            _take(since, start, here, old)
            trust_of_chunk(trust, now, old, before, work, after, far)
            _give(after, start, here, new_memory)
            for p in range(here):
                new_distance[start + p] = max(distance[start + p], far[p])
        return -1

    return update


update = _cached(
    source_checksum(vector_math, strain_kernel, trust_kernel, recurrent_kernel, recurrent_cell)
)
