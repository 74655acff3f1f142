# SPDX-License-Identifier: MIT
"""Elementary functions, layers and sums of float32 arrays whose last axis is one of points.

Compiled into the kernels of learnt laws; all inner loops run over points and are vectorised. None
is cached by itself: numba's cache of a function does not know of changes in those that it calls.
"""

import numba
import numpy as np

OPTIONS = {"fastmath": True, "error_model": "numpy"}
_F = np.float32


@numba.njit(**OPTIONS)
def exp(x):  # type: ignore[no-untyped-def]
    """exp to 2e-7 relative in (-87, 87): a polynomial, since a library call is not vectorised."""
    x = min(max(x, _F(-87.0)), _F(87.0))
    t = x * _F(1.442695041)
    n = np.floor(t + _F(0.5))
    r = x - n * _F(0.693145752) - n * _F(1.42860677e-6)
    p = _F(1 / 24) + r * (_F(1 / 120) + r * (_F(1 / 720) + r * _F(1 / 5040)))
    p = _F(1.0) + r * (_F(1.0) + r * (_F(0.5) + r * (_F(1 / 6) + r * p)))
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@numba.njit(**OPTIONS)
def softplus(a):  # type: ignore[no-untyped-def]
    """log(1 + exp a) and its derivative."""
    u = exp(-abs(a))
    w = u / (_F(2.0) + u)
    q = w * w
    p = _F(1 / 7) + q * (_F(1 / 9) + q * (_F(1 / 11) + q * _F(1 / 13)))
    p = _F(1.0) + q * (_F(1 / 3) + q * (_F(1 / 5) + q * p))
    part = _F(1.0) / (_F(1.0) + u)
    return max(a, _F(0.0)) + _F(2.0) * w * p, part if a >= _F(0.0) else u * part


@numba.njit(**OPTIONS)
def mean_decay(x):  # type: ignore[no-untyped-def]
    """m = (1 - exp(-x))/x, its derivative, and exp(-x)."""
    e = exp(-x)
    safe = max(x, _F(0.3))
    far = (_F(1.0) - e) / safe
    p = _F(1.0) + x * (
        _F(-1 / 2) + x * (_F(1 / 6) + x * (_F(-1 / 24) + x * (_F(1 / 120) - x * _F(1 / 720))))
    )
    d = _F(-1 / 2) + x * (
        _F(1 / 3) + x * (_F(-1 / 8) + x * (_F(1 / 30) + x * (_F(-1 / 144) + x * _F(1 / 840))))
    )
    near = x < _F(0.3)
    return p if near else far, d if near else (e - far) / safe, e


@numba.njit(**OPTIONS)
def silu(h, bias):  # type: ignore[no-untyped-def]
    """silu(h + bias) in place.

    Args:
        h: *Shape* `(rows, columns)`.
        bias: *Shape* `(rows, groups)`, each for an equal part of the columns.
    """
    columns = h.shape[1] // bias.shape[1]
    for i in range(h.shape[0]):
        for g in range(bias.shape[1]):
            b, part = bias[i, g], h[i, g * columns : (g + 1) * columns]
            for p in range(columns):
                x = part[p] + b
                part[p] = x / (_F(1.0) + exp(-x))


@numba.njit(**OPTIONS)
def silu_and_slope(h, bias, slope):  # type: ignore[no-untyped-def]
    """`silu`, and its derivative in `slope`."""
    columns = h.shape[1] // bias.shape[1]
    for i in range(h.shape[0]):
        for g in range(bias.shape[1]):
            b, part = bias[i, g], h[i, g * columns : (g + 1) * columns]
            steep = slope[i, g * columns : (g + 1) * columns]
            for p in range(columns):
                x = part[p] + b
                s = _F(1.0) / (_F(1.0) + exp(-x))
                part[p] = x * s
                steep[p] = s + x * s * (_F(1.0) - s)


@numba.njit(**OPTIONS)
def offset(h, bias):  # type: ignore[no-untyped-def]
    """h += bias, shapes as in `silu`."""
    columns = h.shape[1] // bias.shape[1]
    for i in range(h.shape[0]):
        for g in range(bias.shape[1]):
            b, part = bias[i, g], h[i, g * columns : (g + 1) * columns]
            for p in range(columns):
                part[p] += b


@numba.njit(**OPTIONS)
def add(a, b):  # type: ignore[no-untyped-def]
    """a += b of matrices."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += b[i, j]


@numba.njit(**OPTIONS)
def multiply(a, b):  # type: ignore[no-untyped-def]
    """a *= b, entry by entry."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] *= b[i, j]


@numba.njit(**OPTIONS)
def add_sums(a, b):  # type: ignore[no-untyped-def]
    """Add sums over columns of `b`: to `a` `(rows, groups)` those of each group's part."""
    columns = b.shape[1] // a.shape[1]
    for i in range(b.shape[0]):
        for g in range(a.shape[1]):
            total, part = _F(0.0), b[i, g * columns : (g + 1) * columns]
            for p in range(columns):
                total += part[p]
            a[i, g] += total


@numba.njit(**OPTIONS)
def take(rows, first, start, here, block):  # type: ignore[no-untyped-def]
    """Copy rows `first` on and columns `start` on, `here` of them, to a block; zero beyond.

    Args:
        rows: *Shape* `(any, columns)`.
        first, start, here: which.
        block: *Shape* `(rows, at least here)`, filled in.
    """
    for i in range(block.shape[0]):
        row = rows[first + i, start : start + here]
        for p in range(here):
            block[i, p] = row[p]
        for p in range(here, block.shape[1]):
            block[i, p] = 0.0


@numba.njit(**OPTIONS)
def give(block, rows, first, start, here):  # type: ignore[no-untyped-def]
    """Copy a block back to where `take` has it from."""
    for i in range(block.shape[0]):
        row = rows[first + i, start : start + here]
        for p in range(here):
            row[p] = block[i, p]
