# SPDX-License-Identifier: MIT
"""The hourglass forces of one-point hexahedra, and how stiff the modes of cells are."""

from math import sqrt

import numba

# Deviatoric strain below which the secant modulus is taken as elastic.
ELASTIC_STRAIN = 1.0e-3


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def hourglass_forces(
    u, dofs, slopes, gradients, q, stiffness, F, sigma, scale, shear, secant, viscous, dt, force,
):  # fmt: skip
    """Add the forces; the work done against them.

    With γ_m = Γ_m − Σ_i (Γ_m · X_i) ∇_i N, all by sums of ±: Γ_m · u less H s_m, H = F − I.
    """
    n = 1.0 / sqrt(8.0)
    total = 0.0
    for c in range(dofs.shape[0]):
        k = _modulus(F[c], sigma[c], scale[c], shear[c], secant, viscous, dt)
        before = stiffness[c]
        stiffness[c] = k
        n0, n1, n2, n3 = dofs[c, 0], dofs[c, 1], dofs[c, 2], dofs[c, 3]
        n4, n5, n6, n7 = dofs[c, 4], dofs[c, 5], dofs[c, 6], dofs[c, 7]
        s, g = slopes[c], gradients[c]
        for i in range(3):
            hx, hy, hz = F[c, i, 0], F[c, i, 1], F[c, i, 2]
            if i == 0:
                hx -= 1.0
            elif i == 1:
                hy -= 1.0
            else:
                hz -= 1.0
            sum01, odd01 = u[n1, i] + u[n0, i], u[n1, i] - u[n0, i]
            sum23, odd23 = u[n3, i] + u[n2, i], u[n3, i] - u[n2, i]
            sum45, odd45 = u[n5, i] + u[n4, i], u[n5, i] - u[n4, i]
            sum67, odd67 = u[n7, i] + u[n6, i], u[n7, i] - u[n6, i]
            h0 = n * (sum01 - sum23 - sum45 + sum67) - s[0, 0] * hx - s[0, 1] * hy - s[0, 2] * hz
            h1 = n * (odd45 + odd67 - odd01 - odd23) - s[1, 0] * hx - s[1, 1] * hy - s[1, 2] * hz
            h2 = n * (odd23 + odd67 - odd01 - odd45) - s[2, 0] * hx - s[2, 1] * hy - s[2, 2] * hz
            h3 = n * (odd01 + odd67 - odd23 - odd45) - s[3, 0] * hx - s[3, 1] * hy - s[3, 2] * hz
            o0, o1, o2, o3 = q[c, 0, i], q[c, 1, i], q[c, 2, i], q[c, 3, i]
            d0, d1, d2, d3 = h0 - o0, h1 - o1, h2 - o2, h3 - o3
            if viscous:
                f0, f1, f2, f3 = k * d0, k * d1, k * d2, k * d3
                total += f0 * d0 + f1 * d1 + f2 * d2 + f3 * d3
            else:
                f0, f1, f2, f3 = k * h0, k * h1, k * h2, k * h3
                total += 0.5 * (
                    (f0 + before * o0) * d0 + (f1 + before * o1) * d1
                    + (f2 + before * o2) * d2 + (f3 + before * o3) * d3
                )  # fmt: skip
            q[c, 0, i], q[c, 1, i], q[c, 2, i], q[c, 3, i] = h0, h1, h2, h3
            px = f0 * s[0, 0] + f1 * s[1, 0] + f2 * s[2, 0] + f3 * s[3, 0]
            py = f0 * s[0, 1] + f1 * s[1, 1] + f2 * s[2, 1] + f3 * s[3, 1]
            pz = f0 * s[0, 2] + f1 * s[1, 2] + f2 * s[2, 2] + f3 * s[3, 2]
            f0, f1, f2, f3 = n * f0, n * f1, n * f2, n * f3
            e01, e23, e45, e67 = f3 - f1 - f2, f2 - f1 - f3, f1 - f2 - f3, f1 + f2 + f3
            force[n0, i] += px * g[0, 0] + py * g[0, 1] + pz * g[0, 2] - f0 + e01
            force[n1, i] += px * g[1, 0] + py * g[1, 1] + pz * g[1, 2] - f0 - e01
            force[n2, i] += px * g[2, 0] + py * g[2, 1] + pz * g[2, 2] + f0 + e23
            force[n3, i] += px * g[3, 0] + py * g[3, 1] + pz * g[3, 2] + f0 - e23
            force[n4, i] += px * g[4, 0] + py * g[4, 1] + pz * g[4, 2] + f0 + e45
            force[n5, i] += px * g[5, 0] + py * g[5, 1] + pz * g[5, 2] + f0 - e45
            force[n6, i] += px * g[6, 0] + py * g[6, 1] + pz * g[6, 2] - f0 + e67
            force[n7, i] += px * g[7, 0] + py * g[7, 1] + pz * g[7, 2] - f0 - e67
    return total


@numba.njit(cache=True, error_model="numpy", inline="always")
def _secant_ratio(F, sigma, shear):
    """Secant over elastic shear modulus, in (0, 1]."""
    b00 = F[0, 0] * F[0, 0] + F[0, 1] * F[0, 1] + F[0, 2] * F[0, 2]
    b11 = F[1, 0] * F[1, 0] + F[1, 1] * F[1, 1] + F[1, 2] * F[1, 2]
    b22 = F[2, 0] * F[2, 0] + F[2, 1] * F[2, 1] + F[2, 2] * F[2, 2]
    b01 = F[0, 0] * F[1, 0] + F[0, 1] * F[1, 1] + F[0, 2] * F[1, 2]
    b12 = F[1, 0] * F[2, 0] + F[1, 1] * F[2, 1] + F[1, 2] * F[2, 2]
    b02 = F[0, 0] * F[2, 0] + F[0, 1] * F[2, 1] + F[0, 2] * F[2, 2]
    mean = (b00 + b11 + b22) / 3.0
    pressure = (sigma[0, 0] + sigma[1, 1] + sigma[2, 2]) / 3.0
    # dev b / (2 mean b): the small-strain deviator, and never much above one.
    b = (b00 - mean) ** 2 + (b11 - mean) ** 2 + (b22 - mean) ** 2
    strain = 0.5 / mean * sqrt(b + 2.0 * (b01 * b01 + b12 * b12 + b02 * b02))
    s = (
        (sigma[0, 0] - pressure) ** 2 + (sigma[1, 1] - pressure) ** 2
        + (sigma[2, 2] - pressure) ** 2
        + 2.0 * (sigma[0, 1] ** 2 + sigma[1, 2] ** 2 + sigma[0, 2] ** 2)
    )  # fmt: skip
    floor = 2.0 * shear * ELASTIC_STRAIN
    return min(1.0, (sqrt(s) + floor) / (2.0 * shear * strain + floor))


@numba.njit(cache=True, error_model="numpy", inline="always")
def _modulus(F, sigma, scale, shear, secant, viscous, dt):
    """Stiffness of a cell's hourglass modes, kN/mm; of their change if viscous."""
    if secant:
        return scale * _secant_ratio(F, sigma, shear)
    if viscous:
        return scale / dt if dt > 0.0 else 0.0
    return scale


@numba.njit(cache=True, error_model="numpy")
def moduli_of_modes(F, sigma, scale, shear, secant, viscous, dt, stiffness):
    """Stiffness of the modes of each cell into `stiffness`, `(n_cells,)`."""
    for c in range(stiffness.shape[0]):
        stiffness[c] = _modulus(F[c], sigma[c], scale[c], shear[c], secant, viscous, dt)
