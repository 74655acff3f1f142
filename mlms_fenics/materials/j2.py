# SPDX-License-Identifier: MIT
"""Finite-strain J2 plasticity with linear isotropic hardening."""

from math import sqrt

import numba
import torch

from mlms_fenics.errors import require
from mlms_fenics.materials.base import Material, State


class J2(Material):
    """Multiplicative J2 flow with radial return (Simo, Comput. Methods Appl. Mech. Eng. 66, 1988).

    Elastic: Kirchhoff stress τ = K/2 (J² − 1) I + G dev b̄_e, b̄_e the isochoric elastic left
    Cauchy-Green tensor. Yield: |dev τ| = √(2/3) (σ_y + H ε_p). The state is C_p⁻¹, so that the law
    is objective by construction and needs no rate; after each return b̄_e is scaled in its trace to
    det b̄_e = 1, which the original lets drift.

    Args:
        young: E, GPa, > 0.
        poisson: ν, in (-1, 0.5).
        yield_stress: σ_y, GPa, > 0.
        hardening: H = dσ/dε_p, GPa, >= 0.
        density: mg/mm³, > 0.

    Raises:
        InputError: a parameter is out of its range.
    """

    def __init__(
        self, young: float, poisson: float, yield_stress: float, hardening: float, density: float
    ) -> None:
        for name, value in (
            ("Young's modulus", young),
            ("yield stress", yield_stress),
            ("density", density),
        ):
            require(0.0 < value < float("inf"), f"{name} is {value:g}, but must be positive")
        require(-1.0 < poisson < 0.5, f"Poisson's ratio is {poisson:g}, but must be in (-1, 0.5)")
        require(
            0.0 <= hardening < float("inf"),
            f"hardening modulus is {hardening:g} GPa, but must not be negative",
        )
        self.shear_modulus = young / (2.0 * (1.0 + poisson))
        self.bulk_modulus = young / (3.0 * (1.0 - 2.0 * poisson))
        self.density = density
        self.yield_stress = yield_stress
        self.hardening = hardening

    def initial_state(self, n: int) -> State:
        return {
            "inverse_plastic_metric": torch.eye(3, dtype=self.dtype).repeat(n, 1, 1),
            "plastic_strain": torch.zeros(n, dtype=self.dtype),
        }

    def update(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        F = F.contiguous()
        sigma = torch.empty_like(F)
        metric = torch.empty_like(F)
        strain = torch.empty_like(state["plastic_strain"])
        _update(
            F.numpy(), state["inverse_plastic_metric"].numpy(), state["plastic_strain"].numpy(),
            sigma.numpy(), metric.numpy(), strain.numpy(), self.shear_modulus, self.bulk_modulus,
            self.yield_stress, self.hardening,
        )  # fmt: skip
        return sigma, {"inverse_plastic_metric": metric, "plastic_strain": strain}

    def fields(self, state: State) -> State:
        """The accumulated plastic strain."""
        return {"plastic_strain": state["plastic_strain"]}


@numba.njit(cache=True, error_model="numpy")
def _update(F, metric, strain, sigma, new_metric, new_strain, G, K, yield_stress, hardening):
    for n in range(F.shape[0]):
        f00, f01, f02 = F[n, 0, 0], F[n, 0, 1], F[n, 0, 2]
        f10, f11, f12 = F[n, 1, 0], F[n, 1, 1], F[n, 1, 2]
        f20, f21, f22 = F[n, 2, 0], F[n, 2, 1], F[n, 2, 2]
        k00, k01, k02 = f11 * f22 - f12 * f21, f12 * f20 - f10 * f22, f10 * f21 - f11 * f20
        k10, k11, k12 = f21 * f02 - f22 * f01, f22 * f00 - f20 * f02, f20 * f01 - f21 * f00
        k20, k21, k22 = f01 * f12 - f02 * f11, f02 * f10 - f00 * f12, f00 * f11 - f01 * f10
        J = f00 * k00 + f01 * k01 + f02 * k02
        scale = J ** (2.0 / 3.0)
        b = _push(
            f00, f01, f02, f10, f11, f12, f20, f21, f22,
            metric[n, 0, 0], metric[n, 1, 1], metric[n, 2, 2],
            metric[n, 0, 1], metric[n, 1, 2], metric[n, 0, 2],
        )  # fmt: skip
        mean = (b[0] + b[1] + b[2]) / (3.0 * scale)
        s00, s11, s22 = b[0] / scale - mean, b[1] / scale - mean, b[2] / scale - mean
        s01, s12, s02 = b[3] / scale, b[4] / scale, b[5] / scale
        norm = sqrt(
            s00 * s00 + s11 * s11 + s22 * s22 + 2.0 * (s01 * s01 + s12 * s12 + s02 * s02)
        )  # fmt: skip
        alpha = strain[n]
        # dev b̄_e at yield; stresses here are divided by G.
        limit = sqrt(2.0 / 3.0) * (yield_stress + hardening * alpha) / G
        if norm > limit:
            # f = |s| − 2 mean γ − limit − 2H/(3G) γ = 0
            flow = (norm - limit) / (2.0 * mean + 2.0 * hardening / (3.0 * G))
            ratio = 1.0 - 2.0 * mean * flow / norm
            s00, s11, s22 = ratio * s00, ratio * s11, ratio * s22
            s01, s12, s02 = ratio * s01, ratio * s12, ratio * s02
            alpha += sqrt(2.0 / 3.0) * flow
            x = _unit_determinant(s00, s11, s22, s01, s12, s02, mean)
            c = scale / (J * J)  # F⁻¹ = cof(F)ᵀ / J
            m = _push(
                k00, k10, k20, k01, k11, k21, k02, k12, k22,
                c * (s00 + x), c * (s11 + x), c * (s22 + x), c * s01, c * s12, c * s02,
            )  # fmt: skip
            new_metric[n, 0, 0], new_metric[n, 1, 1], new_metric[n, 2, 2] = m[0], m[1], m[2]
            new_metric[n, 0, 1] = new_metric[n, 1, 0] = m[3]
            new_metric[n, 1, 2] = new_metric[n, 2, 1] = m[4]
            new_metric[n, 0, 2] = new_metric[n, 2, 0] = m[5]
        else:
            new_metric[n] = metric[n]
        new_strain[n] = alpha
        pressure = 0.5 * K * (J - 1.0 / J)
        g = G / J
        sigma[n, 0, 0], sigma[n, 1, 1] = g * s00 + pressure, g * s11 + pressure
        sigma[n, 2, 2] = g * s22 + pressure
        sigma[n, 0, 1] = sigma[n, 1, 0] = g * s01
        sigma[n, 1, 2] = sigma[n, 2, 1] = g * s12
        sigma[n, 0, 2] = sigma[n, 2, 0] = g * s02


@numba.njit(cache=True, error_model="numpy", inline="always")
def _push(a00, a01, a02, a10, a11, a12, a20, a21, a22, m00, m11, m22, m01, m12, m02):
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


@numba.njit(cache=True, error_model="numpy", inline="always")
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
