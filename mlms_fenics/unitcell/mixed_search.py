# SPDX-License-Identifier: MIT
"""The components of F with which stresses are as prescribed, whatever it is that is deformed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlms_fenics.errors import SimulationError
from mlms_fenics.unitcell.loadings import Loading

_ITERATIONS, _HALVINGS, _BISECTIONS = 25, 6, 8
_UNKNOWN = 1e-3  # strain of a step whose size nothing tells


@dataclass(frozen=True)
class Held:
    """A polycrystal at one F; never changed in place.

    Attributes:
        F: *Shape* `(3, 3)`.
        sigma: average Cauchy stress, GPa, *Shape* `(3, 3)`.
    """

    F: np.ndarray
    sigma: np.ndarray


class Average(ABC):
    """A polycrystal whose average stress answers to F, step by step in time."""

    @abstractmethod
    def virgin(self) -> Held:
        """At rest."""

    @abstractmethod
    def after(self, start: Held, F: np.ndarray, dt: float) -> list[Held]:
        """From `start` linearly to each of F, *Shape* `(p, 3, 3)`.

        Raises:
            SimulationError: it cannot be computed.
        """

    def parts(self, strain: float) -> Sequence[float]:
        """In which parts a first step of this strain is best taken: their ends, the last one 1."""
        return (1.0,)

    def near(self, start: Held, best: Held, F: np.ndarray, dt: float) -> list[Held]:
        """As `after` with each of F a little off from that of `best`, `after`'s last answer."""
        return self.after(start, F, dt)

    def begin(self, start: Held, dt: float) -> None:
        """A step is begun, or begun again with another length."""
        return None

    def keep(self, found: Held) -> None:
        """The step ends in `found`, the last answer of `after`: the next one starts from there."""
        return None


class Search:
    """Newton's method for the free components of F at the end of a step.

    Args:
        average: of what is deformed.
        loading: which components are prescribed.
        residual: largest miss of a prescribed stress, relative to the largest stress so far.

    Attributes:
        iterations: so far.
    """

    def __init__(self, average: Average, loading: Loading, residual: float):
        measure, free = loading.measure, np.isnan(loading.F[0])
        self.nominal = measure == "first-piola"
        self.average, self.loading = average, loading
        self.free, self.residual = free, residual
        self.where = np.argwhere(free)
        self.iterations = 0
        self.largest = 0.0  # stress so far
        self.rate = None  # of the free components in the last step, 1/µs

    def step(self, start: Held, F: tuple, stress: tuple, dt: float, depth: int = 0) -> Held:
        """From `start` to the end of a step, whose prescribed components have the ends given."""
        try:
            return self._newton(start, F[1], stress[1], dt)
        except SimulationError:
            if depth == _BISECTIONS:
                raise
        self.rate = None if depth else self.rate
        middle = 0.5 * (F[0] + F[1]), 0.5 * (stress[0] + stress[1])
        half = self.step(start, (F[0], middle[0]), (stress[0], middle[1]), dt / 2, depth + 1)
        return self.step(half, (middle[0], F[1]), (middle[1], stress[1]), dt / 2, depth + 1)

    def follow(self) -> list[Held]:
        """From rest through all of the loading: what is held at each of its times.

        Raises:
            SimulationError: a step has no solution even in small parts; the message says which.
        """
        loading = self.loading
        n_t = len(loading.F) - 1
        history = [self.average.virgin()]
        first = np.nan_to_num(loading.F[1] - loading.F[0])
        for k in range(n_t):
            now, done = history[-1], 0.0
            try:
                for end in self.average.parts(float(np.abs(first).max())) if k == 0 else (1.0,):
                    ends = [
                        tuple(a[k] + part * (a[k + 1] - a[k]) for part in (done, end))
                        for a in (loading.F, loading.stress)
                    ]
                    now = self.step(now, *ends, (end - done) * loading.duration / n_t)
                    done = end
                history.append(now)
            except SimulationError as error:
                raise SimulationError(
                    f"mixed control: step {k + 1} of {n_t} (strain {loading.strain[k + 1]:.4g}) "
                    f"could not be solved: {error}"
                ) from error
        return history

    def _newton(self, start: Held, F: np.ndarray, stress: np.ndarray, dt: float) -> Held:
        free, target = self.free, stress[self.free]
        trial = np.where(free, start.F, F)
        self.average.begin(start, dt)
        if not free.any():
            (found,) = self.average.after(start, trial[None], dt)
            self.average.keep(found)
            return found
        trial[free] += self._guess(start, F, dt)
        size = float(np.abs(trial - start.F).max())
        size = size if size > 0 else _UNKNOWN
        h = 1e-2 * size
        (best,) = self.average.after(start, trial[None], dt)
        for _ in range(_ITERATIONS):
            self.iterations += 1
            perturbed = np.tile(best.F, (len(self.where), 1, 1))
            for k, (i, j) in enumerate(self.where):
                perturbed[k, i, j] += h
            others = self.average.near(start, best, perturbed, dt)
            base = self._prescribed(best)
            jacobian = np.stack([(self._prescribed(o) - base) / h for o in others], axis=1)
            miss = base - target
            change = -np.linalg.lstsq(jacobian, miss, rcond=1e-10)[0]
            # Far beyond the step's own size the matrix says nothing.
            change *= min(1.0, 2.0 * size / max(float(np.abs(change).max()), 1e-300))
            for _ in range(_HALVINGS):
                new = best.F.copy()
                new[free] += change
                (tried,) = self.average.after(start, new[None], dt)
                if np.linalg.norm(self._prescribed(tried) - target) < np.linalg.norm(miss):
                    size = max(size, float(np.abs(change).max()))
                    break
                change *= 0.5
            best = tried
            if self._met(best, self._prescribed(best) - target):
                break
        else:
            raise SimulationError(
                f"Newton's method has not met the stress within {_ITERATIONS} iterations"
            )
        self.largest = max(self.largest, float(np.abs(best.sigma).max()))
        self.rate = (best.F[free] - start.F[free]) / dt
        self.average.keep(best)
        return best

    def _prescribed(self, held: Held) -> np.ndarray:
        """The components of the stress that are prescribed."""
        if not self.nominal:
            return held.sigma[self.free]
        inverse = np.linalg.inv(held.F)
        return (np.linalg.det(held.F) * held.sigma @ inverse.T)[self.free]

    def _met(self, held: Held, miss: np.ndarray) -> bool:
        scale = max(self.largest, float(np.abs(held.sigma).max()), 1e-12)
        return float(np.abs(miss).max()) < self.residual * scale

    def _guess(self, start: Held, F: np.ndarray, dt: float) -> np.ndarray:
        """Change of the free components: as in the last step, or at constant volume."""
        if self.rate is not None:
            return self.rate * dt
        change = np.where(self.free, 0.0, F - start.F)
        diagonal = np.diag(self.free)
        if diagonal.any():
            change[diagonal, diagonal] = -np.trace(change) / diagonal.sum()
        return change[self.free]
