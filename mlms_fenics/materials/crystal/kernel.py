# SPDX-License-Identifier: MIT
"""The crystal law's rates for a block of lanes, compiled for the CPU's vector units.

A block holds `L` grains, its lanes. Quantity k of lane l is `w[k * L + l]` in a flat workspace, or
`S[k * L + l]` in that of what each system has: every operation below is a loop over lanes without a
branch, which LLVM turns into vector code (with 32 lanes or fewer it unrolls short loops completely
instead, before it can do so). All rows of `w` are known when a GPU's kernel is compiled, which has
one lane: they become registers; those of `S` are counted by the loops over systems.
Row numbers: `B` = F_in⁻¹ row by row (9), twin fractions, accumulated slips, in this order, make a
state; a state's first row in `S` is passed as `y`, its rates' as `f`. The equations are those of
`mlms_fenics.materials.crystal.law`, written for B: Ḃ = -B (L_p + L_t).
"""

import math

import numba
import numpy as np

from mlms_fenics.kinematics.vector_math import COMPILE, exp_bounded, power

L = 64  # lanes of a block
u = np.uint64  # unsigned indices: no wrap-around of negative ones, which would stop vectorisation

MAX_STATE = 9 + 12 + 48  # rows set aside for a state: up to 12 twin and 48 slip systems
# First rows of the workspace's parts.
(F_START, F_SLOPE, FRACTION) = (0, 9, 18)  # F = F_START + FRACTION F_SLOPE at a stage
(F_NOW, A_NOW, MANDEL, EFFECTIVE) = (19, 28, 37, 43)
(SHEAR_FACTOR, JACOBIAN, TWIN_SUM, STIFFNESS) = (49, 50, 51, 52)
(VELOCITY, SCRATCH) = (53, 62)  # L_p + L_t; 12 rows
ENGINE = 74  # the integrator's own rows begin here
(STRENGTH_SLOPE, SLIP_RATE, STATES) = (0, 48, 2 * 48)  # of `S`, where states begin at STATES

# Columns of the parameter tables (`crystal_tables`).
(SYM, FULL) = (0, 6)
(TAU, RATE, EXPONENT, HARDENING, SATURATION, RATIO, LATENT, FAMILY_START, FAMILY_END) = range(
    15, 24
)
(NORMAL, SHEAR) = (24, 27)
N_COLUMNS = 28


@numba.njit(**COMPILE)
def kinematics(w, S, y, shear_modulus):
    """F, J, A = F B, shear factor G J^{-2/3} and deviatoric Mandel stress of the lanes."""
    n = u(L)
    rF, rA = F_NOW * L, A_NOW * L
    for k in range(9):
        a, b, c, t = u((F_START + k) * L), u((F_SLOPE + k) * L), u(rF + k * L), u(FRACTION * L)
        for l in range(n):
            w[c + l] = w[a + l] + w[t + l] * w[b + l]
    f0, f1, f2 = u(rF), u(rF + L), u(rF + 2 * L)
    f3, f4, f5 = u(rF + 3 * L), u(rF + 4 * L), u(rF + 5 * L)
    f6, f7, f8 = u(rF + 6 * L), u(rF + 7 * L), u(rF + 8 * L)
    rJ, rG = u(JACOBIAN * L), u(SHEAR_FACTOR * L)
    for l in range(n):
        w[rJ + l] = (
            w[f0 + l] * (w[f4 + l] * w[f8 + l] - w[f5 + l] * w[f7 + l])
            + w[f1 + l] * (w[f5 + l] * w[f6 + l] - w[f3 + l] * w[f8 + l])
            + w[f2 + l] * (w[f3 + l] * w[f7 + l] - w[f4 + l] * w[f6 + l])
        )
    for l in range(n):
        J = w[rJ + l]
        # det F_in = 1, so det A = det F; J > 0 on admissible paths, and J² keeps the root real.
        w[rG + l] = shear_modulus * power(J * J, -1.0 / 3.0)
    for i in range(3):
        p, q, r = u(rF + 3 * i * L), u(rF + (3 * i + 1) * L), u(rF + (3 * i + 2) * L)
        for j in range(3):
            a, b, c = u((y + j) * L), u((y + 3 + j) * L), u((y + 6 + j) * L)
            d = u(rA + (3 * i + j) * L)
            for l in range(n):
                w[d + l] = w[p + l] * S[a + l] + w[q + l] * S[b + l] + w[r + l] * S[c + l]
    a0, a1, a2 = u(rA), u(rA + L), u(rA + 2 * L)
    a3, a4, a5 = u(rA + 3 * L), u(rA + 4 * L), u(rA + 5 * L)
    a6, a7, a8 = u(rA + 6 * L), u(rA + 7 * L), u(rA + 8 * L)
    m = MANDEL * L
    m0, m1, m2, m3, m4, m5 = u(m), u(m + L), u(m + 2 * L), u(m + 3 * L), u(m + 4 * L), u(m + 5 * L)
    for l in range(n):
        g = w[rG + l]
        c0 = w[a0 + l] * w[a0 + l] + w[a3 + l] * w[a3 + l] + w[a6 + l] * w[a6 + l]
        c1 = w[a1 + l] * w[a1 + l] + w[a4 + l] * w[a4 + l] + w[a7 + l] * w[a7 + l]
        c2 = w[a2 + l] * w[a2 + l] + w[a5 + l] * w[a5 + l] + w[a8 + l] * w[a8 + l]
        mean = (c0 + c1 + c2) / 3.0
        w[m0 + l] = g * (c0 - mean)
        w[m1 + l] = g * (c1 - mean)
        w[m2 + l] = g * (c2 - mean)
        w[m3 + l] = g * (w[a0 + l] * w[a1 + l] + w[a3 + l] * w[a4 + l] + w[a6 + l] * w[a7 + l])
        w[m4 + l] = g * (w[a1 + l] * w[a2 + l] + w[a4 + l] * w[a5 + l] + w[a7 + l] * w[a8 + l])
        w[m5 + l] = g * (w[a0 + l] * w[a2 + l] + w[a3 + l] * w[a5 + l] + w[a6 + l] * w[a8 + l])


@numba.njit(**COMPILE)
def effective_mandel(w, S, y, twin):
    """M_eff = M + Σ_β λ_β (R_β M R_β - M), R = I - 2 n⊗n, into the rows EFFECTIVE."""
    n = u(L)
    m, e = MANDEL * L, EFFECTIVE * L
    m0, m1, m2, m3, m4, m5 = u(m), u(m + L), u(m + 2 * L), u(m + 3 * L), u(m + 4 * L), u(m + 5 * L)
    e0, e1, e2, e3, e4, e5 = u(e), u(e + L), u(e + 2 * L), u(e + 3 * L), u(e + 4 * L), u(e + 5 * L)
    for k in range(6):
        a, b = u(m + k * L), u(e + k * L)
        for l in range(n):
            w[b + l] = w[a + l]
    for beta in range(twin.shape[0]):
        x, y1, z = twin[beta, NORMAL], twin[beta, NORMAL + 1], twin[beta, NORMAL + 2]
        rl = u((y + 9 + beta) * L)
        for l in range(n):
            c = -2.0 * S[rl + l]
            p = w[m0 + l] * x + w[m3 + l] * y1 + w[m5 + l] * z
            q = w[m3 + l] * x + w[m1 + l] * y1 + w[m4 + l] * z
            r = w[m5 + l] * x + w[m4 + l] * y1 + w[m2 + l] * z
            s = p * x + q * y1 + r * z
            p = c * (p - s * x)
            q = c * (q - s * y1)
            r = c * (r - s * z)
            w[e0 + l] += 2.0 * p * x
            w[e1 + l] += 2.0 * q * y1
            w[e2 + l] += 2.0 * r * z
            w[e3 + l] += p * y1 + q * x
            w[e4 + l] += q * z + r * y1
            w[e5 + l] += p * z + r * x


@numba.njit(**COMPILE)
def overstress_power(w, x, p, exponent):
    """Rows p ← x^(exponent - 1), by multiplication where the exponent is a whole number."""
    n = u(L)
    rx, rp = u(x * L), u(p * L)
    whole = math.floor(exponent + 0.5)
    if exponent == 2.0:
        for l in range(n):
            w[rp + l] = w[rx + l]
    elif abs(exponent - whole) < 1e-12 and whole < 512:
        rb = u((p + 1) * L)
        for l in range(n):
            w[rp + l] = 1.0
            w[rb + l] = w[rx + l]
        k = int(whole) - 1
        while k > 0:
            if k & 1:
                for l in range(n):
                    w[rp + l] *= w[rb + l]
            for l in range(n):
                w[rb + l] *= w[rb + l]
            k >>= 1
    else:
        for l in range(n):
            w[rp + l] = power(w[rx + l], exponent - 1.0)


@numba.njit(**COMPILE)
def slip_rates(w, S, y, f, slip, n_twin, shear_modulus):
    """Slip rates into the rows SLIP_RATE and (absolute) into f; adds their share of STIFFNESS."""
    n = u(L)
    e = EFFECTIVE * L
    e0, e1, e2, e3, e4, e5 = u(e), u(e + L), u(e + 2 * L), u(e + 3 * L), u(e + 4 * L), u(e + 5 * L)
    total, tau, x, p = u(SCRATCH * L), u((SCRATCH + 1) * L), u((SCRATCH + 2) * L), SCRATCH + 3
    rp, stiff = u(p * L), u(STIFFNESS * L)
    first = y + 9 + n_twin
    for a in range(slip.shape[0]):
        P0, P1, P2 = slip[a, 0], slip[a, 1], slip[a, 2]
        P3, P4, P5 = slip[a, 3], slip[a, 4], slip[a, 5]
        exponent, rate = slip[a, EXPONENT], slip[a, RATE]
        h, saturation, ratio = slip[a, HARDENING], slip[a, SATURATION], slip[a, RATIO]
        latent, per_tau = slip[a, LATENT], 1.0 / slip[a, TAU]
        start, end = int(slip[a, FAMILY_START]), int(slip[a, FAMILY_END])
        ra, rd = u((first + a) * L), u((STRENGTH_SLOPE + a) * L)
        if a == start:
            for l in range(n):
                w[total + l] = 0.0
            if latent != 0.0:
                for b in range(start, end):
                    rb = u((first + b) * L)
                    for l in range(n):
                        w[total + l] += S[rb + l]
        for l in range(n):
            w[tau + l] = (
                P0 * w[e0 + l]
                + P1 * w[e1 + l]
                + P2 * w[e2 + l]
                + P3 * w[e3 + l]
                + P4 * w[e4 + l]
                + P5 * w[e5 + l]
            )
        if saturation > 0.0:
            for l in range(n):
                q = exp_bounded(-ratio * S[ra + l])
                S[rd + l] = h * q
                over = abs(w[tau + l]) - latent * (w[total + l] - S[ra + l])
                over = (over - saturation * (1.0 - q)) * per_tau
                w[x + l] = over if over > 0.0 else 0.0
        else:
            for l in range(n):
                S[rd + l] = 0.0
                over = (abs(w[tau + l]) - latent * (w[total + l] - S[ra + l])) * per_tau
                w[x + l] = over if over > 0.0 else 0.0
        overstress_power(w, SCRATCH + 2, p, exponent)
        rf, rs = u((f + 9 + n_twin + a) * L), u((SLIP_RATE + a) * L)
        slope = exponent * rate * per_tau
        for l in range(n):
            size = rate * w[rp + l] * w[x + l]
            S[rf + l] = size
            S[rs + l] = size if w[tau + l] > 0.0 else -size
            w[stiff + l] += slope * w[rp + l] * (shear_modulus + S[rd + l])


@numba.njit(**COMPILE)
def twin_rates(w, S, y, f, twin, detwinning, shear_modulus):
    """Rates of the twin fractions into f; adds L_t to VELOCITY and their share of STIFFNESS."""
    n = u(L)
    n_twin = twin.shape[0]
    m = MANDEL * L
    m0, m1, m2, m3, m4, m5 = u(m), u(m + L), u(m + 2 * L), u(m + 3 * L), u(m + 4 * L), u(m + 5 * L)
    total, x, drive, p = u(TWIN_SUM * L), u((SCRATCH + 2) * L), u((SCRATCH + 1) * L), SCRATCH + 3
    rp, stiff = u(p * L), u(STIFFNESS * L)
    for b in range(n_twin):
        P0, P1, P2 = twin[b, 0], twin[b, 1], twin[b, 2]
        P3, P4, P5 = twin[b, 3], twin[b, 4], twin[b, 5]
        gamma, h, k2 = twin[b, SHEAR], twin[b, HARDENING], 2.0 * twin[b, LATENT]
        exponent, rate, per_tau = twin[b, EXPONENT], twin[b, RATE], 1.0 / twin[b, TAU]
        rl, rf = u((y + 9 + b) * L), u((f + 9 + b) * L)
        slope = exponent * rate * per_tau
        stiffness = slope * (gamma * gamma * shear_modulus + h + k2 * (n_twin - 1))
        for l in range(n):
            resolved = (
                P0 * w[m0 + l]
                + P1 * w[m1 + l]
                + P2 * w[m2 + l]
                + P3 * w[m3 + l]
                + P4 * w[m4 + l]
                + P5 * w[m5 + l]
            )
            d = gamma * resolved - k2 * (w[total + l] - S[rl + l]) - h * S[rl + l]
            d *= per_tau
            w[drive + l] = d
        if detwinning:
            for l in range(n):
                d = w[drive + l]
                grow = d if w[total + l] < 1.0 else 0.0
                shrink = -d if S[rl + l] > 0.0 else 0.0
                w[x + l] = grow if d > 0.0 else shrink
        else:
            for l in range(n):
                d = w[drive + l]
                d = d if d > 0.0 else 0.0
                w[x + l] = d if w[total + l] < 1.0 else 0.0
        overstress_power(w, SCRATCH + 2, p, exponent)
        for l in range(n):
            size = rate * w[rp + l] * w[x + l]
            S[rf + l] = size if w[drive + l] > 0.0 else -size
            w[stiff + l] += stiffness * w[rp + l]
        for k in range(9):
            c = gamma * twin[b, FULL + k]
            rv = u((VELOCITY + k) * L)
            for l in range(n):
                w[rv + l] += c * S[rf + l]


@numba.njit(**COMPILE)
def slip_velocity(w, S, y, slip, twin):
    """L_p = L_0 + Σ_β λ_β (R_β L_0 R_β - L_0), L_0 = Σ γ̇ s⊗m, into the rows VELOCITY."""
    n = u(L)
    for k in range(9):
        rv = u((VELOCITY + k) * L)
        for l in range(n):
            w[rv + l] = 0.0
    for a in range(slip.shape[0]):
        rs = u((SLIP_RATE + a) * L)
        for k in range(9):
            c = slip[a, FULL + k]
            if c != 0.0:
                rv = u((VELOCITY + k) * L)
                for l in range(n):
                    w[rv + l] += c * S[rs + l]
    if twin.shape[0] == 0:
        return
    for k in range(9):
        rv, rs = u((VELOCITY + k) * L), u((SCRATCH + k) * L)
        for l in range(n):
            w[rs + l] = w[rv + l]
    s, v = SCRATCH * L, VELOCITY * L
    s0, s1, s2, s3, s4 = u(s), u(s + L), u(s + 2 * L), u(s + 3 * L), u(s + 4 * L)
    s5, s6, s7, s8 = u(s + 5 * L), u(s + 6 * L), u(s + 7 * L), u(s + 8 * L)
    v0, v1, v2, v3, v4 = u(v), u(v + L), u(v + 2 * L), u(v + 3 * L), u(v + 4 * L)
    v5, v6, v7, v8 = u(v + 5 * L), u(v + 6 * L), u(v + 7 * L), u(v + 8 * L)
    for b in range(twin.shape[0]):
        x, y1, z = twin[b, NORMAL], twin[b, NORMAL + 1], twin[b, NORMAL + 2]
        rl = u((y + 9 + b) * L)
        for l in range(n):
            c = -2.0 * S[rl + l]
            # right = L_0 n, left = L_0ᵀ n
            p0 = w[s0 + l] * x + w[s1 + l] * y1 + w[s2 + l] * z
            p1 = w[s3 + l] * x + w[s4 + l] * y1 + w[s5 + l] * z
            p2 = w[s6 + l] * x + w[s7 + l] * y1 + w[s8 + l] * z
            q0 = w[s0 + l] * x + w[s3 + l] * y1 + w[s6 + l] * z
            q1 = w[s1 + l] * x + w[s4 + l] * y1 + w[s7 + l] * z
            q2 = w[s2 + l] * x + w[s5 + l] * y1 + w[s8 + l] * z
            d = p0 * x + p1 * y1 + p2 * z
            p0 = c * (p0 - d * x)
            p1 = c * (p1 - d * y1)
            p2 = c * (p2 - d * z)
            q0 = c * (q0 - d * x)
            q1 = c * (q1 - d * y1)
            q2 = c * (q2 - d * z)
            w[v0 + l] += p0 * x + x * q0
            w[v1 + l] += p0 * y1 + x * q1
            w[v2 + l] += p0 * z + x * q2
            w[v3 + l] += p1 * x + y1 * q0
            w[v4 + l] += p1 * y1 + y1 * q1
            w[v5 + l] += p1 * z + y1 * q2
            w[v6 + l] += p2 * x + z * q0
            w[v7 + l] += p2 * y1 + z * q1
            w[v8 + l] += p2 * z + z * q2


@numba.njit(**COMPILE)
def rates(w, S, y, f, slip, twin, detwinning, shear_modulus):
    """Rates of the state in rows y into rows f, at F = F_START + FRACTION F_SLOPE.

    Leaves behind A, J, the shear factor, and in STIFFNESS a bound on the spectral radius of the
    rates' Jacobian (1/µs): the trace of its slip part, the row sum of its twin part.
    """
    n = u(L)
    n_twin = twin.shape[0]
    kinematics(w, S, y, shear_modulus)
    effective_mandel(w, S, y, twin)
    stiff, total = u(STIFFNESS * L), u(TWIN_SUM * L)
    for l in range(n):
        w[stiff + l] = 0.0
        w[total + l] = 0.0
    for b in range(n_twin):
        rl = u((y + 9 + b) * L)
        for l in range(n):
            w[total + l] += S[rl + l]
    slip_rates(w, S, y, f, slip, n_twin, shear_modulus)
    slip_velocity(w, S, y, slip, twin)
    twin_rates(w, S, y, f, twin, detwinning, shear_modulus)
    for i in range(3):
        p, q, r = u((y + 3 * i) * L), u((y + 3 * i + 1) * L), u((y + 3 * i + 2) * L)
        for j in range(3):
            a, b, c = u((VELOCITY + j) * L), u((VELOCITY + 3 + j) * L), u((VELOCITY + 6 + j) * L)
            d = u((f + 3 * i + j) * L)
            for l in range(n):
                S[d + l] = -(S[p + l] * w[a + l] + S[q + l] * w[b + l] + S[r + l] * w[c + l])
