# SPDX-License-Identifier: MIT
"""Elastic deformation and Mandel stress of a trial flow, for a block of lanes."""

import math

import numba

from mlms_fenics.kinematics.vector_math import COMPILE
from mlms_fenics.materials.crystal.implicit_rows import (
    BASE,
    ELASTIC,
    FLOW,
    FLOW_SKEW,
    INVERSE,
    MATRIX,
    RESIDUAL,
    S6,
    SHARE,
    SIZE,
    SKEW,
    STEP,
    TURN,
    TURN_SKEW,
    VOLUME,
    WORK,
    H,
)
from mlms_fenics.materials.crystal.kernel import L, u

_MOST_FLOW = 0.5  # of |δ L| in (I + δ L)⁻¹


@numba.njit(**COMPILE)
def at(i, j):
    """Row of the entry i, j of a symmetric matrix kept as its lower triangle."""
    return i * (i + 1) // 2 + j if i >= j else j * (j + 1) // 2 + i


@numba.njit(**COMPILE)
def turn(w, source, target, matrix, size):
    """`target` = symmetric matrix in rows `matrix` times the vector in rows `source`."""
    for i in range(size):
        d = u((target + i) * L)
        for l in range(u(L)):
            w[d + l] = 0.0
        for j in range(size):
            a, b = u((matrix + at(i, j)) * L), u((source + j) * L)
            for l in range(u(L)):
                w[d + l] += w[a + l] * w[b + l]


@numba.njit(**COMPILE)
def copy(w, source, target, count):
    a, b = u(source * L), u(target * L)
    for l in range(u(count * L)):
        w[b + l] = w[a + l]


@numba.njit(**COMPILE)
def turn_sums(w):
    """What slip in the twins makes of the sums over the slip systems."""
    m = u(L)
    for vector, matrix, size in ((FLOW, TURN, 5), (RESIDUAL, TURN, 5), (FLOW_SKEW, TURN_SKEW, 3)):
        turn(w, vector, WORK, matrix, size)
        copy(w, WORK, vector, size)
    for i in range(5):
        for j in range(5):
            d = u((WORK + 5 * i + j) * L)
            for l in range(m):
                w[d + l] = 0.0
            for k in range(5):
                a, b = u((MATRIX + at(i, k)) * L), u((TURN + at(k, j)) * L)
                for l in range(m):
                    w[d + l] += w[a + l] * w[b + l]
    for i in range(5):
        for j in range(i + 1):
            d = u((MATRIX + at(i, j)) * L)
            for l in range(m):
                w[d + l] = 0.0
            for k in range(5):
                a, b = u((TURN + at(i, k)) * L), u((WORK + 5 * k + j) * L)
                for l in range(m):
                    w[d + l] += w[a + l] * w[b + l]


@numba.njit(**COMPILE)
def deform(w):
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
def mandel(w, G, stiffness, coupling, isotropic):
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
            k = 0.5 / G * stiffness[at(i, j)]
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
