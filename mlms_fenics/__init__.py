# SPDX-License-Identifier: MIT
"""Learning-based multiscale impact simulation with FEniCSx."""

from mlms_fenics.compile_cache import ensure_compile_cache

__version__ = "1.0.0"

ensure_compile_cache()  # before any module compiles
