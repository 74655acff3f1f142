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
from mlms_fenics.materials.crystal.implicit_matrices import (
    determinant,
    inverse_cube_root,
    multiply,
    multiply_row,
    symmetric,
    unimodular,
)
from mlms_fenics.materials.crystal.implicit_turn import set_turn
from mlms_fenics.materials.crystal.kernel import L

GAMMA = 1.0 - math.sqrt(0.5)
ONWARD = (1.0 - GAMMA) / GAMMA
# Weights of the rates at 0, γ and 1 that integrate a parabola.
W1 = (1.0 / 6.0) / (GAMMA * (1.0 - GAMMA))
W2 = (1.0 / 3.0 - GAMMA / 2.0) / (1.0 - GAMMA)
W0 = 1.0 - W1 - W2


@numba.njit(**COMPILE)
def set_stage(
    w, l, table, n_slip, F, base, amounts, strengths, guess, guess_g, h, strain, G, again, scratch
):
    """Put a stage's data into lane `l`.

    Args:
        F: at the stage, row by row; `base` B₀ likewise, *Shape* `(L, 9)`, row l.
        amounts: slips and twin fractions at the base, `strengths` g - τ_0 likewise, *Shape*
            `(L, n)`, row l.
        guess: stress to start from, *Shape* `(L, 5)`, row l; `guess_g` strengths, `(n,)`.
        h: length of the backward step, µs; `strain` of F over the stage; `G` shear modulus, GPa.
        again: whether this is the step's second stage, with a like cap.
        scratch: 9 numbers.
    """
    n = table.shape[0]
    old_cap = w[rows.CAP * L + l] if again else 0.0
    multiply_row(F, base, l, scratch)
    for k in range(9):
        w[(rows.BASE + k) * L + l] = scratch[k]
    J = determinant(F)  # and of F B₀, as det B₀ is 1
    w[rows.VOLUME * L + l] = J - 1.0
    r = inverse_cube_root(J, math.sqrt(w[rows.SIZE * L + l]))
    w[rows.SIZE * L + l] = r * r
    w[rows.STEP * L + l] = h
    size2 = 0.0
    for k in range(5):
        size2 += guess[l, k] * guess[l, k]
    # What is slipped is the stage's strain and what of the elastic strain is relaxed.
    cap = 6.0 * (strain + 0.5 * math.sqrt(size2) / G) / h
    like = cap < 1.3 * old_cap  # then it stays, as its powers take long
    w[rows.CAP * L + l] = old_cap if like else cap
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
    for a in range(0 if like else n):
        family = int(table[a, mc.FAMILY])
        if family != last and table[a, mc.AMOUNT] > 0.0:
            ratio = cap / (table[a, mc.AMOUNT] * table[a, mc.RATE])
            w[(rows.CAPS + family) * L + l] = power(ratio, 1.0 / table[a, mc.EXPONENT])
            last = family
    for a in range(n):
        k = rows.SYSTEMS + a
        w[(k + rows.G0 * n) * L + l] = guess_g[a]
        w[(k + rows.DG * n) * L + l] = 0.0
        w[(k + rows.AMOUNT0 * n) * L + l] = amounts[l, a]
        w[(k + rows.STRENGTH0 * n) * L + l] = strengths[l, a]
    if n > n_slip:
        set_turn(w, l, table, n_slip, amounts)


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
    for a in range(n):
        k = rows.SYSTEMS + a
        rate = w[(k + rows.RATE * n) * L + l]
        new_amounts[l, a] = amounts[l, a] + h * (abs(rate) if a < n_slip else rate)
        strengths[l, a] = w[(k + rows.G * n) * L + l] + w[(k + rows.MISS * n) * L + l]
    if n > n_slip:
        limit_twins(new_amounts, l, n_slip)


@numba.njit(**COMPILE)
def limit_twins(amounts, l, n_slip):
    """0 ≤ λ and Σλ ≤ 1."""
    total = 0.0
    for a in range(n_slip, amounts.shape[1]):
        total += max(amounts[l, a], 0.0)
    share = 1.0 / total if total > 1.0 else 1.0
    for a in range(n_slip, amounts.shape[1]):
        amounts[l, a] = max(amounts[l, a], 0.0) * share


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
