# SPDX-License-Identifier: MIT
"""Gauss-Legendre rule on (0, 1) of the logarithmic strain, as plain numbers."""

import numpy as np

_x, _w = np.polynomial.legendre.leggauss(12)
NODES = tuple(float(x) for x in (_x + 1.0) / 2.0)
WEIGHTS = tuple(float(w) for w in _w / 2.0)
