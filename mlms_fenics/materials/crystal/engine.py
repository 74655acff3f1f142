# SPDX-License-Identifier: MIT
"""Error-controlled integration of many grains at once, each with its own steps (CPU).

A lane integrates one grain through its whole path and, when done, takes the next from the queue:
no lane waits for another, and no grain's result depends on its neighbours.
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
    F0,
    F3,
    FRESH,
    LAST,
    LENGTH,
    NOW,
    RHO,
    ROWS,
    SCALE,
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


def _cached(sources: int):
    # numba's cache looks at this file's date only; a captured value is part of its key, so that a
    # change in any of the sources is noticed.
    @numba.njit(**COMPILE, cache=True)
    def integrate(
        U, Q, segments, slip, twin, detwinning, G, tolerance, virgin,
        state, wanted, scale, deviator, counts, steps, status,
    ):  # fmt: skip
        """Integrate `n_paths × n_grains` grains; job j is grain j % n_grains of path j // n_grains.

        Args:
            U: *Shape* `(n_paths, n_t + 1, 9)`, piecewise linear; `Q` `(n_grains, 9)`.
            segments: lengths of the path's segments, µs, `(n_t,)`.
            slip, twin: parameter tables; `G`, `detwinning`: of the law.
            tolerance: on a grain's stress per step, relative to its largest so far.
            virgin: whether all start at rest, so that their first rates are zero.
            state: `(n_jobs, n_state)`, overwritten by the final one.
            wanted: `(n_jobs,)` first step to try, µs; overwritten by the step to go on with.
            scale: `(n_jobs,)` largest stress so far (at least a floor), GPa; overwritten likewise.
            deviator: `(n_jobs, n_t + 1, 6)` deviatoric stress, output.
            counts, steps: `(n_jobs, 2)` statistics, output; `status`: `(n_jobs,)`, 0 on entry.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        n_grains, n_t = Q.shape[0], segments.shape[0]
        n_jobs = state.shape[0]
        n_slip, n_twin = slip.shape[0], twin.shape[0]
        n_state = 9 + n_twin + n_slip
        w = np.zeros(ROWS * L)
        job = np.full(L, -1, np.int64)
        node = np.zeros(L, np.int64)
        elapsed = np.zeros(L)
        # Corners of the path jolt the stress: what is tried first after one is the step that suited
        # the start of the segment before, as the longer one of its smooth end would be rejected.
        begins = np.zeros(L, np.bool_)
        after_corner = np.zeros(L)
        trials = np.zeros(L, np.int64)  # steps tried in the segment
        next_job, running = 0, 0
        horizon = segments.sum()
        for l in range(L):  # idle lanes compute something harmless
            for i in range(3):
                w[(F_START + 4 * i) * L + l] = 1.0
                w[(Y0 + 4 * i) * L + l] = 1.0
            w[LENGTH * L + l] = 1.0
            w[SCALE * L + l] = 1.0
            w[FRESH * L + l] = 1.0  # wants a job
        while True:
            fresh = False
            for l in range(L):
                if w[FRESH * L + l] > 0.0:
                    while next_job < n_jobs and status[next_job] == FAILED:
                        next_job += 1
                    if next_job < n_jobs:
                        j = next_job
                        next_job += 1
                        running += 1
                        fresh = True
                        job[l], node[l], elapsed[l] = j, 0, 0.0
                        begins[l], after_corner[l], trials[l] = True, wanted[j], 0
                        for k in range(n_state):
                            w[(Y0 + k) * L + l] = state[j, k]
                            w[(F0 + k) * L + l] = 0.0
                        _set_segment(w, l, U, Q, j // n_grains, j % n_grains, 0)
                        w[NOW * L + l] = 0.0
                        w[LENGTH * L + l] = segments[0]
                        w[SCALE * L + l] = scale[j]
                        w[RHO * L + l] = 0.0
                        w[WANTED * L + l] = wanted[j]
                        steps[j, SMALLEST] = horizon
                    else:
                        w[FRESH * L + l] = 0.0
                        if job[l] >= 0:  # rest on its last state
                            job[l] = -1
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
                    prepare_stage(w, n_state, stage)
                    if stage == 3:
                        constrain(w, n_slip, n_twin, detwinning)
                    y, f = Y, F0 + stage * MAX_STATE
                rates(w, y, f, slip, twin, detwinning, G)
                if stage == 0:
                    for l in range(L):
                        if w[FRESH * L + l] > 0.0:
                            w[RHO * L + l] = w[STIFFNESS * L + l]
                            for k in range(n_state):
                                w[(F0 + k) * L + l] = w[(F3 + k) * L + l]
            if fresh:
                for l in range(L):
                    w[FRESH * L + l] = 0.0
            measure(w, slip, twin, G, tolerance)
            control(w, n_state)
            for l in range(L):
                j = job[l]
                if j < 0:
                    continue
                h = w[STEP * L + l]
                trials[l] += 1
                if w[ACCEPTED * L + l] > 0.0:
                    counts[j, SUBSTEPS] += 1
                    if begins[l]:
                        begins[l] = False
                        after_corner[l] = w[WANTED * L + l]
                    if h < steps[j, SMALLEST]:
                        steps[j, SMALLEST] = h
                    if w[LAST * L + l] == 0.0:
                        if trials[l] < _MAX_TRIALS:
                            continue
                    else:
                        i = node[l] + 1
                        for k in range(6):
                            deviator[j, i, k] = w[(DEVIATOR + k) * L + l]
                        elapsed[l] += segments[i - 1]
                        if i < n_t:
                            node[l] = i
                            begins[l], trials[l] = True, 0
                            w[WANTED * L + l] = min(w[WANTED * L + l], after_corner[l])
                            _set_segment(w, l, U, Q, j // n_grains, j % n_grains, i)
                            w[NOW * L + l] = 0.0
                            w[LENGTH * L + l] = segments[i]
                            continue
                        status[j] = OK
                        wanted[j] = w[WANTED * L + l]
                        scale[j] = w[SCALE * L + l]
                        for k in range(n_state):
                            state[j, k] = w[(Y0 + k) * L + l]
                else:
                    counts[j, REJECTED] += 1
                    if h > 1e-13 * horizon and trials[l] < _MAX_TRIALS:
                        continue
                if status[j] != OK:
                    status[j] = FAILED
                    steps[j, FAILED_AT] = elapsed[l] + w[NOW * L + l]
                    first = (j // n_grains) * n_grains
                    for k in range(
                        first, first + n_grains
                    ):  # its path's other grains are not begun
                        if status[k] == 0 and k >= next_job:
                            status[k] = FAILED
                            steps[k, FAILED_AT] = steps[j, FAILED_AT]
                w[FRESH * L + l] = 1.0
                running -= 1

    return integrate


integrate = _cached(source_checksum(vector_math, crystal_kernel, crystal_step))
