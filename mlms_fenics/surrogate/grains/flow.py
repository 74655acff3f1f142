# SPDX-License-Identifier: MIT
"""The flow of a `GrainCell` over a step, compiled, and its gradient."""

from math import sqrt

import numba
import numpy as np

from mlms_fenics.surrogate.compiled.functions import OPTIONS, exp, mean_decay, softplus
from mlms_fenics.surrogate.grains.algebra import PATHS
from mlms_fenics.surrogate.grains.cell import ELASTIC, HARDENING, STILL
from mlms_fenics.surrogate.recurrent.cell import LARGEST, SMALL
from mlms_fenics.surrogate.recurrent.flow import speed, speed_back

_F = np.float32
_N = PATHS
_E = ELASTIC
_SMALL2, _LARGEST, _STILL2, _STILL = _F(SMALL**2), _F(LARGEST), _F(STILL**2), _F(STILL)
_HARDENING = _F(HARDENING)


@numba.njit(**OPTIONS)
def flow(z, o, strain, time, size, q, new, amount, w):  # type: ignore[no-untyped-def]
    """Elastic strain, internal variables and lattice spin of a block.

    Args:
        z: increment and state, *Shape* `(5 + 1 + 5 + q, N)`, in rows 0-4 and 6 on.
        o: flow, *Shape* `(13 + 2 q, N)`, with one more row for cells with `rates`: that of creep.
        strain, time: what relaxation goes with: strain over elastic_scale (FAST times the step in
            cells without `rates`), and the step over the reference time; *Shape* `(N,)`.
        size: of the elastic strain.
        q: internal variables.
        new: state at the end, filled in.
        amount: square, drive, plastic strain and scale of all relaxation, *Shape* `(4, N)`, filled
            in.
        w: spin, filled in.
    """
    for p in range(_N):
        amount[0, p] = _F(0.0)
        amount[2, p] = _F(0.0)
    speed(o, 13 + 2 * q, strain, time, amount[3])
    for i in range(_E):
        for p in range(_N):
            middle = z[6 + i, p] + _F(0.5) * z[i, p]
            amount[0, p] += middle * middle
    for p in range(_N):
        amount[1, p] = sqrt(amount[0, p] + _F(1e-20)) - _F(1e-10)
    for i in range(_E):
        for p in range(_N):
            rate, _ = softplus(o[i, p])
            rate += max(amount[1, p] - _LARGEST, _F(0.0))
            x = rate * amount[3, p] * amount[1, p]
            m, _, _ = mean_decay(x)
            target = min(max(o[_E + i, p], -_LARGEST), _LARGEST)
            target *= amount[0, p] / (amount[0, p] + _SMALL2)
            new[i, p] = z[6 + i, p] + m * (z[i, p] + x * (target - z[6 + i, p]))
            plastic = z[i, p] - (new[i, p] - z[6 + i, p])
            amount[2, p] += plastic * plastic
    for p in range(_N):
        amount[2, p] = (sqrt(amount[2, p] + _STILL2) - _STILL) * size
    for i in range(3):
        for p in range(_N):
            w[i, p] = o[10 + i, p] * amount[2, p]
    for i in range(q):
        for p in range(_N):
            rate, _ = softplus(o[13 + i, p])
            gain = _F(1.0) - exp(-rate * _HARDENING * amount[2, p])
            target = min(max(o[13 + q + i, p], -_LARGEST), _LARGEST)
            new[_E + i, p] = z[11 + i, p] + gain * (target - z[11 + i, p])


@numba.njit(**OPTIONS)
def flow_back(z, o, strain, size, q, new, amount, gw, g, go, gd, work):  # type: ignore[no-untyped-def]
    """Gradient of `flow`: `g` of the state at the end becomes that of the state at the start,
    `go` is that of the flow, `gd` that of the increment; `work` is `(4, N)`."""
    for p in range(_N):
        work[0, p] = _F(0.0)
        work[1, p] = _F(0.0)
        work[2, p] = _F(0.0)
        work[3, p] = _F(0.0)
    for i in range(3):
        for p in range(_N):
            go[10 + i, p] = gw[i, p] * amount[2, p]
            work[0, p] += gw[i, p] * o[10 + i, p]
    for i in range(q):
        for p in range(_N):
            rate, slope = softplus(o[13 + i, p])
            decay = exp(-rate * _HARDENING * amount[2, p])
            free = o[13 + q + i, p]
            target = min(max(free, -_LARGEST), _LARGEST)
            own = g[_E + i, p]
            to_x = own * (target - z[11 + i, p]) * decay * _HARDENING
            go[13 + i, p] = to_x * slope * amount[2, p]
            work[0, p] += to_x * rate
            go[13 + q + i, p] = own * (_F(1.0) - decay) if free == target else _F(0.0)
            g[_E + i, p] = own * decay
    for p in range(_N):
        root = amount[2, p] / size + _STILL
        work[0, p] *= size / root
    for i in range(_E):
        for p in range(_N):
            to_plastic = work[0, p] * (z[i, p] - (new[i, p] - z[6 + i, p]))
            rate, slope = softplus(o[i, p])
            over = max(amount[1, p] - _LARGEST, _F(0.0))
            rate += over
            x = rate * amount[3, p] * amount[1, p]
            m, dm, decay = mean_decay(x)
            free = o[_E + i, p]
            raw = min(max(free, -_LARGEST), _LARGEST)
            gate = amount[0, p] / (amount[0, p] + _SMALL2)
            own = g[i, p] - to_plastic
            gain = m * x
            to_x = own * (z[i, p] * dm + (raw * gate - z[6 + i, p]) * decay)
            go[i, p] = to_x * slope * amount[3, p] * amount[1, p]
            work[3, p] += to_x * rate * amount[1, p]
            go[_E + i, p] = own * gain * gate if raw == free else _F(0.0)
            steeper = amount[1, p] if over > _F(0.0) else _F(0.0)
            work[1, p] += to_x * (rate + steeper) * amount[3, p]
            work[2, p] += own * gain * raw
            g[i, p] = own * (_F(1.0) - gain) + to_plastic
            gd[i, p] = own * m + to_plastic
    speed_back(o, 13 + 2 * q, strain, amount[3], work[3], go)
    for p in range(_N):
        soft = amount[0, p] + _SMALL2
        to_square = work[1, p] / sqrt(amount[0, p] + _F(1e-20))
        work[1, p] = to_square + _F(2.0) * work[2, p] * _SMALL2 / (soft * soft)
    for i in range(_E):
        for p in range(_N):
            middle = work[1, p] * (z[6 + i, p] + _F(0.5) * z[i, p])
            g[i, p] += middle
            gd[i, p] += _F(0.5) * middle
