# SPDX-License-Identifier: MIT
"""Learnt material laws: neural operators from stretch histories to stress histories."""

from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.model_file import load_model, save_model

__all__ = ["LearntLaw", "load_model", "save_model"]
