# SPDX-License-Identifier: MIT
"""Does the stress know the future? (Liu et al. 2022, figure 2)."""

from typing import Any

import numpy as np

from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.histories import exponential, given_future, logarithm, with_future

INSTANTS = (0.25, 0.5, 0.75)


def future_change(law: LearntLaw, U: np.ndarray, horizon: float) -> dict[str, dict[str, float]]:
    """Largest change of σ(t <= t₀) when the strain after t₀ becomes another path's.

    Args:
        law: to be judged, step by step ("on-line") and, where it has such a form, given the whole
            history ("off-line").
        U: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, N >= 2.
        horizon: µs.

    Returns:
        For each form "largest_mpa" (Frobenius norm, over paths and t <= t₀, t₀ a quarter, half and
        three quarters of the horizon), "largest" and "mean" over paths of the same relative to the
        path's largest deviatoric stress.
    """
    forms = {"on-line": law.stress}
    if hasattr(law, "stress_given_future"):
        forms["off-line"] = law.stress_given_future
    strain = logarithm(U)
    E = isometry(law.dimension, deviatoric=True).T
    result = {}
    for name, stress in forms.items():
        own = stress(from_components(exponential(strain)), horizon)
        deviator = to_components(own) @ E
        scale = np.linalg.norm(deviator, axis=-1).max(1)
        change = np.zeros((len(INSTANTS), len(U)))
        for k, instant in enumerate(INSTANTS):
            n = round(instant * (U.shape[1] - 1))
            other = with_future(strain, np.roll(strain, 1, axis=0), n)
            difference = stress(from_components(exponential(other)), horizon) - own
            change[k] = np.linalg.norm(difference[:, : n + 1], axis=(-2, -1)).max(1)
        largest = change.max(0)
        result[name] = {
            "largest_mpa": 1e3 * float(largest.max()),
            "largest": float((largest / scale).max()),
            "mean": float((largest / scale).mean()),
        }
    return result


def diverging_paths(
    law: LearntLaw, U: np.ndarray, horizon: float, reference: Any = None
) -> dict[str, Any]:
    """Five paths that are one up to half of the horizon, and their stresses, for a picture.

    Args:
        law: to be judged.
        U: components of five paths at least; the first one's first half is common to all.
        horizon: µs.
        reference: a `Polycrystal`, or None where the truth cannot be computed.

    Returns:
        "time", "U" and components of stress by name: "on-line", and, where there are such,
        "off-line" and "cell".
    """
    strain = logarithm(U[:5])
    common = with_future(
        np.broadcast_to(strain[:1], strain.shape), strain, (strain.shape[1] - 1) // 2
    )
    paths = exponential(common)
    time = np.linspace(0.0, horizon, U.shape[1])
    drawn = {
        "time": time,
        "U": paths,
        "on-line": to_components(law.stress(from_components(paths), horizon)),
    }
    whole = given_future(law, paths, horizon)
    if whole is not None:
        drawn["off-line"] = whole
    if reference is not None:
        drawn["cell"] = reference.stress(paths, time)
    return drawn
