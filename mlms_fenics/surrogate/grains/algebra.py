# SPDX-License-Identifier: MIT
"""Rotations and symmetric tensors of a block of columns, vectorised; gradients where needed.

All arrays are `(rows, columns)`, of one number of columns in a call; LLVM vectorises every loop.
"""

import numba
import numpy as np

from mlms_fenics.surrogate.compiled.functions import OPTIONS

PATHS = 32
_F = np.float32
_HALF, _SIXTH = _F(1 / np.sqrt(2.0)), _F(1 / np.sqrt(6.0))


@numba.njit(**OPTIONS)
def columns(x):  # type: ignore[no-untyped-def]
    """Of a block; on a GPU, where a thread has one, a constant."""
    return x.shape[1]


@numba.njit(**OPTIONS)
def symmetric(c, D):  # type: ignore[no-untyped-def]
    """Components 11, 22, 33, 12, 23, 13 of coordinates c in D."""
    n = columns(c)
    for p in range(n):
        normal, axial = c[0, p] * _HALF, c[1, p] * _SIXTH
        D[0, p], D[1, p], D[2, p] = normal - axial, -normal - axial, axial + axial
        D[3, p], D[4, p], D[5, p] = c[2, p] * _HALF, c[3, p] * _HALF, c[4, p] * _HALF


@numba.njit(**OPTIONS)
def times(D, A, M):  # type: ignore[no-untyped-def]
    """M = D A, of a symmetric D and a matrix A by rows."""
    n = columns(D)
    for j in range(3):
        for p in range(n):
            x, y, z = A[j, p], A[3 + j, p], A[6 + j, p]
            M[j, p] = D[0, p] * x + D[3, p] * y + D[5, p] * z
            M[3 + j, p] = D[3, p] * x + D[1, p] * y + D[4, p] * z
            M[6 + j, p] = D[5, p] * x + D[4, p] * y + D[2, p] * z


@numba.njit(**OPTIONS)
def spun(r, A, new):  # type: ignore[no-untyped-def]
    """new = r A."""
    n = columns(A)
    for i in range(3):
        for j in range(3):
            for p in range(n):
                x = r[3 * i, p] * A[j, p] + r[3 * i + 1, p] * A[3 + j, p]
                new[3 * i + j, p] = x + r[3 * i + 2, p] * A[6 + j, p]


@numba.njit(**OPTIONS)
def times_symmetric(A, S, M):  # type: ignore[no-untyped-def]
    """M = A S."""
    n = columns(A)
    for i in range(3):
        for p in range(n):
            x, y, z = A[3 * i, p], A[3 * i + 1, p], A[3 * i + 2, p]
            M[3 * i, p] = x * S[0, p] + y * S[3, p] + z * S[5, p]
            M[3 * i + 1, p] = x * S[3, p] + y * S[1, p] + z * S[4, p]
            M[3 * i + 2, p] = x * S[5, p] + y * S[4, p] + z * S[2, p]


@numba.njit(**OPTIONS)
def inward(A, M, c):  # type: ignore[no-untyped-def]
    """Coordinates of the symmetric Aᵀ M."""
    n = columns(A)
    for p in range(n):
        a = A[0, p] * M[0, p] + A[3, p] * M[3, p] + A[6, p] * M[6, p]
        b = A[1, p] * M[1, p] + A[4, p] * M[4, p] + A[7, p] * M[7, p]
        g = A[2, p] * M[2, p] + A[5, p] * M[5, p] + A[8, p] * M[8, p]
        c[0, p] = (a - b) * _HALF
        c[1, p] = (g + g - a - b) * _SIXTH
    for p in range(n):
        d = A[0, p] * M[1, p] + A[3, p] * M[4, p] + A[6, p] * M[7, p]
        h = A[1, p] * M[2, p] + A[4, p] * M[5, p] + A[7, p] * M[8, p]
        f = A[0, p] * M[2, p] + A[3, p] * M[5, p] + A[6, p] * M[8, p]
        c[2, p] = d * (_F(2.0) * _HALF)
        c[3, p] = h * (_F(2.0) * _HALF)
        c[4, p] = f * (_F(2.0) * _HALF)


@numba.njit(**OPTIONS)
def outward(A, M, c):  # type: ignore[no-untyped-def]
    """Coordinates of the symmetric M Aᵀ."""
    n = columns(A)
    for p in range(n):
        a = M[0, p] * A[0, p] + M[1, p] * A[1, p] + M[2, p] * A[2, p]
        b = M[3, p] * A[3, p] + M[4, p] * A[4, p] + M[5, p] * A[5, p]
        g = M[6, p] * A[6, p] + M[7, p] * A[7, p] + M[8, p] * A[8, p]
        c[0, p] = (a - b) * _HALF
        c[1, p] = (g + g - a - b) * _SIXTH
    for p in range(n):
        d = M[0, p] * A[3, p] + M[1, p] * A[4, p] + M[2, p] * A[5, p]
        h = M[3, p] * A[6, p] + M[4, p] * A[7, p] + M[5, p] * A[8, p]
        f = M[0, p] * A[6, p] + M[1, p] * A[7, p] + M[2, p] * A[8, p]
        c[2, p] = d * (_F(2.0) * _HALF)
        c[3, p] = h * (_F(2.0) * _HALF)
        c[4, p] = f * (_F(2.0) * _HALF)


@numba.njit(**OPTIONS)
def turn(A, w, new):  # type: ignore[no-untyped-def]
    """new = A R(w): Cayley's rotation, 2/(1 + c²) ([c] + [c]²) + I with c = w/2."""
    n = columns(A)
    for p in range(n):
        x, y, z = w[0, p] * _F(0.5), w[1, p] * _F(0.5), w[2, p] * _F(0.5)
        k = _F(2.0) / (_F(1.0) + x * x + y * y + z * z)
        w[3, p] = _F(1.0) - k * (y * y + z * z)
        w[4, p] = k * (x * y - z)
        w[5, p] = k * (x * z + y)
        w[6, p] = k * (x * y + z)
        w[7, p] = _F(1.0) - k * (x * x + z * z)
        w[8, p] = k * (y * z - x)
        w[9, p] = k * (x * z - y)
        w[10, p] = k * (y * z + x)
        w[11, p] = _F(1.0) - k * (x * x + y * y)
    for i in range(3):
        for p in range(n):
            a, b, c = A[3 * i, p], A[3 * i + 1, p], A[3 * i + 2, p]
            new[3 * i, p] = a * w[3, p] + b * w[6, p] + c * w[9, p]
            new[3 * i + 1, p] = a * w[4, p] + b * w[7, p] + c * w[10, p]
            new[3 * i + 2, p] = a * w[5, p] + b * w[8, p] + c * w[11, p]


@numba.njit(**OPTIONS)
def turn_back(A, w, G, gw, K):  # type: ignore[no-untyped-def]
    """Gradient of `turn`: G of the new A becomes that of the old; gw that of w.

    `w` is as `turn` left it; `K` is work space.
    """
    n = columns(A)
    for i in range(3):
        for p in range(n):
            a, b, c = A[i, p], A[3 + i, p], A[6 + i, p]
            K[3 * i, p] = a * G[0, p] + b * G[3, p] + c * G[6, p]
            K[3 * i + 1, p] = a * G[1, p] + b * G[4, p] + c * G[7, p]
            K[3 * i + 2, p] = a * G[2, p] + b * G[5, p] + c * G[8, p]
    for p in range(n):
        x, y, z = w[0, p] * _F(0.5), w[1, p] * _F(0.5), w[2, p] * _F(0.5)
        c2 = x * x + y * y + z * z
        k = _F(2.0) / (_F(1.0) + c2)
        trace = K[0, p] + K[4, p] + K[8, p]
        u0, u1, u2 = K[7, p] - K[5, p], K[2, p] - K[6, p], K[3, p] - K[1, p]
        v0 = (K[0, p] + K[0, p]) * x + (K[1, p] + K[3, p]) * y + (K[2, p] + K[6, p]) * z
        v1 = (K[1, p] + K[3, p]) * x + (K[4, p] + K[4, p]) * y + (K[5, p] + K[7, p]) * z
        v2 = (K[2, p] + K[6, p]) * x + (K[5, p] + K[7, p]) * y + (K[8, p] + K[8, p]) * z
        value = x * u0 + y * u1 + z * u2 + _F(0.5) * (x * v0 + y * v1 + z * v2) - c2 * trace
        steep = k * k * value
        gw[0, p] = _F(0.5) * (k * (u0 + v0 - _F(2.0) * trace * x) - steep * x)
        gw[1, p] = _F(0.5) * (k * (u1 + v1 - _F(2.0) * trace * y) - steep * y)
        gw[2, p] = _F(0.5) * (k * (u2 + v2 - _F(2.0) * trace * z) - steep * z)
    for i in range(3):
        for p in range(n):
            a, b, c = G[3 * i, p], G[3 * i + 1, p], G[3 * i + 2, p]
            G[3 * i, p] = a * w[3, p] + b * w[4, p] + c * w[5, p]
            G[3 * i + 1, p] = a * w[6, p] + b * w[7, p] + c * w[8, p]
            G[3 * i + 2, p] = a * w[9, p] + b * w[10, p] + c * w[11, p]
