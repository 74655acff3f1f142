# SPDX-License-Identifier: MIT
"""From the tolerance on the average stress to that on one grain's step."""


def grain_tolerance(tolerance: float) -> float:
    """Tolerance on the stress of one grain in one step, measured to hold on the average."""
    return 0.2 * tolerance
