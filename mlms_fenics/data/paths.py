# SPDX-License-Identifier: MIT
"""Strain paths: pure functions of the settings, the seed and the path's number."""

from collections.abc import Callable

import numpy as np

from mlms_fenics.data import protocols as p
from mlms_fenics.data.settings import PathSettings
from mlms_fenics.data.walks import log_walk, paper_walk
from mlms_fenics.errors import InputError
from mlms_fenics.microstructure.streams import stream

Protocol = Callable[[PathSettings, np.random.Generator, int], np.ndarray]

PROTOCOLS: dict[str, Protocol] = {
    "log": lambda settings, rng, k: log_walk(settings, rng),
    "paper": lambda settings, rng, k: paper_walk(settings, rng),
    "uniaxial": p.from_log(p.uniaxial),
    "uniaxial-strain": p.from_log(p.uniaxial_strain),
    "load-unload": p.from_log(p.load_unload),
    "cyclic": p.from_log(p.cyclic),
    "hold": p.from_log(p.hold),
    "rate-jump": p.from_log(p.rate_jump),
    "non-proportional": p.from_log(p.non_proportional),
    "cavity": p.from_log(p.cavity),
    "shear": p.simple_shear,
}


def sample_path(settings: PathSettings, seed: int, k: int) -> np.ndarray:
    """Path number `k` of `seed`, the same on every rank and in every order.

    Args:
        settings: which family of paths.
        seed: 0 <= seed < 2**63.
        k: 0 <= k < 2**63.

    Returns:
        Right stretch U at t/T = 0, 1/steps, ..., 1, float64, *Shape* `(steps + 1, d, d)`;
        symmetric to the last bit, and exactly I at the first entry.

    Raises:
        InputError: unknown protocol.
        SimulationError: the paper's walk finds no admissible path (see `walks.paper_walk`).
    """
    if settings.protocol not in PROTOCOLS:
        raise InputError(
            f"protocol is '{settings.protocol}', but must be one of {', '.join(PROTOCOLS)}"
        )
    U = PROTOCOLS[settings.protocol](settings, stream(seed, k, "paths"), k)
    U[0] = np.eye(settings.dimension)
    return U
