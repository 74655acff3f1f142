# SPDX-License-Identifier: MIT
"""Crystals of any flow, strength and elasticity, stated plainly; shares no code with the package.

The flow with drag is solved by Brent's method, and the whole integrated by scipy's stiff Radau.
"""

import numpy as np
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import brentq


class PlainCrystal:
    """One crystal.

    Args:
        law: read for its numbers only.
        C: stiffness, `(3, 3, 3, 3)`, GPa.
    """

    def __init__(self, law, C):
        self.law = law
        self.K = np.einsum("iijj", C) / 9.0
        eye = np.eye(3)
        project = (
            0.5 * (np.einsum("ik,jl->ijkl", eye, eye) + np.einsum("il,jk->ijkl", eye, eye))
            - np.einsum("ij,kl->ijkl", eye, eye) / 3.0
        )
        D = np.einsum("ijkl,klmn,mnpq->ijpq", project, C, project)
        self.D, self.c = D, np.einsum("ijkl,klmm->ij", project, C) / 3.0
        families = (*law.slip, *law.twins)
        self.of = [f for f in families for _ in f.direction]
        s = [np.array(v) for f in families for v in f.direction]
        m = [np.array(v) for f in families for v in f.normal]
        self.n, self.n_slip = len(s), sum(len(f.direction) for f in law.slip)
        self.P = [np.outer(a, b) for a, b in zip(s, m, strict=True)]
        self.mirrors = [np.eye(3) - 2 * np.outer(b, b) for b in m[self.n_slip :]]
        q = np.array(law.interaction)
        self.q = q if q.size else np.ones((self.n, self.n))

    def energy(self, A):
        """W_e of a torch tensor A, GPa."""
        J = torch.linalg.det(A)
        eye = torch.eye(3, dtype=torch.float64)
        E = 0.5 * (J ** (-2 / 3) * A.T @ A - eye)
        e = E - torch.trace(E) / 3 * eye
        if self.law.elasticity is None:
            W = 0.5 * self.law.shear_modulus * (J ** (-2 / 3) * torch.trace(A.T @ A) - 3)
        else:
            D, c = torch.from_numpy(self.D), torch.from_numpy(self.c)
            W = 0.5 * torch.einsum("ij,ijkl,kl", e, D, e) + (J - 1) * (c * e).sum()
        return W + 0.5 * self.K * (J - 1) ** 2

    def first_piola(self, A):
        """∂W_e/∂A by hand, as automatic differentiation is slow; a test compares the two."""
        J, C = np.linalg.det(A), A.T @ A
        inverse, f = np.linalg.inv(C), J ** (-2 / 3)
        E = 0.5 * (f * C - np.eye(3))
        e = E - np.trace(E) / 3 * np.eye(3)
        S = np.tensordot(self.D, e, 2) + (J - 1) * self.c
        pressure = self.K * (J - 1) + np.sum(self.c * e)
        if self.law.elasticity is None:
            S, pressure = self.law.shear_modulus * np.eye(3), self.K * (J - 1)
        return A @ (f * (S - np.sum(S * C) / 3 * inverse) + J * pressure * inverse)

    def unpack(self, y):
        n = self.n
        return y[:9].reshape(3, 3), y[9 : 9 + n], y[9 + n :]

    def shear_rate(self, family, tau, g):
        """|γ̇| of a system under |τ|, all strengths by their own statement."""
        n = 1.0 / family.rate_exponent
        if family.flow == "overstress":
            x, d = max(tau - (g - family.tau_0), 0.0), family.tau_0
        else:
            x, d = tau, g
        if x <= 0.0:
            return 0.0
        if not family.drag:
            return family.rate * (x / d) ** n
        # One of the two parts of τ is at least half of it.
        parts = family.rate * (x / d) ** n, x / family.drag
        least = min(parts[0] * 0.5**n, parts[1] * 0.5)
        log_rate = brentq(
            lambda r: d * (np.exp(r) / family.rate) ** (1 / n) + family.drag * np.exp(r) - x,
            np.log(least) - 1e-6, np.log(min(parts)) + 1e-6, xtol=1e-13,
        )  # fmt: skip
        return np.exp(log_rate)

    def rates(self, F, y):
        F_in, amounts, g = self.unpack(y)
        A = F @ np.linalg.inv(F_in)
        M = A.T @ self.first_piola(A)
        twins = amounts[self.n_slip :]
        parent = 1.0 - twins.sum()
        seen = parent * M + sum(
            (f * R @ M @ R for f, R in zip(twins, self.mirrors, strict=True)), np.zeros((3, 3))
        )
        shear = np.zeros(self.n)
        L0, L_twin = np.zeros((3, 3)), np.zeros((3, 3))
        for a, f in enumerate(self.of):
            is_slip = a < self.n_slip
            tau = np.sum((seen if is_slip else M) * self.P[a])
            if is_slip:
                shear[a] = self.shear_rate(f, abs(tau), g[a])
                L0 += np.sign(tau) * shear[a] * self.P[a]
            elif tau > 0 and twins.sum() < 1:
                shear[a] = self.shear_rate(f, tau, g[a])
                L_twin += shear[a] * self.P[a]
        L = parent * L0 + L_twin
        for f, R in zip(twins, self.mirrors, strict=True):
            L += f * R @ L0 @ R
        sheared = np.array([1.0 if a < self.n_slip else f.shear for a, f in enumerate(self.of)])
        total = (sheared * amounts).sum()
        h_source, h_target = np.ones(self.n), np.ones(self.n)
        for a, f in enumerate(self.of):
            p = f.strength
            if hasattr(p, "h_0"):
                y_ = 1.0 - g[a] / p.g_inf
                h = p.h_0 * abs(y_) ** p.a * np.sign(y_) if p.a else p.h_0
                (h_source if p.saturates == "acting" else h_target)[a] = h
            elif p is not None:
                e = np.exp(-p.theta_0 * total / p.tau_1)
                h_target[a] = (
                    p.theta_1 * (1 - e) + (p.tau_1 + p.theta_1 * total) * (p.theta_0 / p.tau_1) * e
                )
            else:
                h_source[a] = h_target[a] = 0.0
        hardened = h_target * (self.q @ (h_source * shear))
        return np.concatenate(((L @ F_in).ravel(), shear / sheared, hardened))

    def cauchy_history(self, F, horizon, rtol=1e-7):
        """Cauchy stress at the entries of F, `(n_t + 1, 3, 3)`."""
        tau_0 = [f.tau_0 for f in self.of]
        y = np.concatenate((np.eye(3).ravel(), np.zeros(self.n), tau_0))
        dt = horizon / (len(F) - 1)
        sigma = [np.zeros((3, 3))]
        for k in range(len(F) - 1):
            slope = (F[k + 1] - F[k]) / dt

            def rates(t, y, start=F[k], slope=slope):
                return self.rates(start + t * slope, y)

            with np.errstate(all="ignore"):  # its rejected trials may go anywhere
                y = solve_ivp(rates, (0, dt), y, method="Radau", rtol=rtol, atol=1e-10).y[:, -1]
            F_in = self.unpack(y)[0]
            S = self.first_piola(F[k + 1] @ np.linalg.inv(F_in)) @ np.linalg.inv(F_in).T
            sigma.append(S @ F[k + 1].T / np.linalg.det(F[k + 1]))
        return np.array(sigma)
