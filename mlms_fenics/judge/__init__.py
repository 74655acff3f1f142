# SPDX-License-Identifier: MIT
"""The one protocol by which laws are judged, and its report."""
