# SPDX-License-Identifier: MIT
"""Full-field cells on a torch device, many in one call."""
