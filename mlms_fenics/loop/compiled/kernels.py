# SPDX-License-Identifier: MIT
"""Compiled element loops of the explicit step.

Arrays of one rank: nodes are owned first, then ghosts; cells are owned cells only, so that each
counts once over all ranks; points are those of the cells in turn. Nothing here allocates.
"""

from math import sqrt

import numba
import numpy as np

# All of fast-math but for the assumption that NaN and infinity do not occur: they are looked for.
_jit = numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
# Comparing with it finds NaN, too; math.isfinite takes a difference that these flags optimise away.
HUGE = 1.0e300


@_jit
def deformation(u, dofs, gradients, F):
    """F = I + Σ u_a ⊗ ∇N_a at the points of each cell; returns the smallest det F and its cell.

    Args:
        u: nodal displacements, `(n_nodes, 3)`.
        dofs: nodes of each cell, `(n_cells, n)`.
        gradients: reference shape-function gradients, `(n_points, n, 3)`; all cells have equally
            many points, those of a cell together.
        F: result, `(n_points, 3, 3)`.
    """
    smallest, where = np.inf, -1
    if dofs.shape[0] == 0:
        return smallest, where
    per_cell = F.shape[0] // dofs.shape[0]
    for c in range(dofs.shape[0]):
        for p in range(c * per_cell, (c + 1) * per_cell):
            f00, f01, f02 = 1.0, 0.0, 0.0
            f10, f11, f12 = 0.0, 1.0, 0.0
            f20, f21, f22 = 0.0, 0.0, 1.0
            for a in range(dofs.shape[1]):
                node = dofs[c, a]
                gx, gy, gz = gradients[p, a, 0], gradients[p, a, 1], gradients[p, a, 2]
                ux, uy, uz = u[node, 0], u[node, 1], u[node, 2]
                f00 += ux * gx
                f01 += ux * gy
                f02 += ux * gz
                f10 += uy * gx
                f11 += uy * gy
                f12 += uy * gz
                f20 += uz * gx
                f21 += uz * gy
                f22 += uz * gz
            F[p, 0, 0], F[p, 0, 1], F[p, 0, 2] = f00, f01, f02
            F[p, 1, 0], F[p, 1, 1], F[p, 1, 2] = f10, f11, f12
            F[p, 2, 0], F[p, 2, 1], F[p, 2, 2] = f20, f21, f22
            det = (
                f00 * (f11 * f22 - f12 * f21)
                + f01 * (f12 * f20 - f10 * f22)
                + f02 * (f10 * f21 - f11 * f20)
            )
            if not det >= smallest:  # also true for NaN
                smallest, where = det, c
                if not abs(det) < HUGE:
                    return smallest, where
    return smallest, where


@_jit
def largest_eigenvalue(a, b, c, d, e, f):
    """Upper bound, at most 7% high, of the largest eigenvalue of a positive semi-definite matrix.

    (tr A¹⁶)^(1/16) of A = [[a, d, f], [d, b, e], [f, e, c]], by three squarings.
    """
    t = a + b + c
    if not t > 0.0:
        return 0.0
    s = 1.0 / t
    a, b, c, d, e, f = a * s, b * s, c * s, d * s, e * s, f * s
    for _ in range(3):
        a, b, c, d, e, f = (
            a * a + d * d + f * f,
            d * d + b * b + e * e,
            f * f + e * e + c * c,
            a * d + d * b + f * e,
            d * f + b * e + e * c,
            a * f + d * e + f * c,
        )
    norm = a * a + b * b + c * c + 2.0 * (d * d + e * e + f * f)
    return t * sqrt(sqrt(sqrt(sqrt(norm))))


@_jit
def stresses(
    F,
    F_old,
    sigma,
    P,
    points,
    metric,
    volume,
    mass,
    viscous,
    moduli,
    parameters,
    dt,
    work,
):
    """First Piola-Kirchhoff stress with bulk viscosity, its work, and the stable time step.

    Args:
        F, F_old: deformation gradients at the end and the beginning of the step, `(n, 3, 3)`.
        sigma: Cauchy stress of the law at the end, GPa, `(n, 3, 3)`.
        P: in: at the beginning, out: at the end of the step, `(n_rows, 3, 3)`.
        points: row of P of each point, `(n,)`; the points of a cell are together.
        metric: Σ_a w_a ∇N_a ⊗ ∇N_a in the reference configuration, `(n, 3, 3)`; w_a is the least of
            the cell's nodal masses over that of a, or 1.
        volume: reference volumes, mm³, `(n,)`.
        mass: smallest nodal share of each cell's mass, mg, `(n_cells,)`.
        viscous: bulk-viscous pressure (positive in tension), in and out, GPa, `(n,)`.
        moduli: density, Lamé's λ, shear modulus and wave speed of each cell, `(n_cells, 4)`.
        parameters: linear and quadratic viscosity; 2 for cells of three dimensions and 1 for those
            of two; 1 where these are turned about an axis, otherwise 0.
        dt: length of the step, µs; 0 at the very start.
        work: total and viscous work of this rank's cells, J, `(2,)`, added to.

    Returns:
        Stable time step of this rank's cells in µs, and the first cell whose stress is not finite
        (-1 where all are).
    """
    linear, quadratic, shape, hoop = parameters
    total_work, viscous_work = 0.0, 0.0
    stable, bad = np.inf, -1
    per_cell = F.shape[0] // max(mass.shape[0], 1)
    cell, point = 0, 0
    cell_stiffness, cell_xi, cell_rate = 0.0, 0.0, 0.0
    for c in range(F.shape[0]):
        if (
            per_cell > 1 and point == 0
        ):  # one rate for all points, or pressure would lock by viscosity
            cell_stiffness, cell_xi = 0.0, 0.0
            cell_rate = _mean_dilatation_rate(F, F_old, volume, c, c + per_cell, dt)
        density, lam = moduli[cell, 0], moduli[cell, 1]
        shear, speed = moduli[cell, 2], moduli[cell, 3]
        a0, a1, a2 = F[c, 0, 0], F[c, 0, 1], F[c, 0, 2]
        b0, b1, b2 = F[c, 1, 0], F[c, 1, 1], F[c, 1, 2]
        c0, c1, c2 = F[c, 2, 0], F[c, 2, 1], F[c, 2, 2]
        # K = cof F = J F⁻ᵀ
        k00, k01, k02 = b1 * c2 - b2 * c1, b2 * c0 - b0 * c2, b0 * c1 - b1 * c0
        k10, k11, k12 = c1 * a2 - c2 * a1, c2 * a0 - c0 * a2, c0 * a1 - c1 * a0
        k20, k21, k22 = a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0
        J = a0 * k00 + a1 * k01 + a2 * k02

        # A = F⁻ᵀ A₀ F⁻¹ J², the metric of the deformed gradients.
        m00, m11, m22 = metric[c, 0, 0], metric[c, 1, 1], metric[c, 2, 2]
        m01, m12, m02 = metric[c, 0, 1], metric[c, 1, 2], metric[c, 0, 2]
        p00 = k00 * m00 + k01 * m01 + k02 * m02
        p01 = k00 * m01 + k01 * m11 + k02 * m12
        p02 = k00 * m02 + k01 * m12 + k02 * m22
        p10 = k10 * m00 + k11 * m01 + k12 * m02
        p11 = k10 * m01 + k11 * m11 + k12 * m12
        p12 = k10 * m02 + k11 * m12 + k12 * m22
        p20 = k20 * m00 + k21 * m01 + k22 * m02
        p21 = k20 * m01 + k21 * m11 + k22 * m12
        p22 = k20 * m02 + k21 * m12 + k22 * m22
        s = 1.0 / (J * J)
        A00 = s * (p00 * k00 + p01 * k01 + p02 * k02)
        A11 = s * (p10 * k10 + p11 * k11 + p12 * k12)
        A22 = s * (p20 * k20 + p21 * k21 + p22 * k22)
        A01 = s * (p00 * k10 + p01 * k11 + p02 * k12)
        A12 = s * (p10 * k20 + p11 * k21 + p12 * k22)
        A02 = s * (p00 * k20 + p01 * k21 + p02 * k22)
        largest = largest_eigenvalue(A00, A11, A22, A01, A12, A02)
        # Element eigenvalue: the energy λ (tr H)² + 2μ |sym H|² with H = Σ u_a ⊗ g_a is at most
        # (λ tr A + 2μ λ_max(A)) |u|², so no element, hence no assembly, vibrates faster. Turned
        # about an axis, tr H has u_r in two of its terms.
        trace = A00 + A11 + A22 + 2.0 * hoop * A02
        stiffness = J * volume[c] * (lam * trace + 2.0 * shear * largest)
        # The edge of a cube or a square, the thickness of a flat element.
        length = 1.0 / sqrt(shape * largest)

        q, xi = 0.0, 0.0
        d0, d1, d2 = a0 - F_old[c, 0, 0], a1 - F_old[c, 0, 1], a2 - F_old[c, 0, 2]
        e0, e1, e2 = b0 - F_old[c, 1, 0], b1 - F_old[c, 1, 1], b2 - F_old[c, 1, 2]
        h0, h1, h2 = c0 - F_old[c, 2, 0], c1 - F_old[c, 2, 1], c2 - F_old[c, 2, 2]
        dJ = (
            k00 * d0 + k01 * d1 + k02 * d2
            + k10 * e0 + k11 * e1 + k12 * e2
            + k20 * h0 + k21 * h1 + k22 * h2
        )  # fmt: skip
        if dt > 0.0:
            rate = dJ / (J * dt) if per_cell == 1 else cell_rate
            xi = linear
            if rate < 0.0:
                xi -= quadratic * quadratic * rate * length / speed
            q = density / J * speed * length * xi * rate
        if per_cell > 1:
            cell_stiffness += stiffness
            cell_xi = max(cell_xi, xi)
            stiffness, xi = cell_stiffness, cell_xi
        point += 1
        if point == per_cell:
            frequency = sqrt(stiffness / mass[cell])
            stable = min(stable, 2.0 / frequency * (sqrt(1.0 + xi * xi) - xi))

        s00, s11, s22 = sigma[c, 0, 0] + q, sigma[c, 1, 1] + q, sigma[c, 2, 2] + q
        s01, s12, s02 = sigma[c, 0, 1], sigma[c, 1, 2], sigma[c, 0, 2]
        if bad < 0 and not abs(s00 + s11 + s22 + s01 + s12 + s02) < HUGE:
            bad = cell
        r = points[c]
        n00 = s00 * k00 + s01 * k10 + s02 * k20
        n01 = s00 * k01 + s01 * k11 + s02 * k21
        n02 = s00 * k02 + s01 * k12 + s02 * k22
        n10 = s01 * k00 + s11 * k10 + s12 * k20
        n11 = s01 * k01 + s11 * k11 + s12 * k21
        n12 = s01 * k02 + s11 * k12 + s12 * k22
        n20 = s02 * k00 + s12 * k10 + s22 * k20
        n21 = s02 * k01 + s12 * k11 + s22 * k21
        n22 = s02 * k02 + s12 * k12 + s22 * k22
        # Trapezoidal work ½ (P_n + P_{n+1}) : (F_{n+1} − F_n).
        total_work += 0.5 * volume[c] * (
            (n00 + P[r, 0, 0]) * d0 + (n01 + P[r, 0, 1]) * d1 + (n02 + P[r, 0, 2]) * d2
            + (n10 + P[r, 1, 0]) * e0 + (n11 + P[r, 1, 1]) * e1 + (n12 + P[r, 1, 2]) * e2
            + (n20 + P[r, 2, 0]) * h0 + (n21 + P[r, 2, 1]) * h1 + (n22 + P[r, 2, 2]) * h2
        )  # fmt: skip
        viscous_work += 0.5 * volume[c] * (q + viscous[c]) * dJ
        viscous[c] = q
        P[r, 0, 0], P[r, 0, 1], P[r, 0, 2] = n00, n01, n02
        P[r, 1, 0], P[r, 1, 1], P[r, 1, 2] = n10, n11, n12
        P[r, 2, 0], P[r, 2, 1], P[r, 2, 2] = n20, n21, n22
        if point == per_cell:
            cell, point = cell + 1, 0
    work[0] += total_work
    work[1] += viscous_work
    return stable, bad


@_jit
def _mean_dilatation_rate(F, F_old, volume, begin, end, dt):
    """Rate of a cell's deformed volume over that volume, 1/µs."""
    if not dt > 0.0:
        return 0.0
    change, total = 0.0, 0.0
    for p in range(begin, end):
        total += volume[p] * _determinant(F[p])
        change += volume[p] * (_determinant(F[p]) - _determinant(F_old[p]))
    return change / (total * dt)


@_jit
def _determinant(F):
    return (
        F[0, 0] * (F[1, 1] * F[2, 2] - F[1, 2] * F[2, 1])
        + F[0, 1] * (F[1, 2] * F[2, 0] - F[1, 0] * F[2, 2])
        + F[0, 2] * (F[1, 0] * F[2, 1] - F[1, 1] * F[2, 0])
    )


@_jit
def mean_dilatation(F, volume, per_cell, F_mean):
    """F̄ = (θ/J)^{1/3} F into `F_mean`, `(n_points, 3, 3)`; θ is the cell's mean of J = det F."""
    for begin in range(0, F.shape[0], per_cell):
        total, deformed = 0.0, 0.0
        for p in range(begin, begin + per_cell):
            total += volume[p]
            deformed += volume[p] * _determinant(F[p])
        theta = deformed / total
        for p in range(begin, begin + per_cell):
            scale = (theta / _determinant(F[p])) ** (1.0 / 3.0)
            for i in range(3):
                for j in range(3):
                    F_mean[p, i, j] = scale * F[p, i, j]


@_jit
def mean_pressure(F, F_mean, volume, per_cell, sigma):
    """The stress conjugate to F of a law that was given F̄: (θ/J) dev σ + p I, in place.

    With W(F̄) varied, p is the mean of tr σ / 3 over the reference volume (Simo, Taylor & Pister,
    Comput. Methods Appl. Mech. Eng. 51, 1985).
    """
    for begin in range(0, F.shape[0], per_cell):
        total, pressure = 0.0, 0.0
        for p in range(begin, begin + per_cell):
            total += volume[p]
            pressure += volume[p] * (sigma[p, 0, 0] + sigma[p, 1, 1] + sigma[p, 2, 2]) / 3.0
        pressure /= total
        for p in range(begin, begin + per_cell):
            mean = (sigma[p, 0, 0] + sigma[p, 1, 1] + sigma[p, 2, 2]) / 3.0
            scale = _determinant(F_mean[p]) / _determinant(F[p])
            for i in range(3):
                for j in range(3):
                    sigma[p, i, j] *= scale
                sigma[p, i, i] += pressure - scale * mean


@_jit
def accelerate(v, force, inverse_mass, dt):
    """v += dt f / m on all nodes of the rank, ghosts too, so that no exchange is needed."""
    for i in range(v.shape[0]):
        s = dt * inverse_mass[i]
        v[i, 0] += s * force[i, 0]
        v[i, 1] += s * force[i, 1]
        v[i, 2] += s * force[i, 2]


@_jit
def move(u, v, dt):
    """u += dt v."""
    for i in range(u.shape[0]):
        u[i, 0] += dt * v[i, 0]
        u[i, 1] += dt * v[i, 1]
        u[i, 2] += dt * v[i, 2]
