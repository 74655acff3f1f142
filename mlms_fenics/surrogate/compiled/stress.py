# SPDX-License-Identifier: MIT
"""Stress of a chunk of points in the body's frame, from an elastic strain in the stretch's.

Rows of an array are `POINTS` apart, a constant, so that LLVM sees that they do not overlap.
"""

from math import sqrt

import numba
import numpy as np

from mlms_fenics.kinematics.strain_kernel import GROWTH, POINTS, ROTATION

_F = np.float32
_N = POINTS
_HALF, _SIXTH = _F(1 / sqrt(2.0)), _F(1 / sqrt(6.0))
# Rows of `turned_stress`'s work space behind the components of the deviator.
_PRESSURE, _OUT = 6, 7
STRESS_ROWS = 8


@numba.njit(fastmath={"contract", "nsz"}, error_model="numpy")
def turned_stress(k, s, shear, bulk, start, here, work, sigma):  # type: ignore[no-untyped-def]
    """R (2λ_e (J − 1) I + (2G/J) s) Rᵀ.

    Args:
        k: of `strain_kernel.kinematics`.
        s: coordinates of the deviator, `(5 POINTS,)`, float32.
        shear: 2G times the scale of `s`, GPa.
        bulk: 2λ_e, GPa.
        start, here: first point, and their number.
        work: `(STRESS_ROWS POINTS,)`, float32.
        sigma: *Shape* `(n, 3, 3)`, filled in for these points, GPa.
    """
    for p in range(_N):
        growth = _F(k[GROWTH * _N + p])
        factor = shear / (_F(1.0) + growth)
        normal, axial = s[p] * _HALF * factor, s[_N + p] * _SIXTH * factor
        work[p], work[_N + p], work[2 * _N + p] = normal - axial, -normal - axial, axial + axial
        work[_PRESSURE * _N + p] = bulk * growth
        for i in range(3):
            work[(3 + i) * _N + p] = s[(2 + i) * _N + p] * (_HALF * factor)
    for i in range(3):
        own = (ROTATION + 3 * i) * _N
        for j in range(i + 1):
            other = (ROTATION + 3 * j) * _N
            for p in range(_N):
                a, b, c = _F(k[own + p]), _F(k[own + _N + p]), _F(k[own + 2 * _N + p])
                x = a * work[p] + b * work[3 * _N + p] + c * work[5 * _N + p]
                y = a * work[3 * _N + p] + b * work[_N + p] + c * work[4 * _N + p]
                z = a * work[5 * _N + p] + b * work[4 * _N + p] + c * work[2 * _N + p]
                value = x * _F(k[other + p]) + y * _F(k[other + _N + p])
                value += z * _F(k[other + 2 * _N + p])
                work[_OUT * _N + p] = value + (work[_PRESSURE * _N + p] if i == j else _F(0.0))
            for p in range(here):
                sigma[start + p, i, j] = sigma[start + p, j, i] = work[_OUT * _N + p]
