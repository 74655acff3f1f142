# SPDX-License-Identifier: MIT
"""Products and derivatives of 3×3 matrices in compiled scalar code."""

import numba

jit = numba.njit(error_model="numpy")


@jit
def product(a, b, out):
    """out = a b."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@jit
def gram(a, b, out):
    """out = aᵀ b."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[0, i] * b[0, j] + a[1, i] * b[1, j] + a[2, i] * b[2, j]


@jit
def inverse(a, out):
    """out = a⁻¹; returns det a."""
    for i in range(3):
        for j in range(3):
            p, q, r, s = (i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3
            out[j, i] = a[p, r] * a[q, s] - a[p, s] * a[q, r]
    det = a[0, 0] * out[0, 0] + a[0, 1] * out[1, 0] + a[0, 2] * out[2, 0]
    for i in range(3):
        for j in range(3):
            out[i, j] /= det
    return det


@jit
def contract(a, b):
    """a : b."""
    s = 0.0
    for i in range(3):
        for j in range(3):
            s += a[i, j] * b[i, j]
    return s


@jit
def trace_of_product(a, b):
    """tr(a b)."""
    s = 0.0
    for i in range(3):
        for j in range(3):
            s += a[i, j] * b[j, i]
    return s


@jit
def add(c, a, out):
    """out += c a."""
    for i in range(3):
        for j in range(3):
            out[i, j] += c * a[i, j]


@jit
def mirrored(fractions, normals, a, out):
    """out = (1 − Σλ) a + Σ λ_β R_β a R_β with R = I − 2 n⊗n."""
    total = 0.0
    for b in range(len(fractions)):
        total += fractions[b]
    for i in range(3):
        for j in range(3):
            out[i, j] = (1.0 - total) * a[i, j]
    add_mirrors(fractions, normals, a, out)


@jit
def add_mirrors(fractions, normals, a, out):
    """out += Σ λ_β R_β a R_β."""
    for b in range(len(fractions)):
        if fractions[b] == 0.0:
            continue
        n = normals[b]
        middle = 0.0
        for i in range(3):
            for j in range(3):
                middle += n[i] * a[i, j] * n[j]
        for i in range(3):
            right = a[i, 0] * n[0] + a[i, 1] * n[1] + a[i, 2] * n[2]
            for j in range(3):
                left = n[0] * a[0, j] + n[1] * a[1, j] + n[2] * a[2, j]
                out[i, j] += fractions[b] * (
                    a[i, j] - 2.0 * right * n[j] - 2.0 * n[i] * left + 4.0 * middle * n[i] * n[j]
                )


@jit
def unimodular_slopes(b, db):
    """Scale b to det 1, and the derivatives db `(k, 3, 3)` with it."""
    inverted = b.copy()
    c = inverse(b, inverted) ** (-1.0 / 3.0)
    for q in range(len(db)):
        t = trace_of_product(inverted, db[q]) / 3.0
        for i in range(3):
            for j in range(3):
                db[q, i, j] = c * (db[q, i, j] - t * b[i, j])
    for i in range(3):
        for j in range(3):
            b[i, j] *= c
