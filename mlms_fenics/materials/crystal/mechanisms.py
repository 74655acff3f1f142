# SPDX-License-Identifier: MIT
"""Tables of a crystal law's mechanisms, its slip and twin systems alike, for the implicit kernel.

Stress and velocity gradient are split into five symmetric deviatoric and three skew components, in
an orthonormal basis of 3×3 matrices, so that a Newton iteration has five unknowns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.strength import PowerStrength, VoceStrength

_H, _S = np.sqrt(0.5), np.sqrt(1.0 / 6.0)

# Symmetric deviatoric basis, orthonormal in the product of matrices.
DEVIATORIC = np.array(
    [
        [[_H, 0, 0], [0, -_H, 0], [0, 0, 0]],
        [[-_S, 0, 0], [0, -_S, 0], [0, 0, 2 * _S]],
        [[0, _H, 0], [_H, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, _H], [0, _H, 0]],
        [[0, 0, _H], [0, 0, 0], [_H, 0, 0]],
    ]
)
SKEW = np.array(
    [
        [[0, _H, 0], [-_H, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, _H], [0, -_H, 0]],
        [[0, 0, _H], [0, 0, 0], [-_H, 0, 0]],
    ]
)
PAIRS = [(i, j) for i in range(5) for j in range(i + 1)]  # of a symmetric 5×5 matrix

# Columns of the table of mechanisms.
(DRIVE, DRIVE_SKEW, FLOW, FLOW_SKEW, PRODUCT) = (0, 5, 8, 13, 16)
(TAU, RATE, EXPONENT, OVERSTRESS, HARDENING, SATURATION, RATIO, LATENT) = range(31, 39)
(FAMILY, FAMILY_START, FAMILY_END, AMOUNT, DRAG) = range(39, 44)
(KIND, P1, P2, P3) = range(44, 48)
(NORMAL, N_COLUMNS) = (48, 51)
MAX_FAMILIES = 15
(SATURATING, POWER, VOCE, OWN_POWER) = range(4)  # kinds of strength


@dataclass(frozen=True, eq=False)
class Mechanisms:
    """What the implicit kernel knows of a law.

    Attributes:
        table: one row a mechanism, slip systems first, each kind padded with idle ones to a
            multiple of four, *Shape* `(n, N_COLUMNS)`.
        slip: index of each slip system's row, *Shape* `(n_slip,)`; `twin` likewise.
        interaction: q_ab of the strengths that have an evolution of their own, *Shape* `(n, n)`, or
            of *Shape* `(0, 0)`.
        compliance: inverse of the deviatoric stiffness, its lower triangle, *Shape* `(15,)`, 1/GPa.
        stiffness: the deviatoric stiffness, likewise, GPa; `coupling`: stress per volume strain,
            *Shape* `(5,)`, GPa; both used where `isotropic` is false.
        shear_modulus: G, GPa.
        isotropic: whether the elasticity is.
    """

    table: np.ndarray
    n_slip: int
    slip: np.ndarray
    twin: np.ndarray
    interaction: np.ndarray
    compliance: np.ndarray
    stiffness: np.ndarray
    coupling: np.ndarray
    shear_modulus: float
    isotropic: bool


@lru_cache(maxsize=256)
def mechanisms(law: CrystalLaw) -> Mechanisms:
    """The tables of a law; made once for each, so not to be changed in place."""
    n_slip = _padded(law.n_slip)
    n = n_slip + _padded(law.n_twin)
    table = np.zeros((n, N_COLUMNS))
    table[:, [TAU, RATE, EXPONENT, OVERSTRESS]] = 1.0  # idle ones are never driven
    table[:, FAMILY_START] = table[:, FAMILY_END] = np.arange(n)
    table[:, FAMILY] = MAX_FAMILIES
    slip, twin = np.arange(law.n_slip), n_slip + np.arange(law.n_twin)
    table[slip] = _rows(law.slip, law.slip_schmid, law.per_slip, 0)
    table[slip, SATURATION] = saturation = law.per_slip("saturation")
    some = slip[saturation > 0]
    table[some, RATIO] = table[some, HARDENING] / table[some, SATURATION]
    if law.n_twin:
        table[twin] = _rows(law.twins, law.twin_schmid, law.per_twin, n_slip)
        table[twin, NORMAL : NORMAL + 3] = law.twin_normal
        table[twin, FAMILY] += len(law.slip)
    D, c = _elasticity(law)
    lower = tuple(np.array(PAIRS).T)
    return Mechanisms(
        table,
        n_slip,
        slip,
        twin,
        _interaction(law, n, np.concatenate((slip, twin))),
        np.linalg.inv(D)[lower],
        D[lower],
        c,
        float(law.shear_modulus),
        law.elasticity is None,
    )


def _padded(n: int) -> int:
    return -(-n // 4) * 4


def _rows(families: tuple, schmid: np.ndarray, per: Callable, first: int) -> np.ndarray:
    """The table's rows of slip or of twin families, the first of which is row `first`."""
    of = [f for f in families for _ in f.direction]  # the family of each system
    rows = np.zeros((len(of), N_COLUMNS))
    P = np.einsum("aij,kij->ak", schmid, DEVIATORIC)
    W = np.einsum("aij,kij->ak", schmid, SKEW)
    amount = np.array([getattr(f, "shear", 1.0) for f in of])
    overstress = np.array([f.flow == "overstress" for f in of])
    # The source drives a twin by γ_t τ, the power law by τ.
    drive = np.where(overstress, amount, 1.0)
    rows[:, DRIVE : DRIVE + 5] = drive[:, None] * P
    rows[:, DRIVE_SKEW : DRIVE_SKEW + 3] = drive[:, None] * W
    rows[:, FLOW : FLOW + 5] = amount[:, None] * P
    rows[:, FLOW_SKEW : FLOW_SKEW + 3] = amount[:, None] * W
    for k, (i, j) in enumerate(PAIRS):
        rows[:, PRODUCT + k] = drive * amount * P[:, i] * P[:, j]
    rows[:, TAU], rows[:, EXPONENT] = per("tau_0"), 1.0 / per("rate_exponent")
    # A twin's own rate is that of its fraction; in the power law the rate given is of its shear.
    rows[:, RATE] = per("rate") * np.where(overstress, 1.0, 1.0 / amount)
    rows[:, HARDENING], rows[:, LATENT] = per("hardening"), per("latent")
    rows[:, OVERSTRESS], rows[:, AMOUNT] = overstress, amount
    rows[:, DRAG] = per("drag") * per("rate")
    start = 0
    for number, f in enumerate(families):
        own = slice(start, start + len(f.direction))
        start = own.stop
        rows[own, FAMILY] = number
        rows[own, FAMILY_START], rows[own, FAMILY_END] = first + own.start, first + own.stop
        if isinstance(f.strength, PowerStrength):
            s = f.strength
            rows[own, KIND : KIND + 4] = (
                POWER if s.saturates == "acting" else OWN_POWER,
                s.h_0,
                0.0 if np.isinf(s.g_inf) else 1 / s.g_inf,
                s.a,
            )
        elif isinstance(f.strength, VoceStrength):
            s = f.strength
            rows[own, KIND : KIND + 4] = VOCE, s.tau_1, s.theta_0, s.theta_1
    return rows


def _elasticity(law: CrystalLaw) -> tuple[np.ndarray, np.ndarray]:
    """Stiffness of deviators, *Shape* `(5, 5)`, and stress per volume strain, `(5,)`, GPa."""
    if law.elasticity is None:
        return 2.0 * law.shear_modulus * np.eye(5), np.zeros(5)
    C = law.elasticity.tensor()
    D = np.einsum("aij,ijkl,bkl->ab", DEVIATORIC, C, DEVIATORIC)
    return D, np.einsum("aij,ijkk->a", DEVIATORIC, C) / 3.0


def _interaction(law: CrystalLaw, n: int, rows: np.ndarray) -> np.ndarray:
    if not law.has_strengths:
        return np.zeros((0, 0))
    q = np.zeros((n, n))
    q[np.ix_(rows, rows)] = np.array(law.interaction) if law.interaction else 1.0
    return q
