# SPDX-License-Identifier: MIT
"""How a grain that stands for many may differ from a single crystal: one vector of numbers."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.variants import CrystalVariant
from mlms_fenics.surrogate.reduced.polish import turned

_WORTH = 0.1  # a strength below so much of τ_0 is not worth a free number


@dataclass(frozen=True)
class Variations:
    """Variations of m grains; with all turns zero and all factors one they are of the law.

    Attributes:
        turns: rotation vectors of the systems in the crystal frame, slip systems first, radians,
            *Shape* `(m, n_slip + n_twin, 3)`.
        resistances: factors on the systems' τ_0, *Shape* `(m, n_slip + n_twin)`.
        strengths: factors on the slip systems' h and σ∞, *Shape* `(m, n_slip)`.
    """

    turns: np.ndarray
    resistances: np.ndarray
    strengths: np.ndarray

    def crystals(self, law: CrystalLaw) -> list[CrystalVariant]:
        """The law of each grain.

        Raises:
            InputError: shapes that do not fit the law's systems, factors not positive and finite.
        """
        R = turned(np.broadcast_to(np.eye(3), (*self.turns.shape[:2], 3, 3)), self.turns)
        return [
            CrystalVariant.of(law, *own)
            for own in zip(R, self.resistances, self.strengths, strict=True)
        ]


class FreeNumbers:
    """What is fitted of a grain beside its orientation and weight, as numbers around zero.

    For each system the components of its turn (in plane strain the one about the normal) and the
    logarithm of its resistance; for each slip system that hardens, the logarithm of its strength.

    Args:
        law: the crystal.
        free: whether anything is fitted at all.

    Attributes:
        count: how many numbers, 0 where nothing is free.
    """

    def __init__(self, law: CrystalLaw, free: bool = True) -> None:
        self.law = law
        self._systems = law.n_slip + law.n_twin
        self._axes = np.eye(3) if law.dimension == 3 else np.eye(3)[2:]
        self._hardens = law.per_slip("saturation") > _WORTH * law.per_slip("tau_0")
        self._sizes = (self._systems * len(self._axes), self._systems, int(self._hardens.sum()))
        self.count = sum(self._sizes) if free else 0

    def variations(self, numbers: np.ndarray) -> Variations:
        """Of numbers `(m, count)`, count > 0."""
        m = len(numbers)
        turns, resistances, free = np.split(numbers, np.cumsum(self._sizes)[:2], axis=1)
        strengths = np.ones((m, self.law.n_slip))
        strengths[:, self._hardens] = np.exp(free)
        return Variations(
            turns.reshape(m, self._systems, -1) @ self._axes, np.exp(resistances), strengths
        )

    def crystals(self, numbers: np.ndarray) -> list[CrystalVariant]:
        """The law of each grain, from numbers `(m, count)`."""
        return self.variations(numbers).crystals(self.law)

    def settled(
        self, orientations: np.ndarray, numbers: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same grains with the common turn of each one's systems given to its orientation.

        Args:
            orientations: Q, *Shape* `(m, 3, 3)`.
            numbers: *Shape* `(m, count)`.
        """
        Q, x = orientations.copy(), numbers.copy()
        for g, own in enumerate(self.variations(numbers).turns):
            R = Rotation.from_rotvec(own)
            common = R.mean()
            Q[g] = Q[g] @ common.as_matrix()
            x[g, : self._sizes[0]] = ((common.inv() * R).as_rotvec() @ self._axes.T).ravel()
        return Q, x
