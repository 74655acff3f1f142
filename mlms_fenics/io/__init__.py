# SPDX-License-Identifier: MIT
"""Output: XDMF and HDF5 fields, checkpoints, history tables, section pictures, summaries."""

from mlms_fenics.io.checkpoint import Checkpoint
from mlms_fenics.io.history import History, read_history
from mlms_fenics.io.layout import Snapshot, gatherer
from mlms_fenics.io.points import ElementHistory, NodeHistory
from mlms_fenics.io.probes import FootRadius, Length, Probe
from mlms_fenics.io.reader import XDMFReader
from mlms_fenics.io.recorder import Recorder
from mlms_fenics.io.section import Section, cut
from mlms_fenics.io.section_figure import draw_sections
from mlms_fenics.io.summary import Summary
from mlms_fenics.io.xdmf import XDMFWriter

__all__ = [
    "Checkpoint",
    "ElementHistory",
    "FootRadius",
    "History",
    "Length",
    "NodeHistory",
    "Probe",
    "Recorder",
    "Section",
    "Snapshot",
    "Summary",
    "XDMFReader",
    "XDMFWriter",
    "cut",
    "draw_sections",
    "gatherer",
    "read_history",
]
