# SPDX-License-Identifier: MIT
"""Mesh files of other programs, and gmsh's models, as arrays; see `geometry.read_mesh`."""
