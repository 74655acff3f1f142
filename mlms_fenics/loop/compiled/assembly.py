# SPDX-License-Identifier: MIT
"""The internal force in one loop over the elements, equal to dolfinx's assembly of it.

dolfinx computes each cell's geometry anew at every call; here it is read. On meshes where one point
is not exact, dolfinx takes eight points and this still takes one, with the cell's mean gradients.
"""

import numba


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def add_internal_force(P, points, gradients, volume, dofs, force):
    """Add −∫ P : ∇N_a to the nodal forces.

    Args:
        P: first Piola-Kirchhoff stress, GPa, `(n_rows, 3, 3)`.
        points: row of P of each point, `(n_points,)`; the points of a cell are together.
        gradients: ∇N_a, 1/mm, `(n_points, n, 3)`.
        volume: of each point, mm³, `(n_points,)`.
        dofs: nodes of each cell, `(n_cells, n)`.
        force: kN, `(n_nodes, 3)`, added to.
    """
    if dofs.shape[0] == 0:
        return
    per_cell = points.shape[0] // dofs.shape[0]
    for c in range(dofs.shape[0]):
        for p in range(c * per_cell, (c + 1) * per_cell):
            r, w = points[p], volume[p]
            p00, p01, p02 = w * P[r, 0, 0], w * P[r, 0, 1], w * P[r, 0, 2]
            p10, p11, p12 = w * P[r, 1, 0], w * P[r, 1, 1], w * P[r, 1, 2]
            p20, p21, p22 = w * P[r, 2, 0], w * P[r, 2, 1], w * P[r, 2, 2]
            for a in range(dofs.shape[1]):
                node = dofs[c, a]
                gx, gy, gz = gradients[p, a, 0], gradients[p, a, 1], gradients[p, a, 2]
                force[node, 0] -= p00 * gx + p01 * gy + p02 * gz
                force[node, 1] -= p10 * gx + p11 * gy + p12 * gz
                force[node, 2] -= p20 * gx + p21 * gy + p22 * gz
