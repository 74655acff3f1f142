# SPDX-License-Identifier: MIT
"""Speed of the package's parts: `python -m mlms_fenics.benchmarks NAME`."""
