# SPDX-License-Identifier: MIT
"""Small 3×3 matrices of one lane, given row by row: scalar code."""

import numba

from mlms_fenics.kinematics.vector_math import COMPILE, power
from mlms_fenics.materials.crystal.implicit_rows import S6, H


@numba.njit(**COMPILE)
def determinant(a):
    """det of a 3×3 matrix given row by row."""
    return (
        a[0] * (a[4] * a[8] - a[5] * a[7])
        + a[1] * (a[5] * a[6] - a[3] * a[8])
        + a[2] * (a[3] * a[7] - a[4] * a[6])
    )


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
    third = 1.0 / 3.0  # as divisions take long
    f = (4.0 - det) * third
    for _ in range(3):
        f *= (4.0 - det * f * f * f) * third
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
def symmetric(m, out):
    """Components of the symmetric deviator of a 3×3 matrix."""
    out[0] = H * (m[0] - m[4])
    out[1] = S6 * (2.0 * m[8] - m[0] - m[4])
    out[2] = H * (m[1] + m[3])
    out[3] = H * (m[5] + m[7])
    out[4] = H * (m[2] + m[6])
