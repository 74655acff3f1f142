# SPDX-License-Identifier: MIT
"""Newton's step of the stress and of the strengths, for a block of lanes."""

import math

import numba

from mlms_fenics.kinematics.vector_math import COMPILE
from mlms_fenics.materials.crystal import mechanisms as mc
from mlms_fenics.materials.crystal.implicit_flow import resolve
from mlms_fenics.materials.crystal.implicit_rows import (
    CAP,
    CAPS,
    CHANGE,
    DG,
    DTAU,
    DX,
    FLOW,
    G0,
    LACKING,
    LANDED,
    MATRIX,
    MISFIT,
    MISS,
    PULL,
    RATE,
    RESIDUAL,
    RISE,
    SHARE,
    SKEW,
    SLOPE,
    STARTED,
    STEP,
    STIFF,
    SYSTEMS,
    TAKEN,
    TAU,
    TURN,
    WORK,
    X0,
    G,
    X,
)
from mlms_fenics.materials.crystal.implicit_stress import at, turn
from mlms_fenics.materials.crystal.kernel import L, u

_ASLEEP = math.log(1e-6)  # of the rate at CAP: what flows slower does not matter


@numba.njit(**COMPILE)
def _add_four(w, table, a, source, target, column, count):
    """Add what four systems give, rows from `source` on times `column`s of the table, to `target`.

    Four at a time, as the sums' loads and stores would cost more than the arithmetic.
    """
    r, o = u(source * L), u(L)
    for k in range(count):
        d = u((target + k) * L)
        f0, f1 = table[a, column + k], table[a + 1, column + k]
        f2, f3 = table[a + 2, column + k], table[a + 3, column + k]
        for l in range(u(L)):
            w[d + l] += (
                f0 * w[r + l]
                + f1 * w[r + o + l]
                + f2 * w[r + o + o + l]
                + f3 * w[r + o + o + o + l]
            )


@numba.njit(**COMPILE)
def gather(w, table, first, last, n):
    """Add the systems `first` to `last`, a multiple of four, to FLOW, MATRIX and RESIDUAL."""
    for a in range(first, last, 4):
        k = SYSTEMS + a
        _add_four(w, table, a, k + RATE * n, FLOW, mc.FLOW, 8)
        _add_four(w, table, a, k + STIFF * n, MATRIX, mc.PRODUCT, 15)
        _add_four(w, table, a, k + PULL * n, RESIDUAL, mc.FLOW, 5)


@numba.njit(**COMPILE)
def newton(w, compliance, floor):
    """The residual, the next step in X0 and DX; leaves the matrix's Cholesky factor."""
    m = u(L)
    misfit, share, rh = u(MISFIT * L), u(SHARE * L), u(STEP * L)
    for l in range(m):
        w[misfit + l] = 1e300 if w[share + l] < 1.0 else 0.0
    for i in range(5):
        x, y, d = u((X + i) * L), u((WORK + 7 + i) * L), u((WORK + i) * L)
        for l in range(m):
            w[d + l] = w[x + l] - w[y + l]
            w[misfit + l] += w[d + l] * w[d + l]
    for i in range(5):
        r = u((RESIDUAL + i) * L)
        for j in range(5):
            c = compliance[at(i, j)]
            if c != 0.0:
                d = u((WORK + j) * L)
                for l in range(m):
                    w[r + l] += c * w[d + l]
            if j <= i:
                a = u((MATRIX + at(i, j)) * L)
                for l in range(m):
                    w[a + l] += c
        f = u((FLOW + i) * L)
        for l in range(m):
            w[r + l] += (1.0 - w[share + l]) * w[rh + l] * w[f + l]
    # Slope of the residual along the step that led here.
    slope = u((WORK + 5) * L)
    for l in range(m):
        w[slope + l] = 0.0
    for i in range(5):
        r, d = u((RESIDUAL + i) * L), u((DX + i) * L)
        for l in range(m):
            w[slope + l] += w[r + l] * w[d + l]
    a = MATRIX * L
    a0, a1, a2, a3, a4 = u(a), u(a + L), u(a + 2 * L), u(a + 3 * L), u(a + 4 * L)
    a5, a6, a7, a8, a9 = u(a + 5 * L), u(a + 6 * L), u(a + 7 * L), u(a + 8 * L), u(a + 9 * L)
    b0, b1, b2 = u(a + 10 * L), u(a + 11 * L), u(a + 12 * L)
    b3, b4 = u(a + 13 * L), u(a + 14 * L)
    for l in range(m):
        l00 = 1.0 / math.sqrt(w[a0 + l])
        l10, l20 = w[a1 + l] * l00, w[a3 + l] * l00
        l30, l40 = w[a6 + l] * l00, w[b0 + l] * l00
        l11 = 1.0 / math.sqrt(w[a2 + l] - l10 * l10)
        l21 = (w[a4 + l] - l20 * l10) * l11
        l31 = (w[a7 + l] - l30 * l10) * l11
        l41 = (w[b1 + l] - l40 * l10) * l11
        l22 = 1.0 / math.sqrt(w[a5 + l] - l20 * l20 - l21 * l21)
        l32 = (w[a8 + l] - l30 * l20 - l31 * l21) * l22
        l42 = (w[b2 + l] - l40 * l20 - l41 * l21) * l22
        l33 = 1.0 / math.sqrt(w[a9 + l] - l30 * l30 - l31 * l31 - l32 * l32)
        l43 = (w[b3 + l] - l40 * l30 - l41 * l31 - l42 * l32) * l33
        l44 = 1.0 / math.sqrt(w[b4 + l] - l40 * l40 - l41 * l41 - l42 * l42 - l43 * l43)
        # The factor, with the inverse of its diagonal, takes the matrix's place.
        w[a0 + l], w[a1 + l], w[a2 + l], w[a3 + l], w[a4 + l] = l00, l10, l11, l20, l21
        w[a5 + l], w[a6 + l], w[a7 + l], w[a8 + l], w[a9 + l] = l22, l30, l31, l32, l33
        w[b0 + l], w[b1 + l], w[b2 + l], w[b3 + l], w[b4 + l] = l40, l41, l42, l43, l44
    r = RESIDUAL * L
    r0, r1, r2, r3, r4 = u(r), u(r + L), u(r + 2 * L), u(r + 3 * L), u(r + 4 * L)
    n = (WORK + 7) * L
    n0, n1, n2, n3, n4 = u(n), u(n + L), u(n + 2 * L), u(n + 3 * L), u(n + 4 * L)
    for l in range(m):
        y0 = -w[r0 + l] * w[a0 + l]
        y1 = (-w[r1 + l] - w[a1 + l] * y0) * w[a2 + l]
        y2 = (-w[r2 + l] - w[a3 + l] * y0 - w[a4 + l] * y1) * w[a5 + l]
        y3 = (-w[r3 + l] - w[a6 + l] * y0 - w[a7 + l] * y1 - w[a8 + l] * y2) * w[a9 + l]
        y4 = -w[r4 + l] - w[b0 + l] * y0 - w[b1 + l] * y1 - w[b2 + l] * y2 - w[b3 + l] * y3
        z4 = y4 * w[b4 + l] * w[b4 + l]
        z3 = (y3 - w[b3 + l] * z4) * w[a9 + l]
        z2 = (y2 - w[b2 + l] * z4 - w[a8 + l] * z3) * w[a5 + l]
        z1 = (y1 - w[b1 + l] * z4 - w[a7 + l] * z3 - w[a4 + l] * z2) * w[a2 + l]
        z0 = (y0 - w[b0 + l] * z4 - w[a6 + l] * z3 - w[a3 + l] * z2 - w[a1 + l] * z1) * w[a0 + l]
        w[n0 + l], w[n1 + l], w[n2 + l], w[n3 + l], w[n4 + l] = z0, z1, z2, z3, z4
    before, started, taken = u(SLOPE * L), u(STARTED * L), u(TAKEN * L)
    landed = u(LANDED * L)
    size, new_slope, again = u((WORK + 12) * L), u((WORK + 13) * L), u((WORK + 14) * L)
    for l in range(m):
        w[size + l] = 0.0
        w[new_slope + l] = 0.0
        old, now, t = abs(w[before + l]), w[slope + l], w[taken + l]
        over = now > 0.5 * old
        over = over if t > 0.01 else False
        # A step that was cut so as to end on the yield surface has not overshot.
        over = over if (w[started + l] > 0.0 and w[landed + l] == 0.0) else False
        share = old / (old + max(now, 0.0) + 1e-300)
        share = min(0.5, max(0.1, share))
        w[again + l] = 1.0 if over else 0.0
        w[taken + l] = t * share if over else 1.0
        w[started + l] = 1.0
    for i in range(5):
        x0, dx, x = u((X0 + i) * L), u((DX + i) * L), u((X + i) * L)
        z, r = u((WORK + 7 + i) * L), u((RESIDUAL + i) * L)
        for l in range(m):
            again_l, old_x0, old_dx, here, step = (
                w[again + l], w[x0 + l], w[dx + l], w[x + l], w[z + l],
            )  # fmt: skip
            w[size + l] += here * here
            w[new_slope + l] += w[r + l] * step
            w[x0 + l] = old_x0 if again_l > 0.0 else here
            w[dx + l] = old_dx if again_l > 0.0 else step
    for l in range(m):
        old, new = w[before + l], w[new_slope + l]
        w[before + l] = old if w[again + l] > 0.0 else new
        w[misfit + l] = math.sqrt(w[misfit + l] / max(w[size + l], floor * floor))


@numba.njit(**COMPILE)
def follow(w, table, n_slip, n, twins, interaction, G_modulus, floor):
    """The strengths' step that goes with the stress's, and how much of both is taken.

    No system is loaded beyond its rate at CAP, where no solution lies: what would be an elastic
    jump far outside of the yield surface ends on it. Leaves by how much the stress will miss a
    solution after a step that is taken whole, LACKING, the slips' change, PULL, and that of δ L,
    CHANGE: where little is lacking the stage can end with them.
    """
    m = u(L)
    stress = DX
    if twins:
        turn(w, DX, WORK, TURN, 5)
        stress = WORK
    # The skew part is not known ahead: its rows here are zero.
    resolve(w, table, 0, n_slip, n, stress, SKEW, True, DTAU)
    resolve(w, table, n_slip, n, n, DX, SKEW, True, DTAU)
    again, rh, cap = u((WORK + 14) * L), u(STEP * L), u(CAP * L)
    most, lacking = u((WORK + 15) * L), u(LACKING * L)
    slipped, rising, least = u((WORK + 16) * L), u((WORK + 17) * L), u((WORK + 18) * L)
    whole = u((WORK + 19) * L)
    cross = 1.0  # what slip does to others' strengths, relative to what it does to its own
    for a in range(interaction.shape[0]):
        for b in range(n):
            cross = max(cross, interaction[a, b] / max(interaction[a, a], 1e-300))
    for l in range(m):
        w[most + l] = w[whole + l] = 1.0
        w[least + l] = 1e300
        w[lacking + l] = w[slipped + l] = w[rising + l] = 0.0
    for a in range(n):
        k = SYSTEMS + a
        g, g0, dg = u((k + G * n) * L), u((k + G0 * n) * L), u((k + DG * n) * L)
        dtau, tau = u((k + DTAU * n) * L), u((k + TAU * n) * L)
        rate, caps = u((k + RATE * n) * L), u((CAPS + int(table[a, mc.FAMILY])) * L)
        pull, stiff = u((k + PULL * n) * L), u((k + STIFF * n) * L)
        rise, miss = u((k + RISE * n) * L), u((k + MISS * n) * L)
        amount, tau_0 = table[a, mc.AMOUNT], table[a, mc.TAU]
        latent = 2.0 * table[a, mc.LATENT]
        is_slip = a < n_slip
        for l in range(m):
            h, r = w[rh + l], w[rate + l]
            moved = w[stiff + l] * w[dtau + l]
            moved = -moved if (is_slip and r < 0.0) else moved
            moved += w[pull + l]
            # No rate changes its sign, or grows beyond the cap.
            moved = max(moved, -h * abs(r))
            moved = min(moved, h * w[cap + l] / amount)
            w[pull + l] = -moved if (is_slip and r < 0.0) else moved
            # The next term of a power's series.
            w[lacking + l] += amount * moved * moved / (h * abs(r) + 1e-300)
            w[slipped + l] += abs(moved)
            step = w[miss + l] + w[rise + l] * moved
            strength = tau_0 + w[g + l]
            w[rising + l] = max(w[rising + l], w[rise + l], latent)
            w[least + l] = min(w[least + l], strength)
            step = max(min(step, strength), -0.5 * strength)
            old_g0, old_dg, here = w[g0 + l], w[dg + l], w[g + l]
            w[g0 + l] = old_g0 if w[again + l] > 0.0 else here
            w[dg + l] = old_dg if w[again + l] > 0.0 else step
        over = table[a, mc.OVERSTRESS]
        rest, asleep = 1.0 - over, math.exp(_ASLEEP / table[a, mc.EXPONENT])
        for l in range(m):
            h, r, moved = w[rh + l], abs(w[rate + l]), abs(w[pull + l])
            most_stress = w[caps + l] * (tau_0 + rest * w[g + l]) * asleep + over * w[g + l]
            before = w[lacking + l]
            lack = before if moved < 0.5 * h * r else 1e300  # nor where both are zero
            lack = lack if amount * (h * r + moved) <= h * w[cap + l] else 1e300
            w[lacking + l] = before if abs(w[tau + l]) + abs(w[dtau + l]) <= most_stress else lack
        if table[a, mc.DRAG] > 0.0:
            continue
        for l in range(m):
            limit = w[caps + l] * (tau_0 + rest * w[g + l]) + over * w[g + l]
            change = w[dtau + l]
            room = limit - w[tau + l] if change > 0.0 else limit + w[tau + l]
            room = room if (is_slip or change > 0.0) else 1e300
            # The smallest share room/change; compared without dividing, which takes long.
            change = abs(change)
            nearer = room * w[whole + l] < w[most + l] * change
            nearer = nearer if room > 0.0 else False
            old_most, old_whole = w[most + l], w[whole + l]
            w[most + l] = room if nearer else old_most
            w[whole + l] = change if nearer else old_whole
    taken, landed = u(TAKEN * L), u(LANDED * L)
    for l in range(m):
        t, cut = w[taken + l], w[most + l] / w[whole + l]
        halved = w[again + l] > 0.0
        w[taken + l] = t if halved else max(cut, 1e-3)
        w[landed + l] = 1.0 if (cut < 1.0 and not halved) else 0.0
    size, misfit, share = u((WORK + 12) * L), u(MISFIT * L), u(SHARE * L)
    for l in range(m):
        relative = 2.0 * G_modulus / math.sqrt(max(w[size + l], floor * floor))
        lost = relative * w[lacking + l] + cross * w[slipped + l] * w[rising + l] / w[least + l]
        # Newton's matrix is that of small strains.
        lost += w[cap + l] * w[rh + l] * w[misfit + l]
        lost = lost if w[share + l] == 1.0 else 1e300
        lost = lost if w[again + l] == 0.0 else 1e300
        w[lacking + l] = lost if w[taken + l] == 1.0 else 1e300
    for i in range(5):
        x0, dx, x = u((X0 + i) * L), u((DX + i) * L), u((X + i) * L)
        for l in range(m):
            w[x + l] = w[x0 + l] + w[taken + l] * w[dx + l]
    for k in range(CHANGE, CHANGE + 8):
        d = u(k * L)
        for l in range(m):
            w[d + l] = 0.0
    if not twins:
        for a in range(0, n, 4):
            _add_four(w, table, a, SYSTEMS + PULL * n + a, CHANGE, mc.FLOW, 8)


@numba.njit(**COMPILE)
def sign_pulls(w, n_slip, n):
    """Give a slip system's PULL the sign of its slip, or take it away again."""
    for a in range(n_slip):
        pull, rate = u((SYSTEMS + PULL * n + a) * L), u((SYSTEMS + RATE * n + a) * L)
        for l in range(u(L)):
            p = w[pull + l]
            w[pull + l] = -p if w[rate + l] < 0.0 else p
