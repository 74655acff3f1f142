# SPDX-License-Identifier: MIT
"""Few crystals of the cell's own law, led by a fixed number of sweeps over their slip systems."""
