# SPDX-License-Identifier: MIT
"""One step of a block of `PATHS` points of a `GrainCell`, compiled."""

import numba
import numpy as np

from mlms_fenics.surrogate.compiled.functions import OPTIONS, give, take
from mlms_fenics.surrogate.compiled.network import network
from mlms_fenics.surrogate.grains.algebra import (
    PATHS,
    inward,
    outward,
    spun,
    symmetric,
    times,
    times_symmetric,
    turn,
)
from mlms_fenics.surrogate.grains.cell import DRIVERS, ELASTIC
from mlms_fenics.surrogate.grains.flow import flow

_F = np.float32
_N = PATHS
_E = ELASTIC


@numba.njit(**OPTIONS)
def work_space(width, outputs, states, m):  # type: ignore[no-untyped-def]
    """Arrays of `block`."""
    layers = np.empty((width, m * _N), np.float32), np.empty((width, m * _N), np.float32)
    z, o = (
        np.empty((DRIVERS + states, m * _N), np.float32),
        np.empty((outputs, m * _N), np.float32),
    )
    tensors = (np.empty((9, _N), _F), np.empty((9, _N), _F), np.empty((6, _N), _F))
    columns = (
        np.empty((_E + 1 + states, _N), _F),
        np.empty((outputs, _N), _F),
        np.empty((states, _N), _F),
        np.empty((12, _N), _F),
        np.empty((4, _N), _F),
        np.empty((_E, _N), _F),
    )
    return z, o, layers, np.empty((m, 9, _N), _F), tensors, columns


@numba.njit(**OPTIONS)
def block(  # type: ignore[no-untyped-def]
    weights, share, moves, f, v, r, A, y, amounts, size, start, here, space, new_A, new_y, total
):
    """One step of points `start` on, `here` of them, then turned; points are last.

    Args:
        weights: see `compiled.network.network`.
        share: of the grains, *Shape* `(m,)`.
        moves: increments over the elastic strain's scale of these points, *Shape* `(5, PATHS)`.
        f: `GrainCell.rate_factor`, *Shape* `(1, PATHS)`.
        v: scaled ln J, *Shape* `(1, PATHS)`.
        r: turn of the material by rows, *Shape* `(9, PATHS)`.
        A: rotations of all points by rows, *Shape* `(9 m, n)`.
        y: states, *Shape* `((5 + q) m, n)`.
        amounts: strain and time of the step, see `flow`, *Shape* `(2, PATHS)`.
        size: of the elastic strain.
        start, here: first point, and their number.
        space: from `work_space`.
        new_A, new_y: at the end, filled in.
        total: stress, *Shape* `(5, PATHS)`, filled in.
    """
    z, o, (h1, h2), before, (R, M, D), (pull, moved, new, w, amount, c) = space
    m, states = len(share), new.shape[0]
    q = states - _E
    for g in range(m):
        own, first = before[g], g * _N
        take(A, 9 * g, start, here, own)
        take(y, states * g, start, here, new)
        symmetric(moves, D)
        times(D, own, M)
        inward(own, M, c)
        for i in range(_E):
            for p in range(_N):
                z[_E + i, first + p] = c[i, p]
                z[i, first + p] = c[i, p] * f[0, p]
        for p in range(_N):
            z[DRIVERS - 1, first + p] = v[0, p]
        for i in range(states):
            for p in range(_N):
                z[DRIVERS + i, first + p] = new[i, p]
    network(weights, z, h1, h2, o)
    total[:] = _F(0.0)
    for g in range(m):
        for i in range(_E + 1 + states):
            for p in range(_N):
                pull[i, p] = z[_E + i, g * _N + p]
        for i in range(len(o)):
            for p in range(_N):
                moved[i, p] = o[i, g * _N + p]
        flow(pull, moved, amounts[0], amounts[1], size, q, new, amount, w)
        turn(before[g], w, M)
        spun(r, M, R)
        symmetric(new, D)
        times_symmetric(R, D, M)
        outward(R, M, c)
        for i in range(_E):
            for p in range(_N):
                total[i, p] += share[g] * c[i, p]
        give(R, new_A, 9 * g, start, here)
        give(new, new_y, states * g, start, here)
