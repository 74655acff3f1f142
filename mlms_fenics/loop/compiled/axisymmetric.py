# SPDX-License-Identifier: MIT
"""Compiled element loops of axisymmetric cells: components are radius, axis and hoop.

As `kernels.deformation` and `assembly.add_internal_force`, but that the third gradient, N_a/R, acts
on the radial displacement: F_33 = r/R, the mean over the cell of the hoop's stretch.
"""

import numba
import numpy as np

from mlms_fenics.loop.compiled.kernels import HUGE

_jit = numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})


@_jit
def deformation(u, dofs, gradients, F):
    """F at the points of each cell; returns the smallest det F and its cell."""
    smallest, where = np.inf, -1
    if dofs.shape[0] == 0:
        return smallest, where
    per_cell = F.shape[0] // dofs.shape[0]
    for c in range(dofs.shape[0]):
        for p in range(c * per_cell, (c + 1) * per_cell):
            f00, f01, f10, f11, hoop = 1.0, 0.0, 0.0, 1.0, 1.0
            for a in range(dofs.shape[1]):
                node = dofs[c, a]
                gr, gz = gradients[p, a, 0], gradients[p, a, 1]
                ur, uz = u[node, 0], u[node, 1]
                f00 += ur * gr
                f01 += ur * gz
                f10 += uz * gr
                f11 += uz * gz
                hoop += ur * gradients[p, a, 2]
            F[p] = 0.0
            F[p, 0, 0], F[p, 0, 1] = f00, f01
            F[p, 1, 0], F[p, 1, 1] = f10, f11
            F[p, 2, 2] = hoop
            plane = f00 * f11 - f01 * f10
            # Both factors: two negative ones are no better than one.
            det = plane * hoop if hoop > 0.0 else hoop
            if not det >= smallest:  # also true for NaN
                smallest, where = det, c
                if not abs(det) < HUGE:
                    return smallest, where
    return smallest, where


@_jit
def add_internal_force(P, points, gradients, volume, dofs, force):
    """Add −∫ P : ∂F/∂u_a to the nodal forces, kN, of the whole turn."""
    if dofs.shape[0] == 0:
        return
    per_cell = points.shape[0] // dofs.shape[0]
    for c in range(dofs.shape[0]):
        for p in range(c * per_cell, (c + 1) * per_cell):
            r, w = points[p], volume[p]
            p00, p01, p22 = w * P[r, 0, 0], w * P[r, 0, 1], w * P[r, 2, 2]
            p10, p11 = w * P[r, 1, 0], w * P[r, 1, 1]
            for a in range(dofs.shape[1]):
                node = dofs[c, a]
                gr, gz = gradients[p, a, 0], gradients[p, a, 1]
                force[node, 0] -= p00 * gr + p01 * gz + p22 * gradients[p, a, 2]
                force[node, 1] -= p10 * gr + p11 * gz
