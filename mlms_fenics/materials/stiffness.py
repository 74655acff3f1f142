# SPDX-License-Identifier: MIT
"""Whether one law is as stiff as its moduli say, of which stable steps are made."""

from collections.abc import Callable
from math import sqrt

import numpy as np
import torch

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.materials.base import Material, State

# What a law raises where it is asked for more than it is made for; all else is its own defect.
REFUSALS = (ValueError, ArithmeticError, SimulationError, torch.linalg.LinAlgError)
# Steps are not shortened further than this for a stiff law: its moduli are wrong, likely in unit.
_LEAST_SHARE = 0.05

_PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
# Deformed states at the start: logarithmic strains up to these, in so many steps of so many µs,
# looked at after every so many.
_SHAPE, _VOLUME, _STEPS, _STEP, _LOOK_EVERY = 0.1, 0.03, 20, 0.01, 5
# Ratio, where, and of which law.
Stiffest = tuple[float, str, Material]


def law_stiffness(
    material: Material,
    F: np.ndarray,
    time: float,
    dt: float,
    state: State,
    strain: float = 1.0e-3,
) -> np.ndarray:
    """Largest instantaneous stiffness of a law over the one that its moduli declare.

    From each point small strains in six directions are added to F within one step of length dt;
    the ratio is the largest eigenvalue of the symmetric part of their stiffness in terms of
    λ tr(ε)² + 2G |ε|². The stable time step holds where it is at most 1; a run is unstable where it
    exceeds the square of stable step over step.

    Args:
        material: the law.
        F: deformation gradients, *Shape* `(n, 3, 3)`.
        time: at the end of the step, µs.
        dt: its length, µs.
        state: at its beginning.
        strain: size of the strains.

    Returns:
        *Shape* `(n,)`; NaN where the law's stress is not finite.
    """
    base = _stress(material, F, time, dt, state)
    columns = []
    for i, j in _PAIRS:
        direction = np.zeros((3, 3))
        direction[i, j] = direction[j, i] = 1.0 if i == j else 1.0 / sqrt(2.0)
        step = np.eye(3) + strain * direction
        change = np.linalg.det(step) * _stress(material, step @ F, time, dt, state) - base
        columns.append(_mandel(change) / strain)
    stiffness = np.stack(columns, axis=-1)
    trace = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    volumetric = np.outer(trace, trace) / 3.0
    root = volumetric / sqrt(3.0 * material.bulk_modulus)
    root += (np.eye(6) - volumetric) / sqrt(2.0 * material.shear_modulus)
    scaled = root @ (0.5 * (stiffness + np.swapaxes(stiffness, -1, -2))) @ root
    good = np.isfinite(scaled).all(axis=(-2, -1))
    ratio = np.full(len(F), np.nan)
    ratio[good] = np.linalg.eigvalsh(scaled[good])[:, -1]
    return ratio


def stiffest_at_rest(material: Material, dt: float) -> float:
    """`law_stiffness` of a virgin point at F = I in a step of `dt`, µs."""
    return float(law_stiffness(material, np.eye(3)[None], dt, dt, material.initial_state(1))[0])


def stiffest_when_deformed(material: Material, dt: float) -> tuple[float, float]:
    """Largest `law_stiffness` of one law along paths from rest, and the strain at which.

    Tension, compression and shear along and across all axes to 10% of logarithmic strain with 3% of
    volume, and 3% of volume alone. Where the law refuses to go on, the paths end.

    Args:
        material: the law.
        dt: step of the run, µs.
    """
    strains = _directions()
    state, largest, where = material.initial_state(len(strains)), 0.0, 0.0
    for k in range(1, _STEPS + 1):
        values, axes = np.linalg.eigh(strains * (k / _STEPS))
        F = (axes * np.exp(values)[:, None]) @ np.swapaxes(axes, -1, -2)
        try:
            if k % _LOOK_EVERY == 0:
                ratio = law_stiffness(material, F, k * _STEP, min(dt, _STEP), state)
                ratio = float(np.nan_to_num(ratio, nan=0.0).max())
                if ratio > largest:
                    largest, where = ratio, _SHAPE * k / _STEPS
            with torch.no_grad():
                given = torch.from_numpy(F).to(material.device)
                _, state = material.update(given, k * _STEP, _STEP, state)
        except REFUSALS:  # the law is beyond its range, which is no fault of its moduli
            break
    return largest, where


def stable_share(
    stiffest: Callable[[float], Stiffest], stable: float, safety: float, declared: bool = False
) -> tuple[float, Stiffest]:
    """Share of the stable step, which is made of the law's moduli, that its stiffness allows.

    A ratio below 1/safety² is covered by the safety factor: the share is 1. Otherwise steps are
    shortened until the ratio, which may itself depend on the step (a law that extrapolates the last
    increment answers to the rate), is what they allow.

    Args:
        stiffest: largest stiffness over that of the moduli in steps of so many µs.
        stable: step that the moduli make, µs.
        safety: step over stable step.
        declared: refuse a law that is stiffer than this.

    Returns:
        The share, and the stiffest.

    Raises:
        InputError: the law is too stiff.
    """
    share, limit = 1.0, 1.0 / safety**2
    while True:
        found = stiffest(safety * share * stable)
        excess = found[0] * share**2
        if excess <= limit:
            return share, found
        share, limit = 0.95 * share / sqrt(excess), 1.0
        if declared or share < _LEAST_SHARE:
            raise InputError(too_stiff(found[2], found[1], found[0]))


def shorter(share: float, found: Stiffest) -> str:
    """What to warn of where steps are shortened."""
    ratio, where, _ = found
    return (
        f"the law {where} is {ratio:.3g} times as stiff as its moduli say: time steps are "
        f"{1.0 / share:.3g} times shorter than these would allow"
    )


def too_stiff(material: Material, where: str, ratio: float) -> str:
    return (
        f"the law {where} is {ratio:.3g} times as stiff as its bulk_modulus "
        f"{material.bulk_modulus:.4g} GPa and shear_modulus {material.shear_modulus:.4g} GPa say, "
        "from which the stable time step is made: correct them, or give a safety factor below "
        f"{ratio**-0.5:.2g}"
    )


def _directions() -> np.ndarray:
    """Logarithmic strains of full size, *Shape* `(14, 3, 3)`."""
    found = []
    for k, (i, j) in enumerate(_PAIRS):
        for sign in (1.0, -1.0):
            D = np.zeros((3, 3))
            D[i, j] = D[j, i] = 1.0
            D -= np.trace(D) / 3.0 * np.eye(3)
            swell = _VOLUME / 3.0 * (1.0 if k % 2 else -1.0)
            found.append(sign * _SHAPE * D / np.linalg.norm(D) + swell * np.eye(3))
    found += [sign * _VOLUME / 3.0 * np.eye(3) for sign in (1.0, -1.0)]
    return np.array(found)


def _stress(material: Material, F: np.ndarray, time: float, dt: float, state: State) -> np.ndarray:
    given = torch.from_numpy(np.ascontiguousarray(F)).to(material.device)
    with torch.no_grad():
        sigma, _ = material.update(given, time, dt, state)
    return sigma.detach().to("cpu", torch.float64).numpy()


def _mandel(s: np.ndarray) -> np.ndarray:
    scale = (1.0, 1.0, 1.0, sqrt(2.0), sqrt(2.0), sqrt(2.0))
    return np.stack([c * s[:, i, j] for c, (i, j) in zip(scale, _PAIRS, strict=True)], axis=-1)
