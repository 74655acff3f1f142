# SPDX-License-Identifier: MIT
"""The crystal law at the points of periodic cells: trial states until a step is committed."""

import numba
import numpy as np

from mlms_fenics.materials.crystal import CrystalLaw
from mlms_fenics.materials.crystal_paths import integrate_paths, virgin_state


class Points:
    """States of all points of B cells, and their response to a trial deformation.

    A trial always starts from the committed state, never from an earlier trial.

    Args:
        laws: one for each phase, all of one dimension.
        phase: number of the law, *Shape* `(B, N)`.
        Q: lattice to sample, *Shape* `(B, N, 3, 3)`.
        tolerance: of a point's stress (`integrate_paths`).
        first_step: to be tried first, µs.
    """

    def __init__(
        self,
        laws: tuple[CrystalLaw, ...],
        phase: np.ndarray,
        Q: np.ndarray,
        tolerance: float,
        first_step: float,
    ):
        self.laws, self.phase, self.tolerance = laws, phase, tolerance
        self.Q = np.ascontiguousarray(Q).reshape(*phase.shape, 9)
        width = max(9 + law.n_twin + law.n_slip for law in laws)
        self.state = np.zeros((*phase.shape, width))
        for p, law in enumerate(laws):
            virgin = virgin_state(law, 1)[0]
            self.state[phase == p, : virgin.size] = virgin
        self.wanted = np.full(phase.shape, first_step)
        floor = [min(f.tau_0 for f in (*law.slip, *law.twins)) for law in laws]
        self.scale = np.array(floor)[phase]
        self._committed = (self.state, self.wanted, self.scale)
        self._trial = tuple(a.copy() for a in self._committed)
        self._bulk = np.array([law.bulk_modulus for law in laws])[phase]

    def trial(
        self, cells: np.ndarray, F_start: np.ndarray, F: np.ndarray, dt: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Stress at the end of a step from the committed state, F linear in time.

        Args:
            cells: numbers of the cells, *Shape* `(b,)`.
            F_start, F: at the step's two ends, *Shape* `(b, d, d, N)`.
            dt: µs.

        Returns:
            P, GPa, *Shape* `(b, d, d, N)`; its component 33, *Shape* `(b, N)`. NaN at points where
            the law could not be integrated or that are turned inside out.
        """
        b, N = len(F), F.shape[-1]
        ends = np.empty((b, N, 2, 9))
        P, P33 = np.empty(F.shape), np.empty((b, N))
        deviator = np.empty((b * N, 6))
        for c in range(b):
            _crystal_frame(F_start[c], F[c], self.Q[cells[c]], ends[c])
        for p, law in enumerate(self.laws):
            width = 9 + law.n_twin + law.n_slip
            rows = slice(None)
            where: tuple = (cells,)
            if len(self.laws) > 1:
                rows = np.flatnonzero(self.phase[cells].ravel() == p)
                where = (cells[rows // N], rows % N)
            result = integrate_paths(
                law,
                ends.reshape(-1, 2, 3, 3)[rows],
                np.eye(3)[None],
                np.array([dt]),
                self.tolerance,
                state=self.state[where][..., :width],
                wanted=self.wanted[where],
                scale=self.scale[where],
            )
            shape = (b, N) if len(self.laws) == 1 else (len(rows),)
            good = np.isnan(result.failed_at[:, 0])
            deviator[rows] = np.where(good[:, None], result.deviator[:, 0, 1], np.nan)
            state, wanted, scale = self._trial
            state[(*where, ..., slice(0, width))] = result.state.reshape(*shape, width)
            wanted[where] = result.wanted.reshape(shape)
            scale[where] = result.scale.reshape(shape)
        for c in range(b):
            _first_piola(F[c], deviator.reshape(b, N, 6)[c], self._bulk[cells[c]], P[c], P33[c])
        return P, P33

    def commit(self, cell: int) -> None:
        """Make the cell's last trial its state."""
        for committed, trial in zip(self._committed, self._trial, strict=True):
            committed[cell] = trial[cell]


@numba.njit(cache=True, error_model="numpy")
def _crystal_frame(F0, F1, Q, out):
    """F Q at both ends; F `(d, d, N)`, Q `(N, 9)`, out `(N, 2, 9)`; F_33 = 1 where d = 2."""
    d, N = F0.shape[0], F0.shape[2]
    for n in range(N):
        for i in range(3):
            for j in range(3):
                a, b = 0.0, 0.0
                if i < d:
                    for k in range(d):
                        a += F0[i, k, n] * Q[n, 3 * k + j]
                        b += F1[i, k, n] * Q[n, 3 * k + j]
                else:
                    a = b = Q[n, 6 + j]
                out[n, 0, 3 * i + j] = a
                out[n, 1, 3 * i + j] = b


@numba.njit(cache=True, error_model="numpy")
def _first_piola(F, deviator, bulk, P, P33):
    """P = J σ F⁻ᵀ, σ = deviator + bulk (J - 1) I; NaN where J ≤ 0."""
    d, N = F.shape[0], F.shape[2]
    for n in range(N):
        s = deviator[n]
        if d == 2:
            a, b, c, e = F[0, 0, n], F[0, 1, n], F[1, 0, n], F[1, 1, n]
            J = a * e - b * c
            if not J > 0.0:
                J = np.nan
            p = bulk[n] * (J - 1.0)
            x, y, z = s[0] + p, s[1] + p, s[3]
            # J F⁻ᵀ = [[e, -c], [-b, a]]
            P[0, 0, n] = x * e - z * b
            P[0, 1, n] = -x * c + z * a
            P[1, 0, n] = z * e - y * b
            P[1, 1, n] = -z * c + y * a
            P33[n] = J * (s[2] + p)
            continue
        J = 0.0
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            J += F[0, i, n] * (F[1, j, n] * F[2, k, n] - F[1, k, n] * F[2, j, n])
        if not J > 0.0:
            J = np.nan
        p = bulk[n] * (J - 1.0)
        for A in range(3):
            B, C = (A + 1) % 3, (A + 2) % 3
            g0 = F[1, B, n] * F[2, C, n] - F[1, C, n] * F[2, B, n]
            g1 = F[2, B, n] * F[0, C, n] - F[2, C, n] * F[0, B, n]
            g2 = F[0, B, n] * F[1, C, n] - F[0, C, n] * F[1, B, n]
            P[0, A, n] = (s[0] + p) * g0 + s[3] * g1 + s[5] * g2 + 0.0 * J
            P[1, A, n] = s[3] * g0 + (s[1] + p) * g1 + s[4] * g2 + 0.0 * J
            P[2, A, n] = s[5] * g0 + s[4] * g1 + (s[2] + p) * g2 + 0.0 * J
        P33[n] = P[2, 2, n]
