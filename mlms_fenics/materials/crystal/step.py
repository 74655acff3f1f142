# SPDX-License-Identifier: MIT
"""One embedded Runge-Kutta step of every lane of a block, each with its own length.

Bogacki & Shampine's pair 3(2), Appl. Math. Lett. 2 (1989) 321: three new evaluations a step, the
last of them the next step's first.
"""

import math

import numba

from mlms_fenics.kinematics.vector_math import COMPILE, power
from mlms_fenics.materials.crystal import kernel as ck
from mlms_fenics.materials.crystal.kernel import (
    A_NOW,
    ENGINE,
    F_NOW,
    FRACTION,
    JACOBIAN,
    MAX_STATE,
    SHEAR_FACTOR,
    STATES,
    STIFFNESS,
    STRENGTH_SLOPE,
    L,
    u,
)

# Rows: the step, the one wanted next, time since the segment's start and its length (µs), bound on
# the rates' spectral radius (1/µs), largest stress so far (GPa).
(STEP, WANTED, NOW, LENGTH, RHO, SCALE) = range(ENGINE, ENGINE + 6)
(ERROR, ACCEPTED, LAST, FRESH) = range(ENGINE + 6, ENGINE + 10)
DEVIATOR, STATE_ERROR, SIZE = ENGINE + 10, ENGINE + 16, ENGINE + 25  # 6, 9, 1 rows
ROWS = ENGINE + 26
Y0, Y, F0, F1, F2, F3, STATE_ROWS = (STATES + k * MAX_STATE for k in range(7))  # of `S`


def rows_of(n_slip: int, n_twin: int) -> dict[str, int]:
    """Rows of `S` by name, where no more are set aside than so many systems need."""
    n_state = 9 + n_twin + n_slip
    names = ("Y0", "Y", "F0", "F1", "F2", "F3", "STATE_ROWS")
    rows = {name: 2 * n_slip + k * n_state for k, name in enumerate(names)}
    return {"MAX_STATE": n_state, "SLIP_RATE": n_slip, **rows}


# h times the spectral radius stays below this: the pair's real stability interval is 2.51, and
# RHO, a trace, overestimates the radius about twofold. The error control covers the rest.
STABILITY = 5.0


@numba.njit(**COMPILE)
def prepare_stage(w, S, n_state, stage):
    """State and time of a stage, 1 to 3, into the rows Y and FRACTION; 3 is the step's end."""
    n = u(L)
    rh, rt, rnow, rlen = u(STEP * L), u(FRACTION * L), u(NOW * L), u(LENGTH * L)
    time = 0.5 if stage == 1 else (0.75 if stage == 2 else 1.0)
    for l in range(n):
        w[rt + l] = (w[rnow + l] + time * w[rh + l]) / w[rlen + l]
    if stage == 3:
        for k in range(n_state):
            a, d = u((Y0 + k) * L), u((Y + k) * L)
            f0, f1, f2 = u((F0 + k) * L), u((F1 + k) * L), u((F2 + k) * L)
            for l in range(n):
                slope = 2.0 * S[f0 + l] + 3.0 * S[f1 + l] + 4.0 * S[f2 + l]
                S[d + l] = S[a + l] + w[rh + l] / 9.0 * slope
    else:
        F = F0 if stage == 1 else F1
        for k in range(n_state):
            a, f, d = u((Y0 + k) * L), u((F + k) * L), u((Y + k) * L)
            for l in range(n):
                S[d + l] = S[a + l] + time * w[rh + l] * S[f + l]


@numba.njit(**COMPILE)
def constrain(w, S, n_slip, n_twin, detwinning):
    """det F_in = 1; slips and (without detwinning) twins do not shrink; λ ≥ 0 and Σλ ≤ 1."""
    n = u(L)
    b0, b1, b2 = u(Y * L), u((Y + 1) * L), u((Y + 2) * L)
    b3, b4, b5 = u((Y + 3) * L), u((Y + 4) * L), u((Y + 5) * L)
    b6, b7, b8 = u((Y + 6) * L), u((Y + 7) * L), u((Y + 8) * L)
    root = u(ERROR * L)
    for l in range(n):
        det = (
            S[b0 + l] * (S[b4 + l] * S[b8 + l] - S[b5 + l] * S[b7 + l])
            + S[b1 + l] * (S[b5 + l] * S[b6 + l] - S[b3 + l] * S[b8 + l])
            + S[b2 + l] * (S[b3 + l] * S[b7 + l] - S[b4 + l] * S[b6 + l])
        )
        # det^{-1/3} by Newton's iteration from 1: a step changes det by its local error only.
        r = (4.0 - det) / 3.0
        r = r * (4.0 - det * r * r * r) / 3.0
        r = r * (4.0 - det * r * r * r) / 3.0
        w[root + l] = r * (4.0 - det * r * r * r) / 3.0
    for k in range(9):
        b = u((Y + k) * L)
        for l in range(n):
            S[b + l] *= w[root + l]
    for k in range(9 + n_twin, 9 + n_twin + n_slip):
        a, b = u((Y0 + k) * L), u((Y + k) * L)
        for l in range(n):
            S[b + l] = S[a + l] if S[b + l] < S[a + l] else S[b + l]
    if n_twin == 0:
        return
    total = u(ERROR * L)
    for l in range(n):
        w[total + l] = 0.0
    for k in range(9, 9 + n_twin):
        a, b = u((Y0 + k) * L), u((Y + k) * L)
        for l in range(n):
            least = 0.0 if detwinning else S[a + l]
            S[b + l] = least if S[b + l] < least else S[b + l]
            w[total + l] += S[b + l]
    for l in range(n):
        w[total + l] = 1.0 / w[total + l] if w[total + l] > 1.0 else 1.0
    for k in range(9, 9 + n_twin):
        b = u((Y + k) * L)
        for l in range(n):
            S[b + l] *= w[total + l]


@numba.njit(**COMPILE)
def measure(w, S, slip, twin, G, tolerance):
    """Deviatoric Cauchy stress, and the step's error in stress relative to the tolerance.

    The error in stress is what the state's error does to G J^{-2/3} AᵀA at once, together with what
    the slips' and twins' errors will do later through the strength and the twinning shear.
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
    size = u(SIZE * L)
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
        w[size + l] = norm
    for k in range(9):
        f0, f1, f2, f3 = u((F0 + k) * L), u((F1 + k) * L), u((F2 + k) * L), u((F3 + k) * L)
        o = u((STATE_ERROR + k) * L)
        for l in range(n):
            x = -5.0 * S[f0 + l] + 6.0 * S[f1 + l] + 8.0 * S[f2 + l] - 9.0 * S[f3 + l]
            w[o + l] = w[rh + l] / 72.0 * x
    # δA = F δB, one row i at a time; only AᵀδA + δAᵀA matters.
    e = STATE_ERROR * L
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
        f0, f1, f2, f3 = u((F0 + k) * L), u((F1 + k) * L), u((F2 + k) * L), u((F3 + k) * L)
        if k < 9 + n_twin:
            c = 2.0 * G * twin[k - 9, ck.SHEAR]
            for l in range(n):
                x = -5.0 * S[f0 + l] + 6.0 * S[f1 + l] + 8.0 * S[f2 + l] - 9.0 * S[f3 + l]
                x *= c * w[rh + l] / 72.0
                w[re + l] += x * x
        elif slip[k - 9 - n_twin, ck.SATURATION] > 0.0:
            rd = u((STRENGTH_SLOPE + k - 9 - n_twin) * L)
            for l in range(n):
                x = -5.0 * S[f0 + l] + 6.0 * S[f1 + l] + 8.0 * S[f2 + l] - 9.0 * S[f3 + l]
                x *= S[rd + l] * w[rh + l] / 72.0
                w[re + l] += x * x
    for l in range(n):
        w[re + l] = math.sqrt(w[re + l]) / (tolerance * w[rs + l])


@numba.njit(**COMPILE)
def control(w, S, n_state):
    """Accept or reject each lane's step, and choose the next one's length."""
    n = u(L)
    re, ra, rh, rw = u(ERROR * L), u(ACCEPTED * L), u(STEP * L), u(WANTED * L)
    rr, rx, rnow = u(RHO * L), u(STIFFNESS * L), u(NOW * L)
    rs, size = u(SCALE * L), u(SIZE * L)
    for l in range(n):
        error = w[re + l]
        good = 1.0 if error <= 1.0 else 0.0  # NaN is not good
        # error^{-1/3} cut to [0.2, 3]; NaN and inf give 0.2
        bounded = error if error < 64.0 else 64.0
        bounded = bounded if bounded > 0.02 else 0.02
        w[ra + l] = good
        w[re + l] = bounded
        # A rejected step's bound is believed so far as to shorten the step fivefold.
        most = 5.0 * STABILITY / (w[rh + l] + 1e-300)
        rho = w[rx + l]
        seen = rho if rho < most else most
        seen = seen if seen > w[rr + l] else w[rr + l]
        ahead = 2.0 * rho - w[rr + l]
        ahead = ahead if ahead < 3.0 * rho else 3.0 * rho
        ahead = ahead if ahead > rho else rho
        w[rr + l] = ahead if good > 0.0 else seen
        w[rnow + l] += w[rh + l] * good
        # Not before it is accepted: a diverging step must not be measured against itself.
        larger = w[size + l] if w[size + l] > w[rs + l] else w[rs + l]
        w[rs + l] = larger if good > 0.0 else w[rs + l]
    for l in range(n):
        factor = 0.85 * power(w[re + l], -1.0 / 3.0)
        w[rw + l] = factor * w[rh + l]
    for k in range(n_state):
        a, b = u((Y0 + k) * L), u((Y + k) * L)
        f0, f1 = u((F0 + k) * L), u((F3 + k) * L)
        for l in range(n):
            # Everything is loaded before it is chosen from, as a load behind a condition is no
            # vector load.
            good, old, new, old_f, new_f = (
                w[ra + l],
                S[a + l],
                S[b + l],
                S[f0 + l],
                S[f1 + l],
            )
            S[a + l] = new if good > 0.0 else old
            S[f0 + l] = new_f if good > 0.0 else old_f


@numba.njit(**COMPILE)
def choose_step(w):
    """STEP from WANTED, the stability limit and what is left of the path's segment."""
    n = u(L)
    rh, rw, rr, rl = u(STEP * L), u(WANTED * L), u(RHO * L), u(LAST * L)
    rnow, rlen = u(NOW * L), u(LENGTH * L)
    for l in range(n):
        h = w[rw + l]
        limit = STABILITY / (w[rr + l] + 1e-300)
        h = h if h < limit else limit
        left = w[rlen + l] - w[rnow + l]
        last = 1.0 if h >= left * (1.0 - 1e-10) else 0.0
        half = 0.5 * left
        h = half if (h > half and last == 0.0) else h
        w[rh + l] = left if last > 0.0 else h
        w[rl + l] = last
