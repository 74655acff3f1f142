# SPDX-License-Identifier: MIT
"""Loops over elements that numba compiles, for the CPU and, cell by cell, for a GPU."""
