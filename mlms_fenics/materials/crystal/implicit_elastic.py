# SPDX-License-Identifier: MIT
"""Elastic stress of a lane's state: scalar code."""

import math

import numba

from mlms_fenics.kinematics.vector_math import COMPILE, power
from mlms_fenics.materials.crystal.implicit_matrices import (
    determinant,
    product,
    symmetric,
    transpose,
)
from mlms_fenics.materials.crystal.implicit_rows import S6, H


@numba.njit(**COMPILE)
def _anisotropic(J, stiffness, coupling, e):
    """Deviator of the Mandel stress that cubic or hexagonal constants make of strains, and J."""
    e0, e1, e2, e3, e4 = e
    v, c, D = J - 1.0, coupling, stiffness
    return (
        v * c[0] + D[0] * e0 + D[1] * e1 + D[3] * e2 + D[6] * e3 + D[10] * e4,
        v * c[1] + D[1] * e0 + D[2] * e1 + D[4] * e2 + D[7] * e3 + D[11] * e4,
        v * c[2] + D[3] * e0 + D[4] * e1 + D[5] * e2 + D[8] * e3 + D[12] * e4,
        v * c[3] + D[6] * e0 + D[7] * e1 + D[8] * e2 + D[9] * e3 + D[13] * e4,
        v * c[4] + D[10] * e0 + D[11] * e1 + D[12] * e2 + D[13] * e3 + D[14] * e4,
    )


@numba.njit(**COMPILE)
def _strain(A, f):
    """Components of the deviator of ½ f AᵀA."""
    e = symmetric(product(transpose(A), A))
    f *= 0.5
    return f * e[0], f * e[1], f * e[2], f * e[3], f * e[4]


@numba.njit(**COMPILE)
def cauchy(F, B, J, f, G, stiffness, coupling, isotropic):
    """Deviatoric Cauchy stress (11, 22, 33, 12, 23, 13), GPa, and its norm.

    With cubic or hexagonal constants also the pressure that deviators make (zero where isotropic):
    all of the stress but 2 λ_e (J - 1) I. J = det F, f = J^{-2/3}.
    """
    A = product(F, B)
    pressure = 0.0
    if isotropic:
        b, factor = product(A, transpose(A)), G * f / J
    else:
        e = _strain(A, f)
        s = _anisotropic(J, stiffness, coupling, e)
        pressure = (
            coupling[0] * e[0]
            + coupling[1] * e[1]
            + coupling[2] * e[2]
            + coupling[3] * e[3]
            + coupling[4] * e[4]
        )
        x, y, z = H * s[2], H * s[3], H * s[4]
        S = (
            H * s[0] - S6 * s[1], x, z,
            x, -H * s[0] - S6 * s[1], y,
            z, y, 2.0 * S6 * s[1],
        )  # fmt: skip
        b, factor = product(product(A, S), transpose(A)), f / J
    mean = (b[0] + b[4] + b[8]) * (1.0 / 3.0)
    s11, s22, s33 = factor * (b[0] - mean), factor * (b[4] - mean), factor * (b[8] - mean)
    s12, s23, s13 = factor * b[1], factor * b[5], factor * b[2]
    size = s11 * s11 + s22 * s22 + s33 * s33 + 2.0 * (s12 * s12 + s23 * s23 + s13 * s13)
    return (s11 + pressure, s22 + pressure, s33 + pressure, s12, s23, s13), math.sqrt(size)


@numba.njit(**COMPILE)
def elastic_stress(F, B, G, stiffness, coupling, isotropic):
    """Deviator of a state's Mandel stress, GPa, where a path is taken up."""
    A = product(F, B)
    e = _strain(A, power(abs(determinant(A)), -2.0 / 3.0))
    if isotropic:
        g = 2.0 * G
        return g * e[0], g * e[1], g * e[2], g * e[3], g * e[4]
    return _anisotropic(determinant(F), stiffness, coupling, e)
