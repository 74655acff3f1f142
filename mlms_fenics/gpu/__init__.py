# SPDX-License-Identifier: MIT
"""The CPU's compiled loops on a GPU: the same functions, compiled by numba for CUDA."""
