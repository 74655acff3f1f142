# SPDX-License-Identifier: MIT
"""Error-controlled integration of many grains at once, each with its own steps (CPU).

A lane integrates one grain through its whole path with RKC2 (`stabilised_rk`) and, when done, takes
the next from the queue: no lane waits for another, and no grain's result depends on its neighbours.
"""

import math

import numba
import numpy as np

from mlms_fenics.materials import crystal_kernel as ck
from mlms_fenics.materials.crystal_kernel import (
    A_NOW,
    ENGINE,
    F_NOW,
    F_SLOPE,
    F_START,
    FRACTION,
    JACOBIAN,
    MAX_STATE,
    SHEAR_FACTOR,
    STIFFNESS,
    STRENGTH_SLOPE,
    rates,
    u,
)
from mlms_fenics.materials.vector_math import COMPILE

LANES = 32  # two to four vector registers per operation; the workspace stays within the L2 cache

(STEP, WANTED, NOW, LENGTH, RHO, SCALE) = range(ENGINE, ENGINE + 6)
(ERROR, ACCEPTED, LAST, FRESH, DEVIATOR) = range(ENGINE + 6, ENGINE + 11)  # DEVIATOR: 6 rows
STRESS_ERROR = ENGINE + 17  # 9 rows
Y0 = ENGINE + 32
F0, YA, YB, FJ = Y0 + MAX_STATE, Y0 + 2 * MAX_STATE, Y0 + 3 * MAX_STATE, Y0 + 4 * MAX_STATE
ROWS = Y0 + 5 * MAX_STATE

SUBSTEPS, REJECTED = 0, 1  # columns of `counts`
SMALLEST, FAILED_AT = 0, 1  # columns of `steps`
OK, FAILED = 1, 2

_RHO_SAFETY = 0.7  # of the trace bound, which overestimates; the error control covers the rest
_MAX_SUBSTEPS = 2_000_000


@numba.njit(**COMPILE)
def _stages(w, L, n_state, table, slip, twin, detwinning, G):
    """All stages of a step of length STEP in every lane; returns the row of the new state."""
    n = u(L)
    rh, rt, rnow, rlen = u(STEP * L), u(FRACTION * L), u(NOW * L), u(LENGTH * L)
    c = table[1, 2]
    for k in range(n_state):
        a, f, d = u((Y0 + k) * L), u((F0 + k) * L), u((YA + k) * L)
        for l in range(n):
            w[d + l] = w[a + l] + c * w[rh + l] * w[f + l]
    before, previous = Y0, YA
    for j in range(2, table.shape[0]):
        time = table[j - 1, 4]
        for l in range(n):
            w[rt + l] = (w[rnow + l] + time * w[rh + l]) / w[rlen + l]
        rates(w, L, previous, FJ, slip, twin, detwinning, G)
        mu, nu, mu_t, gamma_t = table[j, 0], table[j, 1], table[j, 2], table[j, 3]
        rest = 1.0 - mu - nu
        out = YB if j == 2 else before
        for k in range(n_state):
            a, b, c1 = u((Y0 + k) * L), u((previous + k) * L), u((before + k) * L)
            f0, f, d = u((F0 + k) * L), u((FJ + k) * L), u((out + k) * L)
            for l in range(n):
                w[d + l] = (
                    rest * w[a + l]
                    + mu * w[b + l]
                    + nu * w[c1 + l]
                    + w[rh + l] * (mu_t * w[f + l] + gamma_t * w[f0 + l])
                )
        before, previous = previous, out
    return previous


@numba.njit(**COMPILE)
def _constrain(w, L, y, n_slip, n_twin, detwinning):
    """det F_in = 1; slips and (without detwinning) twins do not shrink; λ ≥ 0 and Σλ ≤ 1."""
    n = u(L)
    b0, b1, b2 = u(y * L), u((y + 1) * L), u((y + 2) * L)
    b3, b4, b5 = u((y + 3) * L), u((y + 4) * L), u((y + 5) * L)
    b6, b7, b8 = u((y + 6) * L), u((y + 7) * L), u((y + 8) * L)
    root = u(ERROR * L)
    for l in range(n):
        det = (
            w[b0 + l] * (w[b4 + l] * w[b8 + l] - w[b5 + l] * w[b7 + l])
            + w[b1 + l] * (w[b5 + l] * w[b6 + l] - w[b3 + l] * w[b8 + l])
            + w[b2 + l] * (w[b3 + l] * w[b7 + l] - w[b4 + l] * w[b6 + l])
        )
        # det^{-1/3} by Newton's iteration from 1: a step changes det by its local error only.
        r = (4.0 - det) / 3.0
        r = r * (4.0 - det * r * r * r) / 3.0
        r = r * (4.0 - det * r * r * r) / 3.0
        w[root + l] = r * (4.0 - det * r * r * r) / 3.0
    for k in range(9):
        b = u((y + k) * L)
        for l in range(n):
            w[b + l] *= w[root + l]
    for k in range(9 + n_twin, 9 + n_twin + n_slip):
        a, b = u((Y0 + k) * L), u((y + k) * L)
        for l in range(n):
            w[b + l] = w[a + l] if w[b + l] < w[a + l] else w[b + l]
    if n_twin == 0:
        return
    total = u(ERROR * L)
    for l in range(n):
        w[total + l] = 0.0
    for k in range(9, 9 + n_twin):
        a, b = u((Y0 + k) * L), u((y + k) * L)
        for l in range(n):
            least = 0.0 if detwinning else w[a + l]
            w[b + l] = least if w[b + l] < least else w[b + l]
            w[total + l] += w[b + l]
    for l in range(n):
        w[total + l] = 1.0 / w[total + l] if w[total + l] > 1.0 else 1.0
    for k in range(9, 9 + n_twin):
        b = u((y + k) * L)
        for l in range(n):
            w[b + l] *= w[total + l]


@numba.njit(**COMPILE)
def _measure(w, L, y, slip, twin, G, tolerance):
    """Deviatoric Cauchy stress, and the step's error in stress relative to the tolerance.

    The error of the state is RKC2's own estimate, 0.8 (y_0 - y_1) + 0.4 h (f_0 + f_1); that of the
    stress adds what it does to AᵀA at once and what its slips and twins will do to the strength.
    """
    n = u(L)
    n_slip, n_twin = slip.shape[0], twin.shape[0]
    rA, rF = A_NOW * L, F_NOW * L
    rg, rJ, rh, re, rs = (
        u(SHEAR_FACTOR * L),
        u(JACOBIAN * L),
        u(STEP * L),
        u(ERROR * L),
        u(SCALE * L),
    )
    a0, a1, a2 = u(rA), u(rA + L), u(rA + 2 * L)
    a3, a4, a5 = u(rA + 3 * L), u(rA + 4 * L), u(rA + 5 * L)
    a6, a7, a8 = u(rA + 6 * L), u(rA + 7 * L), u(rA + 8 * L)
    d = DEVIATOR * L
    d0, d1, d2, d3, d4, d5 = u(d), u(d + L), u(d + 2 * L), u(d + 3 * L), u(d + 4 * L), u(d + 5 * L)
    for l in range(n):
        g = w[rg + l] / w[rJ + l]
        c0 = w[a0 + l] * w[a0 + l] + w[a1 + l] * w[a1 + l] + w[a2 + l] * w[a2 + l]
        c1 = w[a3 + l] * w[a3 + l] + w[a4 + l] * w[a4 + l] + w[a5 + l] * w[a5 + l]
        c2 = w[a6 + l] * w[a6 + l] + w[a7 + l] * w[a7 + l] + w[a8 + l] * w[a8 + l]
        mean = (c0 + c1 + c2) / 3.0
        w[d0 + l] = g * (c0 - mean)
        w[d1 + l] = g * (c1 - mean)
        w[d2 + l] = g * (c2 - mean)
        w[d3 + l] = g * (w[a0 + l] * w[a3 + l] + w[a1 + l] * w[a4 + l] + w[a2 + l] * w[a5 + l])
        w[d4 + l] = g * (w[a3 + l] * w[a6 + l] + w[a4 + l] * w[a7 + l] + w[a5 + l] * w[a8 + l])
        w[d5 + l] = g * (w[a0 + l] * w[a6 + l] + w[a1 + l] * w[a7 + l] + w[a2 + l] * w[a8 + l])
        norm = (
            w[d0 + l] * w[d0 + l]
            + w[d1 + l] * w[d1 + l]
            + w[d2 + l] * w[d2 + l]
            + 2.0 * (w[d3 + l] * w[d3 + l] + w[d4 + l] * w[d4 + l] + w[d5 + l] * w[d5 + l])
        )
        norm = math.sqrt(norm)
        w[rs + l] = norm if norm > w[rs + l] else w[rs + l]
    for k in range(9):
        p, q = u((Y0 + k) * L), u((y + k) * L)
        f, f1, o = u((F0 + k) * L), u((FJ + k) * L), u((STRESS_ERROR + k) * L)
        for l in range(n):
            w[o + l] = 0.8 * (w[p + l] - w[q + l]) + 0.4 * w[rh + l] * (w[f + l] + w[f1 + l])
    # δA = F δB, one row i at a time; only AᵀδA + δAᵀA matters.
    e = STRESS_ERROR * L
    e0, e1, e2 = u(e), u(e + L), u(e + 2 * L)
    e3, e4, e5 = u(e + 3 * L), u(e + 4 * L), u(e + 5 * L)
    e6, e7, e8 = u(e + 6 * L), u(e + 7 * L), u(e + 8 * L)
    g0, g1, g2 = u(rF), u(rF + L), u(rF + 2 * L)
    g3, g4, g5 = u(rF + 3 * L), u(rF + 4 * L), u(rF + 5 * L)
    g6, g7, g8 = u(rF + 6 * L), u(rF + 7 * L), u(rF + 8 * L)
    for l in range(n):
        x0 = w[g0 + l] * w[e0 + l] + w[g1 + l] * w[e3 + l] + w[g2 + l] * w[e6 + l]
        x1 = w[g0 + l] * w[e1 + l] + w[g1 + l] * w[e4 + l] + w[g2 + l] * w[e7 + l]
        x2 = w[g0 + l] * w[e2 + l] + w[g1 + l] * w[e5 + l] + w[g2 + l] * w[e8 + l]
        x3 = w[g3 + l] * w[e0 + l] + w[g4 + l] * w[e3 + l] + w[g5 + l] * w[e6 + l]
        x4 = w[g3 + l] * w[e1 + l] + w[g4 + l] * w[e4 + l] + w[g5 + l] * w[e7 + l]
        x5 = w[g3 + l] * w[e2 + l] + w[g4 + l] * w[e5 + l] + w[g5 + l] * w[e8 + l]
        x6 = w[g6 + l] * w[e0 + l] + w[g7 + l] * w[e3 + l] + w[g8 + l] * w[e6 + l]
        x7 = w[g6 + l] * w[e1 + l] + w[g7 + l] * w[e4 + l] + w[g8 + l] * w[e7 + l]
        x8 = w[g6 + l] * w[e2 + l] + w[g7 + l] * w[e5 + l] + w[g8 + l] * w[e8 + l]
        s0 = 2.0 * (w[a0 + l] * x0 + w[a3 + l] * x3 + w[a6 + l] * x6)
        s1 = 2.0 * (w[a1 + l] * x1 + w[a4 + l] * x4 + w[a7 + l] * x7)
        s2 = 2.0 * (w[a2 + l] * x2 + w[a5 + l] * x5 + w[a8 + l] * x8)
        s3 = w[a0 + l] * x1 + w[a3 + l] * x4 + w[a6 + l] * x7
        s3 += w[a1 + l] * x0 + w[a4 + l] * x3 + w[a7 + l] * x6
        s4 = w[a1 + l] * x2 + w[a4 + l] * x5 + w[a7 + l] * x8
        s4 += w[a2 + l] * x1 + w[a5 + l] * x4 + w[a8 + l] * x7
        s5 = w[a0 + l] * x2 + w[a3 + l] * x5 + w[a6 + l] * x8
        s5 += w[a2 + l] * x0 + w[a5 + l] * x3 + w[a8 + l] * x6
        norm = s0 * s0 + s1 * s1 + s2 * s2 + 2.0 * (s3 * s3 + s4 * s4 + s5 * s5)
        w[re + l] = norm * w[rg + l] * w[rg + l]
    for k in range(9, 9 + n_twin + n_slip):
        p, q = u((Y0 + k) * L), u((y + k) * L)
        f, f1 = u((F0 + k) * L), u((FJ + k) * L)
        if k < 9 + n_twin:
            c = 2.0 * G * twin[k - 9, ck.SHEAR]
            for l in range(n):
                x = 0.8 * (w[p + l] - w[q + l]) + 0.4 * w[rh + l] * (w[f + l] + w[f1 + l])
                w[re + l] += c * c * x * x
        elif slip[k - 9 - n_twin, ck.SATURATION] > 0.0:
            rd = u((STRENGTH_SLOPE + k - 9 - n_twin) * L)
            for l in range(n):
                x = 0.8 * (w[p + l] - w[q + l]) + 0.4 * w[rh + l] * (w[f + l] + w[f1 + l])
                x *= w[rd + l]
                w[re + l] += x * x
    for l in range(n):
        w[re + l] = math.sqrt(w[re + l]) / (tolerance * w[rs + l])


@numba.njit(**COMPILE)
def _control(w, L, n_state, y, beta):
    """Accept or reject each lane's step, and choose the next one's length."""
    n = u(L)
    re, ra, rh, rw = u(ERROR * L), u(ACCEPTED * L), u(STEP * L), u(WANTED * L)
    rr, rx, rnow = u(RHO * L), u(STIFFNESS * L), u(NOW * L)
    for l in range(n):
        error = w[re + l]
        good = 1.0 if error <= 1.0 else 0.0  # NaN is not good
        # error^{-1/3} cut to [0.2, 3]; NaN and inf give 0.2
        bounded = error if error < 64.0 else 64.0
        bounded = bounded if bounded > 0.02 else 0.02
        w[ra + l] = good
        w[re + l] = bounded
        rho = w[rx + l]
        rho = rho if rho < 1e6 * w[rr + l] + 1e300 * good else w[rr + l]
        ahead = 2.0 * rho - w[rr + l] if good > 0.0 else rho
        ahead = ahead if ahead < 3.0 * rho else 3.0 * rho
        larger = ahead if ahead > rho else rho
        kept = w[rr + l] if w[rr + l] > larger else larger
        w[rr + l] = larger if good > 0.0 else kept
        w[rnow + l] += w[rh + l] * good
    for l in range(n):
        factor = 0.85 * ck.power(w[re + l], -1.0 / 3.0)
        w[rw + l] = factor * w[rh + l]
    for k in range(n_state):
        a, b = u((Y0 + k) * L), u((y + k) * L)
        f0, f1 = u((F0 + k) * L), u((FJ + k) * L)
        for l in range(n):
            w[a + l] = w[b + l] if w[ra + l] > 0.0 else w[a + l]
            w[f0 + l] = w[f1 + l] if w[ra + l] > 0.0 else w[f0 + l]


@numba.njit(**COMPILE)
def _choose_step(w, L, beta):
    """STEP from WANTED, the stability limit and what is left of the path's segment."""
    n = u(L)
    rh, rw, rr, rl = u(STEP * L), u(WANTED * L), u(RHO * L), u(LAST * L)
    rnow, rlen = u(NOW * L), u(LENGTH * L)
    for l in range(n):
        h = w[rw + l]
        limit = beta / (_RHO_SAFETY * w[rr + l] + 1e-300)
        h = h if h < limit else limit
        left = w[rlen + l] - w[rnow + l]
        last = 1.0 if h >= left * (1.0 - 1e-10) else 0.0
        half = 0.5 * left
        h = half if (h > half and last == 0.0) else h
        w[rh + l] = left if last > 0.0 else h
        w[rl + l] = last


@numba.njit(**COMPILE)
def _set_segment(w, L, l, U, Q, path, grain, node):
    """F = U Q at both ends of segment `node` into lane l."""
    for i in range(3):
        for j in range(3):
            a, b = 0.0, 0.0
            for k in range(3):
                a += U[path, node, 3 * i + k] * Q[grain, 3 * k + j]
                b += U[path, node + 1, 3 * i + k] * Q[grain, 3 * k + j]
            w[(F_START + 3 * i + j) * L + l] = a
            w[(F_SLOPE + 3 * i + j) * L + l] = b - a


@numba.njit(**COMPILE)
def integrate(
    U, Q, segments, slip, twin, detwinning, G, table, beta, tolerance, floor, virgin,
    state, wanted, deviator, counts, steps, status,
):  # fmt: skip
    """Integrate `n_paths × n_grains` grains; job j is grain j % n_grains of path j // n_grains.

    Args:
        U: *Shape* `(n_paths, n_t + 1, 9)`, piecewise linear; `Q` `(n_grains, 9)`.
        segments: lengths of the path's segments, µs, `(n_t,)`.
        slip, twin: parameter tables; `G`, `detwinning`: of the law.
        table, beta: from `chebyshev_table`.
        tolerance: on a grain's stress per step, relative to its largest so far or to `floor` (GPa).
        virgin: whether all start at rest, so that their first rates are zero.
        state: `(n_jobs, n_state)`, overwritten by the final one.
        wanted: `(n_jobs,)` first step to try, µs; overwritten by the step to go on with.
        deviator: `(n_jobs, n_t + 1, 6)` deviatoric stress, output.
        counts, steps: `(n_jobs, 2)` statistics, output; `status`: `(n_jobs,)`, 0 on entry.
    """
    L = LANES
    n_grains, n_t = Q.shape[0], segments.shape[0]
    n_jobs = state.shape[0]
    n_slip, n_twin = slip.shape[0], twin.shape[0]
    n_state = 9 + n_twin + n_slip
    w = np.zeros(ROWS * L)
    job = np.full(L, -1, np.int64)
    node = np.zeros(L, np.int64)
    elapsed = np.zeros(L)
    next_job, running = 0, 0
    horizon = segments.sum()
    for l in range(L):  # idle lanes compute something harmless
        for i in range(3):
            w[(F_START + 4 * i) * L + l] = 1.0
            w[(Y0 + 4 * i) * L + l] = 1.0
        w[LENGTH * L + l] = 1.0
        w[SCALE * L + l] = floor
        w[FRESH * L + l] = 1.0  # wants a job
    while True:
        fresh = False
        for l in range(L):
            if w[FRESH * L + l] > 0.0:
                while next_job < n_jobs and status[next_job] == FAILED:
                    next_job += 1
                if next_job < n_jobs:
                    j = next_job
                    next_job += 1
                    running += 1
                    fresh = True
                    job[l], node[l], elapsed[l] = j, 0, 0.0
                    for k in range(n_state):
                        w[(Y0 + k) * L + l] = state[j, k]
                        w[(F0 + k) * L + l] = 0.0
                    _set_segment(w, L, l, U, Q, j // n_grains, j % n_grains, 0)
                    w[NOW * L + l] = 0.0
                    w[LENGTH * L + l] = segments[0]
                    w[SCALE * L + l] = floor
                    w[RHO * L + l] = 0.0
                    w[WANTED * L + l] = wanted[j]
                    steps[j, SMALLEST] = horizon
                else:
                    w[FRESH * L + l] = 0.0
                    if job[l] >= 0:  # rest on its last state
                        job[l] = -1
                    w[WANTED * L + l] = 0.0
                    w[NOW * L + l] = 0.0
        if running == 0:
            break
        if fresh:
            if not virgin:
                for l in range(L):
                    w[FRACTION * L + l] = w[NOW * L + l] / w[LENGTH * L + l]
                rates(w, L, Y0, FJ, slip, twin, detwinning, G)
                for k in range(n_state):
                    for l in range(L):
                        if w[FRESH * L + l] > 0.0:
                            w[(F0 + k) * L + l] = w[(FJ + k) * L + l]
                for l in range(L):
                    if w[FRESH * L + l] > 0.0:
                        w[RHO * L + l] = w[STIFFNESS * L + l]
            for l in range(L):
                w[FRESH * L + l] = 0.0
        _choose_step(w, L, beta)
        y = _stages(w, L, n_state, table, slip, twin, detwinning, G)
        _constrain(w, L, y, n_slip, n_twin, detwinning)
        for l in range(L):
            w[FRACTION * L + l] = (w[NOW * L + l] + w[STEP * L + l]) / w[LENGTH * L + l]
        rates(w, L, y, FJ, slip, twin, detwinning, G)
        _measure(w, L, y, slip, twin, G, tolerance)
        _control(w, L, n_state, y, beta)
        for l in range(L):
            j = job[l]
            if j < 0:
                continue
            h = w[STEP * L + l]
            if w[ACCEPTED * L + l] > 0.0:
                counts[j, SUBSTEPS] += 1
                if h < steps[j, SMALLEST]:
                    steps[j, SMALLEST] = h
                if w[LAST * L + l] == 0.0:
                    if counts[j, SUBSTEPS] < _MAX_SUBSTEPS:
                        continue
                else:
                    i = node[l] + 1
                    for k in range(6):
                        deviator[j, i, k] = w[(DEVIATOR + k) * L + l]
                    elapsed[l] += segments[i - 1]
                    if i < n_t:
                        node[l] = i
                        _set_segment(w, L, l, U, Q, j // n_grains, j % n_grains, i)
                        w[NOW * L + l] = 0.0
                        w[LENGTH * L + l] = segments[i]
                        continue
                    status[j] = OK
                    wanted[j] = w[WANTED * L + l]
                    for k in range(n_state):
                        state[j, k] = w[(Y0 + k) * L + l]
            else:
                counts[j, REJECTED] += 1
                if h > 1e-13 * horizon:
                    continue
            if status[j] != OK:
                status[j] = FAILED
                steps[j, FAILED_AT] = elapsed[l] + w[NOW * L + l]
                first = (j // n_grains) * n_grains
                for k in range(first, first + n_grains):  # its path's other grains are not begun
                    if status[k] == 0 and k >= next_job:
                        status[k] = FAILED
                        steps[k, FAILED_AT] = steps[j, FAILED_AT]
            w[FRESH * L + l] = 1.0
            running -= 1
