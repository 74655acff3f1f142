# SPDX-License-Identifier: MIT
"""Polycrystal unit cells: the Taylor average, and the full-field cell solved by FFT."""

from mlms_fenics.unitcell.fft_cell import FFTCell, solve_cells
from mlms_fenics.unitcell.fft_results import CellResults
from mlms_fenics.unitcell.response import response_difference
from mlms_fenics.unitcell.taylor import PathResults, TaylorAverage

__all__ = [
    "CellResults",
    "FFTCell",
    "PathResults",
    "TaylorAverage",
    "response_difference",
    "solve_cells",
]
