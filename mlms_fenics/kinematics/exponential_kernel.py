# SPDX-License-Identifier: MIT
"""The exponential of a symmetric matrix, compiled, for kernels with a thread to a point."""

import numba

_OPTIONS = {"cache": True, "fastmath": {"contract", "nsz"}, "error_model": "numpy"}
_SQUARINGS, _ORDER = 5, 12  # as in `strain.exponential`: 1e-15 at a norm of 4


@numba.njit(**_OPTIONS)
def symmetric_exponential(c, e):  # type: ignore[no-untyped-def]
    """exp of a symmetric matrix by its Taylor series, scaled and squared.

    Args:
        c: components 11, 22, 33, 12, 23, 13, any indexable of six.
        e: work space and result, float64, *Shape* `(12,)`; components of the exponential come in
            the first six.
    """
    scale = 1.0 / (1 << _SQUARINGS)
    for i in range(6):
        e[6 + i] = c[i] * scale
        e[i] = 1.0 if i < 3 else 0.0
    for k in range(_ORDER, 0, -1):  # Horner: E = I + A E / k
        _product(e, 6, e, 1.0 / k)
        for i in range(3):
            e[i] += 1.0
    for _ in range(_SQUARINGS):
        for i in range(6):
            e[6 + i] = e[i]
        _product(e, 6, e, 1.0)


@numba.njit(**_OPTIONS)
def _product(a, first, b, scale):  # type: ignore[no-untyped-def]
    """b = scale A B of matrices that commute, components of A from `first` on."""
    a0, a1, a2 = a[first], a[first + 1], a[first + 2]
    a3, a4, a5 = a[first + 3], a[first + 4], a[first + 5]
    b0, b1, b2, b3, b4, b5 = b[0], b[1], b[2], b[3], b[4], b[5]
    b[0] = scale * (a0 * b0 + a3 * b3 + a5 * b5)
    b[1] = scale * (a3 * b3 + a1 * b1 + a4 * b4)
    b[2] = scale * (a5 * b5 + a4 * b4 + a2 * b2)
    b[3] = scale * (a0 * b3 + a3 * b1 + a5 * b4)
    b[4] = scale * (a3 * b5 + a1 * b4 + a4 * b2)
    b[5] = scale * (a0 * b5 + a3 * b4 + a5 * b2)
