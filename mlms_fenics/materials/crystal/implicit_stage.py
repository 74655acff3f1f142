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
    along,
    between,
    determinant,
    inverse,
    inverse_cube_root,
    norm2,
    product,
    symmetric,
    transpose,
    unimodular,
)
from mlms_fenics.materials.crystal.implicit_rows import S6, H
from mlms_fenics.materials.crystal.kernel import L, u

GAMMA = 1.0 - math.sqrt(0.5)
ONWARD = (1.0 - GAMMA) / GAMMA
# Weights of the rates at γ and 1 that integrate a parabola; that of the rate at 0 is the rest.
W1 = (1.0 / 6.0) / (GAMMA * (1.0 - GAMMA))
W2 = (1.0 / 3.0 - GAMMA / 2.0) / (1.0 - GAMMA)


@numba.njit(**COMPILE)
def set_stage(w, l, table, F, base, guess, h, strain, G, again):
    """Put a stage's data into lane `l`, but what is of its systems (see `move_on`).

    Args:
        F: at the stage; `base` B₀ likewise, tuples.
        guess: stress to start from, *Shape* `(L, 5)`, row l.
        h: length of the backward step, µs; `strain` of F over the stage; `G` shear modulus, GPa.
        again: whether this is the step's second stage, with a like cap.
    """
    n = table.shape[0]
    old_cap = w[rows.CAP * L + l]
    FB = product(F, base)
    w[rows.BASE * L + l] = FB[0]
    w[(rows.BASE + 1) * L + l] = FB[1]
    w[(rows.BASE + 2) * L + l] = FB[2]
    w[(rows.BASE + 3) * L + l] = FB[3]
    w[(rows.BASE + 4) * L + l] = FB[4]
    w[(rows.BASE + 5) * L + l] = FB[5]
    w[(rows.BASE + 6) * L + l] = FB[6]
    w[(rows.BASE + 7) * L + l] = FB[7]
    w[(rows.BASE + 8) * L + l] = FB[8]
    J = determinant(F)  # and of F B₀, as det B₀ is 1
    w[rows.VOLUME * L + l] = J - 1.0
    r = inverse_cube_root(J, math.sqrt(w[rows.SIZE * L + l]))
    w[rows.SIZE * L + l] = r * r
    w[rows.STEP * L + l] = h
    x0, x1, x2, x3, x4 = guess[l, 0], guess[l, 1], guess[l, 2], guess[l, 3], guess[l, 4]
    size2 = x0 * x0 + x1 * x1 + x2 * x2 + x3 * x3 + x4 * x4
    # What is slipped is the stage's strain and what of the elastic strain is relaxed.
    cap = 6.0 * (strain + 0.5 * math.sqrt(size2) / G) / h
    like = cap < 1.3 * old_cap  # then it stays, as its powers take long
    like = like and (again or 1.3 * cap > old_cap)
    w[rows.CAP * L + l] = old_cap if like else cap
    w[rows.STARTED * L + l] = 0.0
    w[rows.TAKEN * L + l] = 1.0
    w[rows.SLOPE * L + l] = 0.0
    w[rows.X * L + l], w[(rows.X + 1) * L + l] = x0, x1
    w[(rows.X + 2) * L + l], w[(rows.X + 3) * L + l], w[(rows.X + 4) * L + l] = x2, x3, x4
    last = -1
    for a in range(0 if like else n):
        family = int(table[a, mc.FAMILY])
        if family != last and table[a, mc.AMOUNT] > 0.0:
            ratio = cap / (table[a, mc.AMOUNT] * table[a, mc.RATE])
            w[(rows.CAPS + family) * L + l] = power(ratio, 1.0 / table[a, mc.EXPONENT])
            last = family


@numba.njit(**COMPILE)
def _relaxed(w, l):
    """(I + δ L)⁻¹ after Newton's last step."""
    h, f, c, o = w[rows.STEP * L + l], u(rows.FLOW * L + l), u(rows.CHANGE * L + l), u(L)
    s0, s1, s2 = h * w[f] + w[c], h * w[f + o] + w[c + o], h * w[f + u(2) * o] + w[c + u(2) * o]
    s3, s4 = h * w[f + u(3) * o] + w[c + u(3) * o], h * w[f + u(4) * o] + w[c + u(4) * o]
    q0, q1 = h * w[f + u(5) * o] + w[c + u(5) * o], h * w[f + u(6) * o] + w[c + u(6) * o]
    q2 = h * w[f + u(7) * o] + w[c + u(7) * o]
    return inverse(
        (
            1.0 + H * s0 - S6 * s1, H * (s2 + q0), H * (s4 + q2),
            H * (s2 - q0), 1.0 - H * s0 - S6 * s1, H * (s3 + q1),
            H * (s4 - q2), H * (s3 - q1), 1.0 + 2.0 * S6 * s1,
        )
    )  # fmt: skip


@numba.njit(**COMPILE)
def read_stage(w, l, base):
    """B at the end of a stage that began at `base`, with Newton's last step where FINISHED."""
    if w[rows.FINISHED * L + l] > 0.0:
        return unimodular(product(base, _relaxed(w, l)))
    r = u(rows.INVERSE * L + l)
    relaxed = (
        w[r], w[r + u(L)], w[r + u(2 * L)], w[r + u(3 * L)], w[r + u(4 * L)], w[r + u(5 * L)],
        w[r + u(6 * L)], w[r + u(7 * L)], w[r + u(8 * L)],
    )  # fmt: skip
    return unimodular(product(base, relaxed))


@numba.njit(**COMPILE)
def _solve(w, l, b):
    """Newton's matrix of lane `l`, from its Cholesky factor, solved for `b`."""
    a, o = u(rows.MATRIX * L + l), u(L)
    y0 = b[0] * w[a]
    y1 = (b[1] - w[a + o] * y0) * w[a + u(2) * o]
    y2 = (b[2] - w[a + u(3) * o] * y0 - w[a + u(4) * o] * y1) * w[a + u(5) * o]
    p, q = w[a + u(6) * o], w[a + u(7) * o]
    y3 = (b[3] - p * y0 - q * y1 - w[a + u(8) * o] * y2) * w[a + u(9) * o]
    p, q, r, s = w[a + u(10) * o], w[a + u(11) * o], w[a + u(12) * o], w[a + u(13) * o]
    z4 = (b[4] - p * y0 - q * y1 - r * y2 - s * y3) * w[a + u(14) * o] * w[a + u(14) * o]
    z3 = (y3 - s * z4) * w[a + u(9) * o]
    z2 = (y2 - r * z4 - w[a + u(8) * o] * z3) * w[a + u(5) * o]
    z1 = (y1 - q * z4 - w[a + u(7) * o] * z3 - w[a + u(4) * o] * z2) * w[a + u(2) * o]
    z0 = (y0 - p * z4 - w[a + u(6) * o] * z3 - w[a + u(3) * o] * z2 - w[a + o] * z1) * w[a]
    return z0, z1, z2, z3, z4


@numba.njit(**COMPILE)
def step_error(w, l, F, B, rate0, rate1, rate2, h, scale):
    """Estimated error of a step relative to `scale`, GPa, from its rates of B at 0, γ h and h.

    The stress's error is taken as what a first-order step would make of the change of rates between
    the stages, seen through Newton's matrix, that is after the flow has relaxed it; the lattice's
    and the slips' as the difference to a third-order quadrature of the rates. All are tuples.
    """
    dB = between(0.3 * GAMMA * h, rate1, rate2)
    s0, s1, s2, s3, s4 = _solve(w, l, symmetric(product(transpose(product(F, B)), product(F, dB))))
    stress = s0 * s0 + s1 * s1 + s2 * s2 + s3 * s3 + s4 * s4
    # The weights' sum is zero.
    whole = along(
        between(h * (W1 - (1.0 - GAMMA)), rate0, rate1),
        h * (W2 - GAMMA),
        between(1.0, rate0, rate2),
    )
    return math.sqrt(stress) / scale + 2.0 * math.sqrt(norm2(whole))
