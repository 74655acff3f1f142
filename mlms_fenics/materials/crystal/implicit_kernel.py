# SPDX-License-Identifier: MIT
"""One Newton iteration of an implicit stage, for a block of lanes.

A stage finds the stress x (deviatoric part of the Mandel stress, five components) with which

    A = F B,  B = B₀ (I + δ L(x))⁻¹,  x = dev M(AᵀA):

slip rates follow from x and the strengths g, the strengths from the slip rates. Newton's matrix is
the small-strain one, D⁻¹ + δ Σ ∂γ̇/∂τ P⊗P, symmetric and positive definite; the residual is exact.
The strengths are unknowns of their own: what a system does to its own strength is eliminated from
the iteration, what it does to others is taken from the last iterate. A step that overshoots is
shortened, by the secant of the residual along it, as the flow is the gradient of a convex
potential. Above the rate that would slip six times the step's strain, which no solution has, the
flow is continued by its tangent.

Rows and lanes as in `mlms_fenics.materials.crystal.kernel`; a system's own rows come last.
"""

import math

import numba

from mlms_fenics.kinematics.vector_math import COMPILE, exp_bounded, log_positive, power
from mlms_fenics.materials.crystal import mechanisms as mc
from mlms_fenics.materials.crystal.kernel import L, overstress_power, u

H, S6 = math.sqrt(0.5), math.sqrt(1.0 / 6.0)
SATURATED = 1e-3  # |1 - g/g∞| below which the power of a strength is a straight line
_MOST_FLOW = 0.5  # of |δ L| in (I + δ L)⁻¹

# Rows: stress where the Newton step began, the step, how much of it is taken, and where that leads.
(X0, DX, TAKEN, X) = (0, 5, 10, 11)
(SLOPE, STARTED, STEP, CAP, VOLUME, SIZE) = range(16, 22)
(BASE, TURN, TURN_SKEW) = (22, 31, 46)  # F B₀; what twins make of deviators and of skew tensors
(SEEN, SEEN_SKEW, SKEW) = (52, 57, 60)  # stress that drives slip; skew part of the Mandel stress
(FLOW, FLOW_SKEW, MATRIX, RESIDUAL) = (63, 68, 71, 86)
(INVERSE, ELASTIC, WORK) = (91, 100, 109)  # (I + δL)⁻¹, A, 25 rows of scratch
(MISFIT, HARDENING_MISFIT, SHARE, LANDED) = (134, 135, 136, 137)
CAPS = 138  # of each family: x = (rate at CAP / its own)^m
SYSTEMS = CAPS + mc.MAX_FAMILIES + 1
# Of each system, `n` rows each.
(G0, DG, G, TAU, RATE, SLOPES, PULL, STIFF, RISE, MISS, AMOUNT0, STRENGTH0, DTAU) = range(13)
BLOCKS = 13


@numba.njit(**COMPILE)
def _resolve(w, table, first, last, n, stress, skew, isotropic, block):
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
    """In rows x = |τ|/g: the y of x = y + b y^n, b = `drag`/`over`, by Newton's method in log y."""
    for l in range(u(L)):
        z = max(w[x + l], 1e-12)
        b = max(drag / w[over + l], 1e-300)
        lz, lb = log_positive(z), log_positive(b)
        v = min(lz, (lz - lb) / exponent)
        for _ in range(6):
            p, q = exp_bounded(v), b * exp_bounded(exponent * v)
            v -= (log_positive(p + q) - lz) * (p + q) / (p + exponent * q)
        w[x + l] = exp_bounded(v)


@numba.njit(**COMPILE)
def _overstress(w, table, n_slip, n, a, detwinning):
    """The strength of system a; its |τ|/g, or overstress over τ_0, and what it is divided by."""
    m = u(L)
    x, d, taken = u(WORK * L), u((WORK + 1) * L), u(TAKEN * L)
    k = SYSTEMS + a
    g, g0, dg = u((k + G * n) * L), u((k + G0 * n) * L), u((k + DG * n) * L)
    tau = u((k + TAU * n) * L)
    tau_0, over = table[a, mc.TAU], table[a, mc.OVERSTRESS]
    rest = 1.0 - over
    for l in range(m):
        w[g + l] = w[g0 + l] + w[taken + l] * w[dg + l]
    if a < n_slip:
        for l in range(m):
            w[d + l] = tau_0 + rest * w[g + l]
            w[x + l] = max(abs(w[tau + l]) - over * w[g + l], 0.0) / w[d + l]
    elif detwinning:
        for l in range(m):
            w[d + l] = tau_0 + rest * w[g + l]
            w[x + l] = abs(w[tau + l] - over * w[g + l]) / w[d + l]
    else:
        for l in range(m):
            w[d + l] = tau_0 + rest * w[g + l]
            w[x + l] = max(w[tau + l] - over * w[g + l], 0.0) / w[d + l]


@numba.njit(**COMPILE)
def _flow(w, table, n_slip, n, detwinning):
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
                s = exponent * reference * p / (xs * w[rd + l] + exponent * drag * p)
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
                s = exponent * p / w[rd + l]
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


@numba.njit(**COMPILE)
def _harden(w, table, n_slip, n, interaction):
    """Strengths that the rates lead to, and each system's effect on its own.

    Into RISE ∂g/∂(amount slipped), into MISS what the strengths lack, into the rows PULL and STIFF
    what a Newton step needs: the change of the rate that the lacking strength makes (times δ), and
    its slope with the stress when the strength follows (times δ).
    """
    m = u(L)
    rh, rt, worst = u(STEP * L), u(WORK * L), u(HARDENING_MISFIT * L)
    cap = u(CAP * L)
    for l in range(m):
        w[worst + l] = 0.0
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
        amount0 = u((k + AMOUNT0 * n) * L)
        kind, tau_0, amount = table[a, mc.KIND], table[a, mc.TAU], table[a, mc.AMOUNT]
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
            part = 6.0 * abs(w[rate + l]) * amount / w[cap + l]
            # A strength that is too low matters by the slip it lets pass, one too high by itself.
            part = part if w[miss + l] > 0.0 else 1.0
            off = abs(w[miss + l]) / (tau_0 + w[g + l]) * part
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


@numba.njit(**COMPILE)
def _gather(w, table, first, last, n):
    """Add the systems `first` to `last`, a multiple of four, to FLOW, MATRIX and RESIDUAL.

    Four systems at a time, as the sums' loads and stores would cost more than the arithmetic.
    """
    m = u(L)
    for a in range(first, last, 4):
        r = u((SYSTEMS + RATE * n + a) * L)
        c = u((SYSTEMS + STIFF * n + a) * L)
        q = u((SYSTEMS + PULL * n + a) * L)
        o = u(L)
        for k in range(8):
            d = u((FLOW + k) * L)
            f0, f1 = table[a, mc.FLOW + k], table[a + 1, mc.FLOW + k]
            f2, f3 = table[a + 2, mc.FLOW + k], table[a + 3, mc.FLOW + k]
            for l in range(m):
                w[d + l] += (
                    f0 * w[r + l]
                    + f1 * w[r + o + l]
                    + f2 * w[r + o + o + l]
                    + f3 * w[r + o + o + o + l]
                )
        for k in range(15):
            d = u((MATRIX + k) * L)
            f0, f1 = table[a, mc.PRODUCT + k], table[a + 1, mc.PRODUCT + k]
            f2, f3 = table[a + 2, mc.PRODUCT + k], table[a + 3, mc.PRODUCT + k]
            for l in range(m):
                w[d + l] += (
                    f0 * w[c + l]
                    + f1 * w[c + o + l]
                    + f2 * w[c + o + o + l]
                    + f3 * w[c + o + o + o + l]
                )
        for k in range(5):
            d = u((RESIDUAL + k) * L)
            f0, f1 = table[a, mc.FLOW + k], table[a + 1, mc.FLOW + k]
            f2, f3 = table[a + 2, mc.FLOW + k], table[a + 3, mc.FLOW + k]
            for l in range(m):
                w[d + l] += (
                    f0 * w[q + l]
                    + f1 * w[q + o + l]
                    + f2 * w[q + o + o + l]
                    + f3 * w[q + o + o + o + l]
                )


@numba.njit(**COMPILE)
def _at(i, j):
    """Row of the entry i, j of a symmetric matrix kept as its lower triangle."""
    return i * (i + 1) // 2 + j if i >= j else j * (j + 1) // 2 + i


@numba.njit(**COMPILE)
def _turn(w, source, target, matrix, size):
    """`target` = symmetric matrix in rows `matrix` times the vector in rows `source`."""
    for i in range(size):
        d = u((target + i) * L)
        for l in range(u(L)):
            w[d + l] = 0.0
        for j in range(size):
            a, b = u((matrix + _at(i, j)) * L), u((source + j) * L)
            for l in range(u(L)):
                w[d + l] += w[a + l] * w[b + l]


@numba.njit(**COMPILE)
def _copy(w, source, target, count):
    a, b = u(source * L), u(target * L)
    for l in range(u(count * L)):
        w[b + l] = w[a + l]


@numba.njit(**COMPILE)
def _turn_sums(w):
    """What slip in the twins makes of the sums over the slip systems."""
    m = u(L)
    for vector, matrix, size in ((FLOW, TURN, 5), (RESIDUAL, TURN, 5), (FLOW_SKEW, TURN_SKEW, 3)):
        _turn(w, vector, WORK, matrix, size)
        _copy(w, WORK, vector, size)
    for i in range(5):
        for j in range(5):
            d = u((WORK + 5 * i + j) * L)
            for l in range(m):
                w[d + l] = 0.0
            for k in range(5):
                a, b = u((MATRIX + _at(i, k)) * L), u((TURN + _at(k, j)) * L)
                for l in range(m):
                    w[d + l] += w[a + l] * w[b + l]
    for i in range(5):
        for j in range(i + 1):
            d = u((MATRIX + _at(i, j)) * L)
            for l in range(m):
                w[d + l] = 0.0
            for k in range(5):
                a, b = u((TURN + _at(i, k)) * L), u((WORK + 5 * k + j) * L)
                for l in range(m):
                    w[d + l] += w[a + l] * w[b + l]


@numba.njit(**COMPILE)
def _deform(w):
    """(I + s δ L)⁻¹, A, and the deviator of J^{-2/3} AᵀA (rows WORK to WORK + 5: 11, 22, 33, 12,
    23, 13).

    The share s is 1 but where trial stresses make δ L so large that the inverse means nothing;
    there the rest of the flow relaxes the stress linearly, so that the residual stays monotone.
    """
    m = u(L)
    rh, size = u(STEP * L), u(SIZE * L)
    s = FLOW * L
    s0, s1, s2, s3, s4 = u(s), u(s + L), u(s + 2 * L), u(s + 3 * L), u(s + 4 * L)
    q0, q1, q2 = u(FLOW_SKEW * L), u((FLOW_SKEW + 1) * L), u((FLOW_SKEW + 2) * L)
    i = INVERSE * L
    i0, i1, i2 = u(i), u(i + L), u(i + 2 * L)
    i3, i4, i5 = u(i + 3 * L), u(i + 4 * L), u(i + 5 * L)
    i6, i7, i8 = u(i + 6 * L), u(i + 7 * L), u(i + 8 * L)
    factor = u((WORK + 6) * L)
    share = u(SHARE * L)
    for l in range(m):
        size2 = (
            w[s0 + l] * w[s0 + l]
            + w[s1 + l] * w[s1 + l]
            + w[s2 + l] * w[s2 + l]
            + w[s3 + l] * w[s3 + l]
            + w[s4 + l] * w[s4 + l]
            + w[q0 + l] * w[q0 + l]
            + w[q1 + l] * w[q1 + l]
            + w[q2 + l] * w[q2 + l]
        )
        w[share + l] = min(1.0, _MOST_FLOW / (w[rh + l] * math.sqrt(size2) + 1e-300))
    for l in range(m):
        h = w[rh + l] * w[share + l]
        a00 = 1.0 + h * (H * w[s0 + l] - S6 * w[s1 + l])
        a11 = 1.0 + h * (-H * w[s0 + l] - S6 * w[s1 + l])
        a22 = 1.0 + h * 2.0 * S6 * w[s1 + l]
        a01, a10 = h * H * (w[s2 + l] + w[q0 + l]), h * H * (w[s2 + l] - w[q0 + l])
        a12, a21 = h * H * (w[s3 + l] + w[q1 + l]), h * H * (w[s3 + l] - w[q1 + l])
        a02, a20 = h * H * (w[s4 + l] + w[q2 + l]), h * H * (w[s4 + l] - w[q2 + l])
        b00 = a11 * a22 - a12 * a21
        b10 = a12 * a20 - a10 * a22
        b20 = a10 * a21 - a11 * a20
        det = a00 * b00 + a01 * b10 + a02 * b20
        r = 1.0 / det
        w[i0 + l] = b00 * r
        w[i1 + l] = (a02 * a21 - a01 * a22) * r
        w[i2 + l] = (a01 * a12 - a02 * a11) * r
        w[i3 + l] = b10 * r
        w[i4 + l] = (a00 * a22 - a02 * a20) * r
        w[i5 + l] = (a02 * a10 - a00 * a12) * r
        w[i6 + l] = b20 * r
        w[i7 + l] = (a01 * a20 - a00 * a21) * r
        w[i8 + l] = (a00 * a11 - a01 * a10) * r
        # det A^{-2/3}: that of F B₀ (row SIZE) times det^{2/3}, det - 1 being of second order.
        e = det - 1.0
        w[factor + l] = w[size + l] * (
            1.0 + e * (2.0 / 3.0 + e * (-1.0 / 9.0 + e * (4.0 / 81.0 - e * (7.0 / 243.0))))
        )
    for i in range(3):
        p, q, r = u((BASE + 3 * i) * L), u((BASE + 3 * i + 1) * L), u((BASE + 3 * i + 2) * L)
        for j in range(3):
            a, b, c = u((INVERSE + j) * L), u((INVERSE + 3 + j) * L), u((INVERSE + 6 + j) * L)
            d = u((ELASTIC + 3 * i + j) * L)
            for l in range(m):
                w[d + l] = w[p + l] * w[a + l] + w[q + l] * w[b + l] + w[r + l] * w[c + l]
    e = ELASTIC * L
    a0, a1, a2 = u(e), u(e + L), u(e + 2 * L)
    a3, a4, a5 = u(e + 3 * L), u(e + 4 * L), u(e + 5 * L)
    a6, a7, a8 = u(e + 6 * L), u(e + 7 * L), u(e + 8 * L)
    d = WORK * L
    d0, d1, d2, d3, d4, d5 = u(d), u(d + L), u(d + 2 * L), u(d + 3 * L), u(d + 4 * L), u(d + 5 * L)
    for l in range(m):
        f = w[factor + l]
        w[d0 + l] = f * (w[a0 + l] * w[a0 + l] + w[a3 + l] * w[a3 + l] + w[a6 + l] * w[a6 + l])
        w[d1 + l] = f * (w[a1 + l] * w[a1 + l] + w[a4 + l] * w[a4 + l] + w[a7 + l] * w[a7 + l])
        w[d2 + l] = f * (w[a2 + l] * w[a2 + l] + w[a5 + l] * w[a5 + l] + w[a8 + l] * w[a8 + l])
        w[d3 + l] = f * (w[a0 + l] * w[a1 + l] + w[a3 + l] * w[a4 + l] + w[a6 + l] * w[a7 + l])
        w[d4 + l] = f * (w[a1 + l] * w[a2 + l] + w[a4 + l] * w[a5 + l] + w[a7 + l] * w[a8 + l])
        w[d5 + l] = f * (w[a0 + l] * w[a2 + l] + w[a3 + l] * w[a5 + l] + w[a6 + l] * w[a8 + l])


@numba.njit(**COMPILE)
def _mandel(w, G, stiffness, coupling, isotropic):
    """Mandel stress of the rows WORK to WORK + 5: its deviator into WORK + 7, skew into SKEW."""
    m = u(L)
    d = WORK * L
    d0, d1, d2, d3, d4, d5 = u(d), u(d + L), u(d + 2 * L), u(d + 3 * L), u(d + 4 * L), u(d + 5 * L)
    o = (WORK + 7) * L
    o0, o1, o2, o3, o4 = u(o), u(o + L), u(o + 2 * L), u(o + 3 * L), u(o + 4 * L)
    for l in range(m):
        w[o0 + l] = G * H * (w[d0 + l] - w[d1 + l])
        w[o1 + l] = G * S6 * (2.0 * w[d2 + l] - w[d0 + l] - w[d1 + l])
        w[o2 + l] = G * 2.0 * H * w[d3 + l]
        w[o3 + l] = G * 2.0 * H * w[d4 + l]
        w[o4 + l] = G * 2.0 * H * w[d5 + l]
    if isotropic:
        return
    # e = ½ dev C̄; S = D e + (J - 1) c; M = C̄ S.
    volume = u(VOLUME * L)
    for i in range(5):
        r = u((WORK + 12 + i) * L)
        c = coupling[i]
        for l in range(m):
            w[r + l] = c * w[volume + l]
        for j in range(5):
            k = 0.5 / G * stiffness[_at(i, j)]
            b = u((WORK + 7 + j) * L)
            for l in range(m):
                w[r + l] += k * w[b + l]
    r = (WORK + 12) * L
    r0, r1, r2, r3, r4 = u(r), u(r + L), u(r + 2 * L), u(r + 3 * L), u(r + 4 * L)
    k0, k1, k2 = u(SKEW * L), u((SKEW + 1) * L), u((SKEW + 2) * L)
    for l in range(m):
        s00 = H * w[r0 + l] - S6 * w[r1 + l]
        s11 = -H * w[r0 + l] - S6 * w[r1 + l]
        s22 = 2.0 * S6 * w[r1 + l]
        s01, s12, s02 = H * w[r2 + l], H * w[r3 + l], H * w[r4 + l]
        c00, c11, c22 = w[d0 + l], w[d1 + l], w[d2 + l]
        c01, c12, c02 = w[d3 + l], w[d4 + l], w[d5 + l]
        m00 = c00 * s00 + c01 * s01 + c02 * s02
        m11 = c01 * s01 + c11 * s11 + c12 * s12
        m22 = c02 * s02 + c12 * s12 + c22 * s22
        m01 = c00 * s01 + c01 * s11 + c02 * s12
        m10 = c01 * s00 + c11 * s01 + c12 * s02
        m12 = c01 * s02 + c11 * s12 + c12 * s22
        m21 = c02 * s01 + c12 * s11 + c22 * s12
        m02 = c00 * s02 + c01 * s12 + c02 * s22
        m20 = c02 * s00 + c12 * s01 + c22 * s02
        w[o0 + l] = H * (m00 - m11)
        w[o1 + l] = S6 * (2.0 * m22 - m00 - m11)
        w[o2 + l] = H * (m01 + m10)
        w[o3 + l] = H * (m12 + m21)
        w[o4 + l] = H * (m02 + m20)
        w[k0 + l] = H * (m01 - m10)
        w[k1 + l] = H * (m12 - m21)
        w[k2 + l] = H * (m02 - m20)


@numba.njit(**COMPILE)
def _newton(w, compliance, floor):
    """The residual, the next step in X0 and DX; leaves the matrix's Cholesky factor."""
    m = u(L)
    misfit, share, rh = u(MISFIT * L), u(SHARE * L), u(STEP * L)
    for l in range(m):
        w[misfit + l] = 1e300 if w[share + l] < 1.0 else 0.0
    for i in range(5):
        x, y, d = u((X + i) * L), u((WORK + 7 + i) * L), u((WORK + i) * L)
        for l in range(m):
            w[d + l] = w[x + l] - w[y + l]
            w[misfit + l] += w[d + l] * w[d + l]
    for i in range(5):
        r = u((RESIDUAL + i) * L)
        for j in range(5):
            c = compliance[_at(i, j)]
            if c != 0.0:
                d = u((WORK + j) * L)
                for l in range(m):
                    w[r + l] += c * w[d + l]
            if j <= i:
                a = u((MATRIX + _at(i, j)) * L)
                for l in range(m):
                    w[a + l] += c
        f = u((FLOW + i) * L)
        for l in range(m):
            w[r + l] += (1.0 - w[share + l]) * w[rh + l] * w[f + l]
    # Slope of the residual along the step that led here.
    slope = u((WORK + 5) * L)
    for l in range(m):
        w[slope + l] = 0.0
    for i in range(5):
        r, d = u((RESIDUAL + i) * L), u((DX + i) * L)
        for l in range(m):
            w[slope + l] += w[r + l] * w[d + l]
    a = MATRIX * L
    a0, a1, a2, a3, a4 = u(a), u(a + L), u(a + 2 * L), u(a + 3 * L), u(a + 4 * L)
    a5, a6, a7, a8, a9 = u(a + 5 * L), u(a + 6 * L), u(a + 7 * L), u(a + 8 * L), u(a + 9 * L)
    b0, b1, b2 = u(a + 10 * L), u(a + 11 * L), u(a + 12 * L)
    b3, b4 = u(a + 13 * L), u(a + 14 * L)
    for l in range(m):
        l00 = 1.0 / math.sqrt(w[a0 + l])
        l10, l20 = w[a1 + l] * l00, w[a3 + l] * l00
        l30, l40 = w[a6 + l] * l00, w[b0 + l] * l00
        l11 = 1.0 / math.sqrt(w[a2 + l] - l10 * l10)
        l21 = (w[a4 + l] - l20 * l10) * l11
        l31 = (w[a7 + l] - l30 * l10) * l11
        l41 = (w[b1 + l] - l40 * l10) * l11
        l22 = 1.0 / math.sqrt(w[a5 + l] - l20 * l20 - l21 * l21)
        l32 = (w[a8 + l] - l30 * l20 - l31 * l21) * l22
        l42 = (w[b2 + l] - l40 * l20 - l41 * l21) * l22
        l33 = 1.0 / math.sqrt(w[a9 + l] - l30 * l30 - l31 * l31 - l32 * l32)
        l43 = (w[b3 + l] - l40 * l30 - l41 * l31 - l42 * l32) * l33
        l44 = 1.0 / math.sqrt(w[b4 + l] - l40 * l40 - l41 * l41 - l42 * l42 - l43 * l43)
        # The factor, with the inverse of its diagonal, takes the matrix's place.
        w[a0 + l], w[a1 + l], w[a2 + l], w[a3 + l], w[a4 + l] = l00, l10, l11, l20, l21
        w[a5 + l], w[a6 + l], w[a7 + l], w[a8 + l], w[a9 + l] = l22, l30, l31, l32, l33
        w[b0 + l], w[b1 + l], w[b2 + l], w[b3 + l], w[b4 + l] = l40, l41, l42, l43, l44
    r = RESIDUAL * L
    r0, r1, r2, r3, r4 = u(r), u(r + L), u(r + 2 * L), u(r + 3 * L), u(r + 4 * L)
    n = (WORK + 7) * L
    n0, n1, n2, n3, n4 = u(n), u(n + L), u(n + 2 * L), u(n + 3 * L), u(n + 4 * L)
    for l in range(m):
        y0 = -w[r0 + l] * w[a0 + l]
        y1 = (-w[r1 + l] - w[a1 + l] * y0) * w[a2 + l]
        y2 = (-w[r2 + l] - w[a3 + l] * y0 - w[a4 + l] * y1) * w[a5 + l]
        y3 = (-w[r3 + l] - w[a6 + l] * y0 - w[a7 + l] * y1 - w[a8 + l] * y2) * w[a9 + l]
        y4 = -w[r4 + l] - w[b0 + l] * y0 - w[b1 + l] * y1 - w[b2 + l] * y2 - w[b3 + l] * y3
        z4 = y4 * w[b4 + l] * w[b4 + l]
        z3 = (y3 - w[b3 + l] * z4) * w[a9 + l]
        z2 = (y2 - w[b2 + l] * z4 - w[a8 + l] * z3) * w[a5 + l]
        z1 = (y1 - w[b1 + l] * z4 - w[a7 + l] * z3 - w[a4 + l] * z2) * w[a2 + l]
        z0 = (y0 - w[b0 + l] * z4 - w[a6 + l] * z3 - w[a3 + l] * z2 - w[a1 + l] * z1) * w[a0 + l]
        w[n0 + l], w[n1 + l], w[n2 + l], w[n3 + l], w[n4 + l] = z0, z1, z2, z3, z4
    before, started, taken = u(SLOPE * L), u(STARTED * L), u(TAKEN * L)
    landed = u(LANDED * L)
    size, new_slope, again = u((WORK + 12) * L), u((WORK + 13) * L), u((WORK + 14) * L)
    for l in range(m):
        w[size + l] = 0.0
        w[new_slope + l] = 0.0
        old, now, t = abs(w[before + l]), w[slope + l], w[taken + l]
        over = now > 0.5 * old
        over = over if t > 0.01 else False
        # A step that was cut so as to end on the yield surface has not overshot.
        over = over if (w[started + l] > 0.0 and w[landed + l] == 0.0) else False
        share = old / (old + max(now, 0.0) + 1e-300)
        share = min(0.5, max(0.1, share))
        w[again + l] = 1.0 if over else 0.0
        w[taken + l] = t * share if over else 1.0
        w[started + l] = 1.0
    for i in range(5):
        x0, dx, x = u((X0 + i) * L), u((DX + i) * L), u((X + i) * L)
        z, r = u((WORK + 7 + i) * L), u((RESIDUAL + i) * L)
        for l in range(m):
            again_l, old_x0, old_dx, here, step = (
                w[again + l], w[x0 + l], w[dx + l], w[x + l], w[z + l],
            )  # fmt: skip
            w[size + l] += here * here
            w[new_slope + l] += w[r + l] * step
            w[x0 + l] = old_x0 if again_l > 0.0 else here
            w[dx + l] = old_dx if again_l > 0.0 else step
    for l in range(m):
        old, new = w[before + l], w[new_slope + l]
        w[before + l] = old if w[again + l] > 0.0 else new
        w[misfit + l] = math.sqrt(w[misfit + l] / max(w[size + l], floor * floor))


@numba.njit(**COMPILE)
def _follow(w, table, n_slip, n, twins, isotropic):
    """The strengths' step that goes with the stress's, and how much of both is taken.

    No system is loaded beyond its rate at CAP, where no solution lies: what would be an elastic
    jump far outside of the yield surface ends on it.
    """
    m = u(L)
    stress = DX
    if twins:
        _turn(w, DX, WORK, TURN, 5)
        stress = WORK
    # The skew part is not known ahead: its rows here are zero.
    _resolve(w, table, 0, n_slip, n, stress, SKEW, True, DTAU)
    _resolve(w, table, n_slip, n, n, DX, SKEW, True, DTAU)
    again, rh, cap = u((WORK + 14) * L), u(STEP * L), u(CAP * L)
    most = u((WORK + 15) * L)
    for l in range(m):
        w[most + l] = 1.0
    for a in range(n):
        k = SYSTEMS + a
        g, g0, dg = u((k + G * n) * L), u((k + G0 * n) * L), u((k + DG * n) * L)
        dtau, tau = u((k + DTAU * n) * L), u((k + TAU * n) * L)
        rate, caps = u((k + RATE * n) * L), u((CAPS + int(table[a, mc.FAMILY])) * L)
        pull, stiff = u((k + PULL * n) * L), u((k + STIFF * n) * L)
        rise, miss = u((k + RISE * n) * L), u((k + MISS * n) * L)
        amount, tau_0 = table[a, mc.AMOUNT], table[a, mc.TAU]
        is_slip = a < n_slip
        for l in range(m):
            h, r = w[rh + l], w[rate + l]
            moved = w[stiff + l] * w[dtau + l]
            moved = -moved if (is_slip and r < 0.0) else moved
            moved += w[pull + l]
            # No rate changes its sign, or grows beyond the cap.
            moved = max(moved, -h * abs(r))
            moved = min(moved, h * w[cap + l] / amount)
            step = w[miss + l] + w[rise + l] * moved
            strength = tau_0 + w[g + l]
            step = max(min(step, strength), -0.5 * strength)
            old_g0, old_dg, here = w[g0 + l], w[dg + l], w[g + l]
            w[g0 + l] = old_g0 if w[again + l] > 0.0 else here
            w[dg + l] = old_dg if w[again + l] > 0.0 else step
        if table[a, mc.DRAG] > 0.0:
            continue
        over = table[a, mc.OVERSTRESS]
        rest = 1.0 - over
        for l in range(m):
            limit = w[caps + l] * (tau_0 + rest * w[g + l]) + over * w[g + l]
            change = w[dtau + l]
            room = limit - w[tau + l] if change > 0.0 else limit + w[tau + l]
            room = room if (is_slip or change > 0.0) else 1e300
            share = room / max(abs(change), 1e-300)
            share = share if room > 0.0 else 1.0
            w[most + l] = min(w[most + l], share)
    taken, landed = u(TAKEN * L), u(LANDED * L)
    for l in range(m):
        t, cut = w[taken + l], w[most + l]
        halved = w[again + l] > 0.0
        w[taken + l] = t if halved else max(cut, 1e-3)
        w[landed + l] = 1.0 if (cut < 1.0 and not halved) else 0.0
    for i in range(5):
        x0, dx, x = u((X0 + i) * L), u((DX + i) * L), u((X + i) * L)
        for l in range(m):
            w[x + l] = w[x0 + l] + w[taken + l] * w[dx + l]


@numba.njit(**COMPILE)
def iterate(
    w, table, n_slip, interaction, compliance, stiffness, coupling, G_modulus, isotropic,
    detwinning, floor,
):  # fmt: skip
    """One Newton iteration of every lane.

    Leaves behind the rates RATE, the strengths they lead to (G + MISS), INVERSE and ELASTIC, all of
    the stress before the step, and how far that is from a solution: MISFIT (of the stress, relative
    to itself or `floor`) and HARDENING_MISFIT (of the strengths, weighted by their share of the
    slip).
    """
    n = table.shape[0]
    twins = n > n_slip
    m = u(L)
    for k in range(FLOW, RESIDUAL + 5):
        d = u(k * L)
        for l in range(m):
            w[d + l] = 0.0
    if twins:
        _turn(w, X, SEEN, TURN, 5)
        if not isotropic:
            _turn(w, SKEW, SEEN_SKEW, TURN_SKEW, 3)
        _resolve(w, table, 0, n_slip, n, SEEN, SEEN_SKEW, isotropic, TAU)
        _resolve(w, table, n_slip, n, n, X, SKEW, isotropic, TAU)
    else:
        _resolve(w, table, 0, n_slip, n, X, SKEW, isotropic, TAU)
    _flow(w, table, n_slip, n, detwinning)
    _harden(w, table, n_slip, n, interaction)
    _sign_pulls(w, n_slip, n)
    _gather(w, table, 0, n_slip, n)
    if twins:
        _turn_sums(w)
        _gather(w, table, n_slip, n, n)
    _deform(w)
    _mandel(w, G_modulus, stiffness, coupling, isotropic)
    _newton(w, compliance, floor)
    _sign_pulls(w, n_slip, n)
    _follow(w, table, n_slip, n, twins, isotropic)


@numba.njit(**COMPILE)
def _sign_pulls(w, n_slip, n):
    """Give a slip system's PULL the sign of its slip, or take it away again."""
    for a in range(n_slip):
        pull, rate = u((SYSTEMS + PULL * n + a) * L), u((SYSTEMS + RATE * n + a) * L)
        for l in range(u(L)):
            p = w[pull + l]
            w[pull + l] = -p if w[rate + l] < 0.0 else p
