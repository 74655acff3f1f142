# SPDX-License-Identifier: MIT
"""One step of many points of a `GrainCell`, compiled: `PATHS` of them at a time."""

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.surrogate.grains import algebra as grains_algebra
from mlms_fenics.surrogate.grains import cell as grains_cell
from mlms_fenics.surrogate.grains import flow as grains_flow
from mlms_fenics.surrogate.grains.algebra import (
    OPTIONS,
    PATHS,
    inward,
    outward,
    symmetric,
    times,
    times_symmetric,
    turn,
)
from mlms_fenics.surrogate.grains.cell import DRIVERS, ELASTIC
from mlms_fenics.surrogate.grains.flow import flow, offset
from mlms_fenics.surrogate.recurrent import cell as recurrent_cell
from mlms_fenics.surrogate.recurrent import kernel as recurrent_kernel
from mlms_fenics.surrogate.recurrent.kernel import _exp

_F = np.float32
_N = PATHS
_E = ELASTIC


@numba.njit(**OPTIONS)
def _silu(h, bias):  # type: ignore[no-untyped-def]
    """silu(h + bias) in place; a bias for each grain."""
    for i in range(h.shape[0]):
        for g in range(bias.shape[1]):
            b = bias[i, g]
            for p in range(g * _N, (g + 1) * _N):
                x = h[i, p] + b
                h[i, p] = x / (_F(1.0) + _exp(-x))


@numba.njit(**OPTIONS)
def _spun(r, A, new):  # type: ignore[no-untyped-def]
    """new = r A."""
    for i in range(3):
        for j in range(3):
            for p in range(_N):
                x = r[3 * i, p] * A[j, p] + r[3 * i + 1, p] * A[3 + j, p]
                new[3 * i + j, p] = x + r[3 * i + 2, p] * A[6 + j, p]


@numba.njit(**OPTIONS)
def _columns(rows, first, start, here, block):  # type: ignore[no-untyped-def]
    """Columns `first` on of points `start` on; the last point again where there is no other."""
    for p in range(_N):
        n = start + min(p, here - 1)
        for i in range(block.shape[0]):
            block[i, p] = rows[n, first + i]


@numba.njit(**OPTIONS)
def _back(block, rows, first, start, here):  # type: ignore[no-untyped-def]
    for p in range(here):
        for i in range(block.shape[0]):
            rows[start + p, first + i] = block[i, p]


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
        np.empty((3, _N), _F),
        np.empty((_E, _N), _F),
    )
    return z, o, layers, np.empty((m, 9, _N), _F), tensors, columns


@numba.njit(**OPTIONS)
def block(  # type: ignore[no-untyped-def]
    weights, share, moves, f, v, r, A, y, scale, size, start, here, space, new_A, new_y, total
):
    """One step of points `start` on, `here` of them.

    Args:
        weights, share, A, y, scale, size, new_A, new_y: see `step`.
        moves, f, v, r: `d`, `f`, `v` and `spin` of these points, *Shape* `(rows, PATHS)`.
        start, here: first point, and their number.
        space: from `work_space`.
        total: stress, *Shape* `(5, PATHS)`, filled in.
    """
    w1, b1, w2, b2, w3, b3 = weights
    z, o, (h1, h2), before, (R, M, D), (pull, moved, new, w, amount, c) = space
    m, states = len(share), new.shape[0]
    q = states - _E
    for g in range(m):
        own, first = before[g], g * _N
        _columns(A, 9 * g, start, here, own)
        _columns(y, states * g, start, here, new)
        symmetric(moves, 0, D)
        times(D, own, M)
        inward(own, M, c, 0)
        for i in range(_E):
            for p in range(_N):
                z[_E + i, first + p] = c[i, p]
                z[i, first + p] = c[i, p] * f[0, p]
        for p in range(_N):
            z[DRIVERS - 1, first + p] = v[0, p]
        for i in range(states):
            for p in range(_N):
                z[DRIVERS + i, first + p] = new[i, p]
    np.dot(w1, z, h1)
    _silu(h1, b1)
    np.dot(w2, h1, h2)
    _silu(h2, b2)
    np.dot(w3, h2, o)
    offset(o, b3, _N)
    total[:] = _F(0.0)
    for g in range(m):
        for i in range(_E + 1 + states):
            for p in range(_N):
                pull[i, p] = z[_E + i, g * _N + p]
        for i in range(len(w3)):
            for p in range(_N):
                moved[i, p] = o[i, g * _N + p]
        flow(pull, moved, scale, size, q, new, amount, w)
        turn(before[g], w, M)
        _spun(r, M, R)
        symmetric(new, 0, D)
        times_symmetric(R, D, M)
        outward(R, M, c)
        for i in range(_E):
            for p in range(_N):
                total[i, p] += share[g] * c[i, p]
        _back(R, new_A, 9 * g, start, here)
        _back(new, new_y, states * g, start, here)


def _cached_step(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**OPTIONS, cache=True)
    def step(weights, share, d, f, v, spin, A, y, scale, size, new_A, new_y, out):  # type: ignore[no-untyped-def]
        """Advance, then turn.

        Args:
            weights: see `GrainCell.weights`.
            share: of the grains, *Shape* `(m,)`.
            d: increments over the elastic strain's scale, *Shape* `(n, 5)`.
            f: `GrainCell.rate_factor`, *Shape* `(n, 1)`.
            v: scaled ln J, *Shape* `(n, 1)`.
            spin: by rows, *Shape* `(n, 9)`.
            A: rotations by rows, *Shape* `(n, 9 m)`.
            y: states, *Shape* `(n, (5 + q) m)`.
            scale: FAST times the step over the reference time.
            size: of the elastic strain.
            new_A, new_y, out: at the end, and the stress `(n, 5)`; filled in.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        n, m = len(f), len(share)
        space = work_space(len(weights[0]), len(weights[4]), y.shape[1] // m, m)
        moves, r, total = np.empty((_E, _N), _F), np.empty((9, _N), _F), np.empty((_E, _N), _F)
        factors, volumes = np.empty((1, _N), _F), np.empty((1, _N), _F)
        for start in range(0, n, _N):
            here = min(_N, n - start)
            _columns(d, 0, start, here, moves)
            _columns(f, 0, start, here, factors)
            _columns(v, 0, start, here, volumes)
            _columns(spin, 0, start, here, r)
            block(
                weights, share, moves, factors, volumes, r, A, y, scale, size, start, here, space,
                new_A, new_y, total,
            )  # fmt: skip
            _back(total, out, 0, start, here)

    return step


SOURCES = source_checksum(
    grains_algebra, grains_cell, grains_flow, recurrent_cell, recurrent_kernel
)
step = _cached_step(SOURCES)
