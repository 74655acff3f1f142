# SPDX-License-Identifier: MIT
"""The hourglass force of one-point quadrilaterals, as `hourglass` has it for hexahedra."""

import numba
import numpy as np

# The pattern ξη on a quadrilateral's vertices in tensor-product order.
PATTERNS = np.array([[0.5, -0.5, -0.5, 0.5]])


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def plane_hourglass(u, dofs, slopes, gradients, q, before, stiffness, viscous, force):
    """Add the forces of the pattern of each cell in both directions; the work done against them.

    Args:
        slopes: Γ · X of each cell, `(n, 1, 3)`.
        q: hourglass displacements, `(n, 1, 3)`, in at the beginning, out at the end of the step.
        before, stiffness: at the beginning and the end, kN/mm, `(n,)`; `viscous` ones over q's
            change.
    """
    total = 0.0
    for c in range(dofs.shape[0]):
        k, s, g = stiffness[c], slopes[c, 0], gradients[c]
        for i in range(2):
            h = 0.0
            for a in range(4):
                gamma = PATTERNS[0, a] - s[0] * g[a, 0] - s[1] * g[a, 1]
                h += gamma * u[dofs[c, a], i]
            d = h - q[c, 0, i]
            if viscous:
                f = k * d
                total += f * d
            else:
                f = k * h
                total += 0.5 * (f + before[c] * q[c, 0, i]) * d
            q[c, 0, i] = h
            for a in range(4):
                gamma = PATTERNS[0, a] - s[0] * g[a, 0] - s[1] * g[a, 1]
                force[dofs[c, a], i] -= f * gamma
    return total
