# SPDX-License-Identifier: MIT
"""exp(x) and x^p without branches or calls, so that LLVM vectorises their loops."""

import math

import numba
import numpy as np

# No reassociation and no assumption about NaN: a diverging trial step is recognised by its NaN.
COMPILE = {
    "fastmath": {"contract", "nsz"},
    "error_model": "numpy",
    "nogil": True,
}

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238  # exact to 32 bits, so that k * _LN2_HIGH is exact
_LN2_LOW = 1.9082149292705877e-10


@numba.njit(**COMPILE)
def exp_bounded(x):
    """exp(x) to 2 units in the last place; x is cut to [-700, 700]."""
    y = max(min(x, 700.0), -700.0)
    k = math.floor(y * _LOG2_E + 0.5)
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1 / 39916800 + r * (1 / 479001600)
    p = 1 / 362880 + r * (1 / 3628800 + r * p)
    p = 1 / 5040 + r * (1 / 40320 + r * p)
    p = 1 / 120 + r * (1 / 720 + r * p)
    p = 1 / 6 + r * (1 / 24 + r * p)
    p = 1.0 + r * (1.0 + r * (0.5 + r * p))
    exponent = np.int64(1023) + np.int64(k)
    return p * np.int64(exponent << np.int64(52)).view(np.float64)


@numba.njit(**COMPILE)
def log_positive(x):
    """log(x) for normal x > 0, to 2 units in the last place or 1e-16."""
    bits = np.float64(x).view(np.int64)
    # Split x = 2^k z with z in [√½, √2).
    k = (bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)
    z = np.int64(bits - (k << np.int64(52))).view(np.float64)
    f = (z - 1.0) / (z + 1.0)
    s = f * f
    p = 1 / 17 + s * (1 / 19 + s * (1 / 21))
    p = 1 / 11 + s * (1 / 13 + s * (1 / 15 + s * p))
    p = 1 / 5 + s * (1 / 7 + s * (1 / 9 + s * p))
    p = 2.0 * f + 2.0 * f * s * (1 / 3 + s * p)
    return k * _LN2_HIGH + (p + k * _LN2_LOW)


@numba.njit(**COMPILE)
def power(x, p):
    """x^p for x ≥ 0; x below 1e-300 counts as 1e-300, and the result is cut to e^±700."""
    return exp_bounded(p * log_positive(max(x, 1e-300)))
