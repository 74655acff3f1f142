# SPDX-License-Identifier: MIT
"""Textures in other codes' formats; `microstructure.read_texture` chooses among them."""
