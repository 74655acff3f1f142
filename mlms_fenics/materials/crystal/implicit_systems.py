# SPDX-License-Identifier: MIT
"""Slips, twins and strengths from one stage to the next, for a block of lanes.

All lanes at once, though some only have ended a stage: what a lane has of each system lies far
apart, so that one lane's alone would cost more.
"""

import numba

from mlms_fenics.kinematics.vector_math import COMPILE
from mlms_fenics.materials.crystal import implicit_rows as rows
from mlms_fenics.materials.crystal.implicit_rows import (
    AGAIN,
    AMOUNT0,
    DG,
    DTAU,
    ENDED,
    FINISHED,
    FURTHER,
    G0,
    MISS,
    MOVE,
    NEXT,
    PULL,
    RATE,
    SECOND,
    START_AMOUNT,
    START_RATE,
    START_STRENGTH,
    STRENGTH0,
    SYSTEMS,
    WORK,
    G,
)
from mlms_fenics.materials.crystal.implicit_stage import ONWARD
from mlms_fenics.materials.crystal.kernel import L, u


@numba.njit(**COMPILE)
def _limit_twins(w, block, n_slip, n):
    """0 ≤ λ and Σλ ≤ 1 in the rows of `block`."""
    m, total = u(L), u(WORK * L)
    for l in range(m):
        w[total + l] = 0.0
    for a in range(n_slip, n):
        d = u((SYSTEMS + block * n + a) * L)
        for l in range(m):
            w[total + l] += max(w[d + l], 0.0)
    for l in range(m):
        w[total + l] = 1.0 / w[total + l] if w[total + l] > 1.0 else 1.0
    for a in range(n_slip, n):
        d = u((SYSTEMS + block * n + a) * L)
        for l in range(m):
            w[d + l] = max(w[d + l], 0.0) * w[total + l]


@numba.njit(**COMPILE)
def move_on(w, n_slip, n):
    """Let each lane whose MOVE says so begin a stage: amounts, strengths, and a guess of these.

    MOVE: SECOND, the step's second stage; FURTHER, the next step, as this one is accepted; AGAIN,
    the step from its start. ENDED and NEXT are the lengths of the backward steps.
    """
    m = u(L)
    move, ended, soon = u(MOVE * L), u(ENDED * L), u(NEXT * L)
    inverse = u((WORK + 1) * L)
    for l in range(m):
        w[inverse + l] = 1.0 / w[ended + l]
    finished = u(FINISHED * L)
    for a in range(n):
        k, is_slip = SYSTEMS + a, a < n_slip
        rate, end = u((k + RATE * n) * L), u((k + DTAU * n) * L)
        amount0, moved = u((k + AMOUNT0 * n) * L), u((k + PULL * n) * L)
        for l in range(m):
            r = w[ended + l] * w[rate + l]
            r = r + w[moved + l] if w[finished + l] > 0.0 else r
            w[end + l] = w[amount0 + l] + (abs(r) if is_slip else r)
    if n > n_slip:
        _limit_twins(w, DTAU, n_slip, n)
    for a in range(n):
        k = SYSTEMS + a
        end, g, miss = u((k + DTAU * n) * L), u((k + G * n) * L), u((k + MISS * n) * L)
        amount0, strength0 = u((k + AMOUNT0 * n) * L), u((k + STRENGTH0 * n) * L)
        first, strong = u((k + START_AMOUNT * n) * L), u((k + START_STRENGTH * n) * L)
        rise, g0, dg = u((k + START_RATE * n) * L), u((k + G0 * n) * L), u((k + DG * n) * L)
        for l in range(m):
            kind, e, s = w[move + l], w[end + l], w[g + l]
            s += w[dg + l] if w[finished + l] > 0.0 else w[miss + l]
            before, before_s, base, base_s = (
                w[first + l],
                w[strong + l],
                w[amount0 + l],
                w[strength0 + l],
            )
            gained = s - base_s
            e0 = e if kind == FURTHER else before
            s0 = s if kind == FURTHER else before_s
            rising = gained * w[inverse + l] if kind == FURTHER else w[rise + l]
            guess = s0 + w[soon + l] * rising
            guess = s + ONWARD * gained if kind == SECOND else guess
            onward = before + ONWARD * (e - before) if kind == SECOND else e0
            onward_s = before_s + ONWARD * (s - before_s) if kind == SECOND else s0
            w[first + l], w[strong + l], w[rise + l] = e0, s0, rising
            w[amount0 + l] = onward if kind > 0.0 else base
            w[strength0 + l] = onward_s if kind > 0.0 else base_s
            w[g0 + l] = max(guess, 0.0) if kind > 0.0 else w[g0 + l]
            w[dg + l] = 0.0 if kind > 0.0 else w[dg + l]
    if n > n_slip:
        _limit_twins(w, AMOUNT0, n_slip, n)


@numba.njit(**COMPILE)
def start_systems(w, l, amounts, strengths):
    """Lane `l` begins with row l of these, *Shape* `(L, n)`, and strengths that do not change."""
    n = amounts.shape[1]
    for a in range(n):
        k = SYSTEMS + a
        w[(k + START_AMOUNT * n) * L + l] = amounts[l, a]
        w[(k + START_STRENGTH * n) * L + l] = strengths[l, a]
        w[(k + START_RATE * n) * L + l] = 0.0
    w[MOVE * L + l] = AGAIN


@numba.njit(**COMPILE)
def end_systems(w, l, n_slip, amounts, strengths):
    """Amounts and strengths at the end of lane `l`'s stage, into row l of these."""
    n, total = amounts.shape[1], 0.0
    h, finished = w[rows.STEP * L + l], w[FINISHED * L + l] > 0.0
    for a in range(n):
        k = SYSTEMS + a
        rate = h * w[(k + RATE * n) * L + l]
        rate += w[(k + PULL * n) * L + l] if finished else 0.0
        amounts[l, a] = w[(k + AMOUNT0 * n) * L + l] + (abs(rate) if a < n_slip else rate)
        more = DG if finished else MISS
        strengths[l, a] = w[(k + G * n) * L + l] + w[(k + more * n) * L + l]
    for a in range(n_slip, n):
        total += max(amounts[l, a], 0.0)
    share = 1.0 / total if total > 1.0 else 1.0
    for a in range(n_slip, n):
        amounts[l, a] = max(amounts[l, a], 0.0) * share
