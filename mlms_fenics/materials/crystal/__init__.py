# SPDX-License-Identifier: MIT
"""Crystal plasticity with twinning: the law, its lattices, its compiled and torch forms."""
