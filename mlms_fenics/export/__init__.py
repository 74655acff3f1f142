# SPDX-License-Identifier: MIT
"""Learnt laws for other codes: one C file, and adapters for Abaqus (VUMAT, UMAT)."""
