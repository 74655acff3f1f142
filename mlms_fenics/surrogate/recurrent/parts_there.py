# SPDX-License-Identifier: MIT
"""Steps of a `RecurrentCell` in parts on a GPU: again from their beginning, by a thread to a point.

How many points strain by more than a part may is not known to the host, which waits for nothing.
So a kernel looks at all points after the step and does again what must be divided, network
included: where there is nothing to divide it costs its launch.
"""

import math
from collections.abc import Callable
from functools import lru_cache

from numba import cuda, float32, float64

from mlms_fenics.gpu.twins import twin
from mlms_fenics.kinematics.exponential_kernel import symmetric_exponential
from mlms_fenics.kinematics.strain_kernel import ROTATION, ROWS, kinematics, load
from mlms_fenics.surrogate.compiled.stress import STRESS_ROWS, turned_stress
from mlms_fenics.surrogate.parts import MOST_SUBSTEPS
from mlms_fenics.surrogate.recurrent.cell import FAST
from mlms_fenics.surrogate.recurrent.flow import drives, move, speed
from mlms_fenics.surrogate.recurrent.update import features, strain_and_time

_ELASTIC = 5
_MOST = MOST_SUBSTEPS
# Places of what `symmetric_exponential` gives in a matrix, row by row.
_ROWS = (0, 3, 5, 3, 1, 4, 5, 4, 2)


@lru_cache(maxsize=16)
def parts_kernel(branches: int, states: int, inputs: int, outputs: int, width: int) -> Callable:
    """A kernel that takes points' steps again in parts, where they strain by much.

    Its arguments: F `(n, 3, 3)`, float64; own state and log U at the beginning of the step and log
    U at its end, points last; `c` of `recurrent.update`; the lowest rate, and the longest step that
    the network knows; length of the step, `(1,)`, all over the horizon; strain of a part at most,
    float32; weights of the network; own state and stress at the end, replaced for the points whose
    steps are divided.
    """
    there = {"_N": 1, "exp": math.exp}
    enter, decompose, describe = (twin(f, **there) for f in (load, kinematics, features))
    drive_of, step_of, speed_of, move_of, turn_of, exponential = (
        twin(f, **there)
        for f in (drives, strain_and_time, speed, move, turned_stress, symmetric_exponential)
    )
    first, six, nine, ten = inputs - states, 6, 9, 10
    one, rows, wide = (_ELASTIC, 1), (states, 1), (outputs, 1)
    squares, driven = (branches, 1), (branches + 1, 1)

    @cuda.jit
    def again(
        F, own, before, after, c, low, known, fraction, most, w1, b1, w2, b2, w3, b3, new, sigma
    ):
        p = cuda.grid(1)
        if p >= F.shape[0]:
            return
        size = float32(0.0)
        for i in range(six):
            change = after[i, p] - before[i, p]
            size += change * change * float32(1.0 if i < 3 else 2.0)
        size = math.sqrt(size)
        parts = 1
        while parts < _MOST and size > most * parts:
            parts *= 2
        if parts == 1:
            return
        f = cuda.local.array(nine, float64)
        e = cuda.local.array(12, float64)
        k = cuda.local.array(ROWS, float64)
        start = cuda.local.array(12, float64)
        end = cuda.local.array(nine, float64)
        old = cuda.local.array(six, float32)
        now = cuda.local.array(six, float32)
        x = cuda.local.array(inputs, float32)
        h1 = cuda.local.array(width, float32)
        h2 = cuda.local.array(width, float32)
        change = cuda.local.array(one, float32)
        y = cuda.local.array(rows, float32)
        moved = cuda.local.array(rows, float32)
        out = cuda.local.array(wide, float32)
        square = cuda.local.array(squares, float32)
        drive = cuda.local.array(driven, float32)
        by_strain = cuda.local.array(1, float32)
        by_time = cuda.local.array(1, float32)
        scale = cuda.local.array(1, float32)
        s = cuda.local.array(_ELASTIC, float32)
        work = cuda.local.array(STRESS_ROWS, float32)
        numbers = cuda.local.array(ten, float32)
        for i in range(ten):
            numbers[i] = c[i]
        length = min(fraction[0] / parts, known)
        numbers[6], numbers[7], numbers[8] = FAST * length, length, low * length
        for i in range(six):
            old[i] = before[i, p]
        for i in range(states):
            y[i, 0] = own[i, p]
        exponential(old, start)
        enter(F, p, 1, f)
        decompose(f, e, k)
        for i in range(3):  # U = RᵀF
            for j in range(3):
                end[3 * i + j] = 0.0
                for m in range(3):
                    end[3 * i + j] += k[ROTATION + 3 * m + i] * f[3 * m + j]
        for part in range(1, parts + 1):
            if part < parts:
                t = float64(part) / parts
                for i in range(nine):
                    f[i] = start[_ROWS[i]] + t * (end[i] - start[_ROWS[i]])
            else:
                enter(F, p, 1, f)
            decompose(f, e, k)
            describe(k, old, numbers, now, x, change)
            for i in range(six):
                old[i] = now[i]
            for i in range(states):
                x[first + i] = y[i, 0]
            for i in range(width):
                a = b1[i, 0]
                for j in range(inputs):
                    a += w1[i, j] * x[j]
                h1[i] = a / (float32(1.0) + math.exp(-a))
            for i in range(width):
                a = b2[i, 0]
                for j in range(width):
                    a += w2[i, j] * h1[j]
                h2[i] = a / (float32(1.0) + math.exp(-a))
            for i in range(outputs):
                a = b3[i, 0]
                for j in range(width):
                    a += w3[i, j] * h2[j]
                out[i, 0] = a
            drive_of(y, change, branches, square, drive)
            step_of(change, numbers, by_strain, by_time)
            speed_of(out, 2 * states, by_strain, by_time, scale)
            move_of(y, out, change, branches, scale, square, drive, moved)
            for i in range(states):
                y[i, 0] = moved[i, 0]
        for i in range(states):
            new[i, p] = y[i, 0]
        for i in range(_ELASTIC):
            s[i] = y[i, 0]
            for branch in range(1, branches):
                s[i] += y[branch * _ELASTIC + i, 0]
        turn_of(k, s, numbers[4], numbers[5], p, 1, work, sigma)

    return again
