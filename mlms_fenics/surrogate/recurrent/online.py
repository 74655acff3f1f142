# SPDX-License-Identifier: MIT
"""The recurrent law's step on a CPU: what its compiled loop is given, prepared once."""

import numpy as np

from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.compiled.step import CompiledStep, layers
from mlms_fenics.surrogate.recurrent.cell import FAST, RecurrentCell, log_span
from mlms_fenics.surrogate.recurrent.run import network_weights
from mlms_fenics.surrogate.recurrent.update import update


class RecurrentStep(CompiledStep):
    """Arrays of a `RecurrentCell`, as `recurrent.update.update` takes them."""

    network_class = RecurrentCell
    state = ("internal", "strain")

    def prepare(self, law: LearntLaw) -> None:
        """See `CompiledStep`."""
        cell = law.network
        self.weights, self.branches = layers(network_weights(cell)), cell.branches
        self.rate_scale = float(cell.rate_scale)
        self.low, self.numbers = step_numbers(law)

    def fill(self, fraction: float, trust: tuple[np.ndarray, ...], given: list[np.ndarray]) -> int:
        """See `CompiledStep`."""
        self.numbers[0] = 0.0 if self.low else 1.0 / (fraction * self.rate_scale)
        self.numbers[6:9] = FAST * fraction, fraction, self.low * fraction
        return update(self.weights, trust, self.numbers, self.branches, *given)


def step_numbers(law: LearntLaw) -> tuple[float, np.ndarray]:
    """The lowest rate of the training, 0 without, and `c` of `update.update`, float32.

    In it what depends on the length of a step is 0.
    """
    cell = law.network
    size = float(cell.elastic_scale)
    inverse = (1.0 / size, 1.0 / float(cell.strain_scale), 1.0 / float(cell.volume_scale))
    shear = 2.0 * law.shear_modulus * size / cell.branches
    numbers = [0.0, *inverse, shear, law.bulk_modulus, 0.0, 0.0, 0.0, log_span(cell.rates)]
    return cell.rates[0] if cell.rates else 0.0, np.array(numbers, np.float32)
