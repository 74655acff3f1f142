# SPDX-License-Identifier: MIT
"""Finite-strain J2 plasticity with a measured hardening curve."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numba
import numpy as np
import torch

from mlms_fenics.errors import require
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
from mlms_fenics.numbers import check_positive


class HardeningCurve(J2Flow):
    """Multiplicative J2 flow whose yield stress is given by points, straight between them.

    Yield: |dev τ| = √(2/3) σ_y(ε_p); `radial_return` has the kinematics. Beyond the last point the
    yield stress stays at the last.

    Args:
        young: E, GPa, > 0.
        poisson: ν, in (-1, 0.5).
        strain: plastic strains, logarithmic, the first 0, each above the one before.
        stress: yield stress at each, true (Kirchhoff), GPa, > 0, none below the one before.
        density: mg/mm³, > 0.

    Raises:
        InputError: a parameter is out of its range, or curves of other shapes.
    """

    def __init__(
        self,
        young: float,
        poisson: float,
        strain: Sequence[float],
        stress: Sequence[float],
        density: float,
    ) -> None:
        self.shear_modulus, self.bulk_modulus = isotropic_moduli(young, poisson)
        self.density = check_positive("density", density, "mg/mm³")
        x, y = np.asarray(strain, dtype=float), np.asarray(stress, dtype=float)
        require(
            x.ndim == 1 and x.shape == y.shape and len(x) >= 1,
            f"a hardening curve has strains of shape {x.shape} and stresses of {y.shape}, but must "
            "have as many of both, at least one",
        )
        require(
            bool(np.isfinite(x).all() and x[0] == 0.0 and (np.diff(x) > 0.0).all()),
            f"strains of a hardening curve are {x.tolist()}, but must begin with 0 and rise",
        )
        require(
            bool(np.isfinite(y).all() and y[0] > 0.0 and (np.diff(y) >= 0.0).all()),
            f"yield stresses of a hardening curve are {y.tolist()} GPa, but must be positive and "
            "must not fall",
        )
        slope = np.append(np.diff(y) / np.diff(x), 0.0)
        self.strain = torch.from_numpy(x.copy())
        self.stress = torch.from_numpy(y.copy())
        self._slope = torch.from_numpy(slope)

    def _return_loop(self, device: torch.device) -> tuple[Any, ...]:
        tables = (self.strain, self.stress, self._slope)
        return _loop, *(table.to(device) for table in tables)

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`; in closed form, with the curve's slope at the step's end."""
        sigma, new = self.update(F, time, dt, state)
        now, G = Trial.of(F, state["inverse_plastic_metric"]), self.shear_modulus
        grown = new["plastic_strain"] - state["plastic_strain"]
        last = torch.searchsorted(self.strain.to(F.device), new["plastic_strain"], right=True) - 1
        resists = 2.0 * now.mean + 2.0 / (3.0 * G) * self._slope.to(F.device)[last]
        flow, norm = sqrt(1.5) * grown, now.norm.clamp(min=1e-300)
        flows = (grown > 0.0).to(F.dtype)
        A = return_tangent(
            F,
            now,
            1.0 - 2.0 * now.mean * flow / norm,
            2.0 * now.mean / norm * (flow / norm - flows / resists),
            -2.0 * flow / norm * (1.0 - 2.0 * now.mean / resists),
            G,
            self.bulk_modulus,
        )
        return sigma, new, A


@numba.njit(cache=True, error_model="numpy")
def _loop(
    first, stride, scratch,
    F, metric, strain, sigma, new_metric, new_strain, G, K, points, stresses, slopes,
):  # fmt: skip
    for n in range(first, F.shape[0], stride):
        J, mean, s00, s11, s22, s01, s12, s02, norm = trial(F[n], metric[n])
        alpha = strain[n]
        k = 0
        while k + 1 < points.shape[0] and points[k + 1] <= alpha:
            k += 1
        q = sqrt(1.5) * G * norm
        limit = stresses[k] + slopes[k] * (alpha - points[k])
        if q > limit:
            # q − 3 G mean Δ = σ_y(alpha + Δ), on one straight piece after the other.
            grown = (q - limit) / (3.0 * G * mean + slopes[k])
            while k + 1 < points.shape[0] and alpha + grown > points[k + 1]:
                k += 1
                limit = stresses[k] - slopes[k] * (points[k] - alpha)
                grown = (q - limit) / (3.0 * G * mean + slopes[k])
            ratio = 1.0 - 3.0 * G * mean * grown / q
            s00, s11, s22 = ratio * s00, ratio * s11, ratio * s22
            s01, s12, s02 = ratio * s01, ratio * s12, ratio * s02
            alpha += grown
            store_metric(F[n], J, s00, s11, s22, s01, s12, s02, mean, new_metric[n])
        else:
            keep_metric(metric[n], new_metric[n])
        new_strain[n] = alpha
        store_stress(J, s00, s11, s22, s01, s12, s02, G, K, sigma[n])
