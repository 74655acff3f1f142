# SPDX-License-Identifier: MIT
"""The explicit loop in torch, on any device, from plain arrays: no FEniCSx is needed.

Arrays have their components first and their points, cells or nodes last, `(3, 3, n)`, so that a
GPU reads them in order; what comes in and goes out has the package's usual shapes, `(n, 3, 3)`.
"""

from mlms_fenics.loop.data import (
    CylinderData,
    DeadLoadData,
    HeldData,
    HourglassData,
    PlaneData,
    PressureData,
    Problem,
)
from mlms_fenics.loop.loop import Loop

__all__ = [
    "CylinderData",
    "DeadLoadData",
    "HeldData",
    "HourglassData",
    "Loop",
    "PlaneData",
    "PressureData",
    "Problem",
]
