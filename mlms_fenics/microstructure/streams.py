# SPDX-License-Identifier: MIT
"""Random numbers that depend on (seed, index) alone, never on ranks or order."""

import numpy as np

from mlms_fenics.errors import InputError

_LIMIT = 2**63
PURPOSES = {"paths": 0, "orientations": 1, "fibre": 2, "voronoi": 3}


def stream(seed: int, index: int, purpose: str) -> np.random.Generator:
    """Counter-based generator (Philox) keyed by seed and index.

    Callers draw uniform doubles only (`Generator.random`), whose sequence numpy keeps fixed; it
    may change its normal and integer samplers between releases.

    Args:
        seed: 0 <= seed < 2**63.
        index: 0 <= index < 2**63, e.g. the number of the sample.
        purpose: a key of `PURPOSES`; streams of different purposes do not overlap.

    Raises:
        InputError: seed or index out of range.
    """
    for name, value in (("seed", seed), ("index", index)):
        if not (isinstance(value, int | np.integer) and 0 <= value < _LIMIT):
            raise InputError(f"{name} is {value}, but must be whole and in 0 <= {name} < 2**63")
    key = np.array([seed, index], dtype=np.uint64)
    counter = np.array([0, 0, 0, PURPOSES[purpose]], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
