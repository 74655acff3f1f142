# SPDX-License-Identifier: MIT
"""The crystal law at the points of periodic cells: trial states until a step is committed."""

import numba
import numpy as np

from mlms_fenics.materials.crystal.implicit_paths import is_stiff, run_engine
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import ERROR_PER_STEP, crystal_tables, virgin_state
from mlms_fenics.unitcell.fft_law import substeps_kernel

MOST = 20_000  # substeps of a point in a step; the step is halved where more are needed
BOUND = 4.0  # error of a substep, relative to what is wanted, that later trials may reach
RISE = 8  # times the first trial's substeps that a later trial may take
AIM = 0.5  # of the error that is wanted, when the number of substeps is chosen
_DIFFERENCE = 1e-6  # of F, for the tangent
_OF_POINTS = 10.0  # tolerance of points with implicit steps, whose errors' average counts
_NEWTON = 1e-9  # of the stress, in implicit steps: below what the differences resolve
STIFF_STRAIN = 1e-3  # of a step, by which a law is judged stiff


class Points:
    """States of all points of B cells, and their response to a trial deformation.

    A trial always starts from the committed state, never from an earlier trial. A step's first
    trial chooses each point's number of substeps by the law's error estimate; the later trials keep
    it (unless the error has grown fourfold), so that the stress is smooth in F.

    Args:
        laws: one for each phase, all of one dimension.
        phase: number of the law, *Shape* `(B, N)`.
        Q: lattice to sample, *Shape* `(B, N, 3, 3)`.
        tolerance: of a point's stress (`integrate_paths`); ten times that where steps are implicit.
    """

    def __init__(
        self, laws: tuple[CrystalLaw, ...], phase: np.ndarray, Q: np.ndarray, tolerance: float
    ):
        self.laws, self.phase = laws, phase
        self.tolerance = ERROR_PER_STEP * tolerance
        self.implicit_tolerance = min(_OF_POINTS * tolerance, 0.1)
        # The implicit steps of stiff laws have no need of the explicit kernel's tables.
        self.implicit = [is_stiff(law, STIFF_STRAIN) for law in laws]
        self.tables = [crystal_tables(law) for law in laws]
        self.Q = np.ascontiguousarray(Q).reshape(*phase.shape, 9)
        width = max(law.n_state for law in laws)
        self.state = np.zeros((*phase.shape, width))
        for p, law in enumerate(laws):
            virgin = virgin_state(law, 1)[0]
            self.state[phase == p, : virgin.size] = virgin
        self.rate = np.zeros_like(self.state)  # at rest there are none
        floor = [law.least_strength for law in laws]
        self.scale = np.array(floor)[phase]
        self.count = np.ones(phase.shape, np.int64)
        self._committed = (self.state, self.rate, self.scale)
        N = phase.shape[1]
        self._count, self._first = self.count[0].copy(), self.count[0]
        self._trial, self._moved = (
            (*(a[0].copy() for a in self._committed), np.zeros((N, 6)), np.zeros(N))
            for _ in range(2)
        )
        self.evaluations = np.zeros(len(phase), np.int64)
        self._bulk = np.array([law.bulk_modulus for law in laws])[phase]

    def trial(
        self, cell: int, F_start: np.ndarray, F: np.ndarray, dt: float, first: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Stress at the end of a step from the committed state, F linear in time.

        Args:
            cell: its number.
            F_start, F: at the step's two ends, *Shape* `(d, d, N)`.
            dt: µs.
            first: whether it is the step's first trial.

        Returns:
            P, GPa, *Shape* `(d, d, N)`; its component 33, *Shape* `(N,)`. NaN at points where the
            law could not be integrated or that are turned inside out.
        """
        if first:
            self._count[:] = self.count[cell]
            bound, most = 1.0, np.full_like(self._count, MOST)
        else:
            bound, most = BOUND, np.minimum(RISE * self._first, MOST)
        count, (*_, deviator, error) = self._count.copy(), self._trial
        self._integrate(cell, F_start, F, dt, count, self._trial)
        while True:
            wrong = ~(error <= bound)
            again = np.flatnonzero(wrong & (count < most))
            if again.size == 0 or (wrong & (count >= most)).any():
                break
            part = np.zeros_like(count)
            part[again] = np.minimum(_substeps(count[again], error[again]), most[again])
            count[again] = part[again]
            self._integrate(cell, F_start, F, dt, part, self._trial)
        deviator[wrong] = np.nan
        if first:
            self._first = count.copy()
        if not wrong.any():
            self._count[:] = count
        P, P33 = np.empty(F.shape), np.empty(F.shape[-1])
        _first_piola(F, deviator, self._bulk[cell], P, P33)
        return P, P33

    def tangent(
        self, cell: int, F_start: np.ndarray, F: np.ndarray, P: np.ndarray, dt: float
    ) -> np.ndarray:
        """dP/dF at the end of a step, by differences, GPa, *Shape* `(d, d, d, d, N)`.

        Args:
            cell, F_start, F, dt: of the last trial, which is kept; the law is evaluated d² times.
            P: what it gave.
        """
        d, N = F.shape[0], F.shape[-1]
        D, moved, P33 = np.empty((d, d, d, d, N)), np.empty(F.shape), np.empty(N)
        new = np.empty(F.shape)
        for k in range(d):
            for l in range(d):
                moved[:] = F
                moved[k, l] += _DIFFERENCE
                self._integrate(cell, F_start, moved, dt, self._count, self._moved)
                _first_piola(moved, self._moved[3], self._bulk[cell], new, P33)
                np.subtract(new, P, out=D[:, :, k, l])
        D /= _DIFFERENCE
        return D

    def commit(self, cell: int) -> None:
        """Make the cell's last trial its state, and choose the next step's substeps."""
        for committed, trial in zip(self._committed, self._trial, strict=False):
            committed[cell] = trial
        count, error = self._count, self._trial[-1]
        self.count[cell] = _substeps(count, error)

    def _integrate(
        self, cell: int, F_start: np.ndarray, F: np.ndarray, dt: float, count: np.ndarray, out
    ) -> None:
        self.evaluations[cell] += bool((count > 0).all())  # else it repeats some points' only
        for p, law in enumerate(self.laws):
            chosen = count
            if len(self.laws) > 1:
                chosen = np.where(self.phase[cell] == p, count, 0)
                if not chosen.any():
                    continue
            if self.implicit[p]:
                self._implicitly(law, cell, F_start, F, dt, chosen, out)
                continue
            substeps_kernel(
                F_start, F, self.Q[cell], np.array([dt]), chosen, *self.tables[p], law.detwinning,
                law.shear_modulus, self.tolerance,
                self.state[cell], self.rate[cell], self.scale[cell],
                *out,
            )  # fmt: skip

    def _implicitly(self, law, cell, F_start, F, dt, count, out) -> None:
        """`advance` by implicit steps; the rates at the step's ends are not used."""
        rows = np.flatnonzero(count > 0)
        state_end, _, scale_end, deviator, error = out
        Q = self.Q[cell, rows].reshape(-1, 3, 3)
        ends = np.zeros((len(rows), 2, 3, 3))
        ends[..., 2, 2] = 1.0
        d = len(F)
        ends[:, 0, :d, :d] = np.moveaxis(F_start[..., rows], -1, 0)
        ends[:, 1, :d, :d] = np.moveaxis(F[..., rows], -1, 0)
        n = law.n_state
        with np.errstate(invalid="ignore"):
            bad = ~(np.linalg.det(ends).min(axis=1) > 0)
        ends[bad] = np.eye(3)
        found = run_engine(
            law,
            (ends @ Q[:, None]).reshape(-1, 2, 9),
            np.eye(3).reshape(1, 9),
            np.array([dt]),
            self.implicit_tolerance,
            _NEWTON,
            count[rows].astype(np.int64),
            self.state[cell, rows, :n].copy(),
            np.full(len(rows), dt),
            self.scale[cell, rows].copy(),
        )
        state_end[rows, :n] = found["state"]
        scale_end[rows] = found["scale"]
        deviator[rows] = found["deviator"][:, 1]
        error[rows] = np.where(bad, np.inf, found["errors"])


def _substeps(count: np.ndarray, error: np.ndarray) -> np.ndarray:
    """How many substeps bring the third-order error from `error` to what is aimed at."""
    ratio = np.where(np.isfinite(error), error / AIM, np.inf)
    factor = np.clip(np.cbrt(ratio), 0.2, 5.0)
    return np.clip(np.ceil(count * factor), 1, MOST).astype(np.int64)


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
