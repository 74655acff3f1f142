# SPDX-License-Identifier: MIT
"""Whether a law is as stiff as it says: the stable step is made of its moduli."""

import warnings
from math import sqrt
from typing import Any

import numpy as np
import torch

from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.macroscale.placed_laws import laws_of, parts_of
from mlms_fenics.materials import Material, State
from mlms_fenics.parallel import on_every_rank, on_rank_zero

# What a law raises where it is asked for more than it is made for; all else is its own defect.
REFUSALS = (ValueError, ArithmeticError, SimulationError, torch.linalg.LinAlgError)
POLICIES = ("measured", "declared")
# Steps are not shortened further than this for a stiff law: its moduli are wrong, likely in unit.
_LEAST_SHARE = 0.05

_PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
# Deformed states at the start: logarithmic strains up to these, in so many steps of so many µs,
# looked at after every so many.
_SHAPE, _VOLUME, _STEPS, _STEP, _LOOK_EVERY = 0.1, 0.03, 20, 0.01, 5


def stiffness_ratio(
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
    ratio = np.zeros(len(F))
    for _, law, rows, own in laws_of(material, state, len(F)):
        if len(rows):
            ratio[rows] = _ratio_of(law, F[rows], time, dt, own, strain)
    return ratio


def _ratio_of(
    material: Material, F: np.ndarray, time: float, dt: float, state: State, strain: float
) -> np.ndarray:
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


def check_policy(policy: str) -> None:
    """Raise `InputError` unless `policy` is one of `POLICIES`."""
    require(
        policy in POLICIES, f"stiffness is {policy!r}, but must be one of {', '.join(POLICIES)}"
    )


def step_share(material: Material, motion: Motion, safety: float, policy: str, comm: Any) -> float:
    """Share of the stable step, which is made of the law's moduli, that its stiffness allows.

    The law is looked at at rest at all points, and at a few along paths to 10% of strain. A ratio
    below 1/safety² is covered by the safety factor: the share is 1. Otherwise steps are shortened
    until the ratio, which may itself depend on the step (a law that extrapolates the last
    increment answers to the rate), is what they allow. Collective; all ranks do alike.

    Args:
        material: the law.
        motion: at rest, with the stable step that the moduli make.
        safety: step over stable step.
        policy: "measured", or "declared" to refuse such a law.
        comm: of the body's ranks.

    Raises:
        InputError: the law's stress is not finite; it is too stiff, by policy or altogether.
    """
    share, limit = 1.0, 1.0 / safety**2
    while True:
        ratio, where, law = _stiffest(material, motion, safety * share * motion.stable_dt, comm)
        excess = ratio * share**2
        if excess <= limit:
            break
        share, limit = 0.95 * share / sqrt(excess), 1.0
        if policy == "declared" or share < _LEAST_SHARE:
            raise InputError(too_stiff(law, where, ratio))
    if share < 1.0 and comm.rank == 0:
        warnings.warn(
            f"the law {where} is {ratio:.3g} times as stiff as its moduli say: time steps are "
            f"{1.0 / share:.3g} times shorter than these would allow",
            stacklevel=2,
        )
    return share


def _stiffest(
    material: Material, motion: Motion, dt: float, comm: Any
) -> tuple[float, str, Material]:
    """Largest `stiffness_ratio` for steps of dt, µs, where, and of which law (collective)."""
    laws = list(parts_of(material).items())

    def at_rest() -> list[float]:
        found = dict.fromkeys(parts_of(material), 0.0)
        for name, law, rows, own in laws_of(material, motion.state, len(motion.F)):
            ratio = stiffness_ratio(law, motion.F[rows], dt, dt, own)
            if not np.isfinite(ratio).all():
                raise InputError(
                    f"the law{name} returns a stress that is not finite at a strain of 0.1%"
                )
            found[name] = float(ratio.max(initial=0.0))
        return list(found.values())

    def deformed() -> list[tuple[float, float]]:
        return [stiffest_when_deformed(law, dt) for _, law in laws]

    rest = np.max(comm.allgather(on_every_rank(comm, at_rest)), axis=0)
    stretched = on_rank_zero(comm, deformed)
    ratios = [max(a, b) for a, (b, _) in zip(rest, stretched, strict=True)]
    k = int(np.argmax(ratios))
    (name, law), (ratio, strain) = laws[k], stretched[k]
    where = f"at {100.0 * strain:.0f}% of strain" if ratio > rest[k] else "at rest"
    return float(ratios[k]), where + name, law


def too_stiff(material: Material, where: str, ratio: float) -> str:
    return (
        f"the law {where} is {ratio:.3g} times as stiff as its bulk_modulus "
        f"{material.bulk_modulus:.4g} GPa and shear_modulus {material.shear_modulus:.4g} GPa say, "
        "from which the stable time step is made: correct them, or give a safety factor below "
        f"{ratio**-0.5:.2g}"
    )


def stiffest_when_deformed(material: Material, dt: float) -> tuple[float, float]:
    """Largest `stiffness_ratio` of one law along paths from rest, and the strain at which.

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
                ratio = stiffness_ratio(material, F, k * _STEP, min(dt, _STEP), state)
                ratio = float(np.nan_to_num(ratio, nan=0.0).max())
                if ratio > largest:
                    largest, where = ratio, _SHAPE * k / _STEPS
            with torch.no_grad():
                given = torch.from_numpy(F).to(material.device)
                _, state = material.update(given, k * _STEP, _STEP, state)
        except REFUSALS:  # the law is beyond its range, which is no fault of its moduli
            break
    return largest, where


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
