# SPDX-License-Identifier: MIT
"""CPU time of calls, and errors of stress histories."""

import time
from collections.abc import Callable

import numpy as np


def relative_error(sigma: np.ndarray, exact: np.ndarray) -> float:
    """Largest error over the paths, relative to each path's largest deviator."""
    mean = np.trace(exact, axis1=-2, axis2=-1)[..., None, None] / 3
    deviator = np.linalg.norm(exact - mean * np.eye(3), axis=(-2, -1))
    error = np.linalg.norm(sigma - exact, axis=(-2, -1))
    return float((error.max(-1) / deviator.max(-1)).max())


def cpu_seconds(call: Callable, repeat: int = 1) -> tuple[object, float]:
    """What `call` returns, and the least CPU time of `repeat` calls, s."""
    best, result = np.inf, None
    for _ in range(repeat):
        start = time.process_time()
        result = call()
        best = min(best, time.process_time() - start)
    return result, best
