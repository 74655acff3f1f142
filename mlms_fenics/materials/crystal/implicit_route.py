# SPDX-License-Identifier: MIT
"""Where on its path a lane of the implicit engine is: scalar code.

Steps end at the path's corners. Nodes where the path hardly turns are passed: the deformation is as
smooth there as the law's answer to it.
"""

import math

import numba

from mlms_fenics.kinematics.vector_math import COMPILE

_CORNER = 0.02  # change of Ḟ at a node, relative to Ḟ, that always makes it a corner
_TURNS = 10.0  # likewise, over the tolerance


@numba.njit(**COMPILE)
def turn_at(U, segments, path, k):
    """Change of U̇ at node k, and the larger U̇ about it, 1/µs."""
    change, before, after = 0.0, 0.0, 0.0
    one, two = 1.0 / segments[k - 1], 1.0 / segments[k]
    for i in range(9):
        middle = U[path, k, i]
        a, b = (middle - U[path, k - 1, i]) * one, (U[path, k + 1, i] - middle) * two
        change += (b - a) * (b - a)
        before += a * a
        after += b * b
    return math.sqrt(change), math.sqrt(max(before, after))


@numba.njit(**COMPILE)
def most_turned(tolerance):
    """Change of U̇, relative to it, at a node that a step may pass."""
    return min(_CORNER, _TURNS * tolerance)


@numba.njit(**COMPILE)
def next_corner(U, segments, path, node, tolerance):
    """The first corner behind segment `node`, or the path's end, and the time from `node` to it."""
    k, length, most = node + 1, segments[node], most_turned(tolerance)
    while k < segments.shape[0]:
        change, rate = turn_at(U, segments, path, k)
        if change > most * rate:
            break
        length += segments[k]
        k += 1
    return k, length


@numba.njit(**COMPILE)
def locate(segments, node, time, corner):
    """The segment, before node `corner`, in which a time counted from `node` lies; time in it."""
    k = node
    while k + 1 < corner and time >= segments[k] * (1.0 - 1e-10):
        time -= segments[k]
        k += 1
    return k, max(time, 0.0)


@numba.njit(**COMPILE)
def pass_nodes(segments, node, now, h, end, first, share, middle, last, l, out):
    """Stresses at the nodes after `node` up to `end` that a step passes, into rows of `out`.

    By the parabola through those at the step's beginning, at its `share` and at its end.

    Args:
        now: time from `node` at which the step of length `h` begins.
        first, middle, last: the three stresses, row l of the former two.
        out: *Shape* `(n_t + 1, 6)`.
    """
    time = -now
    for k in range(node, end):
        time += segments[k]
        t = time / h
        a = (t - share) * (t - 1.0) / share
        b = t * (t - 1.0) / (share * (share - 1.0))
        c = t * (t - share) / (1.0 - share)
        for i in range(6):
            out[k + 1, i] = a * first[l, i] + b * middle[l, i] + c * last[i]


@numba.njit(**COMPILE)
def bend(first, share, middle, last, l):
    """How far the stress at the step's `share` lies from the straight line through its ends."""
    size = 0.0
    for i in range(6):
        d = middle[l, i] - (1.0 - share) * first[l, i] - share * last[i]
        size += (1.0 if i < 3 else 2.0) * d * d
    return math.sqrt(size)
