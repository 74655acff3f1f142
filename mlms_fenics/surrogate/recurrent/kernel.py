# SPDX-License-Identifier: MIT
"""Forward and backward through time of a `RecurrentCell`, compiled, for training on a CPU.

The same equations as `RecurrentCell.forward`, several times faster than a graph of small tensor
operations: one loop over the steps, matrix products by BLAS, everything else fused. Features come
first and paths last, so that the inner loops run over paths and are vectorised.
"""

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.surrogate.compiled import functions
from mlms_fenics.surrogate.compiled.functions import (
    OPTIONS,
    add,
    add_sums,
    multiply,
    silu_and_slope,
)
from mlms_fenics.surrogate.recurrent import cell as recurrent_cell
from mlms_fenics.surrogate.recurrent import flow as recurrent_flow
from mlms_fenics.surrogate.recurrent.flow import drives, move, move_back

_F = np.float32


def _cached_forward(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**OPTIONS, cache=True)
    def forward(w1, b1, w2, b2, w3, b3, increments, scales, branches, z, h1, d1, h2, d2, flow, out):  # type: ignore[no-untyped-def]
        """All steps.

        Args:
            w1, b1, w2, b2, w3, b3: weights and biases; w1 for (drivers, state).
            increments: *Shape* `(n_t, elastic, n)`.
            scales: FAST times the steps over the reference time, *Shape* `(n_t,)`.
            branches: number of elastic strains.
            z: *Shape* `(n_t + 1, drivers + state, n)`; drivers are given, states are filled in,
                from that of the first entry.
            h1, d1, h2, d2: hidden layers and slopes, *Shape* `(n_t, width, n)`, filled in.
            flow: *Shape* `(n_t, 2 state, n)`, filled in.
            out: elastic strain, *Shape* `(n_t, elastic, n)`, filled in.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        n_t, elastic, n = increments.shape
        states = w3.shape[0] // 2
        first = z.shape[1] - states
        square = np.empty((branches, n), np.float32)
        drive = np.empty((branches + 1, n), np.float32)
        for t in range(n_t):
            np.dot(w1, z[t], h1[t])
            silu_and_slope(h1[t], b1, d1[t])
            np.dot(w2, h1[t], h2[t])
            silu_and_slope(h2[t], b2, d2[t])
            np.dot(w3, h2[t], flow[t])
            y = z[t, first:]
            drives(y, increments[t], branches, square, drive)
            new = z[t + 1, first:]
            move(y, flow[t], b3, increments[t], branches, scales[t], square, drive, new)
            for j in range(elastic):
                for p in range(n):
                    total = _F(0.0)
                    for k in range(branches):
                        total += new[k * elastic + j, p]
                    out[t, j, p] = total / _F(branches)

    return forward


def _cached_backward(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**OPTIONS, cache=True)
    def backward(g_out, w1, w2, w3, b3, increments, scales, branches, z, h1, d1, h2, d2, flow):  # type: ignore[no-untyped-def]
        """Gradients of the weights and biases from that of `out`; arguments as in `forward`.

        The gradient in the state of each path is held below the sum of those that enter: a
        material that dissipates does not amplify, but a network on its way there may, by many
        orders, and one such path would drown all others.

        Returns:
            Those of w1, b1, w2, b2, w3, b3.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return w1, w1, w2, w2, w3, w3
        n_t, elastic, n = increments.shape
        states = w3.shape[0] // 2
        first = z.shape[1] - states
        square = np.empty((branches, n), np.float32)
        drive = np.empty((branches + 1, n), np.float32)
        g = np.zeros((states, n), np.float32)
        gf = np.empty((2 * states, n), np.float32)
        gs = np.empty((2 * branches + 2, n), np.float32)
        gh = np.empty((w1.shape[0], n), np.float32)
        gh1 = np.empty((w1.shape[0], n), np.float32)
        gy = np.empty((states, n), np.float32)
        state_columns = np.ascontiguousarray(w1[:, first:].T)
        w2t, w3t = np.ascontiguousarray(w2.T), np.ascontiguousarray(w3.T)
        g1, g2, g3 = np.zeros_like(w1), np.zeros_like(w2), np.zeros_like(w3)
        p1, p2, p3 = np.empty_like(w1), np.empty_like(w2), np.empty_like(w3)
        gb1, gb2 = np.zeros((len(w1), 1), np.float32), np.zeros((len(w2), 1), np.float32)
        gb3 = np.zeros((len(w3), 1), np.float32)
        limit, size = _total(g_out), np.empty(n, np.float32)
        for t in range(n_t - 1, -1, -1):
            for i in range(branches * elastic):
                for p in range(n):
                    g[i, p] += g_out[t, i % elastic, p] / _F(branches)
            y = z[t, first:]
            drives(y, increments[t], branches, square, drive)
            move_back(y, flow[t], b3, increments[t], branches, scales[t], square, drive, g, gf, gs)
            np.dot(gf, h2[t].T, p3)
            add(g3, p3)
            add_sums(gb3, gf)
            np.dot(w3t, gf, gh)
            multiply(gh, d2[t])
            np.dot(gh, h1[t].T, p2)
            add(g2, p2)
            add_sums(gb2, gh)
            np.dot(w2t, gh, gh1)
            multiply(gh1, d1[t])
            np.dot(gh1, z[t].T, p1)
            add(g1, p1)
            add_sums(gb1, gh1)
            np.dot(state_columns, gh1, gy)
            add(g, gy)
            _limit(g, limit, size)
        return g1, gb1, g2, gb2, g3, gb3

    return backward


@numba.njit(**OPTIONS)
def _total(g_out):  # type: ignore[no-untyped-def]
    """Sum over time of the norm of each path's gradient."""
    total = np.zeros(g_out.shape[2], np.float32)
    for t in range(g_out.shape[0]):
        for p in range(g_out.shape[2]):
            square = _F(0.0)
            for j in range(g_out.shape[1]):
                square += g_out[t, j, p] * g_out[t, j, p]
            total[p] += np.sqrt(square)
    return total


@numba.njit(**OPTIONS)
def _limit(g, limit, size):  # type: ignore[no-untyped-def]
    """Shorten the columns of `g` to `limit`; `size` is work space."""
    for p in range(g.shape[1]):
        size[p] = _F(1e-30)
    for i in range(g.shape[0]):
        for p in range(g.shape[1]):
            size[p] += g[i, p] * g[i, p]
    for p in range(g.shape[1]):
        size[p] = min(_F(1.0), limit[p] / np.sqrt(size[p]))
    for i in range(g.shape[0]):
        for p in range(g.shape[1]):
            g[i, p] *= size[p]


_SOURCES = source_checksum(functions, recurrent_cell, recurrent_flow)
forward, backward = _cached_forward(_SOURCES), _cached_backward(_SOURCES)
