# SPDX-License-Identifier: MIT
"""What a GPU does: checked against the CPU, then measured beside one of its cores."""
