# SPDX-License-Identifier: MIT
"""The step of quick crystals on a CPU: what its compiled loop is given, prepared once."""

import numpy as np

from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.compiled.step import CompiledStep, array
from mlms_fenics.surrogate.quick.cell import CrystalSet
from mlms_fenics.surrogate.quick.update import update


class QuickStep(CompiledStep):
    """Arrays of a `QuickCrystals`, as `quick.update.update` takes them."""

    network_class = CrystalSet
    state = ("stretch", "rotation", "stress", "strength", "slip", "strain")

    def prepare(self, law: LearntLaw) -> None:
        """See `CompiledStep`."""
        self.tables, self.share = law.tables, array(law.network.weights)
        self.sweeps = law.network.sweeps
        self.numbers = np.array([0.0, 2.0 * law.shear_modulus, law.bulk_modulus])

    def fill(self, fraction: float, trust: tuple[np.ndarray, ...], given: list[np.ndarray]) -> int:
        """See `CompiledStep`."""
        self.numbers[0] = fraction * self.horizon
        return update(self.tables, self.share, self.sweeps, trust, self.numbers, *given)
