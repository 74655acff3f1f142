# SPDX-License-Identifier: MIT
"""Does the distance from the training data tell where a learnt law errs?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

MEASURES = ("deviatoric", "von_mises_mpa")


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Spearman's, or None where there are too few values or all are alike."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(spearmanr(a, b).statistic)


def calibration(
    distances: Sequence[np.ndarray], errors: Sequence[dict[str, np.ndarray]]
) -> dict[str, Any]:
    """Distance against error over all paths of all data sets.

    Args:
        distances: largest of each path, of each data set.
        errors: `metrics.path_errors` of each data set.

    Returns:
        Spearman's rank correlation with the relative deviatoric and the von Mises error over all
        paths, and the median errors of paths inside (distance <= 1) and outside.
    """
    distance = np.concatenate(list(distances))
    outside = distance > 1.0
    result: dict[str, Any] = {"paths": len(distance), "outside": float(outside.mean())}
    for name in MEASURES:
        error = np.concatenate([e[name] for e in errors])
        result[name] = {
            "spearman": rank_correlation(distance, error),
            "median_inside": float(np.median(error[~outside])) if (~outside).any() else None,
            "median_outside": float(np.median(error[outside])) if outside.any() else None,
        }
    return result
