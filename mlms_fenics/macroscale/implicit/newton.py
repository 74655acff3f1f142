# SPDX-License-Identifier: MIT
"""Newton's method with line search for nodal displacements, by PETSc's SNES."""

from abc import ABC, abstractmethod
from itertools import count
from typing import Any

import numpy as np
from petsc4py import PETSc

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.macroscale.implicit.linear import LINEAR

# What an impossible displacement has for a residual: the line search then comes back.
_IMPOSSIBLE = 1e60
_numbers = count()


class Balance(ABC):
    """What Newton's method is to bring to zero, at this rank's own nodes."""

    @abstractmethod
    def residual(self, u: np.ndarray) -> tuple[np.ndarray | None, float]:
        """Out-of-balance force at `u`, both `(n_owned, 3)`, and the size below which it is zero.

        None in its place, on all ranks alike, is a displacement that cannot be. Collective.
        """

    @abstractmethod
    def linearise(self) -> None:
        """Set PETSc's matrix to the derivative of the last `residual` (collective).

        Raises:
            Exception: on all ranks: there is none.
        """


class Newton:
    """SNES with backtracking for one matrix (collective).

    Args:
        balance: to be brought to zero; held components have no residual.
        matrix: that `balance` sets.
        linear: of `LINEAR`.
        most: iterations.

    Attributes:
        residuals: norm of the residual over the size that is taken as zero at each iteration of the
            last `solve`, so that it ends with a value of at most one.
    """

    def __init__(self, balance: Balance, matrix: Any, linear: str, most: int) -> None:
        self._balance, self._matrix = balance, matrix
        self.residuals: list[float] = []
        self._limit = 0.0
        self._error: Exception | None = None
        self._x, self._f = matrix.createVecRight(), matrix.createVecLeft()
        self._snes = snes = PETSc.SNES().create(matrix.comm)
        prefix = f"mlms_implicit_{next(_numbers)}_"
        options = PETSc.Options()
        given = {"snes_type": "newtonls", "snes_linesearch_type": "bt", **LINEAR[linear]}
        for key, value in given.items():
            options[prefix + key] = value
        snes.setOptionsPrefix(prefix)
        snes.setFunction(self._residual, self._f)
        snes.setJacobian(self._jacobian, matrix, matrix)
        snes.setTolerances(max_it=most)
        snes.setConvergenceTest(self._converged)
        snes.setFromOptions()
        for key in given:
            del options[prefix + key]

    def solve(self, u: np.ndarray) -> bool:
        """Iterate from and into `u`, `(n_owned, 3)`; whether it has converged (collective)."""
        self.residuals, self._error = [], None
        self._x.array[:] = u.ravel()
        self._snes.solve(None, self._x)
        u[:] = self._x.array.reshape(-1, 3)
        if isinstance(self._error, InputError):
            raise self._error
        return self._error is None and self._snes.getConvergedReason() > 0

    def linear_step(self, force: np.ndarray) -> np.ndarray | None:
        """Matrix⁻¹ times a force, `(n_owned, 3)`; None where that fails (collective)."""
        ksp = self._snes.getKSP()
        ksp.setOperators(self._matrix)
        x, f = self._matrix.createVecRight(), self._matrix.createVecLeft()
        f.array[:] = force.ravel()
        ksp.solve(f, x)
        good = ksp.getConvergedReason() > 0 and np.isfinite(x.norm())
        return x.array.reshape(-1, 3).copy() if good else None

    def _residual(self, snes: Any, x: Any, f: Any) -> None:
        # Errors are those of all ranks; one that went through PETSc would lose its message.
        found = None
        try:
            if self._error is None:
                found, self._limit = self._balance.residual(x.array_r.reshape(-1, 3))
        except (InputError, SimulationError) as error:
            self._error = error
        f.array[:] = _IMPOSSIBLE if found is None else found.ravel()

    def _jacobian(self, snes: Any, x: Any, A: Any, B: Any) -> None:
        try:
            self._balance.linearise()
        except (InputError, SimulationError) as error:
            self._error = error

    def _converged(self, snes: Any, iteration: int, norms: tuple[float, ...]) -> Any:
        self.residuals.append(float(norms[2] / self._limit))
        reasons = PETSc.SNES.ConvergedReason
        if not np.isfinite(norms[2]) or norms[2] >= _IMPOSSIBLE:
            return reasons.DIVERGED_FNORM_NAN
        return reasons.CONVERGED_FNORM_ABS if norms[2] <= self._limit else reasons.ITERATING
