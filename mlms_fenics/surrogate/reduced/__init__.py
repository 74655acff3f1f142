# SPDX-License-Identifier: MIT
"""The reduced polycrystal: few weighted grains fitted to many."""
