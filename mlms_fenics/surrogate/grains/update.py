# SPDX-License-Identifier: MIT
"""A whole `GrainLaw.update` as one compiled loop over chunks of points.

What it computes is what `GrainLaw.step`, `TrustMeasure` and `LearntLaw.update` do in torch, in
float32, with rotations and strains in float64.
"""

from math import sqrt

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics import strain_kernel, vector_math
from mlms_fenics.kinematics.strain_kernel import (
    POINTS,
    ROTATION,
    ROWS,
    STRAIN,
    VOLUME,
    kinematics,
    load,
)
from mlms_fenics.kinematics.vector_math import log_positive
from mlms_fenics.surrogate.compiled import functions, stress
from mlms_fenics.surrogate.compiled import network as network_kernel
from mlms_fenics.surrogate.compiled import trust as trust_kernel
from mlms_fenics.surrogate.compiled.functions import give, take
from mlms_fenics.surrogate.compiled.stress import STRESS_ROWS, turned_stress
from mlms_fenics.surrogate.compiled.trust import measure, trust_space
from mlms_fenics.surrogate.grains import algebra as grains_algebra
from mlms_fenics.surrogate.grains import block as grains_block
from mlms_fenics.surrogate.grains import cell as grains_cell
from mlms_fenics.surrogate.grains import flow as grains_flow
from mlms_fenics.surrogate.grains.algebra import PATHS
from mlms_fenics.surrogate.grains.block import block, work_space
from mlms_fenics.surrogate.grains.cell import ELASTIC
from mlms_fenics.surrogate.recurrent import cell as recurrent_cell
from mlms_fenics.surrogate.recurrent import flow as recurrent_flow

# No assumption about NaN: a bad F must be found.
_OPTIONS = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}
_F = np.float32
_N = POINTS
_E = ELASTIC
_HALF, _SIXTH = 1 / sqrt(2.0), 1 / sqrt(6.0)


@numba.njit(**_OPTIONS)
def step_between(k, f, stretch, start, here, new_stretch, g):  # type: ignore[no-untyped-def]
    """U = RᵀF, and U U₀⁻¹ as `kinematics` takes it; at rest beyond the last point."""
    for p in range(_N):
        if p >= here:
            for i in range(9):
                g[i * _N + p] = 1.0 if i % 4 == 0 else 0.0
            continue
        n = start + p
        a, b, c = np.float64(stretch[0, n]), np.float64(stretch[1, n]), np.float64(stretch[2, n])
        d, e, h = np.float64(stretch[3, n]), np.float64(stretch[4, n]), np.float64(stretch[5, n])
        k0, k1, k2 = b * c - e * e, a * c - h * h, a * b - d * d
        k3, k4, k5 = e * h - c * d, d * h - a * e, d * e - b * h
        scale = 1.0 / (a * k0 + d * k3 + h * k5)
        for i in range(3):
            x, y, z = 0.0, 0.0, 0.0
            for j in range(3):
                turn = k[(ROTATION + 3 * j + i) * _N + p]
                x += turn * f[3 * j * _N + p]
                y += turn * f[(3 * j + 1) * _N + p]
                z += turn * f[(3 * j + 2) * _N + p]
            if i == 0:
                new_stretch[0, n], new_stretch[3, n], new_stretch[5, n] = x, y, z
            elif i == 1:
                new_stretch[1, n], new_stretch[4, n] = y, z
            else:
                new_stretch[2, n] = z
            g[3 * i * _N + p] = scale * (x * k0 + y * k3 + z * k5)
            g[(3 * i + 1) * _N + p] = scale * (x * k3 + y * k1 + z * k4)
            g[(3 * i + 2) * _N + p] = scale * (x * k5 + y * k4 + z * k2)


@numba.njit(**_OPTIONS)
def _drivers(k, turned, c, first, moves, f, v, r, amounts):  # type: ignore[no-untyped-def]
    """What `block` is given, from log U in `k` and the step's own log u and r in `turned`."""
    rate, elastic, volume = c[0], 1.0 / c[2], c[1]
    lowest, span = c[7], c[8]
    for p in range(PATHS):
        n = first + p
        x, y, z = turned[n], turned[_N + n], turned[2 * _N + n]
        m0, m1 = (x - y) * _HALF * elastic, (z + z - x - y) * _SIXTH * elastic
        m2 = turned[3 * _N + n] * (2.0 * _HALF) * elastic
        m3 = turned[4 * _N + n] * (2.0 * _HALF) * elastic
        m4 = turned[5 * _N + n] * (2.0 * _HALF) * elastic
        square = m0 * m0 + m1 * m1 + m2 * m2 + m3 * m3 + m4 * m4
        moves[0, p], moves[1, p], moves[2, p], moves[3, p], moves[4, p] = m0, m1, m2, m3, m4
        if span > 0.0:
            f[0, p] = log_positive(1.0 + square * lowest) / (np.sqrt(square + 1e-30) * span)
            amounts[0, p] = np.sqrt(square)
        else:
            f[0, p] = rate / np.sqrt(np.sqrt(square * rate * rate + 1e-4))
            amounts[0, p] = c[5]
        amounts[1, p] = c[6]
        v[0, p] = k[VOLUME * _N + n] * volume
        for i in range(9):
            r[i, p] = turned[(ROTATION + i) * _N + n]


def _cached(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**_OPTIONS, cache=True)
    def update(
        weights, share, trust, c, F, stretch, A, y, strain, since, memory, distance, sigma,
        new_stretch, new_A, new_y, new_strain, new_memory, new_distance,
    ):  # fmt: skip
        """One step of all points, which are the last axis but of F and sigma.

        Args:
            weights, share: see `grains.block.block`.
            trust: of the measure of trust, see `TrustMeasure.arrays`.
            c: elastic_scale/(dt rate_scale), 1/volume_scale, elastic_scale, 2G elastic_scale, bulk
                modulus, FAST dt, dt, (elastic_scale/(lowest rate dt))², and the logarithm of
                highest over lowest rate, 0 for a cell without `rates`; dt over the reference time.
            F: *Shape* `(n, 3, 3)`.
            stretch, A, y, strain: state at the beginning (the strain is not used).
            since: strain at the beginning of the step that the measure of trust sees.
            memory, distance: of that measure, at that beginning.
            sigma: *Shape* `(n, 3, 3)`, filled in.
            new_stretch, ...: state at the end, filled in.

        Returns:
            The first point with det F <= 0 or NaN, where it stops; or -1.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return -1
        n, m = F.shape[0], len(share)
        space = work_space(len(weights[0]), len(weights[4]), y.shape[0] // m, m)
        f, g, e = np.empty(9 * _N), np.empty(9 * _N), np.empty(12 * _N)
        k, turned = np.empty(ROWS * _N), np.empty(ROWS * _N)
        now = np.empty((6, _N), _F)
        seen = trust_space(trust, _F)
        s, work = np.empty(_E * _N, _F), np.empty(STRESS_ROWS * _N, _F)
        moves, r = np.empty((_E, PATHS), _F), np.empty((9, PATHS), _F)
        amounts = np.empty((2, PATHS), _F)
        factor, volume = np.empty((1, PATHS), _F), np.empty((1, PATHS), _F)
        total = np.empty((_E, PATHS), _F)
        for start in range(0, n, _N):
            here = min(_N, n - start)
            bad = load(F, start, here, f)
            if bad >= 0:
                return bad
            kinematics(f, e, k)
            step_between(k, f, stretch, start, here, new_stretch, g)
            kinematics(g, e, turned)
            for first in range(0, here, PATHS):
                some = min(PATHS, here - first)
                _drivers(k, turned, c, first, moves, factor, volume, r, amounts)
                block(
                    weights, share, moves, factor, volume, r, A, y, amounts, _F(c[2]),
                    start + first, some, space, new_A, new_y, total,
                )  # fmt: skip
                give(total, s.reshape(_E, _N), 0, first, PATHS)
            turned_stress(k, s, _F(c[3]), _F(c[4]), start, here, work, sigma)
            take(k.reshape(ROWS, _N), STRAIN, 0, _N, now)
            give(now, new_strain, 0, start, here)
            measure(
                trust, now, since, memory, distance, start, here, seen, new_memory, new_distance
            )  # fmt: skip
        return -1

    return update


update = _cached(
    source_checksum(
        vector_math,
        strain_kernel,
        functions,
        network_kernel,
        stress,
        trust_kernel,
        grains_algebra,
        grains_block,
        grains_cell,
        grains_flow,
        recurrent_cell,
        recurrent_flow,
    )
)
