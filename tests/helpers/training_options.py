# SPDX-License-Identifier: MIT
"""What the training command hands to an architecture's `fit`."""

import argparse
from typing import Any


def training_options(**given: Any) -> argparse.Namespace:
    """The options that every architecture reads, unless `given` otherwise, and the others given."""
    common = {"minutes": None, "seed": 0, "checkpoint": None, "resume": False}
    return argparse.Namespace(**{**common, **given})
