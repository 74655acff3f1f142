# SPDX-License-Identifier: MIT
"""Coefficients of the Runge-Kutta-Chebyshev method of second order, RKC2.

Explicit, with a stability interval on the negative real axis that grows as the square of the
number of stages: what a viscoplastic law needs, whose elastic stress relaxes (real, negative
eigenvalues) much faster than the strain path moves. Sommeijer, Shampine & Verwer, J. Comput. Appl.
Math. 88 (1998) 315, equations 2.3-2.7, damping ε = 2/13.
"""

import numpy as np

from mlms_fenics.errors import require

# Columns of the table: Y_j = (1 - μ - ν) Y_0 + μ Y_{j-1} + ν Y_{j-2} + h (μ̃ F_{j-1} + γ̃ F_0)
MU, NU, MU_TILDE, GAMMA_TILDE, TIME = range(5)


def chebyshev_table(stages: int) -> tuple[np.ndarray, float]:
    """Coefficients of the stages and the length of the stability interval.

    Args:
        stages: number of stages s ≥ 2, which is also that of evaluations per step.

    Returns:
        Table of *Shape* `(s + 1, 5)`, row j for stage j (row 0 unused), and β(s): a step h is
        stable where h times the spectral radius is below β(s) ≈ 0.653 (s² - 1).

    Raises:
        InputError: fewer than two stages.
    """
    require(stages >= 2, f"the number of stages must be at least 2, got {stages}")
    s = stages
    w0 = 1.0 + 2.0 / 13.0 / s**2
    T, dT, ddT = _chebyshev(s, w0)
    w1 = dT[s] / ddT[s]
    b = np.empty(s + 1)
    b[2:] = ddT[2:] / dT[2:] ** 2
    b[:2] = b[2]
    a = 1.0 - b * T
    table = np.zeros((s + 1, 5))
    table[1, MU_TILDE] = b[1] * w1
    for j in range(2, s + 1):
        table[j, MU] = 2.0 * b[j] * w0 / b[j - 1]
        table[j, NU] = -b[j] / b[j - 2]
        table[j, MU_TILDE] = 2.0 * b[j] * w1 / b[j - 1]
        table[j, GAMMA_TILDE] = -a[j - 1] * table[j, MU_TILDE]
        table[j, TIME] = dT[s] / ddT[s] * ddT[j] / dT[j]
    table[1, TIME] = table[1, MU_TILDE]
    return table, (w0 + 1.0) * ddT[s] / dT[s]


def _chebyshev(n: int, x: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chebyshev polynomials T_0..T_n at x and their first two derivatives."""
    T, dT, ddT = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    T[0], T[1], dT[1] = 1.0, x, 1.0
    for j in range(2, n + 1):
        T[j] = 2 * x * T[j - 1] - T[j - 2]
        dT[j] = 2 * T[j - 1] + 2 * x * dT[j - 1] - dT[j - 2]
        ddT[j] = 4 * dT[j - 1] + 2 * x * ddT[j - 1] - ddT[j - 2]
    return T, dT, ddT
