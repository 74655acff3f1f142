# SPDX-License-Identifier: MIT
"""What a lane of the implicit engine takes from its job and gives back: scalar code."""

import math

import numba

from mlms_fenics.kinematics.vector_math import COMPILE
from mlms_fenics.materials.crystal import implicit_rows as rows
from mlms_fenics.materials.crystal import mechanisms as mc
from mlms_fenics.materials.crystal.implicit_matrices import along, between, norm2, product, put, row
from mlms_fenics.materials.crystal.kernel import L


@numba.njit(**COMPILE)
def clear(w, marks, times, nines, systems, fives):
    """The lanes' work space before any job; idle lanes compute something harmless."""
    for k in range(w.shape[0]):
        w[k] = 0.0
    for l in range(L):
        for k in range(marks.shape[0]):
            marks[k, l] = 0
        for k in range(times.shape[0]):
            times[k, l] = 0.0
        marks[0, l] = -1  # no job
        for i in range(nines.shape[0]):
            for k in range(9):
                nines[i, l, k] = 0.0
        for i in range(systems.shape[0]):
            for k in range(systems.shape[2]):
                systems[i, l, k] = 0.0
        for i in range(fives.shape[0]):
            for k in range(5):
                fives[i, l, k] = 0.0
        for i in range(3):
            w[(rows.BASE + 4 * i) * L + l] = 1.0
        for k in (0, 2, 5, 9, 14):
            w[(rows.TURN + k) * L + l] = 1.0
        w[rows.SIZE * L + l] = w[rows.STEP * L + l] = w[rows.CAP * L + l] = 1.0
        for k in range(mc.MAX_FAMILIES + 1):
            w[(rows.CAPS + k) * L + l] = 1.0


@numba.njit(**COMPILE)
def set_segment(U, Q, j, node, at, strain_at, start, change, l):
    """Segment `node` of job j's path: F = U Q where it starts, its change in rows l; its strain."""
    path, grain = j // Q.shape[0], row(Q, j % Q.shape[0])
    here = row(U[path], node)
    step = product(between(1.0, here, row(U[path], node + 1)), grain)
    put(start, l, product(here, grain))
    put(change, l, step)
    at[l], strain_at[l] = node, math.sqrt(norm2(step)) + 1e-12


@numba.njit(**COMPILE)
def deformation(start, change, fraction, l, kept):
    """F at a fraction of the lane's segment, also into row l of `kept`."""
    F = along(row(start, l), fraction, row(change, l))
    put(kept, l, F)
    return F


@numba.njit(**COMPILE)
def put_stress(stress, l, sigma):
    """Six components into row l."""
    stress[l, 0], stress[l, 1], stress[l, 2] = sigma[0], sigma[1], sigma[2]
    stress[l, 3], stress[l, 4], stress[l, 5] = sigma[3], sigma[4], sigma[5]


@numba.njit(**COMPILE)
def take_up(state, j, table, n_slip, slip, twin, evolving, B0, e0, g0, l):
    """Row j of `state` into row l of B₀, amounts and strengths.

    Args:
        state: as of the explicit engine.
        table, n_slip, slip, twin: of the law (`mechanisms`).
        evolving: whether some strengths are states of their own.
        B0: *Shape* `(L, 9)`; the others `(L, n)`.
    """
    n_own, n_twin = slip.shape[0], twin.shape[0]
    for k in range(9):
        B0[l, k] = state[j, k]
    for a in range(table.shape[0]):
        e0[l, a] = g0[l, a] = 0.0
    for a in range(n_own):
        e0[l, slip[a]] = state[j, 9 + n_twin + a]
    for a in range(n_twin):
        e0[l, twin[a]] = state[j, 9 + a]
    _strengths(table, n_slip, e0, g0, l)
    if evolving:
        first = 9 + n_twin + n_own
        for a in range(n_own):
            if table[slip[a], mc.KIND] != mc.SATURATING:
                g0[l, slip[a]] = state[j, first + a]
        for a in range(n_twin):
            if table[twin[a], mc.KIND] != mc.SATURATING:
                g0[l, twin[a]] = state[j, first + n_own + a]


@numba.njit(**COMPILE)
def put_down(state, j, slip, twin, evolving, B0, e0, g0, l):
    """Row l of B₀, amounts and strengths into row j of `state`; see `take_up`."""
    n_own, n_twin = slip.shape[0], twin.shape[0]
    for k in range(9):
        state[j, k] = B0[l, k]
    for a in range(n_own):
        state[j, 9 + n_twin + a] = e0[l, slip[a]]
    for a in range(n_twin):
        state[j, 9 + a] = e0[l, twin[a]]
    if evolving:
        first = 9 + n_twin + n_own
        for a in range(n_own):
            state[j, first + a] = g0[l, slip[a]]
        for a in range(n_twin):
            state[j, first + n_own + a] = g0[l, twin[a]]


@numba.njit(**COMPILE)
def _strengths(table, n_slip, amounts, g, l):
    """What the source's hardening has added to the strengths."""
    for a in range(table.shape[0]):
        if table[a, mc.KIND] != mc.SATURATING:
            continue
        others = 0.0
        for b in range(int(table[a, mc.FAMILY_START]), int(table[a, mc.FAMILY_END])):
            if b != a:
                others += amounts[l, b]
        if a < n_slip:
            q = 1.0 - math.exp(-table[a, mc.RATIO] * amounts[l, a])
            g[l, a] = table[a, mc.LATENT] * others + table[a, mc.SATURATION] * q
        else:
            g[l, a] = 2.0 * table[a, mc.LATENT] * others + table[a, mc.HARDENING] * amounts[l, a]
