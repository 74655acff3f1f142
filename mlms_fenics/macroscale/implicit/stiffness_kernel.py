# SPDX-License-Identifier: MIT
"""Compiled loop over the elements that makes their stiffness from the law's tangent."""

import numba
import numpy as np

_jit = numba.njit(cache=True, error_model="numpy")


@_jit
def element_matrices(F, F_law, P_law, A, gradients, volume, per_cell, turned, mean, out):
    """−∂(internal forces of a cell)/∂u, kN/mm, of each cell.

    The law was given G = F, or, with mean dilatation, G = s F, s = (θ/J)^{1/3}, θ the cell's mean
    of J. The internal energy is ∫ W(G), so that its second variation is
    ∫ δG : A : ΔG + P_law : ΔδG, whose second part vanishes where G = F.

    Args:
        F: deformation gradients, `(n_points, 3, 3)`.
        F_law: G, likewise.
        P_law: the law's first Piola-Kirchhoff stress at G, GPa, likewise.
        A: ∂P_law/∂G, GPa, `(n_points, 9, 9)`, rows of G in turn.
        gradients: ∇N_a, 1/mm, `(n_points, n, 3)`.
        volume: of each point, mm³, `(n_points,)`.
        per_cell: points of each cell.
        turned: whether cells are turned about the second axis, see `axisymmetric`.
        mean: whether with mean dilatation.
        out: result, `(n_cells, 3 n, 3 n)`; a node's three components together.
    """
    n = gradients.shape[1]
    m = 3 * n
    B, G, AG = np.zeros((m, 9)), np.zeros((m, 9)), np.zeros((m, 9))
    H, trace = np.zeros((per_cell, m, 9)), np.zeros((per_cell, m))
    average, spread = np.zeros(m), np.zeros((m, m))
    share = np.zeros(per_cell)
    third = 1.0 / 3.0
    for c in range(out.shape[0]):
        first = c * per_cell
        K = out[c]
        K[:] = 0.0
        if mean:
            _spatial(F, gradients, volume, first, per_cell, turned, B, H, trace, share)
            average[:] = 0.0
            spread[:] = 0.0
            for q in range(per_cell):
                for a in range(m):
                    average[a] += share[q] * trace[q, a]
                    for b in range(m):
                        spread[a, b] += share[q] * (
                            trace[q, a] * trace[q, b] - _swapped(H[q, a], H[q, b])
                        )
            for a in range(m):
                for b in range(m):
                    spread[a, b] -= average[a] * average[b]
        for q in range(per_cell):
            p = first + q
            variations(gradients[p], turned, B)
            w = volume[p]
            scale, power = 1.0, 0.0
            if mean:
                scale = _scale(F_law[p], F[p])
                for k in range(9):
                    power += P_law[p, k // 3, k % 3] * F_law[p, k // 3, k % 3]
            for a in range(m):
                grown = third * (average[a] - trace[q, a]) if mean else 0.0
                for k in range(9):
                    G[a, k] = scale * (B[a, k] + grown * F[p, k // 3, k % 3])
            for a in range(m):
                for k in range(9):
                    total = 0.0
                    for j in range(9):
                        total += A[p, k, j] * G[a, j]
                    AG[a, k] = w * total
            for a in range(m):
                for b in range(m):
                    total = 0.0
                    for k in range(9):
                        total += G[a, k] * AG[b, k]
                    K[a, b] += total
            if mean:
                _add_change_of_scale(
                    B, H[q], trace[q], average, spread, P_law[p], scale, power, w, K
                )


@_jit
def variations(gradients, turned, B):
    """∂F/∂u of each component of each node at a point, `(3 n, 9)`."""
    B[:] = 0.0
    for a in range(gradients.shape[0]):
        for i in range(3):
            if turned and i == 2:
                continue
            for k in range(2 if turned else 3):
                B[3 * a + i, 3 * i + k] = gradients[a, k]
        if turned:
            B[3 * a, 8] = gradients[a, 2]


@_jit
def _spatial(F, gradients, volume, first, per_cell, turned, B, H, trace, share):
    """H = δF F⁻¹, its trace, and each point's share in the cell's deformed volume."""
    total = 0.0
    for q in range(per_cell):
        p = first + q
        inverse = np.linalg.inv(F[p])
        share[q] = volume[p] * np.linalg.det(F[p])
        total += share[q]
        variations(gradients[p], turned, B)
        for a in range(B.shape[0]):
            for i in range(3):
                for k in range(3):
                    H[q, a, 3 * i + k] = (
                        B[a, 3 * i] * inverse[0, k]
                        + B[a, 3 * i + 1] * inverse[1, k]
                        + B[a, 3 * i + 2] * inverse[2, k]
                    )
            trace[q, a] = H[q, a, 0] + H[q, a, 4] + H[q, a, 8]
    for q in range(per_cell):
        share[q] /= total


@_jit
def _add_change_of_scale(B, H, trace, average, spread, P, scale, power, w, K):
    """P : ΔδG of G = s F; δs/s = (mean of tr δh − tr δh)/3, δh = δF F⁻¹."""
    third = 1.0 / 3.0
    m = B.shape[0]
    for a in range(m):
        grown_a, along_a = third * (average[a] - trace[a]), 0.0
        for k in range(9):
            along_a += P[k // 3, k % 3] * B[a, k]
        for b in range(m):
            grown_b, along_b = third * (average[b] - trace[b]), 0.0
            for k in range(9):
                along_b += P[k // 3, k % 3] * B[b, k]
            second = third * (spread[a, b] + _swapped(H[a], H[b]))
            K[a, b] += w * (
                scale * (grown_a * along_b + grown_b * along_a)
                + power * (grown_a * grown_b + second)
            )


@_jit
def _swapped(x, y):
    """tr(X Y) of 3×3 matrices as nine numbers."""
    return (
        x[0] * y[0] + x[4] * y[4] + x[8] * y[8] + x[1] * y[3] + x[3] * y[1]
        + x[2] * y[6] + x[6] * y[2] + x[5] * y[7] + x[7] * y[5]
    )  # fmt: skip


@_jit
def _scale(G, F):
    return (np.linalg.det(G) / np.linalg.det(F)) ** (1.0 / 3.0)
