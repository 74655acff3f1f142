# SPDX-License-Identifier: MIT
"""Kinematics of isotropic metal plasticity, shared by the laws with a von Mises yield surface.

Multiplicative flow after Simo (Comput. Methods Appl. Mech. Eng. 66, 1988): Kirchhoff stress
τ = K/2 (J² − 1) I + G s with s = dev b̄_e, b̄_e the isochoric elastic left Cauchy-Green tensor, whose
history is C_p⁻¹. So the laws are objective by construction and need no rate; after each return b̄_e
is scaled in its trace to det b̄_e = 1, which the original lets drift. A law adds the yield stress.
"""

from math import sqrt

import numba

from mlms_fenics.numbers import check_positive, check_within


def isotropic_moduli(young: float, poisson: float) -> tuple[float, float]:
    """Shear and bulk modulus, GPa, of Young's (GPa, > 0) and Poisson's ratio, in (-1, 0.5).

    Raises:
        InputError: a value out of its range.
    """
    young = check_positive("Young's modulus", young, "GPa")
    poisson = check_within("Poisson's ratio", poisson, -1.0, 0.5, open_left=True, open_right=True)
    return young / (2.0 * (1.0 + poisson)), young / (3.0 * (1.0 - 2.0 * poisson))


_jit = numba.njit(cache=True, error_model="numpy")


@_jit
def trial(F, metric):
    """J, tr b̄_e / 3, s (00, 11, 22, 01, 12, 02) and |s| where nothing flows in the step.

    Args:
        F: deformation gradient, `(3, 3)`.
        metric: C_p⁻¹, `(3, 3)`.
    """
    f00, f01, f02 = F[0, 0], F[0, 1], F[0, 2]
    f10, f11, f12 = F[1, 0], F[1, 1], F[1, 2]
    f20, f21, f22 = F[2, 0], F[2, 1], F[2, 2]
    J = (
        f00 * (f11 * f22 - f12 * f21) + f01 * (f12 * f20 - f10 * f22)
        + f02 * (f10 * f21 - f11 * f20)
    )  # fmt: skip
    b00, b11, b22, b01, b12, b02 = push(
        f00, f01, f02, f10, f11, f12, f20, f21, f22,
        metric[0, 0], metric[1, 1], metric[2, 2], metric[0, 1], metric[1, 2], metric[0, 2],
    )  # fmt: skip
    c = J ** (-2.0 / 3.0)
    mean = c * (b00 + b11 + b22) / 3.0
    s00, s11, s22 = c * b00 - mean, c * b11 - mean, c * b22 - mean
    s01, s12, s02 = c * b01, c * b12, c * b02
    norm = sqrt(s00 * s00 + s11 * s11 + s22 * s22 + 2.0 * (s01 * s01 + s12 * s12 + s02 * s02))
    return J, mean, s00, s11, s22, s01, s12, s02, norm


@_jit
def store_metric(F, J, s00, s11, s22, s01, s12, s02, mean, metric):
    """C_p⁻¹ = J^{2/3} F⁻¹ (s + x I) F⁻ᵀ after the return to s, x so that its determinant is one."""
    f00, f01, f02 = F[0, 0], F[0, 1], F[0, 2]
    f10, f11, f12 = F[1, 0], F[1, 1], F[1, 2]
    f20, f21, f22 = F[2, 0], F[2, 1], F[2, 2]
    x = _unit_determinant(s00, s11, s22, s01, s12, s02, mean)
    c = J ** (2.0 / 3.0) / (J * J)  # F⁻¹ = cof(F)ᵀ / J
    m00, m11, m22, m01, m12, m02 = push(
        f11 * f22 - f12 * f21, f21 * f02 - f22 * f01, f01 * f12 - f02 * f11,
        f12 * f20 - f10 * f22, f22 * f00 - f20 * f02, f02 * f10 - f00 * f12,
        f10 * f21 - f11 * f20, f20 * f01 - f21 * f00, f00 * f11 - f01 * f10,
        c * (s00 + x), c * (s11 + x), c * (s22 + x), c * s01, c * s12, c * s02,
    )  # fmt: skip
    metric[0, 0], metric[1, 1], metric[2, 2] = m00, m11, m22
    metric[0, 1] = metric[1, 0] = m01
    metric[1, 2] = metric[2, 1] = m12
    metric[0, 2] = metric[2, 0] = m02


@_jit
def keep_metric(metric, new):
    """The metric where nothing flows."""
    for i in range(3):
        for j in range(3):
            new[i, j] = metric[i, j]


@_jit
def store_stress(J, s00, s11, s22, s01, s12, s02, shear, bulk, sigma):
    """Cauchy stress τ/J into `sigma`."""
    pressure = 0.5 * bulk * (J - 1.0 / J)
    g = shear / J
    sigma[0, 0], sigma[1, 1] = g * s00 + pressure, g * s11 + pressure
    sigma[2, 2] = g * s22 + pressure
    sigma[0, 1] = sigma[1, 0] = g * s01
    sigma[1, 2] = sigma[2, 1] = g * s12
    sigma[0, 2] = sigma[2, 0] = g * s02


@_jit
def push(a00, a01, a02, a10, a11, a12, a20, a21, a22, m00, m11, m22, m01, m12, m02):
    """A M Aᵀ of a symmetric M, as components 00, 11, 22, 01, 12, 02."""
    p00, p01, p02 = (
        a00 * m00 + a01 * m01 + a02 * m02,
        a00 * m01 + a01 * m11 + a02 * m12,
        a00 * m02 + a01 * m12 + a02 * m22,
    )
    p10, p11, p12 = (
        a10 * m00 + a11 * m01 + a12 * m02,
        a10 * m01 + a11 * m11 + a12 * m12,
        a10 * m02 + a11 * m12 + a12 * m22,
    )
    p20, p21, p22 = (
        a20 * m00 + a21 * m01 + a22 * m02,
        a20 * m01 + a21 * m11 + a22 * m12,
        a20 * m02 + a21 * m12 + a22 * m22,
    )
    return (
        p00 * a00 + p01 * a01 + p02 * a02,
        p10 * a10 + p11 * a11 + p12 * a12,
        p20 * a20 + p21 * a21 + p22 * a22,
        p00 * a10 + p01 * a11 + p02 * a12,
        p10 * a20 + p11 * a21 + p12 * a22,
        p00 * a20 + p01 * a21 + p02 * a22,
    )


@_jit
def _unit_determinant(s00, s11, s22, s01, s12, s02, x):
    """x with det(s + x I) = 1, s a small deviator, by Newton's iteration."""
    half = 0.5 * (s00 * s00 + s11 * s11 + s22 * s22) + s01 * s01 + s12 * s12 + s02 * s02
    det = (
        s00 * (s11 * s22 - s12 * s12) - s01 * (s01 * s22 - s12 * s02)
        + s02 * (s01 * s12 - s11 * s02)
    )  # fmt: skip
    for _ in range(4):
        x -= (x * x * x - half * x + det - 1.0) / (3.0 * x * x - half)
    return x
