# SPDX-License-Identifier: MIT
"""Random walks in strain: the paper's and the recommended one in log U."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from mlms_fenics.data.settings import PathSettings
from mlms_fenics.errors import SimulationError
from mlms_fenics.kinematics.strain import symmetric_exponential
from mlms_fenics.kinematics.tensors import deviator, from_components

MAX_TRIES = 20_000


def interval_nodes(settings: PathSettings, rng: np.random.Generator) -> np.ndarray:
    """Times 0 = t_0 < ... < t_N = 1 of a walk, *Shape* `(N + 1,)`.

    Random ones are N - 1 uniform points in order, with a fraction `shortest_interval` of each
    interval kept back and given to all alike, so that none vanishes.
    """
    n = settings.n_intervals
    equal = np.arange(n + 1) / n
    if settings.intervals == "fixed":
        return equal
    points = np.concatenate(([0.0], np.sort(rng.random(n - 1)), [1.0]))
    nodes = settings.shortest_interval * equal + (1.0 - settings.shortest_interval) * points
    nodes[-1] = 1.0
    return nodes


def walk(nodes: np.ndarray, components: int, rng: np.random.Generator) -> np.ndarray:
    """W_n = W_{n-1} ± √Δt_n, an independent Rademacher sign per component, from W_0 = 0.

    Returns:
        *Shape* `(N + 1, components)`; the variance of W at time t is t.
    """
    root = np.sqrt(np.diff(nodes))
    signs = np.where(rng.random((len(root), components)) < 0.5, -1.0, 1.0)
    W = np.zeros((len(nodes), components))
    np.cumsum(signs * root[:, None], axis=0, out=W[1:])
    return W


def log_walk(settings: PathSettings, rng: np.random.Generator) -> np.ndarray:
    """Walk in E = log U: dev E by `max_strain`, ln J = tr E by `max_volume`; always admissible.

    The independent components walk with their own signs, E' = max_strain W, whose deviator is
    taken; ln J walks with one more sign; shape-preserving cubic Hermite between the nodes.

    Returns:
        U, *Shape* `(steps + 1, d, d)`.
    """
    d = settings.dimension
    nodes = interval_nodes(settings, rng)
    W = walk(nodes, (3 if d == 2 else 6) + 1, rng)
    E = settings.max_strain * deviator(from_components(W[:, :-1]))
    E += (settings.max_volume * W[:, -1] / d)[:, None, None] * np.eye(d)
    return symmetric_exponential(PchipInterpolator(nodes, E, axis=0)(_times(settings)))


def paper_walk(settings: PathSettings, rng: np.random.Generator) -> np.ndarray:
    """The paper's walk, (U_ij)_n = (U_ij)_{n-1} ± U_max √Δt_n (Liu et al. 2022, section 3.2).

    As printed it leaves the admissible strains, so walks are drawn until one keeps to the bounds
    `min_stretch`, `min_det`, `max_det` at all stored times.

    Returns:
        U, *Shape* `(steps + 1, d, d)`.

    Raises:
        SimulationError: none of `MAX_TRIES` walks kept to the bounds.
    """
    for _ in range(MAX_TRIES):
        U = _paper_proposal(settings, rng)
        if U is not None:
            return U
    raise SimulationError(
        f"none of {MAX_TRIES} walks of max_strain {settings.max_strain:g} kept all stretches above "
        f"{settings.min_stretch:g} and det U within {settings.min_det:g} to {settings.max_det:g}: "
        "take a smaller --max-strain or wider bounds"
    )


def _paper_proposal(settings: PathSettings, rng: np.random.Generator) -> np.ndarray | None:
    d = settings.dimension
    nodes = interval_nodes(settings, rng)
    W = walk(nodes, 3 if d == 2 else 6, rng)
    U_nodes = np.eye(d) + settings.max_strain * from_components(W)
    if not admissible(U_nodes, settings):  # most are refused here, without the interpolation
        return None
    U = PchipInterpolator(nodes, U_nodes, axis=0)(_times(settings))
    return U if admissible(U, settings) else None


def acceptance(settings: PathSettings, rng: np.random.Generator, tries: int = 400) -> float:
    """Share of the paper's walks that keep to the bounds, estimated from `tries` of them."""
    return sum(_paper_proposal(settings, rng) is not None for _ in range(tries)) / tries


def admissible(U: np.ndarray, settings: PathSettings) -> bool:
    """Whether all of `U`, *Shape* `(n, d, d)`, lies within the bounds of the paper's walk."""
    stretches = np.linalg.eigvalsh(U)
    det = stretches.prod(axis=-1)
    return bool(
        stretches.min() >= settings.min_stretch
        and stretches.min() > 0.0
        and det.min() >= settings.min_det
        and det.max() <= settings.max_det
    )


def _times(settings: PathSettings) -> np.ndarray:
    return np.arange(settings.steps + 1) / settings.steps
