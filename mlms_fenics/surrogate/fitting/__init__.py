# SPDX-License-Identifier: MIT
"""What all architectures share in training."""
