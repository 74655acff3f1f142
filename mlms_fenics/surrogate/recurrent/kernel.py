# SPDX-License-Identifier: MIT
"""Forward and backward through time of a `RecurrentCell`, compiled, for training on a CPU.

The same equations as `RecurrentCell.forward`, several times faster than a graph of small tensor
operations: one loop over the steps, matrix products by BLAS, everything else fused. Features come
first and paths last, so that the inner loops run over paths and are vectorised.
"""

from math import sqrt

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.surrogate.compiled import functions
from mlms_fenics.surrogate.compiled import network as network_kernel
from mlms_fenics.surrogate.compiled.functions import OPTIONS, add
from mlms_fenics.surrogate.compiled.network import (
    gradient_space,
    network_and_slopes,
    network_back,
)
from mlms_fenics.surrogate.recurrent import cell as recurrent_cell
from mlms_fenics.surrogate.recurrent import flow as recurrent_flow
from mlms_fenics.surrogate.recurrent.flow import (
    drives,
    move,
    move_back,
    speed,
    speed_back,
)

_F = np.float32


def _cached_forward(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**OPTIONS, cache=True)
    def forward(weights, increments, strains, times, branches, z, h1, d1, h2, d2, flow, out):  # type: ignore[no-untyped-def]
        """All steps.

        Args:
            weights: see `network`; the first for (drivers, state).
            increments: *Shape* `(n_t, elastic, n)`.
            strains, times: of the steps, see `speed`, *Shape* `(n_t, n)`.
            branches: number of elastic strains.
            z: *Shape* `(n_t + 1, drivers + state, n)`; drivers are given, states are filled in,
                from that of the first entry.
            h1, d1, h2, d2: hidden layers and slopes, *Shape* `(n_t, width, n)`, filled in.
            flow: *Shape* `(n_t, 2 state or one more, n)`, filled in.
            out: elastic strain, *Shape* `(n_t, elastic, n)`, filled in.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        n_t, elastic, n = increments.shape
        states = len(weights[4]) // 2
        first = z.shape[1] - states
        square, scale = np.empty((branches, n), np.float32), np.empty(n, np.float32)
        drive = np.empty((branches + 1, n), np.float32)
        for t in range(n_t):
            network_and_slopes(weights, z[t], h1[t], d1[t], h2[t], d2[t], flow[t])
            y = z[t, first:]
            drives(y, increments[t], branches, square, drive)
            new = z[t + 1, first:]
            speed(flow[t], 2 * states, strains[t], times[t], scale)
            move(y, flow[t], increments[t], branches, scale, square, drive, new)
            for j in range(elastic):
                for p in range(n):
                    total = _F(0.0)
                    for k in range(branches):
                        total += new[k * elastic + j, p]
                    out[t, j, p] = total / _F(branches)

    return forward


def _cached_backward(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**OPTIONS, cache=True)
    def backward(g_out, weights, increments, strains, times, branches, z, h1, d1, h2, d2, flow):  # type: ignore[no-untyped-def]
        """Gradients of the weights from that of `out`; arguments as in `forward`.

        The gradient in the state of each path is held below the sum of those that enter: a
        material that dissipates does not amplify, but a network on its way there may, by many
        orders, and one such path would drown all others.

        Returns:
            Those of w1, b1, w2, b2, w3, b3.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return weights
        n_t, elastic, n = increments.shape
        states = len(weights[4]) // 2
        first = z.shape[1] - states
        square, scale = np.empty((branches, n), np.float32), np.empty(n, np.float32)
        drive = np.empty((branches + 1, n), np.float32)
        g = np.zeros((states, n), np.float32)
        gf, to_scale = np.empty((len(weights[4]), n), np.float32), np.empty(n, np.float32)
        gs = np.empty((2 * branches + 2, n), np.float32)
        gy = np.empty((states, n), np.float32)
        space = gradient_space(weights, first, n)
        limit, size = _total(g_out), np.empty(n, np.float32)
        for t in range(n_t - 1, -1, -1):
            for i in range(branches * elastic):
                for p in range(n):
                    g[i, p] += g_out[t, i % elastic, p] / _F(branches)
            y = z[t, first:]
            drives(y, increments[t], branches, square, drive)
            speed(flow[t], 2 * states, strains[t], times[t], scale)
            move_back(
                y, flow[t], increments[t], branches, scale, square, drive, g, gf, gs, to_scale
            )
            speed_back(flow[t], 2 * states, strains[t], scale, to_scale, gf)
            network_back(space, z[t], h1[t], d1[t], h2[t], d2[t], gf, gy)
            add(g, gy)
            shorten(g, limit, size)
        return space[1]

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
            total[p] += sqrt(square)
    return total


@numba.njit(**OPTIONS)
def shorten(g, limit, size):  # type: ignore[no-untyped-def]
    """Shorten the columns of `g` to `limit`; `size` is work space."""
    for p in range(g.shape[1]):
        size[p] = _F(1e-30)
    for i in range(g.shape[0]):
        for p in range(g.shape[1]):
            size[p] += g[i, p] * g[i, p]
    for p in range(g.shape[1]):
        size[p] = min(_F(1.0), limit[p] / sqrt(size[p]))
    for i in range(g.shape[0]):
        for p in range(g.shape[1]):
            g[i, p] *= size[p]


_SOURCES = source_checksum(functions, network_kernel, recurrent_cell, recurrent_flow)
forward, backward = _cached_forward(_SOURCES), _cached_backward(_SOURCES)
