# SPDX-License-Identifier: MIT
"""The crystal law over one step of time, each point in a given number of equal substeps.

The rates, the Runge-Kutta stages, the constraints and the error estimate are those of `materials`.
Only who chooses the substeps differs: within a step of the cell they must not depend on the trial
deformation, so that the stress is a smooth function of it, which a Newton iteration needs.
"""

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics import vector_math
from mlms_fenics.kinematics.vector_math import COMPILE
from mlms_fenics.materials.crystal import kernel as crystal_kernel
from mlms_fenics.materials.crystal import step as crystal_step
from mlms_fenics.materials.crystal.engine import take
from mlms_fenics.materials.crystal.kernel import F_SLOPE, F_START, MAX_STATE, L, rates, u
from mlms_fenics.materials.crystal.step import (
    DEVIATOR,
    ERROR,
    F0,
    F3,
    LENGTH,
    NOW,
    ROWS,
    SCALE,
    SIZE,
    STATE_ROWS,
    STEP,
    Y0,
    Y,
    constrain,
    measure,
    prepare_stage,
)


@numba.njit(**COMPILE)
def _accept(w, S, n_state):
    """End of a substep: its last stage is the next one's first."""
    n = u(L)
    rnow, rh, rs, size = u(NOW * L), u(STEP * L), u(SCALE * L), u(SIZE * L)
    for l in range(n):
        w[rnow + l] += w[rh + l]
        w[rs + l] = w[size + l] if w[size + l] > w[rs + l] else w[rs + l]
    for k in range(n_state):
        a, b = u((Y0 + k) * L), u((Y + k) * L)
        f0, f1 = u((F0 + k) * L), u((F3 + k) * L)
        for l in range(n):
            S[a + l] = S[b + l]
            S[f0 + l] = S[f1 + l]


JOB, LEFT, MARKS = range(3)  # of each lane: its point (or -1), and substeps that are left to it


@numba.njit(**COMPILE)
def run_points(
    w, S, marks, queue, F_start, F_end, Q, dt, count, slip, twin, detwinning, G, tolerance,
    state, rate, scale, state_end, rate_end, scale_end, deviator, error,
):  # fmt: skip
    """Points one after the other in each lane, until none is left; see `substeps_kernel`.

    On the CPU one call does all points in L lanes; on a GPU each thread makes one, with one lane.

    Args:
        w, S: rows of the lanes, `(ROWS L,)`, `(STATE_ROWS L,)`; `marks` `(MARKS L,)`.
        queue: number of the next point, `(1,)`; shared by all threads.
    """
    d, N = F_start.shape[0], F_start.shape[2]
    each = N // dt.shape[0]  # points of a cell
    n_slip, n_twin = slip.shape[0], twin.shape[0]
    n_state = 9 + n_twin + n_slip
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
        marks[JOB * L + l], marks[LEFT * L + l] = -1, 0
    running, ended = 0, False
    while True:
        for l in range(L):
            if ended or marks[JOB * L + l] >= 0:
                continue
            j = take(queue)
            while j < N and count[j] <= 0:
                j = take(queue)
            if j >= N:
                ended = True
                continue
            running += 1
            marks[JOB * L + l], marks[LEFT * L + l] = j, count[j]
            for i in range(3):
                for k in range(3):
                    a, b = 0.0, 0.0
                    if i < d:
                        for m in range(d):
                            a += F_start[i, m, j] * Q[j, 3 * m + k]
                            b += F_end[i, m, j] * Q[j, 3 * m + k]
                    else:
                        a = b = Q[j, 6 + k]
                    w[(F_START + 3 * i + k) * L + l] = a
                    w[(F_SLOPE + 3 * i + k) * L + l] = b - a
            for k in range(n_state):
                S[(Y0 + k) * L + l] = state[j, k]
                S[(F0 + k) * L + l] = rate[j, k]
            w[NOW * L + l] = 0.0
            w[LENGTH * L + l] = dt[j // each]
            w[STEP * L + l] = dt[j // each] / count[j]
            w[SCALE * L + l] = scale[j]
            error[j] = 0.0
        if running == 0:
            break
        # One call of `rates` serves all stages, as each would be compiled anew.
        for stage in range(1, 4):
            prepare_stage(w, S, n_state, stage)
            if stage == 3:
                constrain(w, S, n_slip, n_twin, detwinning)
            rates(w, S, Y, F0 + stage * MAX_STATE, slip, twin, detwinning, G)
        measure(w, S, slip, twin, G, tolerance)
        _accept(w, S, n_state)
        for l in range(L):
            j = marks[JOB * L + l]
            if j < 0:
                continue
            e = w[ERROR * L + l]
            error[j] = max(error[j], e) if e == e else np.inf
            marks[LEFT * L + l] -= 1
            if marks[LEFT * L + l] > 0:
                continue
            for k in range(n_state):
                state_end[j, k] = S[(Y0 + k) * L + l]
                rate_end[j, k] = S[(F0 + k) * L + l]
            scale_end[j] = w[SCALE * L + l]
            for k in range(6):
                deviator[j, k] = w[(DEVIATOR + k) * L + l]
            marks[JOB * L + l] = -1
            w[STEP * L + l] = 0.0
            running -= 1


def _cached(sources: int):
    # numba's cache looks at this file's date only; a captured value is part of its key.
    @numba.njit(**COMPILE, cache=True)
    def kernel(
        F_start, F_end, Q, dt, count, slip, twin, detwinning, G, tolerance,
        state, rate, scale, state_end, rate_end, scale_end, deviator, error,
    ):  # fmt: skip
        """Integrate the points whose `count` is positive; the others' outputs are left alone.

        Args:
            F_start, F_end: at the step's ends, *Shape* `(d, d, N)`; `Q` lattice to sample `(N, 9)`.
            dt: µs, of each of the cells that have equal numbers of the points, *Shape* `(cells,)`.
            count: substeps of each point, *Shape* `(N,)`.
            slip, twin, detwinning, G: tables and parameters of the law (`crystal_tables`).
            tolerance: that `error` is relative to.
            state, rate, scale: at the start: states `(N, n)`, their rates `(N, n)` (1/µs), largest
                deviator so far (GPa) `(N,)`.
            state_end, rate_end, scale_end: the same at the end, output.
            deviator: deviatoric Cauchy stress at the end, GPa, `(N, 6)`, output.
            error: the largest of the substeps' estimated errors, `(N,)`, output; NaN or infinite
                where the integration left all bounds.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        run_points(
            np.empty(ROWS * L), np.empty(STATE_ROWS * L),
            np.empty(MARKS * L, np.int64), np.zeros(1, np.int64),
            F_start, F_end, Q, dt, count, slip, twin, detwinning, G, tolerance,
            state, rate, scale, state_end, rate_end, scale_end, deviator, error,
        )  # fmt: skip

    return kernel


substeps_kernel = _cached(source_checksum(vector_math, crystal_kernel, crystal_step))
