# SPDX-License-Identifier: MIT
"""The flow of a `RecurrentCell` over a step, compiled, and its gradient; points last."""

from math import sqrt

import numba
import numpy as np

from mlms_fenics.surrogate.compiled.functions import OPTIONS, exp, mean_decay, softplus
from mlms_fenics.surrogate.recurrent.cell import LARGEST, LOGS, SMALL, STEEP

_F = np.float32
_SMALL2, _LARGEST = _F(SMALL**2), _F(LARGEST)
_STEEP, _LOW, _HIGH = _F(STEEP), _F(LOGS[0]), _F(LOGS[1])


@numba.njit(**OPTIONS)
def drives(y, increment, branches, square, drive):  # type: ignore[no-untyped-def]
    """Squared elastic strain in the middle of the step, of each branch, and its root."""
    elastic = increment.shape[0]
    for k in range(branches):
        for p in range(y.shape[1]):
            square[k, p] = _F(0.0)
        for j in range(elastic):
            for p in range(y.shape[1]):
                middle = y[k * elastic + j, p] + _F(0.5) * increment[j, p]
                square[k, p] += middle * middle
    for p in range(y.shape[1]):
        drive[branches, p] = _F(0.0)
    for k in range(branches):
        for p in range(y.shape[1]):
            drive[k, p] = sqrt(square[k, p] + _F(1e-20)) - _F(1e-10)
            drive[branches, p] += drive[k, p] / _F(branches)


@numba.njit(**OPTIONS)
def speed(flow, row, strain, time, scale):  # type: ignore[no-untyped-def]
    """Scale of all relaxation over a step: that by strain and, with one more row, that by creep.

    Args:
        flow: the network's output.
        row: its first row beyond rates and targets, which is that of creep if there is one.
        strain, time: of the step, *Shape* `(n,)`.
        scale: *Shape* `(n,)`, filled in.
    """
    for p in range(len(scale)):
        scale[p] = strain[p]
    if flow.shape[0] > row:
        for p in range(len(scale)):
            creep = min(max(_STEEP * flow[row, p], _LOW), _HIGH)
            scale[p] += time[p] * exp(creep)


@numba.njit(**OPTIONS)
def speed_back(flow, row, strain, scale, g, gf):  # type: ignore[no-untyped-def]
    """Gradient of the row of creep, into `gf`, from that of `scale`, `g`."""
    if flow.shape[0] > row:
        for p in range(len(g)):
            creep = _STEEP * flow[row, p]
            inside = _STEEP if _LOW < creep < _HIGH else _F(0.0)
            gf[row, p] = g[p] * inside * (scale[p] - strain[p])


@numba.njit(**OPTIONS)
def move(y, flow, increment, branches, scale, square, drive, new):  # type: ignore[no-untyped-def]
    """The exact solution of the frozen linear equations over a step; `scale` of `speed`."""
    states, elastic = y.shape[0], increment.shape[0]
    for i in range(states):
        k = min(i // elastic, branches)
        moved = k < branches
        j = i - k * elastic if moved else 0
        for p in range(y.shape[1]):
            rate, _ = softplus(flow[i, p])
            rate += max(drive[k, p] - _LARGEST, _F(0.0))
            x = rate * scale[p] * drive[k, p]
            m, _, _ = mean_decay(x)
            target = min(max(flow[states + i, p], -_LARGEST), _LARGEST)
            pull = _F(0.0)
            if moved:
                target *= square[k, p] / (square[k, p] + _SMALL2)
                pull = increment[j, p]
            new[i, p] = y[i, p] + m * (pull + x * (target - y[i, p]))


@numba.njit(**OPTIONS)
def move_back(y, flow, increment, branches, scale, square, drive, g, gf, gs, to_scale):  # type: ignore[no-untyped-def]
    """Gradient of `move`: `g` at the end of the step becomes that at its start (the part that
    does not go through the network), `gf` that of the flow's rates and targets, `to_scale` that
    of the scale; `gs` is work space."""
    states, elastic = y.shape[0], increment.shape[0]
    for k in range(branches + 1):
        for p in range(y.shape[1]):
            gs[k, p] = _F(0.0)
            gs[branches + 1 + k, p] = _F(0.0)
    for p in range(y.shape[1]):
        to_scale[p] = _F(0.0)
    for i in range(states):
        k = min(i // elastic, branches)
        moved = k < branches
        j = i - k * elastic if moved else 0
        for p in range(y.shape[1]):
            rate, slope = softplus(flow[i, p])
            over = max(drive[k, p] - _LARGEST, _F(0.0))
            rate += over
            x = rate * scale[p] * drive[k, p]
            m, dm, decay = mean_decay(x)
            free, gate, pull = flow[states + i, p], _F(1.0), _F(0.0)
            raw = min(max(free, -_LARGEST), _LARGEST)
            if moved:
                gate = square[k, p] / (square[k, p] + _SMALL2)
                pull = increment[j, p]
            own = g[i, p]
            gain = m * x
            to_x = own * (pull * dm + (raw * gate - y[i, p]) * decay)
            gf[i, p] = to_x * slope * scale[p] * drive[k, p]
            to_scale[p] += to_x * rate * drive[k, p]
            gf[states + i, p] = own * gain * gate if raw == free else _F(0.0)
            steeper = drive[k, p] if over > _F(0.0) else _F(0.0)
            gs[k, p] += to_x * (rate + steeper) * scale[p]
            gs[branches + 1 + k, p] += own * gain * raw
            g[i, p] = own * (_F(1.0) - gain)
    for k in range(branches):
        for p in range(y.shape[1]):
            soft = square[k, p] + _SMALL2
            to_drive = gs[k, p] + gs[branches, p] / _F(branches)
            gs[k, p] = to_drive / sqrt(square[k, p] + _F(1e-20)) + _F(2.0) * gs[
                branches + 1 + k, p
            ] * _SMALL2 / (soft * soft)
        for j in range(elastic):
            for p in range(y.shape[1]):
                middle = y[k * elastic + j, p] + _F(0.5) * increment[j, p]
                g[k * elastic + j, p] += gs[k, p] * middle
