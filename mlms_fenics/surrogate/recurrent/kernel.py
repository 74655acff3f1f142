# SPDX-License-Identifier: MIT
"""Forward and backward through time of a `RecurrentCell`, compiled, for training on a CPU.

The same equations as `RecurrentCell.forward`, several times faster than a graph of small tensor
operations: one loop over the steps, matrix products by BLAS, everything else fused. Features come
first and paths last, so that the inner loops run over paths and are vectorised.
"""

import numba
import numpy as np

from mlms_fenics.surrogate.recurrent.cell import LARGEST, SMALL

_OPTIONS = {"cache": True, "fastmath": True, "error_model": "numpy"}
_F = np.float32
_SMALL2, _LARGEST = _F(SMALL**2), _F(LARGEST)


@numba.njit(**_OPTIONS)
def _exp(x):  # type: ignore[no-untyped-def]
    """exp to 2e-7 relative in (-87, 87): a polynomial, since a library call is not vectorised."""
    x = min(max(x, _F(-87.0)), _F(87.0))
    t = x * _F(1.442695041)
    n = np.floor(t + _F(0.5))
    r = x - n * _F(0.693145752) - n * _F(1.42860677e-6)
    p = _F(1 / 24) + r * (_F(1 / 120) + r * (_F(1 / 720) + r * _F(1 / 5040)))
    p = _F(1.0) + r * (_F(1.0) + r * (_F(0.5) + r * (_F(1 / 6) + r * p)))
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@numba.njit(**_OPTIONS)
def _softplus(a):  # type: ignore[no-untyped-def]
    """log(1 + exp a) and its derivative."""
    u = _exp(-abs(a))
    w = u / (_F(2.0) + u)
    q = w * w
    p = _F(1 / 7) + q * (_F(1 / 9) + q * (_F(1 / 11) + q * _F(1 / 13)))
    p = _F(1.0) + q * (_F(1 / 3) + q * (_F(1 / 5) + q * p))
    share = _F(1.0) / (_F(1.0) + u)
    return max(a, _F(0.0)) + _F(2.0) * w * p, share if a >= _F(0.0) else u * share


@numba.njit(**_OPTIONS)
def _mean_decay(x):  # type: ignore[no-untyped-def]
    """m = (1 - exp(-x))/x, its derivative, and exp(-x)."""
    e = _exp(-x)
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


@numba.njit(**_OPTIONS)
def _activate(h, bias, slope):  # type: ignore[no-untyped-def]
    """silu(h + bias) in place, and its derivative."""
    for i in range(h.shape[0]):
        b = bias[i]
        for p in range(h.shape[1]):
            x = h[i, p] + b
            g = _F(1.0) / (_F(1.0) + _exp(-x))
            value = x * g
            h[i, p] = value
            slope[i, p] = g + value * (_F(1.0) - g)


@numba.njit(**_OPTIONS)
def _silu(h, bias):  # type: ignore[no-untyped-def]
    """silu(h + bias) in place."""
    for i in range(h.shape[0]):
        b = bias[i]
        for p in range(h.shape[1]):
            x = h[i, p] + b
            h[i, p] = x / (_F(1.0) + _exp(-x))


@numba.njit(**_OPTIONS)
def _drive(y, increment, branches, square, drive):  # type: ignore[no-untyped-def]
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
            drive[k, p] = np.sqrt(square[k, p] + _F(1e-20)) - _F(1e-10)
            drive[branches, p] += drive[k, p] / _F(branches)


@numba.njit(**_OPTIONS)
def _move(y, flow, bias, increment, branches, scale, square, drive, new):  # type: ignore[no-untyped-def]
    """The exact solution of the frozen linear equations over a step."""
    states, elastic = y.shape[0], increment.shape[0]
    for i in range(states):
        k = min(i // elastic, branches)
        moved = k < branches
        j = i - k * elastic if moved else 0
        a, b = bias[i], bias[states + i]
        for p in range(y.shape[1]):
            rate, _ = _softplus(flow[i, p] + a)
            rate += max(drive[k, p] - _LARGEST, _F(0.0))
            x = rate * scale * drive[k, p]
            m, _, _ = _mean_decay(x)
            target = min(max(flow[states + i, p] + b, -_LARGEST), _LARGEST)
            pull = _F(0.0)
            if moved:
                target *= square[k, p] / (square[k, p] + _SMALL2)
                pull = increment[j, p]
            new[i, p] = y[i, p] + m * (pull + x * (target - y[i, p]))


@numba.njit(**_OPTIONS)
def _move_back(y, flow, bias, increment, branches, scale, square, drive, g, gf, gs):  # type: ignore[no-untyped-def]
    """Gradient of `_move`: `g` at the end of the step becomes that at its start (the part that
    does not go through the network), `gf` that of the flow; `gs` is work space."""
    states, elastic = y.shape[0], increment.shape[0]
    for k in range(branches + 1):
        for p in range(y.shape[1]):
            gs[k, p] = _F(0.0)
            gs[branches + 1 + k, p] = _F(0.0)
    for i in range(states):
        k = min(i // elastic, branches)
        moved = k < branches
        j = i - k * elastic if moved else 0
        a, b = bias[i], bias[states + i]
        for p in range(y.shape[1]):
            rate, slope = _softplus(flow[i, p] + a)
            over = max(drive[k, p] - _LARGEST, _F(0.0))
            rate += over
            x = rate * scale * drive[k, p]
            m, dm, decay = _mean_decay(x)
            free, gate, pull = flow[states + i, p] + b, _F(1.0), _F(0.0)
            raw = min(max(free, -_LARGEST), _LARGEST)
            if moved:
                gate = square[k, p] / (square[k, p] + _SMALL2)
                pull = increment[j, p]
            own = g[i, p]
            gain = m * x
            to_x = own * (pull * dm + (raw * gate - y[i, p]) * decay)
            gf[i, p] = to_x * slope * scale * drive[k, p]
            gf[states + i, p] = own * gain * gate if raw == free else _F(0.0)
            steeper = drive[k, p] if over > _F(0.0) else _F(0.0)
            gs[k, p] += to_x * (rate + steeper) * scale
            gs[branches + 1 + k, p] += own * gain * raw
            g[i, p] = own * (_F(1.0) - gain)
    for k in range(branches):
        for p in range(y.shape[1]):
            soft = square[k, p] + _SMALL2
            to_drive = gs[k, p] + gs[branches, p] / _F(branches)
            gs[k, p] = to_drive / np.sqrt(square[k, p] + _F(1e-20)) + _F(2.0) * gs[
                branches + 1 + k, p
            ] * _SMALL2 / (soft * soft)
        for j in range(elastic):
            for p in range(y.shape[1]):
                middle = y[k * elastic + j, p] + _F(0.5) * increment[j, p]
                g[k * elastic + j, p] += gs[k, p] * middle


@numba.njit(**_OPTIONS)
def forward(w1, b1, w2, b2, w3, b3, increments, scales, branches, z, h1, d1, h2, d2, flow, out):  # type: ignore[no-untyped-def]
    """All steps.

    Args:
        w1, b1, w2, b2, w3, b3: weights and biases; w1 for (drivers, state).
        increments: *Shape* `(n_t, elastic, n)`.
        scales: FAST times the steps over the reference time, *Shape* `(n_t,)`.
        branches: number of elastic strains.
        z: *Shape* `(n_t + 1, drivers + state, n)`; drivers are given, states are filled in, from
            that of the first entry.
        h1, d1, h2, d2: hidden layers and slopes, *Shape* `(n_t, width, n)`, filled in.
        flow: *Shape* `(n_t, 2 state, n)`, filled in.
        out: elastic strain, *Shape* `(n_t, elastic, n)`, filled in.
    """
    n_t, elastic, n = increments.shape
    states = w3.shape[0] // 2
    first = z.shape[1] - states
    square = np.empty((branches, n), np.float32)
    drive = np.empty((branches + 1, n), np.float32)
    for t in range(n_t):
        np.dot(w1, z[t], h1[t])
        _activate(h1[t], b1, d1[t])
        np.dot(w2, h1[t], h2[t])
        _activate(h2[t], b2, d2[t])
        np.dot(w3, h2[t], flow[t])
        y = z[t, first:]
        _drive(y, increments[t], branches, square, drive)
        new = z[t + 1, first:]
        _move(y, flow[t], b3, increments[t], branches, scales[t], square, drive, new)
        for j in range(elastic):
            for p in range(n):
                total = _F(0.0)
                for k in range(branches):
                    total += new[k * elastic + j, p]
                out[t, j, p] = total / _F(branches)


@numba.njit(**_OPTIONS)
def step(w1, b1, w2, b2, w3, b3, features, y, increment, scale, branches, chunk, new):  # type: ignore[no-untyped-def]
    """One step of many points, a chunk of them at a time so that its layers stay in cache.

    Args:
        w1, b1, w2, b2, w3, b3: weights and biases; w1 for (features, state).
        features: *Shape* `(n, drivers)`.
        y: states, *Shape* `(n, state)`.
        increment: *Shape* `(n, elastic)`.
        scale: FAST times the step over the reference time.
        branches: number of elastic strains.
        chunk: points at a time.
        new: states at the end, *Shape* `(n, state)`, filled in.
    """
    (n, first), states, elastic, width = features.shape, y.shape[1], increment.shape[1], len(w1)
    z = np.zeros((first + states, chunk), np.float32)
    after = np.empty((states, chunk), np.float32)
    moved = np.zeros((elastic, chunk), np.float32)
    h1, h2 = np.empty((width, chunk), np.float32), np.empty((width, chunk), np.float32)
    flow = np.empty((2 * states, chunk), np.float32)
    square = np.empty((branches, chunk), np.float32)
    drive = np.empty((branches + 1, chunk), np.float32)
    for start in range(0, n, chunk):
        here = min(chunk, n - start)
        for p in range(here):
            for i in range(first):
                z[i, p] = features[start + p, i]
            for i in range(states):
                z[first + i, p] = y[start + p, i]
            for i in range(elastic):
                moved[i, p] = increment[start + p, i]
        np.dot(w1, z, h1)
        _silu(h1, b1)
        np.dot(w2, h1, h2)
        _silu(h2, b2)
        np.dot(w3, h2, flow)
        _drive(z[first:], moved, branches, square, drive)
        _move(z[first:], flow, b3, moved, branches, scale, square, drive, after)
        for p in range(here):
            for i in range(states):
                new[start + p, i] = after[i, p]


@numba.njit(**_OPTIONS)
def backward(g_out, w1, w2, w3, b3, increments, scales, branches, z, h1, d1, h2, d2, flow):  # type: ignore[no-untyped-def]
    """Gradients of the weights and biases from that of `out`; arguments as in `forward`.

    The gradient in the state of each path is held below the sum of those that enter: a material
    that dissipates does not amplify, but a network on its way there may, by many orders, and one
    such path would drown all others.

    Returns:
        Those of w1, b1, w2, b2, w3, b3.
    """
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
    gb1, gb2 = np.zeros(len(w1), np.float32), np.zeros(len(w2), np.float32)
    gb3 = np.zeros(len(w3), np.float32)
    limit, size = _total(g_out), np.empty(n, np.float32)
    for t in range(n_t - 1, -1, -1):
        for i in range(branches * elastic):
            for p in range(n):
                g[i, p] += g_out[t, i % elastic, p] / _F(branches)
        y = z[t, first:]
        _drive(y, increments[t], branches, square, drive)
        _move_back(y, flow[t], b3, increments[t], branches, scales[t], square, drive, g, gf, gs)
        np.dot(gf, h2[t].T, p3)
        _add(g3, p3)
        _add_rows(gb3, gf)
        np.dot(w3t, gf, gh)
        _multiply(gh, d2[t])
        np.dot(gh, h1[t].T, p2)
        _add(g2, p2)
        _add_rows(gb2, gh)
        np.dot(w2t, gh, gh1)
        _multiply(gh1, d1[t])
        np.dot(gh1, z[t].T, p1)
        _add(g1, p1)
        _add_rows(gb1, gh1)
        np.dot(state_columns, gh1, gy)
        _add(g, gy)
        _limit(g, limit, size)
    return g1, gb1, g2, gb2, g3, gb3


@numba.njit(**_OPTIONS)
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


@numba.njit(**_OPTIONS)
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


@numba.njit(**_OPTIONS)
def _add(a, b):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += b[i, j]


@numba.njit(**_OPTIONS)
def _multiply(a, b):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] *= b[i, j]


@numba.njit(**_OPTIONS)
def _add_rows(a, b):  # type: ignore[no-untyped-def]
    for i in range(b.shape[0]):
        total = _F(0.0)
        for j in range(b.shape[1]):
            total += b[i, j]
        a[i] += total
