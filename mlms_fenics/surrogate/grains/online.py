# SPDX-License-Identifier: MIT
"""The grain law's step on a CPU: what its compiled loop is given, prepared once."""

import numpy as np

from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.compiled.step import CompiledStep, array, layers
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.update import update
from mlms_fenics.surrogate.recurrent.cell import FAST, log_span


class GrainStep(CompiledStep):
    """Arrays of a `GrainCell`, as `grains.update.update` takes them."""

    network_class = GrainCell
    state = ("stretch", "rotation", "internal", "strain")

    def prepare(self, law: LearntLaw) -> None:
        """See `CompiledStep`."""
        cell = law.network
        self.weights, self.share = layers(cell.weights()), array(cell.shares())
        self.rate_scale, size = float(cell.rate_scale), float(cell.elastic_scale)
        rest = (size, 2.0 * law.shear_modulus * size, law.bulk_modulus)
        self.low = cell.rates[0] if cell.rates else 0.0
        self.numbers = np.array(
            [0.0, 1.0 / float(cell.volume_scale), *rest, 0.0, 0.0, 0.0, log_span(cell.rates)]
        )

    def fill(self, fraction: float, trust: tuple[np.ndarray, ...], given: list[np.ndarray]) -> int:
        """See `CompiledStep`."""
        self.numbers[0] = self.numbers[2] / (fraction * self.rate_scale)
        self.numbers[5:7] = FAST * fraction, fraction
        if self.low:
            self.numbers[7] = (self.numbers[2] / (self.low * fraction)) ** 2
        return update(self.weights, self.share, trust, self.numbers, *given)
