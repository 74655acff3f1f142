# SPDX-License-Identifier: MIT
"""What happens to one lane between the Newton iterations of its stages: scalar code.

A step of length h has two stages (Alexander, SIAM J. Numer. Anal. 14 (1977) 1006; L-stable, second
order): at γ h and at h, γ = 1 - √½, each a backward step of length γ h; the second's base is
B₀ + (1 - γ)/γ (B₁ - B₀), and likewise of slips, twins and strengths.
"""

import math

import numba

from mlms_fenics.kinematics.vector_math import COMPILE, power
from mlms_fenics.materials.crystal import implicit_rows as rows
from mlms_fenics.materials.crystal import mechanisms as mc
from mlms_fenics.materials.crystal.implicit_rows import S6, H
from mlms_fenics.materials.crystal.kernel import L

GAMMA = 1.0 - math.sqrt(0.5)
ONWARD = (1.0 - GAMMA) / GAMMA
# Weights of the rates at 0, γ and 1 that integrate a parabola.
W1 = (1.0 / 6.0) / (GAMMA * (1.0 - GAMMA))
W2 = (1.0 / 3.0 - GAMMA / 2.0) / (1.0 - GAMMA)
W0 = 1.0 - W1 - W2


@numba.njit(**COMPILE)
def determinant(a):
    """det of a 3×3 matrix given row by row."""
    return (
        a[0] * (a[4] * a[8] - a[5] * a[7])
        + a[1] * (a[5] * a[6] - a[3] * a[8])
        + a[2] * (a[3] * a[7] - a[4] * a[6])
    )


@numba.njit(**COMPILE)
def multiply(a, b, out):
    """Product of 3×3 matrices given row by row."""
    for i in range(3):
        for j in range(3):
            out[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j]


@numba.njit(**COMPILE)
def unimodular(b, l):
    """Scale the matrix in row l, with det near 1, to det 1."""
    # det^{-1/3} by Newton's iteration from 1: a stage changes det by a second-order error only.
    det = (
        b[l, 0] * (b[l, 4] * b[l, 8] - b[l, 5] * b[l, 7])
        + b[l, 1] * (b[l, 5] * b[l, 6] - b[l, 3] * b[l, 8])
        + b[l, 2] * (b[l, 3] * b[l, 7] - b[l, 4] * b[l, 6])
    )
    f = (4.0 - det) / 3.0
    f = f * (4.0 - det * f * f * f) / 3.0
    f = f * (4.0 - det * f * f * f) / 3.0
    f = f * (4.0 - det * f * f * f) / 3.0
    for k in range(9):
        b[l, k] *= f


@numba.njit(**COMPILE)
def multiply_row(a, b, l, out):
    """`multiply` with the matrix in row l of b."""
    for i in range(3):
        for j in range(3):
            out[3 * i + j] = (
                a[3 * i] * b[l, j] + a[3 * i + 1] * b[l, 3 + j] + a[3 * i + 2] * b[l, 6 + j]
            )


@numba.njit(**COMPILE)
def set_stage(
    w, l, table, n_slip, F, base, amounts, strengths, guess, guess_g, h, strain, G, scratch
):
    """Put a stage's data into lane `l`.

    Args:
        F: at the stage, row by row; `base` B₀ likewise, *Shape* `(L, 9)`, row l.
        amounts: slips and twin fractions at the base, `strengths` g - τ_0 likewise, *Shape*
            `(L, n)`, row l.
        guess: stress to start from, *Shape* `(L, 5)`, row l; `guess_g` strengths, `(n,)`.
        h: length of the backward step, µs; `strain` of F over the stage; `G` shear modulus, GPa.
        scratch: 9 numbers.
    """
    n = table.shape[0]
    multiply_row(F, base, l, scratch)
    for k in range(9):
        w[(rows.BASE + k) * L + l] = scratch[k]
    w[rows.VOLUME * L + l] = determinant(F) - 1.0
    w[rows.SIZE * L + l] = power(abs(determinant(scratch)), -2.0 / 3.0)
    w[rows.STEP * L + l] = h
    size2 = 0.0
    for k in range(5):
        size2 += guess[l, k] * guess[l, k]
    # What is slipped is the stage's strain and what of the elastic strain is relaxed.
    cap = 6.0 * (strain + 0.5 * math.sqrt(size2) / G) / h
    w[rows.CAP * L + l] = cap
    w[rows.STARTED * L + l] = 0.0
    w[rows.TAKEN * L + l] = 1.0
    w[rows.SLOPE * L + l] = 0.0
    for k in range(3):  # nothing of a failed stage must be left
        if not abs(w[(rows.SKEW + k) * L + l]) < 1e300:
            w[(rows.SKEW + k) * L + l] = 0.0
    for k in range(5):
        w[(rows.X + k) * L + l] = guess[l, k]
        w[(rows.X0 + k) * L + l] = guess[l, k]
        w[(rows.DX + k) * L + l] = 0.0
    last = -1
    for a in range(n):
        family = int(table[a, mc.FAMILY])
        if family != last and table[a, mc.AMOUNT] > 0.0:
            ratio = cap / (table[a, mc.AMOUNT] * table[a, mc.RATE])
            w[(rows.CAPS + family) * L + l] = power(ratio, 1.0 / table[a, mc.EXPONENT])
            last = family
        k = rows.SYSTEMS + a
        w[(k + rows.G0 * n) * L + l] = guess_g[a]
        w[(k + rows.DG * n) * L + l] = 0.0
        w[(k + rows.AMOUNT0 * n) * L + l] = amounts[l, a]
        w[(k + rows.STRENGTH0 * n) * L + l] = strengths[l, a]
    if n > n_slip:
        _set_turn(w, l, table, n_slip, amounts)


@numba.njit(**COMPILE)
def _set_turn(w, l, table, n_slip, amounts):
    """T = (1 - Σλ) I + Σ λ_β R_β · R_β for symmetric deviators and for skew tensors."""
    total = 0.0
    for k in range(15):
        w[(rows.TURN + k) * L + l] = 0.0
    for k in range(6):
        w[(rows.TURN_SKEW + k) * L + l] = 0.0
    for b in range(n_slip, table.shape[0]):
        c = amounts[l, b]
        if c == 0.0:
            continue
        total += c
        x, y, z = table[b, mc.NORMAL], table[b, mc.NORMAL + 1], table[b, mc.NORMAL + 2]
        r00, r11, r22 = 1.0 - 2.0 * x * x, 1.0 - 2.0 * y * y, 1.0 - 2.0 * z * z
        r01, r12, r02 = -2.0 * x * y, -2.0 * y * z, -2.0 * x * z
        row = 0
        for i in range(5):
            # R E_i R of the basis matrix E_i
            e00 = H if i == 0 else (-S6 if i == 1 else 0.0)
            e11 = -H if i == 0 else (-S6 if i == 1 else 0.0)
            e22 = 2.0 * S6 if i == 1 else 0.0
            e01 = H if i == 2 else 0.0
            e12 = H if i == 3 else 0.0
            e02 = H if i == 4 else 0.0
            p00 = r00 * e00 + r01 * e01 + r02 * e02
            p01 = r00 * e01 + r01 * e11 + r02 * e12
            p02 = r00 * e02 + r01 * e12 + r02 * e22
            p10 = r01 * e00 + r11 * e01 + r12 * e02
            p11 = r01 * e01 + r11 * e11 + r12 * e12
            p12 = r01 * e02 + r11 * e12 + r12 * e22
            p20 = r02 * e00 + r12 * e01 + r22 * e02
            p21 = r02 * e01 + r12 * e11 + r22 * e12
            p22 = r02 * e02 + r12 * e12 + r22 * e22
            q00 = p00 * r00 + p01 * r01 + p02 * r02
            q11 = p10 * r01 + p11 * r11 + p12 * r12
            q22 = p20 * r02 + p21 * r12 + p22 * r22
            q01 = p00 * r01 + p01 * r11 + p02 * r12
            q12 = p10 * r02 + p11 * r12 + p12 * r22
            q02 = p00 * r02 + p01 * r12 + p02 * r22
            for j in range(i + 1):
                if j == 0:
                    v = H * (q00 - q11)
                elif j == 1:
                    v = S6 * (2.0 * q22 - q00 - q11)
                elif j == 2:
                    v = 2.0 * H * q01
                elif j == 3:
                    v = 2.0 * H * q12
                else:
                    v = 2.0 * H * q02
                w[(rows.TURN + row) * L + l] += c * v
                row += 1
        # Skew tensors by their axes (23, 13, 12: x, -y, z), which a mirror turns about its normal.
        a0, a1, a2 = z, x, -y
        w[rows.TURN_SKEW * L + l] += c * (2.0 * a0 * a0 - 1.0)
        w[(rows.TURN_SKEW + 1) * L + l] += c * 2.0 * a1 * a0
        w[(rows.TURN_SKEW + 2) * L + l] += c * (2.0 * a1 * a1 - 1.0)
        w[(rows.TURN_SKEW + 3) * L + l] += c * 2.0 * a2 * a0
        w[(rows.TURN_SKEW + 4) * L + l] += c * 2.0 * a2 * a1
        w[(rows.TURN_SKEW + 5) * L + l] += c * (2.0 * a2 * a2 - 1.0)
    for k in (0, 2, 5, 9, 14):
        w[(rows.TURN + k) * L + l] += 1.0 - total
    for k in (0, 2, 5):
        w[(rows.TURN_SKEW + k) * L + l] += 1.0 - total


@numba.njit(**COMPILE)
def read_stage(w, l, table, n_slip, base, amounts, B, new_amounts, strengths):
    """The state at the end of a converged stage: row l of B, `new_amounts`, `strengths`."""
    n = table.shape[0]
    for i in range(3):
        for j in range(3):
            v = 0.0
            for k in range(3):
                v += base[l, 3 * i + k] * w[(rows.INVERSE + 3 * k + j) * L + l]
            B[l, 3 * i + j] = v
    unimodular(B, l)
    h = w[rows.STEP * L + l]
    total = 0.0
    for a in range(n):
        k = rows.SYSTEMS + a
        rate = w[(k + rows.RATE * n) * L + l]
        new_amounts[l, a] = amounts[l, a] + h * (abs(rate) if a < n_slip else rate)
        strengths[l, a] = w[(k + rows.G * n) * L + l] + w[(k + rows.MISS * n) * L + l]
        if a >= n_slip:
            total += max(new_amounts[l, a], 0.0)
    if n > n_slip:
        limit_twins(new_amounts, l, n_slip, total)


@numba.njit(**COMPILE)
def limit_twins(amounts, l, n_slip, total):
    """0 ≤ λ and Σλ ≤ 1."""
    share = 1.0 / total if total > 1.0 else 1.0
    for a in range(n_slip, amounts.shape[1]):
        amounts[l, a] = max(amounts[l, a], 0.0) * share


@numba.njit(**COMPILE)
def symmetric(m, out):
    """Components of the symmetric deviator of a 3×3 matrix."""
    out[0] = H * (m[0] - m[4])
    out[1] = S6 * (2.0 * m[8] - m[0] - m[4])
    out[2] = H * (m[1] + m[3])
    out[3] = H * (m[5] + m[7])
    out[4] = H * (m[2] + m[6])


@numba.njit(**COMPILE)
def solve(w, l, b, out):
    """Newton's matrix of lane `l`, from its Cholesky factor, solved for `b`."""
    y = out
    for i in range(5):
        s = b[i]
        for k in range(i):
            s -= w[(rows.MATRIX + i * (i + 1) // 2 + k) * L + l] * y[k]
        y[i] = s * w[(rows.MATRIX + i * (i + 1) // 2 + i) * L + l]
    for r in range(5):
        i = 4 - r
        s = y[i]
        for k in range(i + 1, 5):
            s -= w[(rows.MATRIX + k * (k + 1) // 2 + i) * L + l] * y[k]
        y[i] = s * w[(rows.MATRIX + i * (i + 1) // 2 + i) * L + l]


@numba.njit(**COMPILE)
def step_error(w, l, F, B, rate0, rate1, rate2, h, scale, A, X, Y, Z, five, solved):
    """Estimated error of a step relative to `scale`, GPa, from its rates of B at 0, γ h and h.

    The stress's error is taken as what a first-order step would make of the change of rates between
    the stages, seen through Newton's matrix, that is after the flow has relaxed it; the lattice's
    and the slips' as the difference to a third-order quadrature of the rates. B and the rates stand
    in row l; the last arguments are scratch.
    """
    multiply_row(F, B, l, A)
    for k in range(9):
        X[k] = 0.3 * GAMMA * h * (rate2[l, k] - rate1[l, k])
    _strain(F, A, X, Y, Z, five)
    solve(w, l, five, solved)
    stress = 0.0
    for k in range(5):
        stress += solved[k] * solved[k]
    whole = 0.0
    for k in range(9):
        X[k] = h * (
            W0 * rate0[l, k] + (W1 - (1.0 - GAMMA)) * rate1[l, k] + (W2 - GAMMA) * rate2[l, k]
        )
        whole += X[k] * X[k]
    return math.sqrt(stress) / scale + 2.0 * math.sqrt(whole)


@numba.njit(**COMPILE)
def _strain(F, A, dB, work, t, out):
    """Symmetric deviator of AᵀF δB."""
    multiply(F, dB, work)
    for i in range(3):
        for j in range(3):
            t[3 * i + j] = A[i] * work[j] + A[3 + i] * work[3 + j] + A[6 + i] * work[6 + j]
    symmetric(t, out)


@numba.njit(**COMPILE)
def cauchy(F, B, l, G, stiffness, coupling, isotropic, A, b, S, t, e, s5, out):
    """Deviatoric Cauchy stress (11, 22, 33, 12, 23, 13), GPa, and its norm.

    With cubic or hexagonal constants also the pressure that deviators make (zero where isotropic):
    all of the stress but 2 λ_e (J - 1) I. B stands in row l; A to s5 are scratch.
    """
    multiply_row(F, B, l, A)
    J = determinant(F)
    f = power(abs(determinant(A)), -2.0 / 3.0)
    pressure = 0.0
    if isotropic:
        for i in range(3):
            for j in range(3):
                s = 0.0
                for k in range(3):
                    s += A[3 * i + k] * A[3 * j + k]
                b[3 * i + j] = G * f / J * s
    else:
        for i in range(3):
            for j in range(3):
                s = 0.0
                for k in range(3):
                    s += A[3 * k + i] * A[3 * k + j]
                b[3 * i + j] = 0.5 * f * s
        symmetric(b, e)
        for i in range(5):
            s = (J - 1.0) * coupling[i]
            for j in range(5):
                k = i * (i + 1) // 2 + j if i >= j else j * (j + 1) // 2 + i
                s += stiffness[k] * e[j]
            s5[i] = s
            pressure += coupling[i] * e[i]
        S[0], S[4], S[8] = H * s5[0] - S6 * s5[1], -H * s5[0] - S6 * s5[1], 2.0 * S6 * s5[1]
        S[1] = S[3] = H * s5[2]
        S[5] = S[7] = H * s5[3]
        S[2] = S[6] = H * s5[4]
        multiply(A, S, t)
        for i in range(3):
            for j in range(3):
                s = 0.0
                for k in range(3):
                    s += t[3 * i + k] * A[3 * j + k]
                b[3 * i + j] = f / J * s
    mean = (b[0] + b[4] + b[8]) / 3.0
    out[0], out[1], out[2] = b[0] - mean, b[4] - mean, b[8] - mean
    out[3], out[4], out[5] = b[1], b[5], b[2]
    size = out[0] ** 2 + out[1] ** 2 + out[2] ** 2
    size += 2.0 * (out[3] ** 2 + out[4] ** 2 + out[5] ** 2)
    for k in range(3):
        out[k] += pressure
    return math.sqrt(size)


@numba.njit(**COMPILE)
def elastic_stress(F, B, l, G, stiffness, coupling, isotropic, A, C, e, out):
    """Deviator of a state's Mandel stress, GPa, where a path is taken up; rows l of B and out."""
    multiply_row(F, B, l, A)
    f = power(abs(determinant(A)), -2.0 / 3.0)
    for i in range(3):
        for j in range(3):
            s = 0.0
            for k in range(3):
                s += A[3 * k + i] * A[3 * k + j]
            C[3 * i + j] = 0.5 * f * s
    symmetric(C, e)
    J = determinant(F)
    for i in range(5):
        s = 2.0 * G * e[i]
        if not isotropic:
            s = (J - 1.0) * coupling[i]
            for j in range(5):
                k = i * (i + 1) // 2 + j if i >= j else j * (j + 1) // 2 + i
                s += stiffness[k] * e[j]
        out[l, i] = s
