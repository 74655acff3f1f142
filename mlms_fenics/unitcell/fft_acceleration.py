# SPDX-License-Identifier: MIT
"""Fixed-point iterations x ← x + f(x) made fast, and guesses of where the next one ends."""

from collections.abc import Callable

import numpy as np

_MEMORY = 10
_ORDER = 3

Sum = Callable[[np.ndarray], np.ndarray]


class Anderson:
    """Anderson's acceleration of one fixed-point iteration (J. ACM 12 (1965) 547).

    Differences of earlier iterations, also of earlier time steps, approximate the inverse
    Jacobian; x and f are real vectors in whose plain scalar product f is small.

    Args:
        size: of the vectors.
        memory: pairs of differences that are kept; 0 gives the basic iteration.
        total: of scalar products, where the vectors are parts of longer ones (`Grid.sum`).
    """

    def __init__(self, size: int, memory: int = _MEMORY, total: Sum = np.asarray):
        self._total = total
        self._dx, self._df = np.zeros((memory, size)), np.zeros((memory, size))
        self._gram = np.zeros((memory, memory))
        self._count = self._next = 0
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def begin(self) -> None:
        """A new function f: differences across the change mean nothing."""
        self._last = None

    def forget(self) -> None:
        """Drop all that was learnt."""
        self._count = self._next = 0
        self._last = None

    def step(self, x: np.ndarray, f: np.ndarray) -> np.ndarray:
        """The next iterate."""
        memory = len(self._dx)
        if memory == 0:
            return x + f
        if self._last is not None:
            k = self._next
            np.subtract(x, self._last[0], out=self._dx[k])
            np.subtract(f, self._last[1], out=self._df[k])
            self._next = (k + 1) % memory
            self._count = min(self._count + 1, memory)
            n = self._count
            self._gram[k, :n] = self._gram[:n, k] = self._total(self._df[:n] @ self._df[k])
        self._last = (x, f)
        n = self._count
        if n == 0:
            return x + f
        size = np.sqrt(self._gram.diagonal()[:n])
        size = np.where(size > 0, size, 1.0)
        gram = self._gram[:n, :n] / np.outer(size, size)
        right = self._total(self._df[:n] @ f) / size
        # Nearly dependent differences are common close to the solution: leave them out.
        weights = np.linalg.lstsq(gram, right, rcond=1e-13)[0] / size
        return x + f - weights @ self._dx[:n] - weights @ self._df[:n]


class Extrapolation:
    """Extrapolates a vector in time by the order that did best for the last step.

    Args:
        start: the vector at time 0.
        total: as of `Anderson`.
    """

    def __init__(self, start: np.ndarray, total: Sum = np.asarray):
        self._total = total
        self._times, self._values = [0.0], [start]
        self._best = 0

    def guess(self, time: float) -> np.ndarray:
        """The vector expected at `time`, µs."""
        return self._polynomial(min(self._best, len(self._times) - 1), time)

    def last(self) -> np.ndarray:
        """The vector at the end of the last step."""
        return self._values[-1]

    def add(self, time: float, value: np.ndarray) -> None:
        """Take in the vector found at `time`, µs."""
        orders = range(min(_ORDER, len(self._times) - 1) + 1)
        errors = [((self._polynomial(n, time) - value) ** 2).sum() for n in orders]
        self._best = int(np.argmin(self._total(np.array(errors))))
        if len(self._times) == 2:  # nothing has been tried yet at two points but a constant
            self._best = max(self._best, 1)
        self._times = [*self._times[-_ORDER:], time]
        self._values = [*self._values[-_ORDER:], value]

    def _polynomial(self, order: int, time: float) -> np.ndarray:
        times, values = self._times[-order - 1 :], self._values[-order - 1 :]
        total = np.zeros_like(values[0])
        for i, (t, value) in enumerate(zip(times, values, strict=True)):
            weight = 1.0
            for j, s in enumerate(times):
                if j != i:
                    weight *= (time - s) / (t - s)
            total += weight * value
        return total
