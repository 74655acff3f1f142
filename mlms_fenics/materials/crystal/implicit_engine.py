# SPDX-License-Identifier: MIT
"""Error-controlled implicit integration of many grains at once, each with its own steps.

As in the explicit engine, a lane integrates one grain along its path and then takes the next; what
the lanes do together is one Newton iteration of whatever stage each of them is in. On a GPU a lane
is a thread (see `gpu_implicit`).
"""

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics import vector_math
from mlms_fenics.kinematics.vector_math import COMPILE, power
from mlms_fenics.materials.crystal import (
    implicit_elastic,
    implicit_flow,
    implicit_hardening,
    implicit_kernel,
    implicit_lanes,
    implicit_matrices,
    implicit_newton,
    implicit_route,
    implicit_rows,
    implicit_stage,
    implicit_stress,
    implicit_systems,
    implicit_turn,
    kernel,
    mechanisms,
)
from mlms_fenics.materials.crystal import implicit_rows as rows
from mlms_fenics.materials.crystal.engine import take
from mlms_fenics.materials.crystal.implicit_elastic import cauchy, elastic_stress
from mlms_fenics.materials.crystal.implicit_kernel import iterate
from mlms_fenics.materials.crystal.implicit_lanes import (
    clear,
    deformation,
    put_down,
    put_stress,
    set_segment,
    take_up,
)
from mlms_fenics.materials.crystal.implicit_matrices import (
    along,
    between,
    determinant,
    put,
    row,
    unimodular,
)
from mlms_fenics.materials.crystal.implicit_route import (
    bend,
    locate,
    next_corner,
    pass_nodes,
    turn_at,
)
from mlms_fenics.materials.crystal.implicit_stage import (
    GAMMA,
    ONWARD,
    read_stage,
    set_stage,
    step_error,
)
from mlms_fenics.materials.crystal.implicit_systems import end_systems, move_on, start_systems
from mlms_fenics.materials.crystal.implicit_turn import set_turn
from mlms_fenics.materials.crystal.kernel import L

SUBSTEPS, REJECTED, ITERATIONS = 0, 1, 2  # columns of `counts`
SMALLEST, FAILED_AT = 0, 1  # columns of `steps`
OK, FAILED = 1, 2

_MOST_ITERATIONS = 50  # of a stage; then its step is shortened
_MOST_GIVEN = 1000  # of a stage whose step is given and cannot be shortened
_MAX_TRIALS = 5_000  # in one segment of the path
_NEAR = 0.3  # the largest misfit with which what Newton's next step will lack is known
_TURNED = 30.0  # first step after a corner, by the elastic stress of its turn over the tolerance
_TWINNING = 1.5  # times more careful where grains twin, as errors of steps add up then
_BEND = 5.0  # tolerances that a stress may lie off the straight line through a step's ends


@numba.njit(**COMPILE)
def run_lanes(
    w, marks, times, nines, systems, fives, scratch, queue,
    U, Q, segments, table, n_slip, slip, twin, interaction, compliance, stiffness, coupling, G,
    isotropic, detwinning, floor, tolerance, newton, fixed, given,
    state, wanted, scale, deviator, counts, steps, status, errors, chosen, solutions,
):  # fmt: skip
    """Jobs one after the other in each lane, until none is left; see `integrate`.

    On the CPU one call does all jobs in L lanes; on a GPU each thread makes one, with one lane.

    Args:
        w: rows of the lanes, see `implicit_rows`; `marks` to `scratch` are work space, see below.
        queue: number of the next job, `(1,)`; shared by all threads.
    """
    n_grains, n_t = Q.shape[0], segments.shape[0]
    n_jobs, n = state.shape[0], table.shape[0]
    evolving = interaction.shape[0] > 0
    job, node, stage, trials = marks[0], marks[1], marks[2], marks[3]
    iterations, last, known, todo = marks[4], marks[5], marks[6], marks[7]
    corner, end, at = marks[8], marks[9], marks[10]
    now, step, hope, left, end_at = times[0], times[1], times[2], times[3], times[4]
    strain_at = times[5]
    # At the step's start and at the stage's base; F at the stage.
    B0, base, F_stage, rate0, rate1 = nines[0], nines[1], nines[2], nines[3], nines[4]
    stress0, stress1 = nines[5], nines[6]
    F_start, F_change = nines[7], nines[8]  # of the segment `at`
    e, g, x0, guess = systems[0], systems[1], fives[0], fives[1]
    stress = scratch[0]
    clear(w, marks, times, nines, systems, fives)
    running, ended = 0, False
    passing = n == n_slip
    if not passing:
        tolerance *= 1.0 / _TWINNING
    horizon = 0.0
    for k in range(n_t):
        horizon += segments[k]
    BEGIN, SOLVE = 1, 2  # a step begins; a stage is being solved
    while True:
        for l in range(L):
            if job[l] < 0:
                if ended:
                    continue
                j = take(queue)
                while j < n_jobs and status[j] != 0:
                    j = take(queue)
                if j >= n_jobs:
                    ended = True
                    continue
                running += 1
                job[l], node[l], now[l], trials[l] = j, 0, 0.0, 0
                hope[l] = min(wanted[j], segments[0])
                steps[j, SMALLEST] = horizon
                errors[j] = 0.0
                known[l] = False
                w[rows.CAP * L + l] = 0.0  # there is none yet
                for k in range(3):  # nothing of the lane's last job
                    w[(rows.SKEW + k) * L + l] = 0.0
                take_up(state, j, table, n_slip, slip, twin, evolving, B0, e, g, l)
                start_systems(w, l, e, g)
                set_segment(U, Q, j, 0, at, strain_at, F_start, F_change, l)
                F = deformation(F_start, F_change, 0.0, l, F_stage)
                J, B_now = determinant(F), row(B0, l)
                w[rows.SIZE * L + l] = power(abs(J), -2.0 / 3.0)
                x = elastic_stress(F, B_now, G, stiffness, coupling, isotropic)
                x0[l, 0], x0[l, 1], x0[l, 2], x0[l, 3], x0[l, 4] = x
                sigma, _ = cauchy(
                    F, B_now, J, w[rows.SIZE * L + l], G, stiffness, coupling, isotropic
                )
                put_stress(stress0, l, sigma)
                corner[l] = 0
                todo[l] = BEGIN
            if todo[l] == BEGIN:
                j = job[l]
                if corner[l] <= node[l]:
                    corner[l], left[l] = node[l] + 1, segments[node[l]]
                    if passing and fixed[j] == 0:
                        corner[l], left[l] = next_corner(
                            U, segments, j // n_grains, node[l], tolerance
                        )
                h = hope[l] if fixed[j] == 0 else segments[node[l]] / fixed[j]
                if given:
                    h = chosen[j, counts[j, SUBSTEPS]]
                last[l] = h >= left[l] * (1.0 - 1e-10)
                if last[l]:
                    h = left[l]
                    end[l], end_at[l] = corner[l] - 1, segments[corner[l] - 1]
                else:
                    if h > 0.5 * left[l] and fixed[j] == 0 and not given:
                        h = 0.5 * left[l]
                    end[l], end_at[l] = locate(segments, node[l], now[l] + h, corner[l])
                step[l] = h
                k, t = locate(segments, node[l], now[l] + GAMMA * h, corner[l])
                if at[l] != k:
                    set_segment(U, Q, j, k, at, strain_at, F_start, F_change, l)
                F = deformation(F_start, F_change, t / segments[k], l, F_stage)
                strain = strain_at[l] * GAMMA * h / segments[k]
                B_now = row(B0, l)
                put(base, l, B_now)
                set_stage(w, l, table, F, B_now, x0, GAMMA * h, strain, G, False)
                w[rows.NEXT * L + l] = GAMMA * h
                stage[l], iterations[l], todo[l] = 1, 0, SOLVE
        if running == 0:
            break
        move_on(w, n_slip, n)
        for l in range(L):
            if n > n_slip and w[rows.MOVE * L + l] > 0.0:
                set_turn(w, l, table, n_slip)
            w[rows.MOVE * L + l] = rows.STAY
        iterate(
            w, table, n_slip, interaction, compliance, stiffness, coupling, G, isotropic,
            detwinning, floor,
        )  # fmt: skip
        for l in range(L):
            j = job[l]
            if j < 0:
                continue
            iterations[l] += 1
            counts[j, ITERATIONS] += 1
            misfit = w[rows.MISFIT * L + l]
            off = w[rows.HARDENING_MISFIT * L + l]
            # Of a stage that is to be solved to round-off, some are kept from it by just that.
            limit = 1e3 * newton if given and iterations[l] > _MOST_GIVEN // 2 else newton
            good = misfit <= limit and off <= limit
            # The step that was just found would end the stage: no need to look once more.
            ends = not good and misfit <= _NEAR and off <= _NEAR and passing and not given
            ends = ends and w[rows.LACKING * L + l] <= limit
            w[rows.FINISHED * L + l] = 1.0 if ends else 0.0
            good = good or ends
            most = _MOST_GIVEN if given else _MOST_ITERATIONS
            if not good and misfit == misfit and iterations[l] < most:
                continue
            error = 1e3
            h = step[l]
            if good:
                B_old, B_base = row(B0, l), row(base, l)
                B_now = read_stage(w, l, B_base)
                w[rows.ENDED * L + l] = GAMMA * h
                if counts[j, SUBSTEPS] < solutions.shape[1]:
                    own = solutions[j, counts[j, SUBSTEPS], stage[l] - 1]
                    end_systems(w, l, n_slip, e, g)
                    for a in range(n):
                        own[a] = w[(rows.SYSTEMS + rows.RATE * n + a) * L + l]
                        own[n + a] = g[l, a]
                per_stage = 1.0 / (GAMMA * h)
                for k in range(5):
                    guess[l, k] = w[(rows.X + k) * L + l]
                if stage[l] == 1:
                    put(rate1, l, between(per_stage, B_old, B_now))
                    B_base = unimodular(along(B_old, ONWARD, between(1.0, B_old, B_now)))
                    put(base, l, B_base)
                    if end[l] > node[l]:
                        sigma, _ = cauchy(
                            row(F_stage, l), B_now, w[rows.VOLUME * L + l] + 1.0,
                            w[rows.SIZE * L + l], G, stiffness, coupling, isotropic,
                        )  # fmt: skip
                        put_stress(stress1, l, sigma)
                    k, length = end[l], segments[end[l]]
                    fraction = 1.0 if last[l] else end_at[l] / length
                    if at[l] != k:
                        set_segment(U, Q, j, k, at, strain_at, F_start, F_change, l)
                    F = deformation(F_start, F_change, fraction, l, F_stage)
                    strain = strain_at[l] * GAMMA * h / length
                    set_stage(w, l, table, F, B_base, guess, GAMMA * h, strain, G, True)
                    w[rows.MOVE * L + l] = rows.SECOND
                    stage[l], iterations[l] = 2, 0
                    continue
                F, middle, late = row(F_stage, l), row(rate1, l), between(per_stage, B_base, B_now)
                early = row(rate0, l) if known[l] else middle
                error = step_error(w, l, F, B_now, early, middle, late, h, scale[j])
                error = error / tolerance if error == error else 1e3
                sigma, size = cauchy(
                    F, B_now, w[rows.VOLUME * L + l] + 1.0, w[rows.SIZE * L + l], G,
                    stiffness, coupling, isotropic,
                )  # fmt: skip
                for k in range(6):
                    stress[k] = sigma[k]
                if end[l] > node[l]:
                    bent = bend(stress0, GAMMA, stress1, stress, l) / scale[j]
                    error = max(error, bent / (_BEND * tolerance))
            trials[l] += 1
            w[rows.MOVE * L + l] = rows.AGAIN
            # Where a grain's stress jumps the error is of a lower order.
            factor = 0.85 * max(error, 1e-3) ** (-1.0 / 3.0 if error < 1.0 else -2.0 / 3.0)
            factor = min(4.0, max(0.2, factor))
            todo[l] = BEGIN
            errors[j] = max(errors[j], error)
            if given or fixed[j] > 0:
                error = 0.0 if good else np.inf
            if error > 1.0:
                counts[j, REJECTED] += 1
                hope[l] = h * (min(factor, 0.9) if good else 0.5)
                for k in range(3 if not good else 0):  # what a failed stage had come to
                    w[(rows.SKEW + k) * L + l] = 0.0
                again = fixed[j] == 0 and not given
                if again and h > 1e-13 * horizon and trials[l] < _MAX_TRIALS:
                    continue
            else:
                if not given and counts[j, SUBSTEPS] < chosen.shape[1]:
                    chosen[j, counts[j, SUBSTEPS]] = h
                counts[j, SUBSTEPS] += 1
                steps[j, SMALLEST] = min(steps[j, SMALLEST], h)
                hope[l] = h * factor
                w[rows.MOVE * L + l] = rows.FURTHER
                put(B0, l, B_now)
                put(rate0, l, late)
                known[l] = True
                for k in range(5):
                    x0[l, k] = guess[l, k]
                scale[j] = max(scale[j], size)
                if end[l] > node[l]:
                    pass_nodes(
                        segments, node[l], now[l], h, end[l], stress0, GAMMA, stress1, stress, l,
                        deviator[j],
                    )  # fmt: skip
                    trials[l] = 0
                for k in range(6):
                    stress0[l, k] = stress[k]
                if not last[l]:
                    node[l], now[l] = end[l], end_at[l]
                    left[l] -= h
                    if trials[l] < _MAX_TRIALS:
                        continue
                else:
                    i = corner[l]
                    for k in range(6):
                        deviator[j, i, k] = stress[k]
                    if i < n_t:
                        node[l], now[l], trials[l] = i, 0.0, 0
                        turned, _ = turn_at(U, segments, j // n_grains, i)
                        soon = _TURNED * tolerance * scale[j] / (2.0 * G)
                        hope[l] = min(hope[l], soon / max(turned, 1e-300))
                        continue
                    status[j] = OK
                    wanted[j] = hope[l]
                    end_systems(w, l, n_slip, e, g)
                    put_down(state, j, slip, twin, evolving, B0, e, g, l)
            if status[j] != OK:
                status[j] = FAILED
                elapsed = now[l]
                for k in range(node[l]):
                    elapsed += segments[k]
                steps[j, FAILED_AT] = elapsed
            job[l], todo[l] = -1, 0
            running -= 1


# Numbers of the lanes' work space beside w: whole numbers, times, 3×3 matrices, arrays over the n
# systems, deviators, and scratch.
MARKS, TIMES, NINES, SYSTEMS, FIVES, SCRATCH = 11, 6, 9, 2, 2, 1


def _cached(sources: int):
    # numba's cache looks at this file's date only; a captured value is part of its key.
    @numba.njit(**COMPILE, cache=True)
    def integrate(
        U, Q, segments, table, n_slip, slip, twin, interaction, compliance, stiffness, coupling, G,
        isotropic, detwinning, floor, tolerance, newton, fixed, given,
        state, wanted, scale, deviator, counts, steps, status, errors, chosen, solutions,
    ):  # fmt: skip
        """Integrate `n_paths × n_grains` grains; job j is grain j % n_grains of path j // n_grains.

        Args:
            U, Q, segments, state, wanted, scale, deviator, steps, status: as of the explicit
                engine; `counts` `(n_jobs, 3)`, with the Newton iterations.
            table, n_slip, slip, twin, interaction, compliance, stiffness, coupling, G, isotropic:
                of the law (`mechanisms`).
            detwinning: whether twins may shrink.
            floor: the smallest stress that counts, GPa.
            tolerance: on a grain's stress per step, relative to its largest so far.
            newton: on a stage's own error, likewise.
            fixed: equal steps that a job takes in each segment whatever their error is, *Shape*
                `(n_jobs,)`; 0: as the tolerance asks.
            given, chosen: as of the explicit engine.
            solutions: rates and strengths less τ_0 at both stages of the first K substeps, *Shape*
                `(n_jobs, K, 2, 2 n)`, output.
            errors: largest estimate relative to the tolerance, *Shape* `(n_jobs,)`, output.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        n = table.shape[0]
        run_lanes(
            np.empty((rows.SYSTEMS + rows.BLOCKS * n) * L),
            np.empty((MARKS, L), np.int64), np.empty((TIMES, L)), np.empty((NINES, L, 9)),
            np.empty((SYSTEMS, L, n)), np.empty((FIVES, L, 5)), np.zeros((SCRATCH, 9)),
            np.zeros(1, np.int64),
            U, Q, segments, table, n_slip, slip, twin, interaction, compliance, stiffness, coupling,
            G, isotropic, detwinning, floor, tolerance, newton, fixed, given,
            state, wanted, scale, deviator, counts, steps, status, errors, chosen, solutions,
        )  # fmt: skip

    return integrate


integrate = _cached(
    source_checksum(
        vector_math,
        kernel,
        mechanisms,
        implicit_route,
        implicit_rows,
        implicit_matrices,
        implicit_turn,
        implicit_elastic,
        implicit_flow,
        implicit_hardening,
        implicit_stress,
        implicit_newton,
        implicit_kernel,
        implicit_stage,
        implicit_systems,
        implicit_lanes,
    )
)
