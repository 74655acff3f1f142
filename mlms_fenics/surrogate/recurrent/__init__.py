# SPDX-License-Identifier: MIT
"""The recurrent neural operator."""
