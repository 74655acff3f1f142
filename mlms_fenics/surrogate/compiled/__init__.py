# SPDX-License-Identifier: MIT
"""What the compiled steps of learnt laws share."""
