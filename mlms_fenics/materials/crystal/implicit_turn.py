# SPDX-License-Identifier: MIT
"""What twins make of the tensors of a lane: scalar code."""

import numba

from mlms_fenics.kinematics.vector_math import COMPILE
from mlms_fenics.materials.crystal import implicit_rows as rows
from mlms_fenics.materials.crystal import mechanisms as mc
from mlms_fenics.materials.crystal.implicit_rows import S6, H
from mlms_fenics.materials.crystal.kernel import L


@numba.njit(**COMPILE)
def set_turn(w, l, table, n_slip):
    """T = (1 - Σλ) I + Σ λ_β R_β · R_β for symmetric deviators and for skew tensors."""
    total, n = 0.0, table.shape[0]
    for k in range(15):
        w[(rows.TURN + k) * L + l] = 0.0
    for k in range(6):
        w[(rows.TURN_SKEW + k) * L + l] = 0.0
    for b in range(n_slip, table.shape[0]):
        c = w[(rows.SYSTEMS + rows.AMOUNT0 * n + b) * L + l]
        if c == 0.0:
            continue
        total += c
        x, y, z = table[b, mc.NORMAL], table[b, mc.NORMAL + 1], table[b, mc.NORMAL + 2]
        r00, r11, r22 = 1.0 - 2.0 * x * x, 1.0 - 2.0 * y * y, 1.0 - 2.0 * z * z
        r01, r12, r02 = -2.0 * x * y, -2.0 * y * z, -2.0 * x * z
        row = 0
        for i in range(5):
            # R E_i R of the basis matrix E_i
            e00 = H if i == 0 else (-S6 if i == 1 else 0.0)
            e11 = -H if i == 0 else (-S6 if i == 1 else 0.0)
            e22 = 2.0 * S6 if i == 1 else 0.0
            e01 = H if i == 2 else 0.0
            e12 = H if i == 3 else 0.0
            e02 = H if i == 4 else 0.0
            p00 = r00 * e00 + r01 * e01 + r02 * e02
            p01 = r00 * e01 + r01 * e11 + r02 * e12
            p02 = r00 * e02 + r01 * e12 + r02 * e22
            p10 = r01 * e00 + r11 * e01 + r12 * e02
            p11 = r01 * e01 + r11 * e11 + r12 * e12
            p12 = r01 * e02 + r11 * e12 + r12 * e22
            p20 = r02 * e00 + r12 * e01 + r22 * e02
            p21 = r02 * e01 + r12 * e11 + r22 * e12
            p22 = r02 * e02 + r12 * e12 + r22 * e22
            q00 = p00 * r00 + p01 * r01 + p02 * r02
            q11 = p10 * r01 + p11 * r11 + p12 * r12
            q22 = p20 * r02 + p21 * r12 + p22 * r22
            q01 = p00 * r01 + p01 * r11 + p02 * r12
            q12 = p10 * r02 + p11 * r12 + p12 * r22
            q02 = p00 * r02 + p01 * r12 + p02 * r22
            for j in range(i + 1):
                if j == 0:
                    v = H * (q00 - q11)
                elif j == 1:
                    v = S6 * (2.0 * q22 - q00 - q11)
                elif j == 2:
                    v = 2.0 * H * q01
                elif j == 3:
                    v = 2.0 * H * q12
                else:
                    v = 2.0 * H * q02
                w[(rows.TURN + row) * L + l] += c * v
                row += 1
        # Skew tensors by their axes (23, 13, 12: x, -y, z), which a mirror turns about its normal.
        a0, a1, a2 = z, x, -y
        w[rows.TURN_SKEW * L + l] += c * (2.0 * a0 * a0 - 1.0)
        w[(rows.TURN_SKEW + 1) * L + l] += c * 2.0 * a1 * a0
        w[(rows.TURN_SKEW + 2) * L + l] += c * (2.0 * a1 * a1 - 1.0)
        w[(rows.TURN_SKEW + 3) * L + l] += c * 2.0 * a2 * a0
        w[(rows.TURN_SKEW + 4) * L + l] += c * 2.0 * a2 * a1
        w[(rows.TURN_SKEW + 5) * L + l] += c * (2.0 * a2 * a2 - 1.0)
    for k in (0, 2, 5, 9, 14):
        w[(rows.TURN + k) * L + l] += 1.0 - total
    for k in (0, 2, 5):
        w[(rows.TURN_SKEW + k) * L + l] += 1.0 - total
