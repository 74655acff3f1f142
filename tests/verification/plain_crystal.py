# SPDX-License-Identifier: MIT
"""DESIGN's crystal law integrated plainly and slowly, sharing no code with the package.

Every system is written out: 12 slip systems, their 72 mirror images in the six twins, six twins.
Units: mm, µs, GPa.
"""

import numpy as np
from scipy.integrate import solve_ivp

SQ3 = np.sqrt(3.0)


def magnesium_systems(c=1.624):
    """Directions and plane normals from the geometry of the hexagonal prism of unit side a."""

    def unit(v):
        return np.array(v, dtype=float) / np.linalg.norm(v)

    slip, twin = [], []
    angles = np.pi / 3 * np.arange(6)
    for t in angles[:3]:  # ⟨a⟩ on the basal plane
        slip.append((unit([np.cos(t), np.sin(t), 0]), np.array([0, 0, 1.0])))
    for t in angles[:3]:  # ⟨a⟩ on the prism plane that holds it and the c axis
        slip.append((unit([np.cos(t), np.sin(t), 0]), unit([-np.sin(t), np.cos(t), 0])))
    for t in angles:  # ⟨c+a⟩ on the second-order pyramid: the plane holds s and is steepest across
        s = np.array([np.cos(t), np.sin(t), c])
        across = np.array([-np.sin(t), np.cos(t), 0.0])
        slip.append((unit(s), unit(np.cross(across, s))))
    for t in angles + np.pi / 6:  # {10-12}⟨-1011⟩: from a prism face's foot to the opposite top
        s = np.array([-SQ3 * np.cos(t), -SQ3 * np.sin(t), c])
        across = np.array([-np.sin(t), np.cos(t), 0.0])
        m = np.cross(across, s)
        twin.append((unit(s), unit(m) * np.sign(m[2])))
    return slip, twin


class PlainMagnesium:
    """The law with Table A.1's numbers; `power` is 1/m."""

    G, lame, gamma = 25.0, 24.0, 0.129

    def __init__(self, power=2.0):
        self.power = power
        slip, twin = magnesium_systems()
        self.P = np.array([np.outer(s, m) for s, m in slip])
        self.T = np.array([np.outer(s, m) for s, m in twin])
        mirrors = [np.eye(3) - 2 * np.outer(m, m) for _, m in twin]
        self.mirrored = np.array([[np.outer(R @ s, R @ m) for s, m in slip] for R in mirrors])
        self.h = np.repeat([7.1, 40.0, 30.0], [3, 3, 6])
        self.saturation = np.repeat([0.0007, 0.170, 0.200], [3, 3, 6])
        self.H = np.zeros((12, 12))
        self.H[3:6, 3:6] = 0.020
        self.H[6:, 6:] = 0.025
        np.fill_diagonal(self.H, 0.0)
        self.K = 40.0 * (1.0 - np.eye(6))
        self.h_twin = 0.007
        self.tau_0, self.rate = 0.0505, 0.1
        self.n_slip, self.n_twin = 12, 6
        self.twin_tau_0 = np.full(6, self.tau_0)

    def unpack(self, y):
        a, b = 9 + self.n_twin, 9
        return y[:b].reshape(3, 3), y[b:a], y[a:]

    def first_piola(self, A):
        """∂W_e/∂A."""
        J = np.linalg.det(A)
        inverse_T = np.linalg.inv(A).T
        deviatoric = self.G * J ** (-2 / 3) * (A - np.trace(A.T @ A) / 3 * inverse_T)
        return deviatoric + 2 * self.lame * (J - 1) * J * inverse_T

    def strength(self, e):
        saturating = self.saturation * (
            1 - np.exp(-self.h * e / np.where(self.saturation > 0, self.saturation, 1.0))
        )
        return self.H @ e + saturating

    def rates(self, F, y):
        F_in, twins, e = self.unpack(y)
        A = F @ np.linalg.inv(F_in)
        M = A.T @ self.first_piola(A)
        parent = 1 - twins.sum()
        tau = parent * np.tensordot(self.P, M, 2)
        if self.n_twin:
            tau = tau + twins @ np.tensordot(self.mirrored, M, 2)
        over = np.maximum(np.abs(tau) - self.strength(e), 0) / self.tau_0
        gamma = self.rate * over**self.power * np.sign(tau)
        L = parent * np.tensordot(gamma, self.P, 1)
        growth = np.zeros(self.n_twin)
        for b in range(self.n_twin):
            L += twins[b] * np.tensordot(gamma, self.mirrored[b], 1)
            drive = self.gamma * np.sum(M * self.T[b])
            drive -= 2 * self.K[b] @ twins + self.h_twin * twins[b]
            if drive > 0 and twins.sum() < 1:
                growth[b] = self.rate * (drive / self.twin_tau_0[b]) ** self.power
            L += growth[b] * self.gamma * self.T[b]
        return np.concatenate(((L @ F_in).ravel(), growth, np.abs(gamma)))

    def stress(self, F, y):
        F_in = self.unpack(y)[0]
        S = self.first_piola(F @ np.linalg.inv(F_in)) @ np.linalg.inv(F_in).T
        return S @ F.T / np.linalg.det(F)

    def cauchy_history(self, F, horizon, rtol=1e-10):
        """Cauchy stress and states at the entries of F, *Shape* `(n_t + 1, 3, 3)`."""
        n = len(F) - 1
        y = np.concatenate((np.eye(3).ravel(), np.zeros(self.n_twin + self.n_slip)))
        sigma, states = [self.stress(F[0], y)], [y]
        dt = horizon / n
        for k in range(n):
            slope = (F[k + 1] - F[k]) / dt

            def rates(t, y, start=F[k], slope=slope):
                return self.rates(start + t * slope, y)

            with np.errstate(all="ignore"):  # its rejected trials may go anywhere
                y = solve_ivp(rates, (0, dt), y, method="DOP853", rtol=rtol, atol=1e-13).y[:, -1]
            sigma.append(self.stress(F[k + 1], y))
            states.append(y)
        return np.array(sigma), np.array(states)


class PlainTwoSlip(PlainMagnesium):
    """The two-slip crystal of Table 1 in plane strain (F_33 = 1)."""

    G, lame = 19.0, 24.0

    def __init__(self, power=2.0):
        x, y = np.eye(3)[:2]
        self.power = power
        self.P = np.array([np.outer(x, y), np.outer(y, -x)])
        self.h, self.saturation, self.H = np.zeros(2), np.zeros(2), np.zeros((2, 2))
        self.tau_0, self.rate = 0.1, 1e-6
        self.n_slip, self.n_twin = 2, 0
