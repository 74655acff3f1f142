# SPDX-License-Identifier: MIT
"""A network of two hidden SiLU layers, compiled: forward, and the gradient of its weights.

Matrix products are those of BLAS. Columns are points, in as many equal groups as the biases have.
"""

import numba
import numpy as np

from mlms_fenics.surrogate.compiled.functions import (
    OPTIONS,
    add,
    add_sums,
    multiply,
    offset,
    silu,
    silu_and_slope,
)


@numba.njit(**OPTIONS)
def network(weights, z, h1, h2, out):  # type: ignore[no-untyped-def]
    """Output of all columns.

    Args:
        weights: w1, b1, w2, b2, w3, b3: weights `(out, in)` and biases `(out, groups)`.
        z: *Shape* `(inputs, columns)`.
        h1, h2: hidden layers, *Shape* `(width, columns)`, filled in.
        out: *Shape* `(outputs, columns)`, filled in.
    """
    w1, b1, w2, b2, w3, b3 = weights
    np.dot(w1, z, h1)
    silu(h1, b1)
    np.dot(w2, h1, h2)
    silu(h2, b2)
    np.dot(w3, h2, out)
    offset(out, b3)


@numba.njit(**OPTIONS)
def network_and_slopes(weights, z, h1, d1, h2, d2, out):  # type: ignore[no-untyped-def]
    """`network`, and the slopes of its hidden layers, which `network_back` needs."""
    w1, b1, w2, b2, w3, b3 = weights
    np.dot(w1, z, h1)
    silu_and_slope(h1, b1, d1)
    np.dot(w2, h1, h2)
    silu_and_slope(h2, b2, d2)
    np.dot(w3, h2, out)
    offset(out, b3)


@numba.njit(**OPTIONS)
def gradient_space(weights, first, columns):  # type: ignore[no-untyped-def]
    """What `network_back` works in: transposes, the sums of the gradients (zero), work space.

    Args:
        weights: see `network`.
        first: input row from which on the gradient is wanted.
        columns: of the inputs.
    """
    w1, b1, w2, b2, w3, b3 = weights
    transposes = (
        np.ascontiguousarray(w1[:, first:].T),
        np.ascontiguousarray(w2.T),
        np.ascontiguousarray(w3.T),
    )
    sums = (
        np.zeros_like(w1),
        np.zeros_like(b1),
        np.zeros_like(w2),
        np.zeros_like(b2),
        np.zeros_like(w3),
        np.zeros_like(b3),
    )
    parts = (np.empty_like(w1), np.empty_like(w2), np.empty_like(w3))
    width = len(w1)
    layers = np.empty((width, columns), np.float32), np.empty((width, columns), np.float32)
    return transposes, sums, parts, layers


@numba.njit(**OPTIONS)
def network_back(space, z, h1, d1, h2, d2, go, gz):  # type: ignore[no-untyped-def]
    """Add the gradients of the weights to the sums in `space`.

    Args:
        space: of `gradient_space`.
        z, h1, d1, h2, d2: as `network_and_slopes` had them.
        go: gradient of the output.
        gz: that of the input, from the row `first` on, filled in.
    """
    (w1t, w2t, w3t), (g1, gb1, g2, gb2, g3, gb3), (p1, p2, p3), (gh, gh1) = space
    np.dot(go, h2.T, p3)
    add(g3, p3)
    add_sums(gb3, go)
    np.dot(w3t, go, gh)
    multiply(gh, d2)
    np.dot(gh, h1.T, p2)
    add(g2, p2)
    add_sums(gb2, gh)
    np.dot(w2t, gh, gh1)
    multiply(gh1, d1)
    np.dot(gh1, z.T, p1)
    add(g1, p1)
    add_sums(gb1, gh1)
    np.dot(w1t, gh1, gz)
