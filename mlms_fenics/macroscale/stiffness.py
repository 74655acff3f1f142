# SPDX-License-Identifier: MIT
"""Whether a body's laws are as stiff as they say: the stable step is made of their moduli."""

import warnings
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.macroscale.placed_laws import laws_of, parts_of
from mlms_fenics.materials import Material, State
from mlms_fenics.materials.stiffness import (
    Stiffest,
    law_stiffness,
    shorter,
    stable_share,
    stiffest_when_deformed,
)
from mlms_fenics.parallel import on_every_rank, on_rank_zero

POLICIES = ("measured", "declared")


def stiffness_ratio(
    material: Material,
    F: np.ndarray,
    time: float,
    dt: float,
    state: State,
    strain: float = 1.0e-3,
) -> np.ndarray:
    """`law_stiffness` of each point's own law; arguments as there."""
    ratio = np.zeros(len(F))
    for _, law, rows, own in laws_of(material, state, len(F)):
        if len(rows):
            ratio[rows] = law_stiffness(law, F[rows], time, dt, own, strain)
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
    share, found = stable_share(
        lambda dt: _stiffest(material, motion, dt, comm),
        motion.stable_dt,
        safety,
        policy == "declared",
    )
    if share < 1.0 and comm.rank == 0:
        warnings.warn(shorter(share, found), stacklevel=2)
    return share


def _stiffest(material: Material, motion: Motion, dt: float, comm: Any) -> Stiffest:
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
