# SPDX-License-Identifier: MIT
"""Stress of each of many crystals along histories, compiled."""

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.surrogate.compiled import functions
from mlms_fenics.surrogate.compiled.functions import OPTIONS, give, take
from mlms_fenics.surrogate.grains import algebra
from mlms_fenics.surrogate.quick import crystal
from mlms_fenics.surrogate.quick.crystal import BLOCK, crystal_step, stress_of, work_space

_F = np.float32


def _cached(sources: int):  # type: ignore[no-untyped-def]
    @numba.njit(**OPTIONS, cache=True)
    def walk(tables, sweeps, d, steps, kept, A0, out):  # type: ignore[no-untyped-def]
        """Stresses of every crystal, without rotations of the material.

        Args:
            tables: of `tables.arrays`.
            sweeps: over the systems, each step.
            d: increments of strain in the turning frame, *Shape* `(n_t, 5, n)`, n a multiple of
                BLOCK.
            steps: their lengths, µs, *Shape* `(n,)`.
            kept: row of `out` for the end of each step, or -1, *Shape* `(n_t,)`.
            A0: rotations at rest by rows, *Shape* `(m, 9)`.
            out: deviators of stress over 2G, *Shape* `(m, times, 5, n)`, filled in.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        k = len(tables[0])
        space = work_space(k)
        A, new_A = np.empty((9, BLOCK), _F), np.empty((9, BLOCK), _F)
        s, c, now = np.empty((5, BLOCK), _F), np.empty((5, BLOCK), _F), np.empty((5, BLOCK), _F)
        g, x = np.empty((k, BLOCK), _F), np.empty((k, BLOCK), _F)
        for grain in range(len(A0)):
            for start in range(0, d.shape[2], BLOCK):
                for i in range(9):
                    A[i, :] = A0[grain, i]
                for a in range(k):
                    g[a, :] = tables[12][a]
                s[:] = _F(0.0)
                x[:] = _F(0.0)
                dt = steps[start : start + BLOCK]
                for t in range(len(d)):
                    take(d[t], 0, start, BLOCK, now)
                    crystal_step(tables, sweeps, now, dt, A, s, g, x, space, new_A)
                    A[:] = new_A
                    if kept[t] >= 0:
                        stress_of(A, s, space, c)
                        give(c, out[grain, kept[t]], 0, start, BLOCK)

    return walk


walk = _cached(source_checksum(functions, algebra, crystal))
