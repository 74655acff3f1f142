# SPDX-License-Identifier: MIT
"""How the stress at the end of a step by implicit substeps depends on the deformation there.

From the substeps' lengths and the solutions of their stages, all else of a step follows without
iterating; each stage's own linear system carries the derivatives on (`stage_slopes`).
"""

import numba
import numpy as np

from mlms_fenics.files import source_checksum
from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.materials.crystal import (
    elastic_slopes,
    hardening_slopes,
    implicit_hardening,
    implicit_stage,
    mechanisms,
    small_matrices,
)
from mlms_fenics.materials.crystal import stage_slopes as stages
from mlms_fenics.materials.crystal.elastic_slopes import cauchy_slopes
from mlms_fenics.materials.crystal.implicit_stage import GAMMA, ONWARD
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.small_matrices import jit, product, unimodular_slopes
from mlms_fenics.materials.crystal.stage_slopes import stage_slopes


@jit
def _limit_twins(n_slip, e, de):
    """0 ≤ λ and Σλ ≤ 1, and the derivatives with it."""
    if len(e) == n_slip:
        return
    total = 0.0
    d_total = np.zeros(6)
    for a in range(n_slip, len(e)):
        if e[a] < 0.0:
            e[a] = 0.0
            de[a] = 0.0
        total += e[a]
        d_total += de[a]
    if total > 1.0:
        for a in range(n_slip, len(e)):
            e[a] /= total
            de[a] = (de[a] - e[a] * d_total) / total


@jit
def _extrapolate(start, middle, base):
    """The base of a step's second stage, from its start and the end of its first."""
    a, b, c = start.ravel(), middle.ravel(), base.ravel()
    for k in range(len(a)):
        c[k] = a[k] + ONWARD * (b[k] - a[k])


def _cached(sources: int):
    # numba's cache looks at this file's date only; a captured value is part of its key.
    @numba.njit(error_model="numpy", cache=True)
    def march(
        U, Q, directions, length, chosen, solved, B, e,
        table, n_slip, drives, flows, normals, interaction, G, isotropic, D, c, slopes,
    ):  # fmt: skip
        """Derivatives of the grains' stresses by the last U.

        Args:
            U: *Shape* `(p, 2, 3, 3)`; `Q` `(g, 3, 3)`; job j is grain j % g of path j // g.
            directions: of U's components, *Shape* `(6, 3, 3)`.
            length: of the step, µs.
            chosen: lengths of the substeps, *Shape* `(n_jobs, K)`, zero beyond their number.
            solved: rates and strengths of their stages, *Shape* `(n_jobs, K, 2, 2 n)`.
            B, e: F_in⁻¹ and amounts at the beginning, *Shape* `(n_jobs, 3, 3)`, `(n_jobs, n)`.
            table, n_slip, drives, flows, normals, interaction, G, isotropic, D, c: of the law.
            slopes: *Shape* `(n_jobs, 6, 6)`, filled in.
        """
        if sources < 0:  # never; mentioned so that it is captured
            return
        g, n = Q.shape[0], table.shape[0]
        F, F0, F1, dF = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3)), np.empty((6, 3, 3))
        end, d_end = np.empty((3, 3)), np.empty((6, 3, 3))
        base, d_base = np.empty((3, 3)), np.empty((6, 3, 3))
        e_base, de_base, dg_base = np.empty(n), np.empty((n, 6)), np.empty((n, 6))
        e_end, de_end, dg_end = np.empty(n), np.empty((n, 6)), np.empty((n, 6))
        for j in range(len(chosen)):
            product(U[j // g, 0], Q[j % g], F0)
            product(U[j // g, 1], Q[j % g], F1)
            B0, dB0 = B[j].copy(), np.zeros((6, 3, 3))
            e0, de0, dg0 = e[j].copy(), np.zeros((n, 6)), np.zeros((n, 6))
            now = 0.0
            for k in range(chosen.shape[1]):
                step = chosen[j, k]
                if step == 0.0:
                    break
                last = k + 1 == chosen.shape[1] or chosen[j, k + 1] == 0.0
                base[:], d_base[:], e_base[:], de_base[:], dg_base[:] = B0, dB0, e0, de0, dg0
                for stage in range(2):
                    t = (now + (GAMMA if stage == 0 else 1.0) * step) / length
                    t = 1.0 if last and stage == 1 else t
                    for i in range(3):
                        for m in range(3):
                            F[i, m] = F0[i, m] + t * (F1[i, m] - F0[i, m])
                    for q in range(6):
                        product(directions[q], Q[j % g], dF[q])
                        dF[q] *= t
                    own = solved[j, k, stage]
                    stage_slopes(
                        F, dF, base, d_base, e_base, de_base, dg_base, own[:n], own[n:],
                        GAMMA * step, table, n_slip, drives, flows, normals, interaction,
                        G, isotropic, D, c, end, d_end, e_end, de_end, dg_end,
                    )  # fmt: skip
                    unimodular_slopes(end, d_end)
                    _limit_twins(n_slip, e_end, de_end)
                    if stage == 0:
                        _extrapolate(B0, end, base)
                        _extrapolate(dB0, d_end, d_base)
                        unimodular_slopes(base, d_base)
                        _extrapolate(e0, e_end, e_base)
                        _extrapolate(de0, de_end, de_base)
                        _limit_twins(n_slip, e_base, de_base)
                        _extrapolate(dg0, dg_end, dg_base)
                B0[:], dB0[:], e0[:], de0[:], dg0[:] = end, d_end, e_end, de_end, dg_end
                now += step
            for q in range(6):
                product(directions[q], Q[j % g], dF[q])
            cauchy_slopes(F1, dF, B0, dB0, G, isotropic, D, c, slopes[j])

    return march


_march = _cached(
    source_checksum(
        small_matrices,
        elastic_slopes,
        hardening_slopes,
        implicit_hardening,
        implicit_stage,
        mechanisms,
        stages,
    )
)


def implicit_slopes(
    law: CrystalLaw,
    U: np.ndarray,
    Q: np.ndarray,
    dt: float,
    state: np.ndarray,
    chosen: np.ndarray,
    solved: np.ndarray,
) -> np.ndarray:
    """Derivatives of the grains' deviatoric stresses by the components of the last U.

    Args:
        law: the crystal.
        U: at the beginning and at the end of the step, *Shape* `(p, 2, 3, 3)`.
        Q: orientations, *Shape* `(g, 3, 3)`.
        dt: length of the step, µs.
        state: of the grains at its beginning, *Shape* `(p, g, n_state)`.
        chosen, solved: of the `PathResult` that took it, stages solved to round-off.

    Returns:
        GPa, *Shape* `(p, g, 6, 6)`; of a shear by both of its entries together.
    """
    p, g = state.shape[:2]
    m, packed = mechanisms.mechanisms(law), state.reshape(p * g, -1)
    n, K = len(m.table), chosen.shape[-1]
    e = np.zeros((p * g, n))
    e[:, m.twin] = packed[:, 9 : 9 + law.n_twin]
    e[:, m.slip] = packed[:, 9 + law.n_twin : 9 + law.n_twin + law.n_slip]
    parts = np.concatenate((mechanisms.DEVIATORIC, mechanisms.SKEW))
    drives, flows = (
        np.einsum("ak,kij->aij", m.table[:, first : first + 8], parts)
        for first in (mechanisms.DRIVE, mechanisms.FLOW)
    )
    slopes = np.zeros((p * g, 6, 6))
    _march(
        np.ascontiguousarray(U), np.ascontiguousarray(Q), from_components(np.eye(6)), float(dt),
        np.ascontiguousarray(chosen.reshape(p * g, K)),
        np.ascontiguousarray(solved.reshape(p * g, K, 2, 2 * n)),
        packed[:, :9].reshape(p * g, 3, 3).copy(), e,
        m.table, m.n_slip, drives, flows,
        m.table[m.n_slip :, mechanisms.NORMAL : mechanisms.NORMAL + 3].copy(),
        m.interaction, m.shear_modulus, m.isotropic, *_elasticity(m), slopes,
    )  # fmt: skip
    return slopes.reshape(p, g, 6, 6)


def _elasticity(m: mechanisms.Mechanisms) -> tuple[np.ndarray, np.ndarray]:
    """Stiffness of deviators as a tensor `(3, 3, 3, 3)`, and stress per volume `(3, 3)`, GPa."""
    stiffness = np.zeros((5, 5))
    for value, (i, j) in zip(m.stiffness, mechanisms.PAIRS, strict=True):
        stiffness[i, j] = stiffness[j, i] = value
    basis = mechanisms.DEVIATORIC
    D = np.einsum("ab,aij,bkl->ijkl", stiffness, basis, basis)
    return D, np.einsum("a,aij->ij", m.coupling, basis)
