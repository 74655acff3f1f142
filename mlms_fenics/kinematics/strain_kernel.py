# SPDX-License-Identifier: MIT
"""Rotation and logarithmic strain of a chunk of deformation gradients, vectorised, in float64.

Points come last and rows have the constant length `POINTS`, so that LLVM sees that rows of one
array do not overlap and vectorises the loops over points.
"""

import math

import numba
import numpy as np

from mlms_fenics.kinematics.gauss import NODES, WEIGHTS
from mlms_fenics.kinematics.vector_math import exp_bounded, log_positive

POINTS = 128  # of a chunk, whose layers stay in a core's own cache
# No reassociation and no assumption about NaN, as in materials.vector_math.
_OPTIONS = {"cache": True, "fastmath": {"contract", "nsz"}, "error_model": "numpy"}
_N = POINTS
_ITERATIONS = 60  # more than any stretch that floating-point numbers hold needs
# Rows of what `kinematics` fills in.
STRAIN, VOLUME, GROWTH, ROTATION = 0, 6, 7, 8
ROWS = 17


@numba.njit(**_OPTIONS)
def _log1p(x):  # type: ignore[no-untyped-def]
    """log(1 + x), x > -1, to round-off of itself however small x is."""
    z = 1.0 + x
    # Where 1 + x lies in (0.75, 1.5) its logarithm is made of x, which has lost nothing.
    near = (x > -0.25) & (x < 0.5)
    f = x / (2.0 + x)
    s = f * f
    p = 1 / 19 + s * (1 / 21 + s * (1 / 23))
    p = 1 / 13 + s * (1 / 15 + s * (1 / 17 + s * p))
    p = 1 / 7 + s * (1 / 9 + s * (1 / 11 + s * p))
    p = 2.0 * f * (1.0 + s * (1 / 3 + s * (1 / 5 + s * p)))
    return p if near else log_positive(z)


@numba.njit(**_OPTIONS)
def _expm1(x):  # type: ignore[no-untyped-def]
    """exp(x) - 1, likewise."""
    p = 1 / 362880 + x * (1 / 3628800 + x * (1 / 39916800 + x * (1 / 479001600)))
    p = 1 / 120 + x * (1 / 720 + x * (1 / 5040 + x * (1 / 40320 + x * p)))
    p = x * (1.0 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * p))))
    return p if abs(x) < 0.3 else exp_bounded(x) - 1.0


@numba.njit(**_OPTIONS)
def load(F, start, here, f):  # type: ignore[no-untyped-def]
    """Rows of F of points `start` on, the rest of the chunk at rest; first bad point, or -1.

    Args:
        F: *Shape* `(n, 3, 3)`, float32 or float64.
        start, here: first point and number of points.
        f: `(9 POINTS,)`, filled in: F_11, F_12, ...
    """
    for i in range(3):
        for j in range(3):
            row = (3 * i + j) * _N
            for p in range(here):
                f[row + p] = np.float64(F[start + p, i, j])
            for p in range(here, _N):
                f[row + p] = 1.0 if i == j else 0.0
    bad = -1
    for p in range(here):
        det = (
            f[p] * (f[4 * _N + p] * f[8 * _N + p] - f[5 * _N + p] * f[7 * _N + p])
            + f[_N + p] * (f[5 * _N + p] * f[6 * _N + p] - f[3 * _N + p] * f[8 * _N + p])
            + f[2 * _N + p] * (f[3 * _N + p] * f[7 * _N + p] - f[4 * _N + p] * f[6 * _N + p])
        )
        if not (det > 0.0 and det < 1e300):
            bad = start + p
            break
    return bad


@numba.njit(**_OPTIONS)
def kinematics(f, e, k):  # type: ignore[no-untyped-def]
    """log U, ln J, J - 1 and R of F = R U.

    The first invariant of U solves a quartic of those of C = UᵀU, whose derivative is positive
    there, also where stretches are equal (Hoger & Carlson, Quart. Appl. Math. 42, 1984); U follows
    without eigenvectors. U - I is then made of C - I = (U - I)(U + I), which is formed from F - I,
    so that round-off is relative to the strain.

    Args:
        f: from `load`.
        e: work space, `(12 POINTS,)`.
        k: `(ROWS POINTS,)`, filled in.
    """
    for p in range(_N):
        a, b, c = f[p] - 1.0, f[_N + p], f[2 * _N + p]
        d, g, h = f[3 * _N + p], f[4 * _N + p] - 1.0, f[5 * _N + p]
        m, n, o = f[6 * _N + p], f[7 * _N + p], f[8 * _N + p] - 1.0
        e[p] = 2.0 * a + (a * a + d * d + m * m)
        e[_N + p] = 2.0 * g + (b * b + g * g + n * n)
        e[2 * _N + p] = 2.0 * o + (c * c + h * h + o * o)
        e[3 * _N + p] = b + d + (a * b + d * g + m * n)
        e[4 * _N + p] = h + n + (b * c + g * h + n * o)
        e[5 * _N + p] = c + m + (a * c + d * h + m * o)
        # J - 1 without cancellation: invariants of F - I.
        gh, dm, dn = g * o - h * n, d * o - h * m, d * n - g * m
        J1 = a + g + o
        J2 = (a * g - b * d) + (a * o - c * m) + (g * o - h * n)
        k[GROWTH * _N + p] = J1 + J2 + (a * gh - b * dm + c * dn)
        first = 3.0 + e[p] + e[_N + p] + e[2 * _N + p]
        e[6 * _N + p] = math.sqrt(3.0 * first)
    for _ in range(_ITERATIONS):
        left = 0
        for p in range(_N):
            a, b, c = 1.0 + e[p], 1.0 + e[_N + p], 1.0 + e[2 * _N + p]
            d, g, h = e[3 * _N + p], e[4 * _N + p], e[5 * _N + p]
            J = 1.0 + k[GROWTH * _N + p]
            second = (b * c - g * g) + (a * c - h * h) + (a * b - d * d)
            x = e[6 * _N + p]
            y = x * x - (a + b + c)
            change = (y * y - 4.0 * second - 8.0 * J * x) / (4.0 * x * y - 8.0 * J)
            e[6 * _N + p] = x - change
            left += 1 if change > 1e-8 * x else 0
        if left == 0:
            break
    for p in range(_N):
        E0, E1, E2 = e[p], e[_N + p], e[2 * _N + p]
        E3, E4, E5 = e[3 * _N + p], e[4 * _N + p], e[5 * _N + p]
        J, i1 = 1.0 + k[GROWTH * _N + p], e[6 * _N + p]
        C0, C1, C2 = 1.0 + E0, 1.0 + E1, 1.0 + E2
        i2 = 0.5 * (i1 * i1 - (C0 + C1 + C2))
        q, r, s = 1.0 / (i1 * i2 - J), i1 * i1 - i2, i1 * J
        U0 = q * (s + r * C0 - (C0 * C0 + E3 * E3 + E5 * E5))
        U1 = q * (s + r * C1 - (E3 * E3 + C1 * C1 + E4 * E4))
        U2 = q * (s + r * C2 - (E5 * E5 + E4 * E4 + C2 * C2))
        U3 = q * (r * E3 - (C0 * E3 + E3 * C1 + E5 * E4))
        U4 = q * (r * E4 - (E3 * E5 + C1 * E4 + E4 * C2))
        U5 = q * (r * E5 - (C0 * E5 + E3 * E4 + E5 * C2))
        # R = F U⁻¹.
        K0, K1, K2 = U1 * U2 - U4 * U4, U0 * U2 - U5 * U5, U0 * U1 - U3 * U3
        K3, K4, K5 = U4 * U5 - U2 * U3, U3 * U5 - U0 * U4, U3 * U4 - U1 * U5
        inverse = 1.0 / (U0 * K0 + U3 * K3 + U5 * K5)
        for i in range(3):
            x, y, z = f[3 * i * _N + p], f[(3 * i + 1) * _N + p], f[(3 * i + 2) * _N + p]
            row = (ROTATION + 3 * i) * _N + p
            k[row] = inverse * (x * K0 + y * K3 + z * K5)
            k[row + _N] = inverse * (x * K3 + y * K1 + z * K4)
            k[row + 2 * _N] = inverse * (x * K5 + y * K4 + z * K2)
        # U - I = (C - I)(U + I)⁻¹.
        W0, W1, W2 = 1.0 + U0, 1.0 + U1, 1.0 + U2
        K0, K1, K2 = W1 * W2 - U4 * U4, W0 * W2 - U5 * U5, W0 * W1 - U3 * U3
        K3, K4, K5 = U4 * U5 - W2 * U3, U3 * U5 - W0 * U4, U3 * U4 - W1 * U5
        inverse = 1.0 / (W0 * K0 + U3 * K3 + U5 * K5)
        e[p] = inverse * (E0 * K0 + E3 * K3 + E5 * K5)
        e[_N + p] = inverse * (E3 * K3 + E1 * K1 + E4 * K4)
        e[2 * _N + p] = inverse * (E5 * K5 + E4 * K4 + E2 * K2)
        e[3 * _N + p] = inverse * (E0 * K3 + E3 * K1 + E5 * K4)
        e[4 * _N + p] = inverse * (E3 * K5 + E1 * K4 + E4 * K2)
        e[5 * _N + p] = inverse * (E0 * K5 + E3 * K4 + E5 * K2)
    _logarithm(e, k)


@numba.njit(**_OPTIONS)
def _logarithm(e, k):  # type: ignore[no-untyped-def]
    """`strain.log_strain` from U - I in `e`, and ln J from J - 1."""
    for p in range(_N):
        third = _log1p(k[GROWTH * _N + p]) * (1.0 / 3.0)
        shift = _expm1(-third)
        scale = 1.0 + shift
        a, b, c = e[p] * scale + shift, e[_N + p] * scale + shift, e[2 * _N + p] * scale + shift
        d, g, h = e[3 * _N + p] * scale, e[4 * _N + p] * scale, e[5 * _N + p] * scale
        K0, K1, K2 = b * c - g * g, a * c - h * h, a * b - d * d
        K3, K5 = g * h - c * d, d * g - b * h
        e[p], e[_N + p], e[2 * _N + p] = a, b, c
        e[3 * _N + p], e[4 * _N + p], e[5 * _N + p] = d, g, h
        e[6 * _N + p], e[7 * _N + p] = a + b + c, K0 + K1 + K2
        e[8 * _N + p] = a * K0 + d * K3 + h * K5
        k[VOLUME * _N + p] = 3.0 * third
        for row in range(9, 12):
            e[row * _N + p] = 0.0
    for node in range(len(NODES)):
        x, w = NODES[node], WEIGHTS[node]
        for p in range(_N):
            i1, i2, i3 = e[6 * _N + p], e[7 * _N + p], e[8 * _N + p]
            term = w / (1.0 + x * (i1 + x * (i2 + x * i3)))
            e[9 * _N + p] += term
            e[10 * _N + p] += term * x
            e[11 * _N + p] += term * x * x
    for p in range(_N):
        a, b, c, d, g, h = (
            e[p], e[_N + p], e[2 * _N + p], e[3 * _N + p], e[4 * _N + p], e[5 * _N + p],
        )  # fmt: skip
        A, B = e[9 * _N + p], e[10 * _N + p]
        spherical = B * e[7 * _N + p] + e[11 * _N + p] * e[8 * _N + p]
        spherical += k[VOLUME * _N + p] * (1.0 / 3.0)
        k[p] = A * a - B * (b * c - g * g) + spherical
        k[_N + p] = A * b - B * (a * c - h * h) + spherical
        k[2 * _N + p] = A * c - B * (a * b - d * d) + spherical
        k[3 * _N + p] = A * d - B * (g * h - c * d)
        k[4 * _N + p] = A * g - B * (d * h - a * g)
        k[5 * _N + p] = A * h - B * (d * g - b * h)
