# SPDX-License-Identifier: MIT
"""Mandel and Cauchy stress of an elastic deformation, and their derivatives; scalar code.

With f = (det A)^{-2/3} and C̄ = f AᵀA: the Mandel stress is G dev C̄ where the elasticity is
isotropic, otherwise C̄ S with S = D ½ dev C̄ + (J − 1) c (`elasticity`), J = det F.
"""

import numpy as np

from mlms_fenics.materials.crystal.small_matrices import (
    add,
    gram,
    inverse,
    jit,
    product,
    trace_of_product,
)


@jit
def _stiff(G, isotropic, D, c, C, volume, out):
    """S of C̄ (the tensor 2 G ½ dev C̄ where isotropic), linear in C̄ and in `volume`."""
    mean = (C[0, 0] + C[1, 1] + C[2, 2]) / 3.0
    for i in range(3):
        for j in range(3):
            out[i, j] = G * (C[i, j] - (mean if i == j else 0.0))
    if isotropic:
        return
    for i in range(3):
        for j in range(3):
            s = volume * c[i, j]
            for k in range(3):
                for m in range(3):
                    s += 0.5 * D[i, j, k, m] * C[k, m]
            out[i, j] = s


@jit
def mandel(A, J, G, isotropic, D, c, C, S, M):
    """C̄, S and the Mandel stress M; returns f."""
    f = inverse(A, S) ** (-2.0 / 3.0)
    gram(A, A, C)
    for i in range(3):
        for j in range(3):
            C[i, j] *= f
    _stiff(G, isotropic, D, c, C, J - 1.0, S)
    if isotropic:
        M[:] = S
    else:
        product(C, S, M)
    return f


@jit
def mandel_slope(A, inverted, f, C, S, dA, dJ, G, isotropic, D, c, dC, dS, dM):
    """Change of C̄, S and M with dA and dJ; `inverted` is A⁻¹."""
    gram(A, dA, dC)
    for i in range(3):
        for j in range(i + 1):
            s = f * (dC[i, j] + dC[j, i])
            dC[i, j] = dC[j, i] = s
    add(-2.0 / 3.0 * trace_of_product(inverted, dA), C, dC)
    _stiff(G, isotropic, D, c, dC, dJ, dS)
    if isotropic:
        dM[:] = dS
        return
    for i in range(3):
        for j in range(3):
            s = 0.0
            for k in range(3):
                s += dC[i, k] * S[k, j] + C[i, k] * dS[k, j]
            dM[i, j] = s


@jit
def cauchy_slopes(F, dF, B, dB, G, isotropic, D, c, out):
    """Derivatives of all of the Cauchy stress but 2 λ_e (J − 1) I, *Shape* `(6, 6)`.

    Args:
        F, B: at the end; `dF`, `dB` their derivatives, *Shape* `(6, 3, 3)`.
        out: components (11, 22, 33, 12, 23, 13) by direction, filled in.
    """
    A, dA, inverted = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    C, S, M, work = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    dC, dS, dM = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    F_inverted = np.empty((3, 3))
    J = inverse(F, F_inverted)
    product(F, B, A)
    f = mandel(A, J, G, isotropic, D, c, C, S, M)
    inverse(A, inverted)
    left, right = np.empty((3, 3)), np.empty((3, 3))
    for q in range(6):
        product(dF[q], B, dA)
        product(F, dB[q], work)
        add(1.0, work, dA)
        dJ = J * trace_of_product(F_inverted, dF[q])
        mandel_slope(A, inverted, f, C, S, dA, dJ, G, isotropic, D, c, dC, dS, dM)
        # σ = f/J dev(A N Aᵀ), N = G I where isotropic, otherwise S, and then + ½ c : C̄ I.
        N, dN = np.zeros((3, 3)), np.zeros((3, 3))
        pressure = 0.0
        if isotropic:
            N[0, 0] = N[1, 1] = N[2, 2] = G
        else:
            N[:], dN[:] = S, dS
            for i in range(3):
                for j in range(3):
                    pressure += 0.5 * c[i, j] * dC[i, j]
        scale = f / J
        change = -2.0 / 3.0 * trace_of_product(inverted, dA) - dJ / J
        product(A, N, left)
        product(dA, N, right)
        product(A, dN, work)
        add(1.0, work, right)
        # change of A N Aᵀ, plus its own times the scale's
        total = np.empty((3, 3))
        for i in range(3):
            for j in range(3):
                s = 0.0
                for k in range(3):
                    s += right[i, k] * A[j, k] + left[i, k] * (dA[j, k] + change * A[j, k])
                total[i, j] = scale * s
        mean = (total[0, 0] + total[1, 1] + total[2, 2]) / 3.0
        for i in range(3):
            out[i, q] = total[i, i] - mean + pressure
        out[3, q], out[4, q], out[5, q] = total[0, 1], total[1, 2], total[0, 2]
