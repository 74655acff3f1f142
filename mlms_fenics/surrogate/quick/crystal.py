# SPDX-License-Identifier: MIT
"""The step of a block of crystals by sweeps over their slip systems, compiled.

Backward Euler in the lattice's frame, s the deviator of stress over 2G and e that of strain:

    s = s₀ + C (Δe − Σ x_a P_a),   |2G P_a·s| = g_a (|x_a| / (γ̇_a Δt))^m_a,   sign x_a = sign P_a·s.

It minimises a convex function of the slips x. Sweeps of one Newton step of each system in turn
(nonlinear Gauss-Seidel) go on from the last step's slips, so that few are enough; the
stress is at all times that of the slips, whatever is left of the residual. Strengths and the
lattice's spin follow from the slips at the end. Slips below `LEAST` of the step's strain count as
none: at 1/m = 20 such a system carries 0.8 of its strength.
"""

import numba
import numpy as np

from mlms_fenics.surrogate.compiled.functions import OPTIONS, exp
from mlms_fenics.surrogate.grains.algebra import (
    inward,
    outward,
    symmetric,
    times,
    times_symmetric,
    turn,
)

BLOCK = 128  # crystals side by side
LEAST = 0.02
TINY = 1e-12  # strain of a step below which it counts as that
RELAXED = 0.02  # of the elastic strain, which slips relax in a hold, counts as strain of the step
MOST = 4.0  # slip of a system over the step's strain with which the next step begins
NEAR = 1e-6  # of g∞, see `_harden`
_F = np.float32
_N = BLOCK
_E = 5
_LEAST, _TINY, _NEAR, _MOST = _F(LEAST), _F(TINY), _F(NEAR), _F(MOST)
_RELAXED = _F(RELAXED**2)
_LN2 = _F(0.69314718)


@numba.njit(**OPTIONS)
def power(x, exponent):  # type: ignore[no-untyped-def]
    """x to the exponent for x > 0: log₂ to 1e-5 by a polynomial of the mantissa."""
    bits = _F(x).view(np.int32)
    whole = np.int32(np.int32(bits >> np.int32(23)) - np.int32(127))
    u = np.int32(np.int32(bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    u -= _F(1.0)
    p = _F(0.46930169) + u * (_F(-0.30338967) + u * (_F(0.14643361) - u * _F(0.03459521)))
    p = u * (_F(1.44268325) + u * (_F(-0.72044237) + u * p))
    return exp((_F(whole) + p) * (exponent * _LN2))


@numba.njit(**OPTIONS)
def work_space(k):  # type: ignore[no-untyped-def]
    """Arrays of `crystal_step` for k systems."""
    return (
        np.empty(8 * _N, _F),
        np.empty((6, _N), _F),
        np.empty((9, _N), _F),
        np.empty((_E, _N), _F),
        np.empty((_E, _N), _F),
        np.empty((_E, _N), _F),
        np.empty((3, _N), _F),
        np.empty((12, _N), _F),
        np.empty((k, _N), _F),
        np.empty((k, _N), _F),
        np.empty((2, _N), _F),
    )


@numba.njit(**OPTIONS)
def _sweep(tables, z, x, g, lead, size):  # type: ignore[no-untyped-def]
    """A Newton step of each system in turn; s is in the first rows of z."""
    P, back, H, exponents, two_G = tables[0], tables[1], tables[2], tables[3], tables[9]
    for a in range(len(P)):
        p0, p1, p2, p3, p4 = P[a, 0], P[a, 1], P[a, 2], P[a, 3], P[a, 4]
        c0, c1, c2, c3, c4 = back[0, a], back[1, a], back[2, a], back[3, a], back[4, a]
        h, m = H[a], exponents[a]
        own, strength, factor = x[a], g[a], lead[a]
        for p in range(_N):
            z[5 * _N + p] = own[p]
        for p in range(_N):
            z[6 * _N + p] = strength[p] * factor[p]
        for p in range(_N):
            z[7 * _N + p] = size[p]
        for p in range(_N):
            s = p0 * z[p] + p1 * z[_N + p] + p2 * z[2 * _N + p]
            s = two_G * (s + p3 * z[3 * _N + p] + p4 * z[4 * _N + p]) + h * z[5 * _N + p]
            old = z[5 * _N + p]
            slip = max(abs(old), _LEAST * z[7 * _N + p])
            needed = z[6 * _N + p] * power(slip / z[7 * _N + p], m)
            new = (abs(s) - needed * (_F(1.0) - m)) * slip / (h * slip + m * needed)
            new = max(new, _F(0.0))
            new = new if s > _F(0.0) else -new
            z[5 * _N + p] = new
            new -= old
            z[p] -= c0 * new
            z[_N + p] -= c1 * new
            z[2 * _N + p] -= c2 * new
            z[3 * _N + p] -= c3 * new
            z[4 * _N + p] -= c4 * new
        for p in range(_N):
            own[p] = z[5 * _N + p]


@numba.njit(**OPTIONS)
def _harden(tables, total, rest, g):  # type: ignore[no-untyped-def]
    """ġ_a = h₀ |1 − g_a/g∞|^a Σ_b q_ab |γ̇_b|, to no more than g∞; `total` is that sum."""
    slope, last, exponents = tables[5], tables[6], tables[7]
    for a in range(len(g)):
        own, slip, h, end, n = g[a], total[a], slope[a], last[a], exponents[a]
        if h == _F(0.0):
            continue
        scale = _F(1.0) / end
        for p in range(_N):
            rest[p] = h * power(max(_F(1.0) - own[p] * scale, _NEAR), n)
        for p in range(_N):
            own[p] += slip[p] * rest[p]
        for p in range(_N):
            own[p] = min(own[p], end)


@numba.njit(**OPTIONS)
def crystal_step(tables, sweeps, d, dt, A, s, g, x, space, new_A):  # type: ignore[no-untyped-def]
    """One step of `BLOCK` crystals, one a column.

    Args:
        tables: of `tables.arrays`.
        sweeps: over the systems.
        d: increment of strain in the sample's frame, coordinates, *Shape* `(5, BLOCK)`.
        dt: step, µs, *Shape* `(PATHS,)`.
        A: lattice's rotation at the start, by rows, *Shape* `(9, BLOCK)`.
        s: deviator of stress over 2G in the lattice's frame, *Shape* `(5, BLOCK)`, becomes new.
        g: strengths, GPa, *Shape* `(k, BLOCK)`, become new.
        x: slips of the last step over its strain, `MOST` at most, *Shape* `(k, BLOCK)`, become
            those of this one.
        space: of `work_space`.
        new_A: rotation at the end, filled in.
    """
    z, D, M, e, stiff, pulled, spin, w, lead, total, rows = space
    back, W, Q, exponents, rates, C = (
        tables[1],
        tables[4],
        tables[8],
        tables[3],
        tables[11],
        tables[10],
    )
    size, rest = rows[0], rows[1]
    k = len(x)
    symmetric(d, D)
    times(D, A, M)
    inward(A, M, e)
    for p in range(_N):
        size[p] = _TINY * _TINY
    for i in range(_E):
        for p in range(_N):
            size[p] += e[i, p] * e[i, p] + _RELAXED * s[i, p] * s[i, p]
    for p in range(_N):
        size[p] = np.sqrt(size[p])
    for p in range(_N):
        rest[p] = size[p] / dt[p]
    for a in range(k):
        if a > 0 and exponents[a] == exponents[a - 1] and rates[a] == rates[a - 1]:
            for p in range(_N):
                lead[a, p] = lead[a - 1, p]
        else:
            rate, m = _F(1.0) / rates[a], exponents[a]
            for p in range(_N):
                lead[a, p] = power(max(rest[p] * rate, _F(1e-30)), m)
    for a in range(k):
        slip = x[a]
        for p in range(_N):
            slip[p] *= size[p]
    np.dot(back, x, pulled)
    np.dot(C, e, stiff)
    for i in range(_E):
        for p in range(_N):
            z[i * _N + p] = s[i, p] + stiff[i, p]
        for p in range(_N):
            z[i * _N + p] -= pulled[i, p]
    for _ in range(sweeps):
        _sweep(tables, z, x, g, lead, size)
    for i in range(_E):
        for p in range(_N):
            s[i, p] = z[i * _N + p]
    for a in range(k):
        for p in range(_N):
            lead[a, p] = abs(x[a, p])
    np.dot(Q, lead, total)
    _harden(tables, total, rest, g)
    np.dot(W, x, spin)
    for i in range(3):
        for p in range(_N):
            w[i, p] = -spin[i, p]
    for p in range(_N):
        size[p] = _F(1.0) / size[p]
    for a in range(k):
        slip = x[a]
        for p in range(_N):
            slip[p] = max(min(slip[p] * size[p], _MOST), -_MOST)
    turn(A, w, new_A)


@numba.njit(**OPTIONS)
def stress_of(A, s, space, c):  # type: ignore[no-untyped-def]
    """Coordinates c of A s Aᵀ, *Shape* `(5, BLOCK)`; `space` is that of `work_space`."""
    D, M = space[1], space[2]
    symmetric(s, D)
    times_symmetric(A, D, M)
    outward(A, M, c)
