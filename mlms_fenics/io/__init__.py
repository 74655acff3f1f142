# SPDX-License-Identifier: MIT
"""Output: XDMF and HDF5 fields, checkpoints, history tables, section pictures, summaries."""

from mlms_fenics.io.checkpoint import Checkpoint
from mlms_fenics.io.history import History, read_history
from mlms_fenics.io.reader import XDMFReader
from mlms_fenics.io.recorder import Recorder
from mlms_fenics.io.summary import Summary
from mlms_fenics.io.xdmf import XDMFWriter

__all__ = [
    "Checkpoint",
    "History",
    "Recorder",
    "Summary",
    "XDMFReader",
    "XDMFWriter",
    "read_history",
]
