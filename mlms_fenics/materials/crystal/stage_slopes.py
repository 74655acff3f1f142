# SPDX-License-Identifier: MIT
"""How an implicit stage's solution depends on its deformation and its base: its linear system.

A stage (`implicit_kernel`) is A = F B, B = B₀ (I + δL)⁻¹ with rates γ̇_a(τ_a, g_a), strengths
g(γ̇, base) and L = Σ γ̇_a Z_a. Unknown are the changes of the rates of the systems that flow, and of
their strengths; the right-hand sides are those of six directions at once.
"""

import numpy as np

from mlms_fenics.materials.crystal import mechanisms as mc
from mlms_fenics.materials.crystal.elastic_slopes import mandel, mandel_slope
from mlms_fenics.materials.crystal.hardening_slopes import hardening_slopes
from mlms_fenics.materials.crystal.small_matrices import (
    add,
    add_mirrors,
    contract,
    inverse,
    jit,
    mirrored,
    product,
    trace_of_product,
)

_STILL = 1e-12  # slip of a stage below which a system does not flow


@jit
def _rate_slopes(table, a, rate, g):
    """∂|γ̇|/∂|τ| and −∂|γ̇|/∂g of a system that flows."""
    exponent, tau_0 = table[a, mc.EXPONENT], table[a, mc.TAU]
    y = (abs(rate) / table[a, mc.RATE]) ** (1.0 / exponent)
    if table[a, mc.OVERSTRESS] > 0.0:
        slope = exponent * abs(rate) / (y * tau_0)
        return slope, slope
    drag = table[a, mc.DRAG]
    strength = tau_0 + g
    slope = exponent * abs(rate) / (y * strength + exponent * drag * y**exponent)
    return slope, slope * y


@jit
def stage_slopes(
    F, dF, base, d_base, e_base, de_base, dg_base, rates, g, h,
    table, n_slip, drives, flows, normals, interaction, G, isotropic, D, c,
    B, dB, e, de, dg,
):  # fmt: skip
    """B, amounts and the derivatives of B, amounts and strengths at the end of a stage.

    Args:
        F: at the stage, `dF` its derivatives, *Shape* `(6, 3, 3)`.
        base, d_base: B₀ likewise; e_base, de_base amounts `(n,)`, `(n, 6)`; dg_base `(n, 6)`.
        rates, g: the solution, *Shape* `(n,)`.
        h: length of the backward step, µs.
        table, n_slip, interaction, G, isotropic: of `mechanisms`; `D`, `c` the elasticity's
            tensors.
        drives, flows: of each system, τ = drive : M and L = γ̇ flow, *Shape* `(n, 3, 3)`.
        normals: of the twin systems' planes, *Shape* `(n - n_slip, 3)`.
        B, dB, e, de, dg: at the end, filled in.
    """
    n = len(rates)
    fractions = e_base[n_slip:]
    # One allocation for all matrices: they cost more than what is done with them.
    space = np.zeros((16, 3, 3))
    L_slip, L, work, shift, back = space[0], space[1], space[2], space[3], space[4]
    A, A_inverse, F_inverse, C, S, M = (
        space[5], space[6], space[7], space[8], space[9], space[10],
    )  # fmt: skip
    dA, dC, dS, dM, inner = space[11], space[12], space[13], space[14], space[15]
    for a in range(n_slip):
        add(rates[a], flows[a], L_slip)
    mirrored(fractions, normals, L_slip, L)
    for a in range(n_slip, n):
        add(rates[a], flows[a], L)
    shift[0, 0] = shift[1, 1] = shift[2, 2] = 1.0
    add(h, L, shift)
    inverse(shift, back)
    product(base, back, B)
    product(F, B, A)
    inverse(A, A_inverse)
    J = inverse(F, F_inverse)
    f = mandel(A, J, G, isotropic, D, c, C, S, M)

    by_rate, by_g, rest = np.empty((n, n)), np.empty((n, n)), np.empty((n, 6))
    hardening_slopes(
        table, n_slip, interaction, rates, g, e_base, de_base, dg_base, h, by_rate, by_g, rest
    )
    active = np.empty(n, np.int64)
    m = 0
    for a in range(n):
        if abs(rates[a]) * h > _STILL:
            active[m] = a
            m += 1
    numbers, tensors = np.empty((3, m)), np.empty((2, m, 3, 3))
    slopes, pulls, sign = numbers[0], numbers[1], numbers[2]
    seen, turned = tensors[0], tensors[1]
    for k in range(m):
        a = active[k]
        slopes[k], pulls[k] = _rate_slopes(table, a, rates[a], g[a])
        sign[k] = -1.0 if rates[a] < 0.0 else 1.0
        if a < n_slip:
            mirrored(fractions, normals, drives[a], seen[k])
            mirrored(fractions, normals, flows[a], turned[k])
        else:
            seen[k], turned[k] = drives[a], flows[a]

    # L's change that the twins of the base make, in each direction.
    changes = np.zeros((2, 6, 3, 3))
    dL, d_seen = changes[0], changes[1]  # the other: of the Mandel stress that slip sees
    for q in range(6 if n > n_slip else 0):
        change = de_base[n_slip:, q].copy()
        lost = 0.0
        for b in range(n - n_slip):
            lost += change[b]
        add(-lost, L_slip, dL[q])
        add_mirrors(change, normals, L_slip, dL[q])
        add(-lost, M, d_seen[q])
        add_mirrors(change, normals, M, d_seen[q])

    matrix, right = np.zeros((2 * m, 2 * m)), np.zeros((2 * m, 6))
    for k in range(m):
        # What the flow of one system alone does to the stress.
        product(A, turned[k], work)
        product(work, back, dA)
        for i in range(3):
            for j in range(3):
                dA[i, j] *= -h
        mandel_slope(A, A_inverse, f, C, S, dA, 0.0, G, isotropic, D, c, dC, dS, dM)
        for r in range(m):
            matrix[r, k] = -slopes[r] * contract(seen[r], dM)
        matrix[k, k] += 1.0
        matrix[k, m + k] = sign[k] * pulls[k]
        for r in range(m):
            matrix[m + r, k] = -by_rate[active[r], active[k]] * sign[k]
            matrix[m + r, m + k] = -by_g[active[r], active[k]]
        matrix[m + k, m + k] += 1.0
    for q in range(6):
        _elastic_change(F, dF[q], d_base[q], B, back, h, dL[q], inner, work, dA)
        dJ = J * trace_of_product(F_inverse, dF[q])
        mandel_slope(A, A_inverse, f, C, S, dA, dJ, G, isotropic, D, c, dC, dS, dM)
        for k in range(m):
            d_tau = contract(seen[k], dM)
            if active[k] < n_slip:
                d_tau += contract(drives[active[k]], d_seen[q])
            right[k, q] = slopes[k] * d_tau
            right[m + k, q] = rest[active[k], q]
    solution = np.linalg.solve(matrix, right) if m > 0 else right
    for a in range(n):
        is_slip = a < n_slip
        e[a] = e_base[a] + h * (abs(rates[a]) if is_slip else rates[a])
        for q in range(6):
            de[a, q], dg[a, q] = de_base[a, q], rest[a, q]
    for k in range(m):
        a = active[k]
        counted = sign[k] if a < n_slip else 1.0
        for q in range(6):
            de[a, q] += h * counted * solution[k, q]
            add(solution[k, q], turned[k], dL[q])
            for b in range(n):
                dg[b, q] += by_rate[b, a] * sign[k] * solution[k, q]
                dg[b, q] += by_g[b, a] * solution[m + k, q]
    # The strengths of the others depend on themselves, too.
    for k in range(m):
        by_g[active[k], active[k]] = 0.0
    for a in range(n):
        for q in range(6):
            dg[a, q] /= 1.0 - by_g[a, a]
    for q in range(6):
        product(B, dL[q], work)
        for i in range(3):
            for j in range(3):
                work[i, j] = d_base[q, i, j] - h * work[i, j]
        product(work, back, dB[q])


@jit
def _elastic_change(F, dF, d_base, B, back, h, dL, inner, work, dA):
    """dA = dF B + F (dB₀ − δ B dL)(I + δL)⁻¹; `inner` and `work` are scratch."""
    product(B, dL, inner)
    for i in range(3):
        for j in range(3):
            inner[i, j] = d_base[i, j] - h * inner[i, j]
    product(inner, back, work)
    product(F, work, dA)
    product(dF, B, work)
    add(1.0, work, dA)
