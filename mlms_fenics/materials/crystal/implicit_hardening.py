# SPDX-License-Identifier: MIT
"""Strengths that the rates lead to, for a block of lanes."""

import numba

from mlms_fenics.kinematics.vector_math import COMPILE, exp_bounded, power
from mlms_fenics.materials.crystal import mechanisms as mc
from mlms_fenics.materials.crystal.implicit_rows import (
    AMOUNT0,
    CAP,
    HARDENING_MISFIT,
    MISS,
    PULL,
    RATE,
    RISE,
    SLOPES,
    STEP,
    STIFF,
    STRENGTH0,
    SYSTEMS,
    WEAK,
    WORK,
    G,
)
from mlms_fenics.materials.crystal.kernel import L, u

SATURATED = 1e-3  # |1 - g/g∞| below which the power of a strength is a straight line


@numba.njit(**COMPILE)
def harden(w, table, n_slip, n, interaction):
    """Strengths that the rates lead to, and each system's effect on its own.

    Into RISE ∂g/∂(amount slipped), into MISS what the strengths lack, into the rows PULL and STIFF
    what a Newton step needs: the change of the rate that the lacking strength makes (times δ), and
    its slope with the stress when the strength follows (times δ).
    """
    m = u(L)
    rh, rt, worst = u(STEP * L), u(WORK * L), u(HARDENING_MISFIT * L)
    cap, share = u(CAP * L), u((WORK + 1) * L)
    for l in range(m):
        w[worst + l] = 0.0
        w[share + l] = 6.0 / w[cap + l]
    if interaction.shape[0] > 0:
        _source_rates(w, table, n)
        for a in range(n):
            if table[a, mc.KIND] != mc.SATURATING:
                _evolve(w, table, a, n, interaction)
    for a in range(n):
        k = SYSTEMS + a
        g, rate, slope = u((k + G * n) * L), u((k + RATE * n) * L), u((k + SLOPES * n) * L)
        rise, miss = u((k + RISE * n) * L), u((k + MISS * n) * L)
        pull, stiff = u((k + PULL * n) * L), u((k + STIFF * n) * L)
        amount0, weak = u((k + AMOUNT0 * n) * L), u((k + WEAK * n) * L)
        kind, amount = table[a, mc.KIND], table[a, mc.AMOUNT]
        is_slip = a < n_slip
        if kind != mc.SATURATING:
            for l in range(m):
                w[miss + l] = w[stiff + l] - w[g + l]
        else:
            h, saturation = table[a, mc.HARDENING], table[a, mc.SATURATION]
            ratio, latent = table[a, mc.RATIO], table[a, mc.LATENT]
            start, end = int(table[a, mc.FAMILY_START]), int(table[a, mc.FAMILY_END])
            if a == start or latent == 0.0:
                for l in range(m):
                    w[rt + l] = 0.0
                if latent != 0.0:
                    for b in range(start, end):
                        e, f = u((SYSTEMS + AMOUNT0 * n + b) * L), u((SYSTEMS + RATE * n + b) * L)
                        for l in range(m):
                            r = abs(w[f + l]) if is_slip else w[f + l]
                            w[rt + l] += w[e + l] + w[rh + l] * r
            if is_slip:
                for l in range(m):
                    e = w[amount0 + l] + w[rh + l] * abs(w[rate + l])
                    q = exp_bounded(-ratio * e)
                    others = w[rt + l] - e if latent != 0.0 else 0.0
                    w[rise + l] = h * q
                    w[miss + l] = latent * others + saturation * (1.0 - q) - w[g + l]
            else:
                for l in range(m):
                    e = w[amount0 + l] + w[rh + l] * w[rate + l]
                    others = w[rt + l] - e if latent != 0.0 else 0.0
                    w[rise + l] = h
                    w[miss + l] = 2.0 * latent * others + h * e - w[g + l]
        for l in range(m):
            # Softening is left out of the matrix, which must stay positive.
            w[rise + l] = max(w[rise + l], 0.0)
            follows = 1.0 / (1.0 + w[pull + l] * w[rise + l] * w[rh + l])
            w[stiff + l] = w[rh + l] * w[slope + l] * follows
            part = abs(w[rate + l]) * amount * w[share + l]
            # A strength that is too low matters by the slip it lets pass, one too high by itself.
            part = part if w[miss + l] > 0.0 else 1.0
            off = abs(w[miss + l]) * w[weak + l] * part
            # Beyond the cap the flow is not the law's: there is no solution.
            off = 1e300 if abs(w[rate + l]) * amount > 1.001 * w[cap + l] else off
            w[worst + l] = max(w[worst + l], off)
            w[pull + l] *= -w[rh + l] * follows * w[miss + l]


@numba.njit(**COMPILE)
def _source_rates(w, table, n):
    """What each system's slip does to the strengths, h_b |γ̇_b|, into MISS; Γ into WORK + 3."""
    m = u(L)
    total, rh = u((WORK + 3) * L), u(STEP * L)
    for l in range(m):
        w[total + l] = 0.0
    for b in range(n):
        k = SYSTEMS + b
        g, rate, miss = u((k + G * n) * L), u((k + RATE * n) * L), u((k + MISS * n) * L)
        amount0, rise = u((k + AMOUNT0 * n) * L), u((k + RISE * n) * L)
        kind, tau_0, amount = table[b, mc.KIND], table[b, mc.TAU], table[b, mc.AMOUNT]
        h, inverse, exponent = table[b, mc.P1], table[b, mc.P2], table[b, mc.P3]
        for l in range(m):
            r = amount * abs(w[rate + l])
            w[total + l] += amount * w[amount0 + l] + w[rh + l] * r
            w[miss + l] = r if kind != mc.SATURATING else 0.0
            w[rise + l] = 1.0
        if kind == mc.POWER:
            for l in range(m):
                y = 1.0 - (tau_0 + w[g + l]) * inverse
                far = max(abs(y), SATURATED)
                w[rise + l] = h * power(far, exponent) * (y / far)
            for l in range(m):
                w[miss + l] *= w[rise + l]


@numba.njit(**COMPILE)
def _evolve(w, table, a, n, interaction):
    """The strength that a system gets, into STIFF, where it is a state; and its RISE."""
    m = u(L)
    k = SYSTEMS + a
    rise, stiff = u((k + RISE * n) * L), u((k + STIFF * n) * L)
    rh, total = u(STEP * L), u((WORK + 3) * L)
    strength0 = u((k + STRENGTH0 * n) * L)
    own, amount = interaction[a, a], table[a, mc.AMOUNT]
    for l in range(m):
        w[stiff + l] = 0.0
    for b in range(n):
        q = interaction[a, b]
        if q != 0.0:
            source = u((SYSTEMS + MISS * n + b) * L)
            for l in range(m):
                w[stiff + l] += q * w[source + l]
    if table[a, mc.KIND] == mc.VOCE:
        tau_1, theta_0, theta_1 = table[a, mc.P1], table[a, mc.P2], table[a, mc.P3]
        for l in range(m):
            e = exp_bounded(-theta_0 / tau_1 * w[total + l])
            d = theta_1 * (1.0 - e) + (tau_1 + theta_1 * w[total + l]) * theta_0 / tau_1 * e
            w[rise + l] = d
            w[stiff + l] *= d
    elif table[a, mc.KIND] == mc.OWN_POWER:
        h, inverse, exponent = table[a, mc.P1], table[a, mc.P2], table[a, mc.P3]
        g, tau_0 = u((k + G * n) * L), table[a, mc.TAU]
        for l in range(m):
            y = 1.0 - (tau_0 + w[g + l]) * inverse
            far = max(abs(y), SATURATED)
            size = h * power(far, exponent) / far
            d = size * y
            # One step of Newton's method for the strength that the slip of all leads to.
            slope = inverse * size * (exponent if far > SATURATED else 1.0)
            lacking = w[strength0 + l] + w[rh + l] * w[stiff + l] * d - w[g + l]
            follows = 1.0 / (1.0 + w[rh + l] * w[stiff + l] * slope)
            w[rise + l] = d * follows * own * amount
            w[stiff + l] = w[g + l] + lacking * follows
        return
    for l in range(m):
        w[rise + l] *= own * amount
        w[stiff + l] = w[strength0 + l] + w[rh + l] * w[stiff + l]
