# SPDX-License-Identifier: MIT
"""Several starts of a search, and what their ends tell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from mlms_fenics.calibrate.parameters import Parameter

_ALIKE = 0.02  # of the misfit: ends that are as good as the best


@dataclass(frozen=True)
class End:
    """Where a search ended.

    Attributes:
        x: scaled parameters, *Shape* `(p,)`.
        misfit: root mean square of all scaled residuals.
        converged: whether it ended by itself, not by the number of its steps.
    """

    x: np.ndarray
    misfit: float
    converged: bool


def starting_points(parameters: Sequence[Parameter], count: int, seed: int) -> np.ndarray:
    """Scaled parameters to start from, *Shape* `(count, p)`: their own start, then others.

    The others are a Latin hypercube between the bounds: each parameter's range is cut into as many
    parts as there are points, and each part has one of them.
    """
    own = np.array([[p.scaled(p.start) for p in parameters]])
    if count == 1:
        return own
    low, high = (np.array([p.scaled(getattr(p, k)) for p in parameters]) for k in ("low", "high"))
    shares = qmc.LatinHypercube(len(parameters), rng=np.random.default_rng(seed)).random(count - 1)
    return np.concatenate([own, low + shares * (high - low)])


def told_of_starts(ends: Sequence[End], parameters: Sequence[Parameter]) -> list[str]:
    """What several searches say together, a sentence each; nothing of a single one."""
    if len(ends) < 2:
        return []
    misfits = np.array([end.misfit for end in ends])
    best = ends[int(misfits.argmin())]
    good = [end for end in ends if end.misfit <= best.misfit * (1.0 + _ALIKE) + 1e-12]
    said = [
        f"{len(good)} of {len(ends)} starts ended as well as the best, the worst at "
        f"{misfits.max() / max(best.misfit, 1e-300):.3g} times its misfit"
        if best.misfit > 1e-6
        else f"{len(good)} of {len(ends)} starts ended at curves that are met"
    ]
    spread = np.ptp([end.x for end in good], axis=0)
    loose = [p.name for p, s in zip(parameters, spread, strict=True) if s > 0.1]
    if loose:
        said.append(f"those that did have different numbers: {', '.join(loose)}")
    return said
