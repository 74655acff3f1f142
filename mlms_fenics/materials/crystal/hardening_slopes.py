# SPDX-License-Identifier: MIT
"""How the strengths at the end of an implicit stage depend on its rates and its beginning."""

import math

import numpy as np

from mlms_fenics.materials.crystal import mechanisms as mc
from mlms_fenics.materials.crystal.implicit_hardening import SATURATED
from mlms_fenics.materials.crystal.small_matrices import jit


@jit
def _rise(table, b, g):
    """h sign(y)|y|^a of y = 1 − g/g∞, and its derivative by g."""
    h, inverted, exponent = table[b, mc.P1], table[b, mc.P2], table[b, mc.P3]
    y = 1.0 - (table[b, mc.TAU] + g) * inverted
    far = max(abs(y), SATURATED)
    size = h * far ** (exponent - 1.0)
    return size * y, -inverted * size * (exponent if far > SATURATED else 1.0)


@jit
def hardening_slopes(
    table, n_slip, interaction, rates, g, e_base, de_base, dg_base, h, by_rate, by_g, rest
):
    """∂g = by_rate ∂|γ̇| + by_g ∂g + rest.

    Args:
        table, n_slip, interaction: of `mechanisms`; n systems.
        rates, g: signed rates and strengths (less τ_0) at the stage's end, *Shape* `(n,)`.
        e_base: amounts at its base; `de_base`, `dg_base` derivatives of them and of the strengths
            there, *Shape* `(n, 6)`.
        h: length of the stage's backward step, µs.
        by_rate, by_g: *Shape* `(n, n)`, `rest` `(n, 6)`, filled in.
    """
    n = len(rates)
    total, d_total = 0.0, rest[0].copy()
    d_total[:] = 0.0
    for b in range(n):
        amount = table[b, mc.AMOUNT]
        total += amount * (e_base[b] + h * abs(rates[b]))
        for q in range(6):
            d_total[q] += amount * de_base[b, q]
    # What a unit of each system's rate does to strengths, and its derivative by its own.
    acts, acts_by_g = np.ones(n), np.zeros(n)
    for b in range(n):
        acts[b] = table[b, mc.AMOUNT]
        if table[b, mc.KIND] == mc.SATURATING:
            acts[b] = 0.0
        elif table[b, mc.KIND] == mc.POWER:
            size, slope = _rise(table, b, g[b])
            acts_by_g[b] = acts[b] * abs(rates[b]) * slope
            acts[b] *= size
    for a in range(n):
        for b in range(n):
            by_rate[a, b] = by_g[a, b] = 0.0
        for q in range(6):
            rest[a, q] = 0.0
        kind = table[a, mc.KIND]
        if kind == mc.SATURATING:
            _saturating(table, n_slip, a, rates, e_base, de_base, h, by_rate, rest)
            continue
        source, factor, by_total, own = 0.0, 1.0, 0.0, 0.0
        for b in range(n):
            q = interaction[a, b]
            source += q * acts[b] * abs(rates[b])
            by_rate[a, b] = h * q * acts[b]
            by_g[a, b] = h * q * acts_by_g[b]
        if kind == mc.VOCE:
            tau_1, theta_0, theta_1 = table[a, mc.P1], table[a, mc.P2], table[a, mc.P3]
            k = theta_0 / tau_1
            e = math.exp(-k * total)
            factor = theta_1 * (1.0 - e) + (tau_1 + theta_1 * total) * k * e
            by_total = k * e * (2.0 * theta_1 - (tau_1 + theta_1 * total) * k)
        elif kind == mc.OWN_POWER:
            factor, own = _rise(table, a, g[a])
        for b in range(n):
            by_rate[a, b] = factor * by_rate[a, b] + (
                h * source * by_total * table[b, mc.AMOUNT] * h
            )
            by_g[a, b] *= factor
        by_g[a, a] += h * source * own
        for q in range(6):
            rest[a, q] = dg_base[a, q] + h * source * by_total * d_total[q]


@jit
def _saturating(table, n_slip, a, rates, e_base, de_base, h, by_rate, rest):
    """The source's hardening: of the own amount, and of the others' of the family."""
    latent, ratio = table[a, mc.LATENT], table[a, mc.RATIO]
    if a < n_slip:
        e = e_base[a] + h * abs(rates[a])
        own = table[a, mc.SATURATION] * ratio * math.exp(-ratio * e)
    else:
        latent, own = 2.0 * latent, table[a, mc.HARDENING]
    for b in range(int(table[a, mc.FAMILY_START]), int(table[a, mc.FAMILY_END])):
        by = own if b == a else latent
        by_rate[a, b] = h * by
        for q in range(6):
            rest[a, q] += by * de_base[b, q]
