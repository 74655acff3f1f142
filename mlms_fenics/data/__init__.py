# SPDX-License-Identifier: MIT
"""Strain paths, their generation in parallel and the data set."""

from mlms_fenics.data.dataset import Dataset
from mlms_fenics.data.paths import PROTOCOLS, sample_path
from mlms_fenics.data.settings import PathSettings

__all__ = ["PROTOCOLS", "Dataset", "PathSettings", "sample_path"]
