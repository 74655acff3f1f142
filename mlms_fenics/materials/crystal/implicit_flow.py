# SPDX-License-Identifier: MIT
"""Rates of all systems under a trial stress, for a block of lanes."""

import numba

from mlms_fenics.kinematics.vector_math import COMPILE, exp_bounded, log_positive, power
from mlms_fenics.materials.crystal import mechanisms as mc
from mlms_fenics.materials.crystal.implicit_rows import (
    CAPS,
    DG,
    G0,
    PULL,
    RATE,
    SLOPES,
    SYSTEMS,
    TAKEN,
    TAU,
    WEAK,
    WORK,
    G,
)
from mlms_fenics.materials.crystal.kernel import L, overstress_power, u


@numba.njit(**COMPILE)
def resolve(w, table, first, last, n, stress, skew, isotropic, block):
    """Resolved shear stress of the systems `first` to `last`, into the rows `block`."""
    s = stress * L
    s0, s1, s2, s3, s4 = u(s), u(s + L), u(s + 2 * L), u(s + 3 * L), u(s + 4 * L)
    k0, k1, k2 = u(skew * L), u((skew + 1) * L), u((skew + 2) * L)
    m = u(L)
    for a in range(first, last):
        p0, p1, p2 = table[a, 0], table[a, 1], table[a, 2]
        p3, p4 = table[a, 3], table[a, 4]
        t = u((SYSTEMS + block * n + a) * L)
        for l in range(m):
            w[t + l] = (
                p0 * w[s0 + l] + p1 * w[s1 + l] + p2 * w[s2 + l] + p3 * w[s3 + l] + p4 * w[s4 + l]
            )
        if not isotropic:
            q0, q1, q2 = table[a, 5], table[a, 6], table[a, 7]
            for l in range(m):
                w[t + l] += q0 * w[k0 + l] + q1 * w[k1 + l] + q2 * w[k2 + l]


@numba.njit(**COMPILE)
def _with_drag(w, x, drag, exponent, over):
    """In rows x = |τ|/g: the y of x = y + b y^n, b = `drag` `over`, by Newton's method in log y."""
    for l in range(u(L)):
        z = max(w[x + l], 1e-12)
        b = max(drag * w[over + l], 1e-300)
        lz, lb = log_positive(z), log_positive(b)
        v = min(lz, (lz - lb) / exponent)
        for _ in range(6):
            p, q = exp_bounded(v), b * exp_bounded(exponent * v)
            v -= (log_positive(p + q) - lz) * (p + q) / (p + exponent * q)
        w[x + l] = exp_bounded(v)


@numba.njit(**COMPILE)
def _overstress(w, table, n_slip, n, a, detwinning):
    """The strength of system a, its inverse; its |τ|/g, or overstress over τ_0, and what by."""
    m = u(L)
    x, d, taken = u(WORK * L), u((WORK + 1) * L), u(TAKEN * L)
    k = SYSTEMS + a
    g, g0, dg = u((k + G * n) * L), u((k + G0 * n) * L), u((k + DG * n) * L)
    tau, weak = u((k + TAU * n) * L), u((k + WEAK * n) * L)
    tau_0, over = table[a, mc.TAU], table[a, mc.OVERSTRESS]
    rest, fixed = 1.0 - over, over / tau_0
    for l in range(m):
        strong = w[g0 + l] + w[taken + l] * w[dg + l]
        inverse = 1.0 / (tau_0 + strong)
        w[g + l], w[weak + l] = strong, inverse
        w[d + l] = fixed + rest * inverse
    if a < n_slip:
        for l in range(m):
            w[x + l] = max(abs(w[tau + l]) - over * w[g + l], 0.0) * w[d + l]
    elif detwinning:
        for l in range(m):
            w[x + l] = abs(w[tau + l] - over * w[g + l]) * w[d + l]
    else:
        for l in range(m):
            w[x + l] = max(w[tau + l] - over * w[g + l], 0.0) * w[d + l]


@numba.njit(**COMPILE)
def flow(w, table, n_slip, n, detwinning):
    """Rates of all systems, signed, and their slopes with the stress and with the strength."""
    m = u(L)
    rx, rd, rs, rp = u(WORK * L), u((WORK + 1) * L), u((WORK + 2) * L), u((WORK + 3) * L)
    for a in range(n):
        _overstress(w, table, n_slip, n, a, detwinning)
        k = SYSTEMS + a
        g, tau, rate = u((k + G * n) * L), u((k + TAU * n) * L), u((k + RATE * n) * L)
        slope, pull = u((k + SLOPES * n) * L), u((k + PULL * n) * L)
        caps = u((CAPS + int(table[a, mc.FAMILY])) * L)
        exponent, reference = table[a, mc.EXPONENT], table[a, mc.RATE]
        over, drag = table[a, mc.OVERSTRESS], table[a, mc.DRAG]
        rest = 1.0 - over
        if drag > 0.0:
            _with_drag(w, rx, drag, exponent, rd)
            for l in range(m):
                x = w[rx + l]
                p = power(x, exponent)
                xs = max(x, 1e-12)
                s = exponent * reference * p / (xs / w[rd + l] + exponent * drag * p)
                w[rate + l] = reference * p
                w[slope + l] = s
                w[pull + l] = s * (over + rest * x)
        else:
            for l in range(m):
                w[rs + l] = min(w[rx + l], w[caps + l])
            overstress_power(w, WORK + 2, WORK + 3, exponent)
            for l in range(m):
                x, p = w[rx + l], reference * w[rp + l]
                w[rate + l] = p * (w[rs + l] + exponent * (x - w[rs + l]))
                s = exponent * p * w[rd + l]
                w[slope + l] = s
                w[pull + l] = s * (over + rest * x)
        if a < n_slip:
            for l in range(m):
                r = w[rate + l]
                w[rate + l] = r if w[tau + l] > 0.0 else -r
        elif detwinning:
            for l in range(m):
                r = w[rate + l]
                w[rate + l] = r if w[tau + l] > over * w[g + l] else -r
