# SPDX-License-Identifier: MIT
"""Compiled polar decomposition of many 3×3 matrices on a CPU."""

from math import sqrt

import numba

# A sum of squares below which Newton's next change is less than rounding (it squares each time).
_CHANGE = 1.0e-18


@numba.njit(cache=True, error_model="numpy")
def polar_newton(F, R, U):
    """R and U of F = R U for each matrix, `(n, 3, 3)`; returns the first n with det F <= 0, or -1.

    Newton's iteration R ← (ζ R + R⁻ᵀ/ζ)/2 with ζ = √(|R⁻¹|/|R|) (Higham, SIAM J. Sci. Stat.
    Comput. 7, 1986, eq. 3.2 with Frobenius norms) while R is far from a rotation.
    """
    for n in range(F.shape[0]):
        a0, a1, a2 = F[n, 0, 0], F[n, 0, 1], F[n, 0, 2]
        b0, b1, b2 = F[n, 1, 0], F[n, 1, 1], F[n, 1, 2]
        c0, c1, c2 = F[n, 2, 0], F[n, 2, 1], F[n, 2, 2]
        f0, f1, f2, g0, g1, g2, h0, h1, h2 = a0, a1, a2, b0, b1, b2, c0, c1, c2
        scaled = True
        for iteration in range(60):
            k00, k01, k02 = b1 * c2 - b2 * c1, b2 * c0 - b0 * c2, b0 * c1 - b1 * c0
            k10, k11, k12 = c1 * a2 - c2 * a1, c2 * a0 - c0 * a2, c0 * a1 - c1 * a0
            k20, k21, k22 = a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0
            det = a0 * k00 + a1 * k01 + a2 * k02
            if iteration == 0 and not (det > 0.0 and det < 1e300):
                return n
            size, inverse = 1.0, 1.0 / det
            if scaled:
                norm = (
                    a0 * a0 + a1 * a1 + a2 * a2 + b0 * b0 + b1 * b1 + b2 * b2
                    + c0 * c0 + c1 * c1 + c2 * c2
                )  # fmt: skip
                other = (
                    k00 * k00 + k01 * k01 + k02 * k02 + k10 * k10 + k11 * k11 + k12 * k12
                    + k20 * k20 + k21 * k21 + k22 * k22
                )  # fmt: skip
                size = sqrt(sqrt(other / norm) / det)
                inverse /= size
            x, y = 0.5 * size, 0.5 * inverse
            d0, d1, d2 = x * a0 + y * k00 - a0, x * a1 + y * k01 - a1, x * a2 + y * k02 - a2
            e0, e1, e2 = x * b0 + y * k10 - b0, x * b1 + y * k11 - b1, x * b2 + y * k12 - b2
            i0, i1, i2 = x * c0 + y * k20 - c0, x * c1 + y * k21 - c1, x * c2 + y * k22 - c2
            a0, a1, a2 = a0 + d0, a1 + d1, a2 + d2
            b0, b1, b2 = b0 + e0, b1 + e1, b2 + e2
            c0, c1, c2 = c0 + i0, c1 + i1, c2 + i2
            change = (
                d0 * d0 + d1 * d1 + d2 * d2 + e0 * e0 + e1 * e1 + e2 * e2
                + i0 * i0 + i1 * i1 + i2 * i2
            )  # fmt: skip
            if change < _CHANGE:
                break
            scaled = change > 1e-2
        R[n, 0, 0], R[n, 0, 1], R[n, 0, 2] = a0, a1, a2
        R[n, 1, 0], R[n, 1, 1], R[n, 1, 2] = b0, b1, b2
        R[n, 2, 0], R[n, 2, 1], R[n, 2, 2] = c0, c1, c2
        U[n, 0, 0] = a0 * f0 + b0 * g0 + c0 * h0
        U[n, 1, 1] = a1 * f1 + b1 * g1 + c1 * h1
        U[n, 2, 2] = a2 * f2 + b2 * g2 + c2 * h2
        U[n, 0, 1] = U[n, 1, 0] = 0.5 * (
            a0 * f1 + b0 * g1 + c0 * h1 + a1 * f0 + b1 * g0 + c1 * h0
        )  # fmt: skip
        U[n, 1, 2] = U[n, 2, 1] = 0.5 * (
            a1 * f2 + b1 * g2 + c1 * h2 + a2 * f1 + b2 * g1 + c2 * h1
        )  # fmt: skip
        U[n, 0, 2] = U[n, 2, 0] = 0.5 * (
            a0 * f2 + b0 * g2 + c0 * h2 + a2 * f0 + b2 * g0 + c2 * h0
        )  # fmt: skip
    return -1
