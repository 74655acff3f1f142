# SPDX-License-Identifier: MIT
"""Cubic and hexagonal elastic constants, and the finite-strain energy that they enter.

With A the elastic deformation, J = det A, and e the deviator of ½ (J^{-2/3} AᵀA - I),

    W_e = λ_e (J - 1)² + ½ e : D : e + (J - 1) c : e,

hyperelastic and a function of AᵀA alone, hence indifferent to the frame. At small strains it is
½ ε : C : ε of any stiffness C: 2 λ_e = C_iijj/9, c the deviator of C_ijkk/3, and D what C makes
of deviators among themselves.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from mlms_fenics.errors import require

_VOIGT = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]


def _tensor(voigt: np.ndarray) -> np.ndarray:
    C = np.zeros((3, 3, 3, 3))
    for a, (i, j) in enumerate(_VOIGT):
        for b, (k, l) in enumerate(_VOIGT):
            C[i, j, k, l] = C[j, i, k, l] = C[i, j, l, k] = C[j, i, l, k] = voigt[a, b]
    return C


class _Stiffness(ABC):
    """What both classes offer."""

    @abstractmethod
    def voigt(self) -> np.ndarray:
        """Stiffness in Voigt's notation (11, 22, 33, 23, 13, 12), GPa, *Shape* `(6, 6)`."""

    def tensor(self) -> np.ndarray:
        """Stiffness C_ijkl, GPa, *Shape* `(3, 3, 3, 3)`."""
        return _tensor(self.voigt())

    def _check(self, **constants: float) -> None:
        shown = ", ".join(f"{k} = {v}" for k, v in constants.items())
        require(
            all(math.isfinite(v) for v in constants.values()),
            f"elastic constants must be finite, got {shown}",
        )
        least = float(np.linalg.eigvalsh(self.voigt()).min())
        require(
            least > 0,
            f"elastic constants {shown} GPa are not positive definite (smallest eigenvalue of the "
            f"Voigt matrix: {least:.3g} GPa); check their order and their signs",
        )


@dataclass(frozen=True)
class CubicElasticity(_Stiffness):
    """Elastic constants of a cubic crystal, GPa."""

    C11: float
    C12: float
    C44: float

    def __post_init__(self) -> None:
        self._check(C11=self.C11, C12=self.C12, C44=self.C44)

    def voigt(self) -> np.ndarray:
        """Stiffness in Voigt's notation, GPa, *Shape* `(6, 6)`."""
        C = np.diag([self.C11 - self.C12] * 3 + [self.C44] * 3)
        C[:3, :3] += self.C12
        return C


@dataclass(frozen=True)
class HexagonalElasticity(_Stiffness):
    """Elastic constants of a hexagonal crystal with its axis along z, GPa; C66 = (C11 - C12)/2."""

    C11: float
    C12: float
    C13: float
    C33: float
    C44: float

    def __post_init__(self) -> None:
        self._check(C11=self.C11, C12=self.C12, C13=self.C13, C33=self.C33, C44=self.C44)

    def voigt(self) -> np.ndarray:
        """Stiffness in Voigt's notation, GPa, *Shape* `(6, 6)`."""
        C66 = 0.5 * (self.C11 - self.C12)
        C = np.diag([self.C11, self.C11, self.C33, self.C44, self.C44, C66])
        C[0, 1] = C[1, 0] = self.C12
        C[0, 2] = C[2, 0] = C[1, 2] = C[2, 1] = self.C13
        return C


Elasticity = CubicElasticity | HexagonalElasticity


def voigt_average(elasticity: Elasticity) -> tuple[float, float]:
    """Bulk and shear modulus of Voigt's average over all orientations, GPa."""
    C = elasticity.tensor()
    bulk = np.einsum("iijj", C) / 9.0
    return float(bulk), float((np.einsum("ijij", C) - 3.0 * bulk) / 10.0)
