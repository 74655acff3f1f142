# SPDX-License-Identifier: MIT
"""Learning-based multiscale impact simulation with FEniCSx."""

__version__ = "0.1.0"
