# SPDX-License-Identifier: MIT
"""A whole `RecurrentLaw.update` in three dimensions as one compiled loop over chunks of points.

From F to the rotated stress and the measure of trust nothing leaves a core's own cache, and all
loops run over points, so that they are vectorised; matrix products are those of BLAS. What it
computes is what `RecurrentLaw.step`, `TrustMeasure` and `LearntLaw.update` do in torch, in float32,
with rotation and strain in float64.
"""

from math import sqrt

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics import strain_kernel, vector_math
from mlms_fenics.kinematics.strain_kernel import POINTS, ROWS, VOLUME, kinematics, load
from mlms_fenics.kinematics.vector_math import log_positive
from mlms_fenics.surrogate.compiled import functions, stress
from mlms_fenics.surrogate.compiled import network as network_kernel
from mlms_fenics.surrogate.compiled import trust as trust_kernel
from mlms_fenics.surrogate.compiled.functions import give, take
from mlms_fenics.surrogate.compiled.network import network
from mlms_fenics.surrogate.compiled.stress import STRESS_ROWS, turned_stress
from mlms_fenics.surrogate.compiled.trust import measure, trust_space
from mlms_fenics.surrogate.recurrent import cell as recurrent_cell
from mlms_fenics.surrogate.recurrent import flow as recurrent_flow
from mlms_fenics.surrogate.recurrent.cell import LONG
from mlms_fenics.surrogate.recurrent.flow import drives, move, speed

_OPTIONS = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}
_F = np.float32
_N = POINTS
_HALF, _SIXTH, _ROOT = _F(1 / sqrt(2.0)), _F(1 / sqrt(6.0)), _F(sqrt(2.0))
_ELASTIC = 5
# Rows of the network's input: rate, increment and strain before, of a deviator; then ln J.
_RATE, _CHANGE, _BEFORE, _VOLUME, _LOG = 0, 5, 10, 15, 16
_FAR = _F(1.0 / LONG**2)


@numba.njit(**_OPTIONS)
def features(k, old, c, strain, z, increment):  # type: ignore[no-untyped-def]
    """`RecurrentCell.features` of a chunk, from log U at both ends of the step.

    Args:
        k: of `kinematics`.
        old: log U at the beginning, `(6 POINTS,)`.
        c: scales, see `update`.
        strain: log U at the end, `(6 POINTS,)`, filled in.
        z: `(16 POINTS + ...,)`, of which the first rows are filled in.
        increment: of strain over elastic_scale, *Shape* `(5, POINTS)`, filled in.
    """
    elastic, whole, volume = c[1], c[2], c[3]
    for i in range(6):
        for p in range(_N):
            strain[i * _N + p] = _F(k[i * _N + p])
    for p in range(_N):
        a, b, g = old[p], old[_N + p], old[2 * _N + p]
        z[_BEFORE * _N + p] = (a - b) * _HALF * whole
        z[(_BEFORE + 1) * _N + p] = (g + g - a - b) * _SIXTH * whole
        a, b, g = strain[p] - a, strain[_N + p] - b, strain[2 * _N + p] - g
        z[_CHANGE * _N + p] = (a - b) * _HALF
        z[(_CHANGE + 1) * _N + p] = (g + g - a - b) * _SIXTH
        z[_VOLUME * _N + p] = _F(k[VOLUME * _N + p]) * volume
    for i in range(3):
        for p in range(_N):
            before = old[(3 + i) * _N + p]
            z[(_BEFORE + 2 + i) * _N + p] = before * _ROOT * whole
            z[(_CHANGE + 2 + i) * _N + p] = (strain[(3 + i) * _N + p] - before) * _ROOT
    for i in range(_ELASTIC):
        for p in range(_N):
            increment[i, p] = z[(_CHANGE + i) * _N + p] * elastic
    if c[0] > _F(0.0):
        _by_one_rate(c[0], elastic, z)
    else:
        _by_any_rate(c[8], c[9], elastic, z)


@numba.njit(**_OPTIONS)
def _by_one_rate(rate, elastic, z):  # type: ignore[no-untyped-def]
    """Rows of rate and increment from that of the change, in models without `rates`."""
    for p in range(_N):
        square = _F(0.0)
        for i in range(_ELASTIC):
            square += z[(_CHANGE + i) * _N + p] * z[(_CHANGE + i) * _N + p]
        root = rate / sqrt(sqrt(square * rate * rate + _F(1e-4)))
        for i in range(_ELASTIC):
            change = z[(_CHANGE + i) * _N + p]
            z[(_RATE + i) * _N + p] = change * root
            z[(_CHANGE + i) * _N + p] = change * elastic


@numba.njit(**_OPTIONS)
def _by_any_rate(least, span, elastic, z):  # type: ignore[no-untyped-def]
    """Rows of direction, increment and the rate's logarithm from that of the change.

    Args:
        least: lowest rate times the step.
        span: logarithm of highest over lowest rate.
        elastic: 1/elastic_scale.
        z: as of `features`.
    """
    middle = log_positive(least * least) + span
    for p in range(_N):
        square = _F(0.0)
        for i in range(_ELASTIC):
            square += z[(_CHANGE + i) * _N + p] * z[(_CHANGE + i) * _N + p]
        whole = square + least * least
        direction = _F(1.0) / sqrt(whole)
        change = elastic / sqrt(_F(1.0) + square * elastic * elastic * _FAR)
        for i in range(_ELASTIC):
            z[(_RATE + i) * _N + p] = z[(_CHANGE + i) * _N + p] * direction
            z[(_CHANGE + i) * _N + p] *= change
        above = (log_positive(whole) - middle) / span
        z[_LOG * _N + p] = min(max(_F(above), _F(-1.0)), _F(1.0))


@numba.njit(**_OPTIONS)
def strain_and_time(increment, c, strain, time):  # type: ignore[no-untyped-def]
    """What `speed` needs of the step."""
    for p in range(_N):
        square = _F(0.0)
        for i in range(_ELASTIC):
            square += increment[i, p] * increment[i, p]
        strain[p] = c[6] if c[0] > _F(0.0) else sqrt(square)
        time[p] = c[7]


def _cached(sources: int):  # type: ignore[no-untyped-def]
    # numba's cache looks at this file's date only; a captured value is part of its key.
    @numba.njit(**_OPTIONS, cache=True)
    def update(
        weights, trust, c, branches, F, y, strain, since, memory, distance, sigma, new_y,
        new_strain, new_memory, new_distance,
    ):  # fmt: skip
        """One step of all points, which are the last axis but of F and sigma.

        Args:
            weights: of the network, w1, b1, w2, b2, w3, b3; w1 for (features, state).
            trust: of the measure of trust, see `TrustMeasure.arrays`.
            c: float32 numbers: 1/(dt rate_scale), 1/elastic_scale, 1/strain_scale, 1/volume_scale,
                2G elastic_scale / branches, bulk modulus, FAST dt, dt, lowest rate times dt, and
                the logarithm of highest over lowest rate; the first is 0 for a cell with `rates`,
                dt is over the reference time.
            branches: number of elastic strains.
            F: *Shape* `(n, 3, 3)`.
            y, strain: state at the beginning.
            since: strain at the beginning of the step that the measure of trust sees; the network's
                may be its last part only.
            memory, distance: of that measure, at that beginning.
            sigma: *Shape* `(n, 3, 3)`, filled in.
            new_y, new_strain, new_memory, new_distance: state at the end, filled in.

        Returns:
            The first point with det F <= 0 or NaN, where it stops; or -1.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return -1
        states, n, (width, inputs) = y.shape[0], F.shape[0], weights[0].shape
        first = inputs - states
        f, e, k = np.empty(9 * _N), np.empty(12 * _N), np.empty(ROWS * _N)
        z, moved = np.empty(inputs * _N, _F), np.empty(states * _N, _F)
        old, now = np.empty(6 * _N, _F), np.empty(6 * _N, _F)
        s, work = np.empty(_ELASTIC * _N, _F), np.empty(STRESS_ROWS * _N, _F)
        space = trust_space(trust, _F)
        Z, M, O, E = (
            z.reshape(-1, _N),
            moved.reshape(-1, _N),
            old.reshape(-1, _N),
            now.reshape(-1, _N),
        )
        h1, h2 = np.empty((width, _N), _F), np.empty((width, _N), _F)
        flow = np.empty((len(weights[4]), _N), _F)
        by_strain, by_time, scale = np.empty(_N, _F), np.empty(_N, _F), np.empty(_N, _F)
        square, drive = np.empty((branches, _N), _F), np.empty((branches + 1, _N), _F)
        increment, Y = np.empty((_ELASTIC, _N), _F), Z[first:]
        for start in range(0, n, _N):
            here = min(_N, n - start)
            bad = load(F, start, here, f)
            if bad >= 0:
                return bad
            kinematics(f, e, k)
            take(strain, 0, start, here, O)
            take(y, 0, start, here, Y)
            features(k, old, c, now, z, increment)
            network(weights, Z, h1, h2, flow)
            drives(Y, increment, branches, square, drive)
            strain_and_time(increment, c, by_strain, by_time)
            speed(flow, 2 * states, by_strain, by_time, scale)
            move(Y, flow, increment, branches, scale, square, drive, M)
            give(M, new_y, 0, start, here)
            give(E, new_strain, 0, start, here)
            for i in range(_ELASTIC * _N):
                s[i] = moved[i]
                for branch in range(1, branches):
                    s[i] += moved[branch * _ELASTIC * _N + i]
            turned_stress(k, s, c[4], c[5], start, here, work, sigma)
            measure(
                trust, E, since, memory, distance, start, here, space, new_memory, new_distance
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
        recurrent_cell,
        recurrent_flow,
    )
)
