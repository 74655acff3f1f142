# SPDX-License-Identifier: MIT
"""Compiled loop: how the forces of a following pressure change with the displacement."""

from math import pi

import numba
import numpy as np


@numba.njit(cache=True, error_model="numpy")
def add_pressure_stiffness(
    X, u, facets, weights, shape, first, second, signs, pressure, turned, matrices
):
    """Add p ∂(∫ N_a n da)/∂u to each facet's matrix, kN/mm, `(n, 3 m, 3 m)`.

    The force density is −p a × b, a and b the tangents of the deformed facet, so that it changes by
    −p (δa × b + a × δb); turned about the axis, also by the growth of the circle. Other arguments
    as of the forces in `pressure`.
    """
    n, m = facets.shape
    a, b, d = np.zeros(3), np.zeros(3), np.zeros((3, 3))
    for f in range(n):
        for q in range(weights.shape[0]):
            a[:], b[:], radius, line = 0.0, 0.0, 0.0, True
            for k in range(m):
                i = facets[f, k]
                for c in range(3):
                    x = X[i, c] + u[i, c]
                    a[c] += first[f, q, k] * x
                    b[c] += second[f, q, k] * x
                if second[f, q, k] != 0.0:
                    line = False
                radius += shape[f, q, k] * (X[i, 0] + u[i, 0])
            if line:
                b[2] = 1.0
            around = 2.0 * pi * radius if turned else 1.0
            w = pressure * signs[f] * weights[q]
            for k in range(m):
                s, t = first[f, q, k], 0.0 if line else second[f, q, k]
                # Column c: s e_c × b + t a × e_c.
                d[0, 0], d[1, 0], d[2, 0] = 0.0, t * a[2] - s * b[2], s * b[1] - t * a[1]
                d[0, 1], d[1, 1], d[2, 1] = s * b[2] - t * a[2], 0.0, t * a[0] - s * b[0]
                d[0, 2], d[1, 2], d[2, 2] = t * a[1] - s * b[1], s * b[0] - t * a[0], 0.0
                d *= around
                if turned:
                    grown = 2.0 * pi * shape[f, q, k]
                    d[0, 0] += grown * (a[1] * b[2] - a[2] * b[1])
                    d[1, 0] += grown * (a[2] * b[0] - a[0] * b[2])
                    d[2, 0] += grown * (a[0] * b[1] - a[1] * b[0])
                for j in range(m):
                    N = w * shape[f, q, j]
                    for i in range(3):
                        for c in range(3):
                            matrices[f, 3 * j + i, 3 * k + c] += N * d[i, c]
