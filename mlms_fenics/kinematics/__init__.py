# SPDX-License-Identifier: MIT
"""Tensors, polar decomposition, logarithmic strain: the ground floor."""
