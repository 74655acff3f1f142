# SPDX-License-Identifier: MIT
"""Error-controlled integration of many grains at once, each with its own steps.

A lane integrates one grain through its whole path and, when done, takes the next from the queue:
no lane waits for another, and no grain's result depends on its neighbours. On a GPU a lane is a
thread (see `gpu_engine`).
"""

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics import vector_math
from mlms_fenics.kinematics.vector_math import COMPILE
from mlms_fenics.materials.crystal import kernel as crystal_kernel
from mlms_fenics.materials.crystal import step as crystal_step
from mlms_fenics.materials.crystal.kernel import (
    F_SLOPE,
    F_START,
    FRACTION,
    MAX_STATE,
    STIFFNESS,
    L,
    rates,
)
from mlms_fenics.materials.crystal.step import (
    ACCEPTED,
    DEVIATOR,
    ERROR,
    F0,
    F3,
    FRESH,
    LAST,
    LENGTH,
    NOW,
    RHO,
    ROWS,
    SCALE,
    STATE_ROWS,
    STEP,
    WANTED,
    Y0,
    Y,
    choose_step,
    constrain,
    control,
    measure,
    prepare_stage,
)

SUBSTEPS, REJECTED = 0, 1  # columns of `counts`
SMALLEST, FAILED_AT = 0, 1  # columns of `steps`
OK, FAILED = 1, 2

_MAX_TRIALS = 100_000  # in one segment of the path


@numba.njit(**COMPILE)
def _set_segment(w, l, U, Q, path, grain, node):
    """F = U Q at both ends of segment `node` into lane l."""
    for i in range(3):
        for j in range(3):
            a, b = 0.0, 0.0
            for k in range(3):
                a += U[path, node, 3 * i + k] * Q[grain, 3 * k + j]
                b += U[path, node + 1, 3 * i + k] * Q[grain, 3 * k + j]
            w[(F_START + 3 * i + j) * L + l] = a
            w[(F_SLOPE + 3 * i + j) * L + l] = b - a


@numba.njit(**COMPILE)
def take(queue):
    """The number of the next job."""
    job = queue[0]
    queue[0] += 1
    return job


# Parts of `marks`, whole numbers of each lane: its job (or -1), the segment of the path that it is
# in, steps tried in that, and whether none of them is accepted yet; and of `times`: when the
# segment began, and the step to try after a corner, µs. Corners of the path jolt the stress: what
# is tried first after one is the step that suited the start of the segment before, as the longer
# one of its smooth end would be rejected.
JOB, NODE, TRIALS, BEGINS, MARKS = range(5)
ELAPSED, AFTER_CORNER, TIMES = range(3)


@numba.njit(**COMPILE)
def _take_given(w, marks, counts, chosen):
    """STEP and LAST of the lanes from the substeps of their jobs."""
    for l in range(L):
        j = marks[JOB * L + l]
        if j >= 0:
            h = chosen[j, counts[j, SUBSTEPS]]
            left = w[LENGTH * L + l] - w[NOW * L + l]
            w[LAST * L + l] = 1.0 if h >= left * (1.0 - 1e-10) else 0.0
            w[STEP * L + l] = h


@numba.njit(**COMPILE)
def run_lanes(
    w, S, marks, times, queue, U, Q, segments, slip, twin, detwinning, G, tolerance, virgin, given,
    state, wanted, scale, deviator, counts, steps, status, chosen,
):  # fmt: skip
    """Jobs one after the other in each lane, until none is left; see `integrate`.

    On the CPU one call does all jobs in L lanes; on a GPU each thread makes one, with one lane.

    Args:
        w, S: rows of the lanes, `(ROWS L,)` and `(STATE_ROWS L,)`; `marks` `(MARKS L,)`, `times`
            `(TIMES L,)`.
        queue: number of the next job, `(1,)`; shared by all threads.
    """
    n_grains, n_t = Q.shape[0], segments.shape[0]
    n_jobs = state.shape[0]
    n_slip, n_twin = slip.shape[0], twin.shape[0]
    n_state = 9 + n_twin + n_slip
    horizon = 0.0
    for i in range(n_t):
        horizon += segments[i]
    for l in range(L):  # idle lanes compute something harmless
        for k in range(ROWS):
            w[k * L + l] = 0.0
        for k in range(STATE_ROWS):
            S[k * L + l] = 0.0
        for i in range(3):
            w[(F_START + 4 * i) * L + l] = 1.0
            S[(Y0 + 4 * i) * L + l] = 1.0
        w[LENGTH * L + l] = 1.0
        w[SCALE * L + l] = 1.0
        w[FRESH * L + l] = 1.0  # wants a job
        for k in range(MARKS):
            marks[k * L + l] = 0
        marks[JOB * L + l] = -1
        for k in range(TIMES):
            times[k * L + l] = 0.0
    running = 0
    while True:
        fresh = False
        for l in range(L):
            if w[FRESH * L + l] > 0.0:
                j = take(queue)
                while j < n_jobs and status[j] == FAILED:
                    j = take(queue)
                if j < n_jobs:
                    running += 1
                    fresh = True
                    marks[JOB * L + l], marks[NODE * L + l], times[ELAPSED * L + l] = j, 0, 0.0
                    marks[BEGINS * L + l], marks[TRIALS * L + l] = 1, 0
                    times[AFTER_CORNER * L + l] = wanted[j]
                    for k in range(n_state):
                        S[(Y0 + k) * L + l] = state[j, k]
                        S[(F0 + k) * L + l] = 0.0
                    _set_segment(w, l, U, Q, j // n_grains, j % n_grains, 0)
                    w[NOW * L + l] = 0.0
                    w[LENGTH * L + l] = segments[0]
                    w[SCALE * L + l] = scale[j]
                    w[RHO * L + l] = 0.0
                    w[WANTED * L + l] = wanted[j]
                    steps[j, SMALLEST] = horizon
                else:
                    w[FRESH * L + l] = 0.0
                    marks[JOB * L + l] = -1  # rests on its last state
                    w[WANTED * L + l] = 0.0
                    w[NOW * L + l] = 0.0
        if running == 0:
            break
        # One call of `rates` serves all stages, as each would be compiled anew.
        for stage in range(0 if fresh and not virgin else 1, 4):
            if stage == 0:
                for l in range(L):
                    w[FRACTION * L + l] = w[NOW * L + l] / w[LENGTH * L + l]
                y, f = Y0, F3
            else:
                if stage == 1:
                    choose_step(w)
                    if given:
                        _take_given(w, marks, counts, chosen)
                prepare_stage(w, S, n_state, stage)
                if stage == 3:
                    constrain(w, S, n_slip, n_twin, detwinning)
                y, f = Y, F0 + stage * MAX_STATE
            rates(w, S, y, f, slip, twin, detwinning, G)
            if stage == 0:
                for l in range(L):
                    if w[FRESH * L + l] > 0.0:
                        w[RHO * L + l] = w[STIFFNESS * L + l]
                        for k in range(n_state):
                            S[(F0 + k) * L + l] = S[(F3 + k) * L + l]
        if fresh:
            for l in range(L):
                w[FRESH * L + l] = 0.0
        measure(w, S, slip, twin, G, tolerance)
        if given:
            for l in range(L):
                w[ERROR * L + l] = 0.0
        control(w, S, n_state)
        for l in range(L):
            j = marks[JOB * L + l]
            if j < 0:
                continue
            h = w[STEP * L + l]
            marks[TRIALS * L + l] += 1
            if w[ACCEPTED * L + l] > 0.0:
                if not given and counts[j, SUBSTEPS] < chosen.shape[1]:
                    chosen[j, counts[j, SUBSTEPS]] = h
                counts[j, SUBSTEPS] += 1
                if marks[BEGINS * L + l] > 0:
                    marks[BEGINS * L + l] = 0
                    times[AFTER_CORNER * L + l] = w[WANTED * L + l]
                if h < steps[j, SMALLEST]:
                    steps[j, SMALLEST] = h
                if w[LAST * L + l] == 0.0:
                    if marks[TRIALS * L + l] < _MAX_TRIALS:
                        continue
                else:
                    i = marks[NODE * L + l] + 1
                    for k in range(6):
                        deviator[j, i, k] = w[(DEVIATOR + k) * L + l]
                    times[ELAPSED * L + l] += segments[i - 1]
                    if i < n_t:
                        marks[NODE * L + l] = i
                        marks[BEGINS * L + l], marks[TRIALS * L + l] = 1, 0
                        w[WANTED * L + l] = min(w[WANTED * L + l], times[AFTER_CORNER * L + l])
                        _set_segment(w, l, U, Q, j // n_grains, j % n_grains, i)
                        w[NOW * L + l] = 0.0
                        w[LENGTH * L + l] = segments[i]
                        continue
                    status[j] = OK
                    wanted[j] = w[WANTED * L + l]
                    scale[j] = w[SCALE * L + l]
                    for k in range(n_state):
                        state[j, k] = S[(Y0 + k) * L + l]
            else:
                counts[j, REJECTED] += 1
                if h > 1e-13 * horizon and marks[TRIALS * L + l] < _MAX_TRIALS:
                    continue
            if status[j] != OK:
                status[j] = FAILED
                steps[j, FAILED_AT] = times[ELAPSED * L + l] + w[NOW * L + l]
                first = (j // n_grains) * n_grains
                for k in range(first, first + n_grains):  # its path's other grains are not begun
                    if status[k] == 0 and k >= queue[0]:
                        status[k] = FAILED
                        steps[k, FAILED_AT] = steps[j, FAILED_AT]
            w[FRESH * L + l] = 1.0
            running -= 1


def _cached(sources: int):
    # numba's cache looks at this file's date only; a captured value is part of its key, so that a
    # change in any of the sources is noticed.
    @numba.njit(**COMPILE, cache=True)
    def integrate(
        U, Q, segments, slip, twin, detwinning, G, tolerance, virgin, given,
        state, wanted, scale, deviator, counts, steps, status, chosen,
    ):  # fmt: skip
        """Integrate `n_paths × n_grains` grains; job j is grain j % n_grains of path j // n_grains.

        Args:
            U: *Shape* `(n_paths, n_t + 1, 9)`, piecewise linear; `Q` `(n_grains, 9)`.
            segments: lengths of the path's segments, µs, `(n_t,)`.
            slip, twin: parameter tables; `G`, `detwinning`: of the law.
            tolerance: on a grain's stress per step, relative to its largest so far.
            virgin: whether all start at rest, so that their first rates are zero.
            given: whether the substeps are those of `chosen`, whatever their error is.
            state: `(n_jobs, n_state)`, overwritten by the final one.
            wanted: `(n_jobs,)` first step to try, µs; overwritten by the step to go on with.
            scale: `(n_jobs,)` largest stress so far (at least a floor), GPa; overwritten likewise.
            deviator: `(n_jobs, n_t + 1, 6)` deviatoric stress, output.
            counts, steps: `(n_jobs, 2)` statistics, output; `status`: `(n_jobs,)`, 0 on entry.
            chosen: lengths of the substeps taken, µs, `(n_jobs, K)`, output of the first K unless
                `given`.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        run_lanes(
            np.empty(ROWS * L), np.empty(STATE_ROWS * L),
            np.empty(MARKS * L, np.int64), np.empty(TIMES * L),
            np.zeros(1, np.int64),
            U, Q, segments, slip, twin, detwinning, G, tolerance, virgin, given,
            state, wanted, scale, deviator, counts, steps, status, chosen,
        )  # fmt: skip

    return integrate


integrate = _cached(source_checksum(vector_math, crystal_kernel, crystal_step))
