# SPDX-License-Identifier: MIT
"""Empirical laws that every learnt one has to beat: no deviator, J2, Johnson-Cook, fitted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares, minimize

from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.kinematics.tensors import deviator, embedded, from_components, to_components
from mlms_fenics.materials.base import Material
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.j2 import J2
from mlms_fenics.materials.johnson_cook import JohnsonCook
from mlms_fenics.surrogate.histories import run
from mlms_fenics.surrogate.metrics import exact_pressure, path_errors, without_deviator

ZERO = "zero deviator, exact pressure"


@dataclass(frozen=True)
class Baseline:
    """A law with a handful of parameters.

    Attributes:
        name: for tables.
        parameters: the fitted ones (GPa, 1/µs), empty where there is nothing to fit.
        material: None where the deviator is zero.
        bulk_modulus, shear_modulus: of the closed-form pressure that all are given, GPa.
    """

    name: str
    parameters: dict[str, float]
    material: Material | None
    bulk_modulus: float
    shear_modulus: float

    def stress(self, U: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Components of the stress, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, GPa.

        The law's own pressure is replaced by the crystal's, so that only the deviator is judged.
        """
        if self.material is None:
            return without_deviator(U, self.bulk_modulus, self.shear_modulus)
        sigma = exact_pressure(U, self.bulk_modulus)
        full = U
        if U.shape[-1] == 3:
            full = to_components(embedded(from_components(np.asarray(U, np.float64))))
        own = deviator(from_components(run(self.material, full, time)[0]))
        d = 3 if U.shape[-1] == 6 else 2
        return sigma + to_components(own[..., :d, :d])


def fit_baselines(
    crystal: CrystalLaw, U: np.ndarray, sigma: np.ndarray, time: np.ndarray
) -> list[Baseline]:
    """Zero deviator, J2 with linear hardening and isothermal Johnson-Cook with the least error.

    Elastic moduli are the crystal's; yield stress and hardening, and Johnson-Cook's A, B, n and C,
    minimise the mean relative deviatoric error.

    Args:
        crystal: of the unit cell: moduli and density.
        U, sigma: components to fit to, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, GPa.
        time: *Shape* `(n_t + 1,)`, µs.
    """
    K, G = crystal.bulk_modulus, crystal.shear_modulus
    elastic = {
        "young": 9.0 * K * G / (3.0 * K + G),
        "poisson": (3.0 * K - 2.0 * G) / (6.0 * K + 2.0 * G),
        "density": crystal.density,
    }
    # Johnson-Cook counts rates from here; slower ones are taken alike.
    reference_rate = 1e-3 / float(time[-1])
    half = from_components(np.asarray(sigma, np.float64)[:, len(time) // 2 :])
    strength = max(1.5**0.5 * float(np.median(np.linalg.norm(deviator(half), axis=(-2, -1)))), 1e-4)

    def j2(p: dict[str, float]) -> Material:
        return J2(yield_stress=p["yield_stress"], hardening=p["hardening"], **elastic)

    def johnson_cook(p: dict[str, float]) -> Material:
        return JohnsonCook(
            A=p["A"],
            B=p["B"],
            n=min(p["n"], 1.0),
            C=p["C"],
            m=1.0,
            melting_temperature=1e3,
            specific_heat=1e-3,
            taylor_quinney=0.0,
            reference_rate=reference_rate,
            **elastic,
        )

    def baseline(name: str, make: Callable, p: dict[str, float], **fixed: float) -> Baseline:
        return Baseline(name, {**p, **fixed}, make(p), K, G)

    fitted = [Baseline(ZERO, {}, None, K, G)]
    start = {"yield_stress": 0.7 * strength, "hardening": strength}
    p = _fitted(lambda p: baseline("", j2, p), start, U, sigma, time, 60)
    fitted.append(baseline("J2, fitted", j2, p))
    start = {"A": 0.4 * p["yield_stress"], "B": max(p["hardening"], 0.2 * strength)}
    start |= {"n": 0.5, "C": 0.2}
    p = _fitted(lambda p: baseline("", johnson_cook, p), start, U, sigma, time, 120)
    p["n"] = min(p["n"], 1.0)
    name = "Johnson-Cook, fitted"
    return [*fitted, baseline(name, johnson_cook, p, reference_rate=reference_rate)]


def _fitted(
    make: Callable[[dict[str, float]], Baseline],
    start: dict[str, float],
    U: np.ndarray,
    sigma: np.ndarray,
    time: np.ndarray,
    evaluations: int,
) -> dict[str, float]:
    """Positive parameters of least mean deviatoric error, sought in their logarithms.

    Least squares come near; the mean error itself has kinks, which a simplex does not mind.
    """
    names: Sequence[str] = list(start)

    def parameters(x: np.ndarray) -> dict[str, float]:
        return dict(zip(names, np.exp(np.clip(x, -30.0, 10.0)).tolist(), strict=True))

    def error(x: np.ndarray) -> float:
        stress = make(parameters(x)).stress(U, time)
        return float(path_errors(stress, sigma, time)["deviatoric"].mean())

    dimension = 3 if U.shape[-1] == 6 else 2
    E = isometry(dimension, deviatoric=True).T
    truth = (sigma @ E)[:, ::4]
    scale = np.linalg.norm(truth, axis=(1, 2), keepdims=True) + 1e-12

    def residual(x: np.ndarray) -> np.ndarray:
        stress = (make(parameters(x)).stress(U, time) @ E)[:, ::4]
        return ((stress - truth) / scale).ravel()

    near = least_squares(
        residual, np.log(list(start.values())), diff_step=1e-4, max_nfev=evaluations // 8
    )
    origin = near.x
    simplex = np.vstack([origin, origin + 0.1 * np.eye(len(origin))])
    found = minimize(
        error,
        origin,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "maxfev": evaluations, "fatol": 1e-5, "xatol": 1e-3},
    )
    return parameters(found.x)
