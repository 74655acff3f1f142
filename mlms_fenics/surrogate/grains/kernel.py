# SPDX-License-Identifier: MIT
"""Forward and backward through time of a `GrainCell`, compiled, for training on a CPU.

The same equations as `GrainCell.forward`. The columns of all arrays are grains and, within a grain,
paths; `PATHS` of them at a time go through the tensor algebra.
"""

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.surrogate.compiled import functions
from mlms_fenics.surrogate.compiled import network as network_kernel
from mlms_fenics.surrogate.compiled.functions import OPTIONS, give, take
from mlms_fenics.surrogate.compiled.network import (
    gradient_space,
    network_and_slopes,
    network_back,
)
from mlms_fenics.surrogate.grains import algebra as grains_algebra
from mlms_fenics.surrogate.grains import cell as grains_cell
from mlms_fenics.surrogate.grains import flow as grains_flow
from mlms_fenics.surrogate.grains.algebra import (
    PATHS,
    inward,
    outward,
    symmetric,
    times,
    times_symmetric,
    turn,
    turn_back,
)
from mlms_fenics.surrogate.grains.cell import DRIVERS, ELASTIC
from mlms_fenics.surrogate.grains.flow import flow, flow_back
from mlms_fenics.surrogate.recurrent import cell as recurrent_cell
from mlms_fenics.surrogate.recurrent import flow as recurrent_flow

_F = np.float32
_N = PATHS
_E = ELASTIC


def _cached_forward(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**OPTIONS, cache=True)
    def forward(  # type: ignore[no-untyped-def]
        weights, A0, share, d, f, v, strains, intervals, size, A, z, h1, d1, h2, d2, o, out
    ):
        """All steps.

        Args:
            weights: see `network`; the biases have a column for each grain.
            A0: lattice rotations at rest, by rows, *Shape* `(m, 9)`.
            share: weights of the grains, *Shape* `(m,)`.
            d: increments of strain over the elastic strain's scale, *Shape* `(n_t, 5, n)`; n is a
                multiple of PATHS.
            f: scaled rates are so many times `d`, *Shape* `(n_t, n)`.
            v: scaled ln J, *Shape* `(n_t, n)`.
            strains, intervals: of the steps, see `flow`, *Shape* `(n_t, n)`.
            size: of the elastic strain.
            A: rotations, *Shape* `(n_t + 1, m n / PATHS, 9, PATHS)`; it and what follows are
                filled in.
            z: inputs of the network, *Shape* `(n_t + 1, DRIVERS + _E + q, m n)`.
            h1, d1, h2, d2: hidden layers and slopes, *Shape* `(n_t, width, m n)`.
            o: flow, *Shape* `(n_t, 13 + 2 q or one more, m n)`.
            out: stress, *Shape* `(n_t, 5, n)`.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        n_t, n = f.shape
        m, q = len(share), z.shape[1] - DRIVERS - _E
        blocks = n // _N
        D, M, c = np.empty((6, _N), _F), np.empty((9, _N), _F), np.empty((_E, _N), _F)
        w, amount = np.empty((12, _N), _F), np.empty((4, _N), _F)
        pull, moved = np.empty((11 + q, _N), _F), np.empty((o.shape[1], _N), _F)
        new = np.empty((_E + q, _N), _F)
        for j in range(m * blocks):
            for i in range(9):
                for p in range(_N):
                    A[0, j, i, p] = A0[j // blocks, i]
        for i in range(DRIVERS, DRIVERS + _E + q):
            for p in range(m * n):
                z[0, i, p] = _F(0.0)
        for t in range(n_t):
            for i in range(_E):
                for p in range(n):
                    out[t, i, p] = _F(0.0)
            for j in range(m * blocks):
                first = (j % blocks) * _N
                take(d[t], 0, first, _N, c)
                symmetric(c, D)
                times(D, A[t, j], M)
                inward(A[t, j], M, c)
                give(c, z[t], _E, j * _N, _N)
                for i in range(_E):
                    for p in range(_N):
                        z[t, i, j * _N + p] = c[i, p] * f[t, first + p]
                for p in range(_N):
                    z[t, 10, j * _N + p] = v[t, first + p]
            network_and_slopes(weights, z[t], h1[t], d1[t], h2[t], d2[t], o[t])
            for j in range(m * blocks):
                first = (j % blocks) * _N
                take(z[t], _E, j * _N, _N, pull)
                take(o[t], 0, j * _N, _N, moved)
                strain, time = strains[t, first : first + _N], intervals[t, first : first + _N]
                flow(pull, moved, strain, time, size, q, new, amount, w)
                give(new, z[t + 1], DRIVERS, j * _N, _N)
                turn(A[t, j], w, A[t + 1, j])
                symmetric(new, D)
                times_symmetric(A[t + 1, j], D, M)
                outward(A[t + 1, j], M, c)
                part = share[j // blocks]
                for i in range(_E):
                    for p in range(_N):
                        out[t, i, first + p] += part * c[i, p]

    return forward


def _cached_backward(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**OPTIONS, cache=True)
    def backward(  # type: ignore[no-untyped-def]
        g_out, weights, share, d, f, strains, intervals, size, A, z, h1, d1, h2, d2, o
    ):
        """Gradients from that of `out`; arguments as in `forward`.

        Returns:
            Those of the weights, of A0 and of share.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return weights, weights[0], share
        n_t, n = f.shape
        m, q = len(share), z.shape[1] - DRIVERS - _E
        blocks, columns = n // _N, m * n
        D, M, c = np.empty((6, _N), _F), np.empty((9, _N), _F), np.empty((_E, _N), _F)
        w, amount, K = np.empty((12, _N), _F), np.empty((4, _N), _F), np.empty((9, _N), _F)
        gw, gd, work = np.empty((3, _N), _F), np.empty((_E, _N), _F), np.empty((4, _N), _F)
        pull, moved = np.empty((11 + q, _N), _F), np.empty((o.shape[1], _N), _F)
        new, gf = np.empty((_E + q, _N), _F), np.empty((o.shape[1], _N), _F)
        G = np.zeros((m * blocks, 9, _N), _F)
        gs = np.zeros((m * blocks, _E + q, _N), _F)
        gp = np.empty((m * blocks, _E, _N), _F)
        go = np.empty((o.shape[1], columns), np.float32)
        gz = np.empty((DRIVERS + _E + q, columns), np.float32)
        space = gradient_space(weights, 0, columns)
        g_share, gA = np.zeros(m, np.float32), np.zeros((m, 9), np.float32)
        for t in range(n_t - 1, -1, -1):
            for j in range(m * blocks):
                g, first, part = j // blocks, (j % blocks) * _N, share[j // blocks]
                now, after, Gj, own = A[t, j], A[t + 1, j], G[j], gs[j]
                take(z[t], _E, j * _N, _N, pull)
                take(o[t], 0, j * _N, _N, moved)
                strain, time = strains[t, first : first + _N], intervals[t, first : first + _N]
                flow(pull, moved, strain, time, size, q, new, amount, w)
                turn(now, w, M)
                # Through the stress: 2 H A S and Aᵀ H A.
                take(g_out[t], 0, first, _N, c)
                symmetric(c, D)
                times(D, after, M)
                inward(after, M, c)
                total = _F(0.0)
                for i in range(_E):
                    for p in range(_N):
                        total += c[i, p] * new[i, p]
                        own[i, p] += part * c[i, p]
                g_share[g] += total
                symmetric(new, D)
                times_symmetric(M, D, K)
                for i in range(9):
                    for p in range(_N):
                        Gj[i, p] += _F(2.0) * part * K[i, p]
                turn_back(now, w, Gj, gw, K)
                flow_back(pull, moved, strain, size, q, new, amount, gw, own, gf, gd, work)
                give(gf, go, 0, j * _N, _N)
                for i in range(_E):
                    for p in range(_N):
                        gp[j, i, p] = gd[i, p]
            network_back(space, z[t], h1[t], d1[t], h2[t], d2[t], go, gz)
            for j in range(m * blocks):
                first = (j % blocks) * _N
                for i in range(_E):
                    for p in range(_N):
                        gd[i, p] = (
                            gp[j, i, p]
                            + gz[_E + i, j * _N + p]
                            + gz[i, j * _N + p] * f[t, first + p]
                        )
                for i in range(_E + q):
                    for p in range(_N):
                        gs[j, i, p] += gz[DRIVERS + i, j * _N + p]
                # Through the increment in the lattice's frame: 2 D A E.
                take(d[t], 0, first, _N, c)
                symmetric(c, D)
                times(D, A[t, j], M)
                symmetric(gd, D)
                times_symmetric(M, D, K)
                for i in range(9):
                    for p in range(_N):
                        G[j, i, p] += _F(2.0) * K[i, p]
        for j in range(m * blocks):
            for i in range(9):
                for p in range(_N):
                    gA[j // blocks, i] += G[j, i, p]
        return space[1], gA, g_share

    return backward


_SOURCES = source_checksum(
    functions,
    network_kernel,
    grains_algebra,
    grains_cell,
    grains_flow,
    recurrent_cell,
    recurrent_flow,
)
forward, backward = _cached_forward(_SOURCES), _cached_backward(_SOURCES)
