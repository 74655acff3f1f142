# SPDX-License-Identifier: MIT
"""Elastic stress of a lane's state: scalar code."""

import math

import numba

from mlms_fenics.kinematics.vector_math import COMPILE, power
from mlms_fenics.materials.crystal.implicit_matrices import (
    determinant,
    multiply,
    multiply_row,
    symmetric,
)
from mlms_fenics.materials.crystal.implicit_rows import S6, H


@numba.njit(**COMPILE)
def _strain(A, f, C, e):
    """Components of the symmetric deviator of ½ f AᵀA; C is scratch."""
    for i in range(3):
        for j in range(3):
            s = 0.0
            for k in range(3):
                s += A[3 * k + i] * A[3 * k + j]
            C[3 * i + j] = 0.5 * f * s
    symmetric(C, e)


@numba.njit(**COMPILE)
def _anisotropic(J, stiffness, coupling, e, i):
    """Component i of the deviator of the Mandel stress that cubic or hexagonal constants make."""
    s = (J - 1.0) * coupling[i]
    for j in range(5):
        k = i * (i + 1) // 2 + j if i >= j else j * (j + 1) // 2 + i
        s += stiffness[k] * e[j]
    return s


@numba.njit(**COMPILE)
def cauchy(F, B, l, J, f, G, stiffness, coupling, isotropic, A, b, S, t, e, s5, out):
    """Deviatoric Cauchy stress (11, 22, 33, 12, 23, 13), GPa, and its norm.

    With cubic or hexagonal constants also the pressure that deviators make (zero where isotropic):
    all of the stress but 2 λ_e (J - 1) I. B stands in row l; J = det F, f = J^{-2/3}; A to s5 are
    scratch.
    """
    multiply_row(F, B, l, A)
    pressure = 0.0
    factor = (G if isotropic else 1.0) * f / J
    if isotropic:
        for i in range(3):
            for j in range(3):
                s = 0.0
                for k in range(3):
                    s += A[3 * i + k] * A[3 * j + k]
                b[3 * i + j] = factor * s
    else:
        _strain(A, f, b, e)
        for i in range(5):
            s5[i] = _anisotropic(J, stiffness, coupling, e, i)
            pressure += coupling[i] * e[i]
        S[0], S[4], S[8] = H * s5[0] - S6 * s5[1], -H * s5[0] - S6 * s5[1], 2.0 * S6 * s5[1]
        S[1] = S[3] = H * s5[2]
        S[5] = S[7] = H * s5[3]
        S[2] = S[6] = H * s5[4]
        multiply(A, S, t)
        for i in range(3):
            for j in range(3):
                s = 0.0
                for k in range(3):
                    s += t[3 * i + k] * A[3 * j + k]
                b[3 * i + j] = factor * s
    mean = (b[0] + b[4] + b[8]) / 3.0
    out[0], out[1], out[2] = b[0] - mean, b[4] - mean, b[8] - mean
    out[3], out[4], out[5] = b[1], b[5], b[2]
    size = out[0] ** 2 + out[1] ** 2 + out[2] ** 2
    size += 2.0 * (out[3] ** 2 + out[4] ** 2 + out[5] ** 2)
    for k in range(3):
        out[k] += pressure
    return math.sqrt(size)


@numba.njit(**COMPILE)
def elastic_stress(F, B, l, G, stiffness, coupling, isotropic, A, C, e, out):
    """Deviator of a state's Mandel stress, GPa, where a path is taken up; rows l of B and out."""
    multiply_row(F, B, l, A)
    f = power(abs(determinant(A)), -2.0 / 3.0)
    _strain(A, f, C, e)
    J = determinant(F)
    for i in range(5):
        out[l, i] = 2.0 * G * e[i] if isotropic else _anisotropic(J, stiffness, coupling, e, i)
