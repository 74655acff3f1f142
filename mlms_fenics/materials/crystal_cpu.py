# SPDX-License-Identifier: MIT
"""The crystal law on the CPU: numpy arrays in, numpy arrays out, around the compiled kernels."""

from dataclasses import dataclass

import numpy as np

from mlms_fenics.materials import crystal_engine as engine
from mlms_fenics.materials import crystal_kernel as ck
from mlms_fenics.materials.crystal import CrystalLaw


@dataclass(frozen=True)
class PathResult:
    """What `integrate_paths` returns; arrays over paths p, grains g, times t.

    Attributes:
        deviator: deviatoric Cauchy stress of each grain, *Shape* `(p, g, t, 6)`, GPa.
        state: final states, *Shape* `(p, g, 9 + n_twin + n_slip)`: F_in⁻¹, twin fractions, slips.
        wanted: step to go on with, µs, *Shape* `(p, g)`.
        substeps, rejected: of each grain, *Shape* `(p, g)`.
        smallest: smallest step of each grain, µs, *Shape* `(p, g)`.
        failed_at: time of failure, µs; NaN where there was none, *Shape* `(p, g)`.
    """

    deviator: np.ndarray
    state: np.ndarray
    wanted: np.ndarray
    substeps: np.ndarray
    rejected: np.ndarray
    smallest: np.ndarray
    failed_at: np.ndarray


def crystal_tables(law: CrystalLaw) -> tuple[np.ndarray, np.ndarray]:
    """The law's systems as the kernel wants them, *Shape* `(n_slip or n_twin, N_COLUMNS)`."""
    slip = np.zeros((law.n_slip, ck.N_COLUMNS))
    twin = np.zeros((law.n_twin, ck.N_COLUMNS))
    for table, schmid, per in (
        (slip, law.slip_schmid, law.per_slip),
        (twin, law.twin_schmid, law.per_twin),
    ):
        if len(table) == 0:
            continue
        for k, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))):
            table[:, k] = schmid[:, i, j] + (schmid[:, j, i] if i != j else 0.0)
        table[:, ck.FULL : ck.FULL + 9] = schmid.reshape(-1, 9)
        table[:, ck.TAU] = per("tau_0")
        table[:, ck.RATE] = per("rate")
        table[:, ck.EXPONENT] = 1.0 / per("rate_exponent")
        table[:, ck.HARDENING] = per("hardening")
        table[:, ck.LATENT] = per("latent")
    saturation = law.per_slip("saturation")
    slip[:, ck.SATURATION] = saturation
    some = saturation > 0
    slip[some, ck.RATIO] = slip[some, ck.HARDENING] / saturation[some]
    start = 0
    for family in law.slip:
        end = start + len(family.direction)
        slip[start:end, ck.FAMILY_START], slip[start:end, ck.FAMILY_END] = start, end
        start = end
    if law.n_twin:
        twin[:, ck.NORMAL : ck.NORMAL + 3] = law.twin_normal
        twin[:, ck.SHEAR] = law.per_twin("shear")
    return slip, twin


def virgin_state(law: CrystalLaw, n: int) -> np.ndarray:
    """States of `n` virgin points in the kernel's order, *Shape* `(n, 9 + n_twin + n_slip)`."""
    state = np.zeros((n, 9 + law.n_twin + law.n_slip))
    state[:, [0, 4, 8]] = 1.0
    return state


def integrate_paths(
    law: CrystalLaw,
    U: np.ndarray,
    orientations: np.ndarray,
    segments: np.ndarray,
    tolerance: float,
    *,
    state: np.ndarray | None = None,
    wanted: np.ndarray | None = None,
) -> PathResult:
    """Integrate every grain along every path; arguments are taken as checked.

    Args:
        law: the crystal.
        U: deformations, *Shape* `(p, n_t + 1, 3, 3)`, linear in time between; F = U Q.
        orientations: Q, *Shape* `(g, 3, 3)`.
        segments: times between the entries of U, µs, *Shape* `(n_t,)`.
        tolerance: error of a grain's stress per step, relative to its largest stress so far.
        state: states at the start, *Shape* `(p, g, n_state)`; virgin where None.
        wanted: first steps to try, µs, *Shape* `(p, g)`.
    """
    p, g, n_t = len(U), len(orientations), len(segments)
    n = p * g
    slip, twin = crystal_tables(law)
    virgin = state is None
    state = virgin_state(law, n) if virgin else np.array(state, dtype=np.float64).reshape(n, -1)
    first = 0.1 * segments[0] if wanted is None else np.asarray(wanted, dtype=np.float64).ravel()
    wanted = np.broadcast_to(first, (n,)).copy()
    deviator = np.zeros((n, n_t + 1, 6))
    counts, steps = np.zeros((n, 2), np.int64), np.full((n, 2), np.nan)
    status = np.zeros(n, np.int8)
    engine.integrate(
        np.ascontiguousarray(U, dtype=np.float64).reshape(p, n_t + 1, 9),
        np.ascontiguousarray(orientations, dtype=np.float64).reshape(g, 9),
        np.ascontiguousarray(segments, dtype=np.float64),
        slip,
        twin,
        law.detwinning,
        law.shear_modulus,
        tolerance,
        stress_floor(law),
        virgin,
        state,
        wanted,
        deviator,
        counts,
        steps,
        status,
    )
    steps[status == engine.OK, engine.FAILED_AT] = np.nan
    return PathResult(
        deviator.reshape(p, g, n_t + 1, 6),
        state.reshape(p, g, -1),
        wanted.reshape(p, g),
        counts[:, engine.SUBSTEPS].reshape(p, g),
        counts[:, engine.REJECTED].reshape(p, g),
        steps[:, engine.SMALLEST].reshape(p, g),
        steps[:, engine.FAILED_AT].reshape(p, g),
    )


def stress_floor(law: CrystalLaw) -> float:
    """The stress to which errors are relative while a grain's own is smaller, GPa."""
    return min(float(f.tau_0) for f in (*law.slip, *law.twins))
