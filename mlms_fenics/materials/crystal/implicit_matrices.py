# SPDX-License-Identifier: MIT
"""Small 3×3 matrices of one lane, as tuples row by row: scalar code.

Tuples rather than loops over arrays, so that all of a product stays in registers: five times as
quick.
"""

import numba

from mlms_fenics.kinematics.vector_math import COMPILE, power
from mlms_fenics.materials.crystal.implicit_rows import S6, H


@numba.njit(**COMPILE)
def row(a, l):
    """Row l of an array of 3×3 matrices, *Shape* `(L, 9)`, as a matrix."""
    return (
        a[l, 0], a[l, 1], a[l, 2], a[l, 3], a[l, 4], a[l, 5], a[l, 6], a[l, 7], a[l, 8],
    )  # fmt: skip


@numba.njit(**COMPILE)
def put(a, l, m):
    """A matrix into row l of an array of such."""
    a[l, 0], a[l, 1], a[l, 2] = m[0], m[1], m[2]
    a[l, 3], a[l, 4], a[l, 5] = m[3], m[4], m[5]
    a[l, 6], a[l, 7], a[l, 8] = m[6], m[7], m[8]


@numba.njit(**COMPILE)
def along(a, factor, b):
    """a + factor b."""
    return (
        a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2],
        a[3] + factor * b[3], a[4] + factor * b[4], a[5] + factor * b[5],
        a[6] + factor * b[6], a[7] + factor * b[7], a[8] + factor * b[8],
    )  # fmt: skip


@numba.njit(**COMPILE)
def between(factor, a, b):
    """factor (b - a)."""
    return (
        factor * (b[0] - a[0]), factor * (b[1] - a[1]), factor * (b[2] - a[2]),
        factor * (b[3] - a[3]), factor * (b[4] - a[4]), factor * (b[5] - a[5]),
        factor * (b[6] - a[6]), factor * (b[7] - a[7]), factor * (b[8] - a[8]),
    )  # fmt: skip


@numba.njit(**COMPILE)
def product(a, b):
    """a b."""
    return (
        a[0] * b[0] + a[1] * b[3] + a[2] * b[6],
        a[0] * b[1] + a[1] * b[4] + a[2] * b[7],
        a[0] * b[2] + a[1] * b[5] + a[2] * b[8],
        a[3] * b[0] + a[4] * b[3] + a[5] * b[6],
        a[3] * b[1] + a[4] * b[4] + a[5] * b[7],
        a[3] * b[2] + a[4] * b[5] + a[5] * b[8],
        a[6] * b[0] + a[7] * b[3] + a[8] * b[6],
        a[6] * b[1] + a[7] * b[4] + a[8] * b[7],
        a[6] * b[2] + a[7] * b[5] + a[8] * b[8],
    )


@numba.njit(**COMPILE)
def transpose(a):
    """aᵀ."""
    return a[0], a[3], a[6], a[1], a[4], a[7], a[2], a[5], a[8]


@numba.njit(**COMPILE)
def norm2(a):
    """Σ aᵢⱼ²."""
    return (
        (a[0] * a[0] + a[1] * a[1] + a[2] * a[2])
        + (a[3] * a[3] + a[4] * a[4] + a[5] * a[5])
        + (a[6] * a[6] + a[7] * a[7] + a[8] * a[8])
    )


@numba.njit(**COMPILE)
def determinant(a):
    """det a."""
    return (
        a[0] * (a[4] * a[8] - a[5] * a[7])
        + a[1] * (a[5] * a[6] - a[3] * a[8])
        + a[2] * (a[3] * a[7] - a[4] * a[6])
    )


@numba.njit(**COMPILE)
def inverse(a):
    """a⁻¹."""
    b0 = a[4] * a[8] - a[5] * a[7]
    b3 = a[5] * a[6] - a[3] * a[8]
    b6 = a[3] * a[7] - a[4] * a[6]
    r = 1.0 / (a[0] * b0 + a[1] * b3 + a[2] * b6)
    return (
        r * b0, r * (a[2] * a[7] - a[1] * a[8]), r * (a[1] * a[5] - a[2] * a[4]),
        r * b3, r * (a[0] * a[8] - a[2] * a[6]), r * (a[2] * a[3] - a[0] * a[5]),
        r * b6, r * (a[1] * a[6] - a[0] * a[7]), r * (a[0] * a[4] - a[1] * a[3]),
    )  # fmt: skip


@numba.njit(**COMPILE)
def inverse_cube_root(a, guess):
    """|a|^{-1/3} by Newton's iteration, from a guess where that is near."""
    a = abs(a)
    f = guess if abs(a * guess * guess * guess - 1.0) < 0.01 else power(a, -1.0 / 3.0)
    third = 1.0 / 3.0
    for _ in range(3):  # errors of 3e-3, 2e-5, 1e-9, 0
        f *= (4.0 - a * f * f * f) * third
    return f


@numba.njit(**COMPILE)
def unimodular(a):
    """A matrix with det near 1, scaled to det 1."""
    # det^{-1/3} by Newton's iteration from 1: a stage changes det by a second-order error only.
    det = determinant(a)
    third = 1.0 / 3.0  # as divisions take long
    f = (4.0 - det) * third
    for _ in range(3):
        f *= (4.0 - det * f * f * f) * third
    return a[0] * f, a[1] * f, a[2] * f, a[3] * f, a[4] * f, a[5] * f, a[6] * f, a[7] * f, a[8] * f


@numba.njit(**COMPILE)
def symmetric(m):
    """Components of the symmetric deviator."""
    return (
        H * (m[0] - m[4]),
        S6 * (2.0 * m[8] - m[0] - m[4]),
        H * (m[1] + m[3]),
        H * (m[5] + m[7]),
        H * (m[2] + m[6]),
    )
