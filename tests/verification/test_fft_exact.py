# SPDX-License-Identifier: MIT
"""The full-field cell against exact solutions: one point, elastic and viscoplastic laminates."""

import numpy as np
import pytest
from scipy.optimize import fsolve

from mlms_fenics.materials import magnesium, two_slip_crystal
from mlms_fenics.materials.crystal.families import SlipFamily
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import integrate_paths
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import FFTCell, TaylorAverage


def elastic(shear, lambda_e):
    """A crystal that never slips (reference stress 1e9 GPa)."""
    family = SlipFamily("none", ((1.0, 0.0, 0.0),), ((0.0, 1.0, 0.0),), 1e9, 1e-6, 0.5)
    return CrystalLaw("elastic", 2, shear, lambda_e, 1.0, (family,))


def path(n, size=0.1):
    t = np.linspace(0, 1, n + 1)
    U = np.zeros((n + 1, 2, 2))
    U[:, 0, 0], U[:, 1, 1] = np.exp(size * t), np.exp(-0.8 * size * t)
    U[:, 0, 1] = U[:, 1, 0] = 0.5 * size * np.sin(3 * t)
    return U


def neo_hookean(F, G, lambda_e):
    """P of G/2 (tr FᵀF/J^{2/3} - 3) + λ_e (J - 1)² in plane strain, written out."""
    full = np.eye(3)
    full[:2, :2] = F
    J = np.linalg.det(full)
    inverse_T = np.linalg.inv(full).T
    P = G * J ** (-2 / 3) * (full - np.sum(full * full) / 3 * inverse_T)
    return (P + 2 * lambda_e * (J - 1) * J * inverse_T)[:2, :2]


def one_step_an_increment(law, U, horizon, Q):
    """The single point by the law's own integrator, made to take each increment in one step."""
    n = len(U) - 1
    full = np.broadcast_to(np.eye(3), (1, n + 1, 3, 3)).copy()
    full[0, :, : U.shape[-1], : U.shape[-1]] = U
    first = np.full((1, 1), horizon / n)
    segments = np.full(n, horizon / n)
    found = integrate_paths(law, full, Q, segments, 1e6, wanted=first)
    assert found.substeps.item() == n and found.rejected.item() == 0
    d = found.deviator[0, 0]
    sigma = np.stack((d[:, [0, 3, 5]], d[:, [3, 1, 4]], d[:, [5, 4, 2]]), axis=1)
    pressure = law.bulk_modulus * (np.linalg.det(full[0]) - 1)
    return sigma + pressure[:, None, None] * np.eye(3), found.state[0, 0, 9:]


@pytest.mark.parametrize("horizon", [1e5, 1e6])
@pytest.mark.parametrize("grid", [(4, 4), (3, 5)])
def test_homogeneous_cell_is_the_point(grid, horizon):
    law, Q, n = two_slip_crystal(), random_orientations(1, 3, dimension=2), 400
    U = path(n)
    cell = FFTCell(law, np.zeros(grid, int), Q)
    turn = np.eye(3)[None].copy()
    turn[0, :2, :2] = Q[0]
    expected, slip = one_step_an_increment(law, U, horizon, turn)
    assert slip.max() > (0.02 if horizon == 1e6 else 0.005)
    # So coarse a tolerance asks for no more than one substep an increment.
    loose = cell.stress(U, horizon, tolerance=0.1)
    assert np.abs(loose - expected[:, :2, :2]).max() < 1e-12 * np.abs(expected).max()
    sigma = cell.stress(U, horizon)
    taylor = TaylorAverage(law, Q).stress(U, horizon, tolerance=1e-6)
    assert np.abs(sigma - taylor).max() < 1e-4 * np.abs(taylor).max()


def test_homogeneous_magnesium_in_3d():
    law, Q, t = magnesium(), random_orientations(1, 5), np.linspace(0, 1, 401)
    U = np.eye(3) + t[:, None, None] * np.array([[0.02, 0.01, 0], [0.01, -0.02, 0], [0, 0, 0.001]])
    cell = FFTCell(law, np.zeros((2, 2, 2), int), Q)
    expected, inelastic = one_step_an_increment(law, U, 1.0, Q)
    assert inelastic[6:].max() > 0.01
    loose = cell.stress(U, 1.0, tolerance=0.1)
    assert np.abs(loose - expected).max() < 1e-12 * np.abs(expected).max()
    sigma = cell.stress(U[::50], 1.0)
    taylor = TaylorAverage(law, Q).stress(U[::50], 1.0, tolerance=1e-5)
    assert np.abs(sigma - taylor).max() < 2e-4 * np.abs(taylor).max()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("operator", ["rotated", "difference2"])
def test_elastic_laminate(axis, operator):
    stiff, soft = (40.0, 60.0), (8.0, 10.0)
    grains = np.zeros((8, 8), int)
    grains[(slice(None),) * axis + (slice(4, 8),)] = 1
    fraction = 0.5
    cell = FFTCell((elastic(*stiff), elastic(*soft)), grains, [np.eye(2)] * 2, operator=operator)
    U, seen = path(4, size=0.2), []
    result = cell.solve(
        U, 1.0, tolerance=1e-9, observe=lambda c, t, k, f: seen.append((f.F.copy(), f.P.copy()))
    )
    normal = np.eye(2)[axis]

    def parts(a, mean):
        jump = np.outer(a, normal)
        return mean + (1 - fraction) * jump, mean - fraction * jump

    a = np.zeros(2)
    for k in range(1, 5):

        def traction(a, mean=U[k]):
            one, two = parts(a, mean)
            return (neo_hookean(one, *stiff) - neo_hookean(two, *soft)) @ normal

        a = fsolve(traction, a, xtol=1e-13)
        one, two = parts(a, U[k])
        P_one, P_two = neo_hookean(one, *stiff), neo_hookean(two, *soft)
        mean = fraction * P_one + (1 - fraction) * P_two
        sigma = mean @ U[k].T / np.linalg.det(U[k])
        scale = np.abs(sigma).max()
        assert np.abs(result.stress[k] - sigma).max() < 1e-6 * scale
        F, P = seen[k - 1]
        owner = grains.ravel()
        assert np.abs(F[:, :, owner == 0] - one[:, :, None]).max() < 1e-6
        assert np.abs(P[:, :, owner == 0] - P_one[:, :, None]).max() < 1e-6 * scale
        assert np.abs(P[:, :, owner == 1] - P_two[:, :, None]).max() < 1e-6 * scale


class LaminateEquations:
    """Two-slip layers normal to e_1: the jump of F follows from the traction at every instant."""

    G, lambda_e, tau_0, rate = 19.0, 24.0, 0.1, 1e-6

    def __init__(self, Q):
        self.Q = Q
        x, y = np.eye(2)
        self.schmid = [np.outer(x, y), np.outer(y, -x)]
        self.a = np.zeros(2)

    def stress(self, F, B, Q):
        A = F @ Q @ B
        return neo_hookean(A, self.G, self.lambda_e) @ (Q @ B).T

    def layers(self, mean, B):
        normal = np.array([1.0, 0.0])

        def parts(a):
            jump = np.outer(a, normal)
            return mean + 0.5 * jump, mean - 0.5 * jump

        def traction(a):
            F = parts(a)
            P = [self.stress(F[i], B[i], self.Q[i]) for i in range(2)]
            return (P[0] - P[1]) @ normal

        self.a = fsolve(traction, self.a, xtol=1e-10)
        return parts(self.a)

    def rates(self, mean, B):
        F, out = self.layers(mean, B), []
        for i in range(2):
            A = F[i] @ self.Q[i] @ B[i]
            M = A.T @ neo_hookean(A, self.G, self.lambda_e)
            L = np.zeros((2, 2))
            for P in self.schmid:
                tau = np.sum(M * P)
                L += self.rate * (abs(tau) / self.tau_0) ** 2 * np.sign(tau) * P
            out.append(-B[i] @ L)
        return np.array(out)

    def run(self, U, horizon):
        """Classical Runge-Kutta steps, 640 in all."""
        n = len(U) - 1
        m = 640 // n
        B, h, stress = np.array([np.eye(2)] * 2), horizon / n / m, [np.zeros((2, 2))]
        for k in range(n):
            for i in range(m):
                start, half, end = (U[k] + (i + x) / m * (U[k + 1] - U[k]) for x in (0.0, 0.5, 1.0))
                k1 = self.rates(start, B)
                k2 = self.rates(half, B + 0.5 * h * k1)
                k3 = self.rates(half, B + 0.5 * h * k2)
                k4 = self.rates(end, B + h * k3)
                B = B + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            F = self.layers(U[k + 1], B)
            P = sum(self.stress(F[i], B[i], self.Q[i]) for i in range(2)) / 2
            stress.append(P @ U[k + 1].T / np.linalg.det(U[k + 1]))
        return np.array(stress)


def test_viscoplastic_laminate():
    angle = np.array([0.2, 0.9])
    c, s = np.cos(angle), np.sin(angle)
    Q = np.stack((np.stack((c, -s), -1), np.stack((s, c), -1)), 1)
    grains = np.repeat([0, 0, 1, 1], 2).reshape(4, 2)
    U = path(40)
    exact = LaminateEquations(Q).run(U, 2e5)
    found = []
    for m in (2, 4):  # the same piecewise linear path in finer steps
        x = np.arange(40 * m + 1) / m
        k = np.minimum(x.astype(int), 39)
        fine = U[k] + (x - k)[:, None, None] * (U[k + 1] - U[k])
        cell = FFTCell(two_slip_crystal(), grains, Q)
        found.append(cell.stress(fine, 2e5, tolerance=1e-6)[::m])
    # F of a layer goes linearly within a step here, not in the equations: second order.
    found.append((4 * found[1] - found[0]) / 3)
    errors = [float(np.abs(sigma - exact).max() / np.abs(exact).max()) for sigma in found]
    print(f"viscoplastic laminate: errors with 80 and 160 steps, and extrapolated: {errors}")
    assert errors[1] < 2e-4 and errors[1] < errors[0] / 3 and errors[2] < errors[1] / 5
