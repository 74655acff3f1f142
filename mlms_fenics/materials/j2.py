# SPDX-License-Identifier: MIT
"""Finite-strain J2 plasticity with linear isotropic hardening."""

from math import sqrt
from typing import Any

import numba
import torch

from mlms_fenics.materials.base import State
from mlms_fenics.materials.j2_flow import J2Flow
from mlms_fenics.materials.radial_return import (
    isotropic_moduli,
    keep_metric,
    store_metric,
    store_stress,
    trial,
)
from mlms_fenics.materials.return_tangent import Trial, return_tangent
from mlms_fenics.numbers import check_positive, check_within


class J2(J2Flow):
    """Multiplicative J2 flow with radial return, see `radial_return` for its kinematics.

    Yield: |dev τ| = √(2/3) (σ_y + H ε_p).

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
        self.shear_modulus, self.bulk_modulus = isotropic_moduli(young, poisson)
        self.density = check_positive("density", density, "mg/mm³")
        self.yield_stress = check_positive("yield stress", yield_stress, "GPa")
        self.hardening = check_within(
            "hardening modulus", hardening, 0.0, float("inf"), open_right=True
        )

    def _return_loop(self, device: torch.device) -> tuple[Any, ...]:
        return _loop, self.yield_stress, self.hardening

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`; in closed form."""
        sigma, new = self.update(F, time, dt, state)
        now = Trial.of(F, state["inverse_plastic_metric"])
        limit = self.yield_stress + self.hardening * state["plastic_strain"]
        over = now.norm - sqrt(2.0 / 3.0) / self.shear_modulus * limit
        resists = 2.0 * now.mean + 2.0 * self.hardening / (3.0 * self.shear_modulus)
        # What flows in the step, as in the kernel, and what that leaves of s.
        flow, norm = over.clamp(min=0.0) / resists, now.norm.clamp(min=1e-300)
        flows = (over > 0.0).to(F.dtype)
        ratio = 1.0 - 2.0 * now.mean * flow / norm
        by_norm = 2.0 * now.mean / norm * (flow / norm - flows / resists)
        by_mean = -2.0 * flow / norm * (1.0 - 2.0 * now.mean / resists)
        A = return_tangent(
            F, now, ratio, by_norm, by_mean, self.shear_modulus, self.bulk_modulus
        )  # fmt: skip
        return sigma, new, A


@numba.njit(cache=True, error_model="numpy")
def _loop(
    first, stride, scratch,
    F, metric, strain, sigma, new_metric, new_strain, G, K, yield_stress, hardening,
):  # fmt: skip
    for n in range(first, F.shape[0], stride):
        J, mean, s00, s11, s22, s01, s12, s02, norm = trial(F[n], metric[n])
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
            store_metric(F[n], J, s00, s11, s22, s01, s12, s02, mean, new_metric[n])
        else:
            keep_metric(metric[n], new_metric[n])
        new_strain[n] = alpha
        store_stress(J, s00, s11, s22, s01, s12, s02, G, K, sigma[n])
