# SPDX-License-Identifier: MIT
"""One Newton iteration of an implicit stage, for a block of lanes.

A stage finds the stress x (deviatoric part of the Mandel stress, five components) with which

    A = F B,  B = B₀ (I + δ L(x))⁻¹,  x = dev M(AᵀA):

slip rates follow from x and the strengths g, the strengths from the slip rates. Newton's matrix is
the small-strain one, D⁻¹ + δ Σ ∂γ̇/∂τ P⊗P, symmetric and positive definite; the residual is exact.
The strengths are unknowns of their own: what a system does to its own strength is eliminated from
the iteration, what it does to others is taken from the last iterate. A step that overshoots is
shortened, by the secant of the residual along it, as the flow is the gradient of a convex
potential. Above the rate that would slip six times the step's strain, which no solution has, the
flow is continued by its tangent.

Rows and lanes as in `mlms_fenics.materials.crystal.kernel`; a system's own rows come last.
"""

import numba

from mlms_fenics.kinematics.vector_math import COMPILE
from mlms_fenics.materials.crystal.implicit_flow import flow, resolve
from mlms_fenics.materials.crystal.implicit_hardening import harden
from mlms_fenics.materials.crystal.implicit_newton import follow, gather, newton, sign_pulls
from mlms_fenics.materials.crystal.implicit_rows import (
    FLOW,
    RESIDUAL,
    SEEN,
    SEEN_SKEW,
    SKEW,
    TAU,
    TURN,
    TURN_SKEW,
    X,
)
from mlms_fenics.materials.crystal.implicit_stress import deform, mandel, turn, turn_sums
from mlms_fenics.materials.crystal.kernel import L, u


@numba.njit(**COMPILE)
def iterate(
    w, table, n_slip, interaction, compliance, stiffness, coupling, G_modulus, isotropic,
    detwinning, floor,
):  # fmt: skip
    """One Newton iteration of every lane.

    Leaves behind the rates RATE, the strengths they lead to (G + MISS), INVERSE and ELASTIC, all of
    the stress before the step, and how far that is from a solution: MISFIT (of the stress, relative
    to itself or `floor`) and HARDENING_MISFIT (of the strengths, weighted by their share of the
    slip).
    """
    n = table.shape[0]
    twins = n > n_slip
    m = u(L)
    for k in range(FLOW, RESIDUAL + 5):
        d = u(k * L)
        for l in range(m):
            w[d + l] = 0.0
    if twins:
        turn(w, X, SEEN, TURN, 5)
        if not isotropic:
            turn(w, SKEW, SEEN_SKEW, TURN_SKEW, 3)
        resolve(w, table, 0, n_slip, n, SEEN, SEEN_SKEW, isotropic, TAU)
        resolve(w, table, n_slip, n, n, X, SKEW, isotropic, TAU)
    else:
        resolve(w, table, 0, n_slip, n, X, SKEW, isotropic, TAU)
    flow(w, table, n_slip, n, detwinning)
    harden(w, table, n_slip, n, interaction)
    sign_pulls(w, n_slip, n)
    gather(w, table, 0, n_slip, n)
    if twins:
        turn_sums(w)
        gather(w, table, n_slip, n, n)
    deform(w)
    mandel(w, G_modulus, stiffness, coupling, isotropic)
    newton(w, compliance, floor)
    sign_pulls(w, n_slip, n)
    follow(w, table, n_slip, n, twins, interaction, G_modulus, floor)
