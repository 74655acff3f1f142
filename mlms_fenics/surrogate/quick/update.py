# SPDX-License-Identifier: MIT
"""A whole `QuickCrystals.update` as one compiled loop over chunks of points.

What it computes is what `QuickCrystals.step`, `TrustMeasure` and `LearntLaw.update` do in torch, in
float32, with the material's rotations and strains in float64.
"""

from math import sqrt

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics import strain_kernel, vector_math
from mlms_fenics.kinematics.strain_kernel import ROTATION, ROWS, STRAIN, kinematics, load
from mlms_fenics.surrogate.compiled import functions, stress
from mlms_fenics.surrogate.compiled import trust as trust_kernel
from mlms_fenics.surrogate.compiled.functions import give, take
from mlms_fenics.surrogate.compiled.stress import STRESS_ROWS, turned_stress
from mlms_fenics.surrogate.compiled.trust import measure, trust_space
from mlms_fenics.surrogate.grains import algebra
from mlms_fenics.surrogate.grains import update as grains_update
from mlms_fenics.surrogate.grains.algebra import spun
from mlms_fenics.surrogate.grains.update import step_between
from mlms_fenics.surrogate.quick import crystal
from mlms_fenics.surrogate.quick.crystal import BLOCK, crystal_step, stress_of, work_space

# No assumption about NaN: a bad F must be found.
_OPTIONS = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}
_F = np.float32
_N = BLOCK
_HALF, _SIXTH = 1 / sqrt(2.0), 1 / sqrt(6.0)


@numba.njit(**_OPTIONS)
def _increment(turned, d, r):  # type: ignore[no-untyped-def]
    """Coordinates of the step's own log u, and its turn."""
    for p in range(_N):
        x, y, z = turned[p], turned[_N + p], turned[2 * _N + p]
        d[0, p], d[1, p] = (x - y) * _HALF, (z + z - x - y) * _SIXTH
        d[2, p] = turned[3 * _N + p] * (2.0 * _HALF)
        d[3, p] = turned[4 * _N + p] * (2.0 * _HALF)
        d[4, p] = turned[5 * _N + p] * (2.0 * _HALF)
        for i in range(9):
            r[i, p] = turned[(ROTATION + i) * _N + p]


def _cached(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**_OPTIONS, cache=True)
    def update(
        tables, share, sweeps, trust, numbers, F, stretch, A, s, g, x, strain, since, memory,
        distance, sigma, new_stretch, new_A, new_s, new_g, new_x, new_strain, new_memory,
        new_distance,
    ):  # fmt: skip
        """One step of all points, which are the last axis but of F and sigma.

        Args:
            tables: of `tables.arrays`.
            share: weights of the crystals, *Shape* `(m,)`.
            sweeps: over the systems.
            trust: of the measure of trust, see `TrustMeasure.arrays`.
            numbers: the step, µs; 2G and the bulk modulus, GPa.
            F: *Shape* `(n, 3, 3)`.
            stretch, A, s, g, x, strain: state at the beginning (the strain is not used).
            since: strain at the beginning of the step that the measure of trust sees.
            memory, distance: of that measure, at that beginning.
            sigma: *Shape* `(n, 3, 3)`, filled in.
            new_stretch, ...: state at the end, filled in.

        Returns:
            The first point with det F <= 0 or NaN, where it stops; or -1.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return -1
        n, m, k = F.shape[0], len(share), len(tables[0])
        space = work_space(k)
        f, b, e = np.empty(9 * _N), np.empty(9 * _N), np.empty(12 * _N)
        kin, turned = np.empty(ROWS * _N), np.empty(ROWS * _N)
        now = np.empty((6, _N), _F)
        seen = trust_space(trust, _F)
        total, work = np.empty(5 * _N, _F), np.empty(STRESS_ROWS * _N, _F)
        d, c, r = np.empty((5, _N), _F), np.empty((5, _N), _F), np.empty((9, _N), _F)
        own, after, turned_by = np.empty((9, _N), _F), np.empty((9, _N), _F), np.empty((9, _N), _F)
        stressed, strong, slips = (
            np.empty((5, _N), _F),
            np.empty((k, _N), _F),
            np.empty((k, _N), _F),
        )
        dt = np.full(_N, _F(numbers[0]))
        for start in range(0, n, _N):
            here = min(_N, n - start)
            bad = load(F, start, here, f)
            if bad >= 0:
                return bad
            kinematics(f, e, kin)
            step_between(kin, f, stretch, start, here, new_stretch, b)
            kinematics(b, e, turned)
            _increment(turned, d, r)
            total[:] = _F(0.0)
            for grain in range(m):
                take(A, 9 * grain, start, here, own)
                take(s, 5 * grain, start, here, stressed)
                take(g, k * grain, start, here, strong)
                take(x, k * grain, start, here, slips)
                crystal_step(tables, sweeps, d, dt, own, stressed, strong, slips, space, after)
                spun(r, after, turned_by)
                stress_of(turned_by, stressed, space, c)
                for i in range(5):
                    for p in range(_N):
                        total[i * _N + p] += share[grain] * c[i, p]
                give(turned_by, new_A, 9 * grain, start, here)
                give(stressed, new_s, 5 * grain, start, here)
                give(strong, new_g, k * grain, start, here)
                give(slips, new_x, k * grain, start, here)
            turned_stress(kin, total, _F(numbers[1]), _F(numbers[2]), start, here, work, sigma)
            take(kin.reshape(ROWS, _N), STRAIN, 0, _N, now)
            give(now, new_strain, 0, start, here)
            measure(
                trust, now, since, memory, distance, start, here, seen, new_memory, new_distance
            )  # fmt: skip
        return -1

    return update


update = _cached(
    source_checksum(
        vector_math, strain_kernel, functions, stress, trust_kernel, algebra, grains_update, crystal
    )
)
