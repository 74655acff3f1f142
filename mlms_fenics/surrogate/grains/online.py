# SPDX-License-Identifier: MIT
"""The grain law's step on a CPU: what its compiled loop is given, prepared once."""

import numpy as np
import torch
from torch import Tensor

from mlms_fenics.kinematics.tensors import refuse_inverted
from mlms_fenics.materials.base import State
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.compiled.arrays import TrustArrays, array, versions
from mlms_fenics.surrogate.grains.update import update
from mlms_fenics.surrogate.recurrent.cell import FAST

_STATE = ("stretch", "rotation", "internal", "strain", "trust", "distance")


def compiles(law: LearntLaw) -> bool:
    """Whether the law has a compiled step: in float32 on a CPU."""
    return law.dtype == torch.float32 and law.device.type == "cpu" and law.trust.groups > 0


class CompiledStep:
    """Arrays of a law's network and measure of trust, as `grains.update.update` takes them.

    Args:
        law: for which `compiles` is true. Its weights are copied: `stale` tells whether they have
            changed since.
    """

    @torch.no_grad()
    def __init__(self, law: LearntLaw) -> None:
        self._key = versions(law)
        cell = law.network
        self.horizon, self.trust = law.horizon, TrustArrays(law.trust)
        self.weights = tuple(array(w) for w in cell.weights())
        self.share = array(cell.shares())
        self.rate_scale, size = float(cell.rate_scale), float(cell.elastic_scale)
        rest = (2.0 * law.shear_modulus, law.bulk_modulus)
        self.numbers = np.array([0.0, 1.0 / float(cell.volume_scale), size, *rest])

    def stale(self, law: LearntLaw) -> bool:
        """Whether the law's weights are not those that were copied."""
        return self._key != versions(law)

    def __call__(self, F: Tensor, dt: float, state: State) -> tuple[Tensor, State]:
        """`Material.update` of the law.

        Args:
            F: *Shape* `(n, 3, 3)`.
            dt: µs.
            state: at the beginning.

        Raises:
            InputError: some det F is not positive.
        """
        F = F.detach().double().contiguous()
        share = dt / self.horizon
        self.numbers[0] = self.numbers[2] / (share * self.rate_scale)
        given = [state[name].contiguous() for name in _STATE]
        new, sigma = [torch.empty_like(x) for x in given], torch.empty_like(F, dtype=torch.float32)
        bad = update(
            self.weights, self.share, self.trust(dt), self.numbers, np.float32(FAST * share),
            *(x.numpy() for x in (F, *given, sigma, *new)),
        )  # fmt: skip
        if bad >= 0:
            refuse_inverted(F[bad])
        return sigma, dict(zip(_STATE, new, strict=True))
