# SPDX-License-Identifier: MIT
"""How the inertia of a body enters an implicit step: not at all, or by Newmark's family.

Hilber, Hughes & Taylor, Earthquake Eng. Struct. Dyn. 5 (1977) 283-292:
M a_{n+1} = (1+α) f_{n+1} − α f_n, with Newmark's
u_{n+1} = u_n + Δt v_n + Δt² ((½−β) a_n + β a_{n+1}) and
v_{n+1} = v_n + Δt ((1−γ) a_n + γ a_{n+1}), where β = (1−α)²/4, γ = ½ − α.
"""

from dataclasses import dataclass

import numpy as np

from mlms_fenics.numbers import check_within


@dataclass(frozen=True)
class HHT:
    """Implicit dynamics with lumped mass, of second order and stable for linear problems.

    Attributes:
        alpha: in [-1/3, 0]: 0 is Newmark's average acceleration, without dissipation; less than 0
            damps the vibrations that the steps do not resolve.
    """

    alpha: float = -0.05

    def __post_init__(self) -> None:
        check_within("alpha of HHT", self.alpha, -1.0 / 3.0 - 1e-12, 0.0)

    @property
    def beta(self) -> float:
        return 0.25 * (1.0 - self.alpha) ** 2

    @property
    def gamma(self) -> float:
        return 0.5 - self.alpha


class Inertia:
    """The inertia of a rank's nodes in one step after another.

    Args:
        scheme: None for a body without inertia.
        mass: lumped, mg, `(n_nodes,)`.
    """

    def __init__(self, scheme: HHT | None, mass: np.ndarray) -> None:
        self._scheme, self._mass = scheme, mass[:, None]
        self._dt = 1.0
        self._start = (np.zeros(0),) * 4

    @property
    def factor(self) -> float:
        """Of the forces at the end of the step in the balance."""
        return 1.0 if self._scheme is None else 1.0 + self._scheme.alpha

    def begin(
        self, u: np.ndarray, v: np.ndarray, a: np.ndarray, force: np.ndarray, dt: float
    ) -> None:
        """Start a step of `dt` µs from these, each `(n_nodes, 3)`: mm, mm/µs, mm/µs², kN."""
        self._dt, self._start = dt, (u, v, a, force)

    def balance(self, force: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Out-of-balance force of the first rows, given forces and displacements at the end."""
        if self._scheme is None:
            return force
        n = len(force)
        before = self._start[3][:n]
        mean = self.factor * force - self._scheme.alpha * before
        return mean - self._mass[:n] * self.acceleration(u)

    def stiffness(self) -> np.ndarray:
        """−∂(out-of-balance force)/∂u by inertia alone, over `factor`, kN/mm, `(n_nodes,)`."""
        if self._scheme is None:
            return np.zeros(0)
        return self._mass[:, 0] / (self._scheme.beta * self._dt**2 * self.factor)

    def acceleration(self, u: np.ndarray) -> np.ndarray:
        """At the end of the step that ends at `u`, first rows, mm/µs²."""
        n, dt, scheme = len(u), self._dt, self._scheme
        if scheme is None:
            return np.zeros_like(u)
        u0, v0, a0 = (values[:n] for values in self._start[:3])
        predicted = u0 + dt * v0 + dt**2 * (0.5 - scheme.beta) * a0
        return (u - predicted) / (scheme.beta * dt**2)

    def motion(self, u: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Velocity, mm/µs, and acceleration, mm/µs², at the end of the step, all `(n_nodes, 3)`.

        Held components, and all without inertia, have the step's mean velocity: by Newmark's rule
        they would ring after a jump.
        """
        u0, v0, a0, _ = self._start
        mean = (u - u0) / self._dt
        if self._scheme is None:
            return mean, np.zeros_like(u)
        gamma, free = self._scheme.gamma, self.acceleration(u)
        velocity = v0 + self._dt * ((1.0 - gamma) * a0 + gamma * free)
        return np.where(held, mean, velocity), np.where(held, (mean - v0) / self._dt, free)
