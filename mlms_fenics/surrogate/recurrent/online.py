# SPDX-License-Identifier: MIT
"""The recurrent law's step on a CPU: what its compiled loop is given, prepared once."""

import numpy as np
import torch
from torch import Tensor

from mlms_fenics.kinematics.tensors import from_components, polar, refuse_inverted
from mlms_fenics.materials.base import State
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.compiled.arrays import TrustArrays, array, versions
from mlms_fenics.surrogate.recurrent.cell import FAST, RecurrentCell
from mlms_fenics.surrogate.recurrent.run import network_weights
from mlms_fenics.surrogate.recurrent.update import update


def compiles(law: LearntLaw) -> bool:
    """Whether the law has a compiled step: in float32 on a CPU, in three dimensions."""
    return (
        law.dtype == torch.float32
        and law.device.type == "cpu"
        and law.dimension == 3
        and type(law.network) is RecurrentCell
        and law.trust.groups > 0
    )


class CompiledStep:
    """Arrays of a law's network and measure of trust, as `recurrent.update.update` takes them.

    Args:
        law: for which `compiles` is true. Its weights are copied: `stale` tells whether they have
            changed since.
    """

    def __init__(self, law: LearntLaw) -> None:
        self._key = versions(law)
        cell = law.network
        self.horizon, self.branches = law.horizon, cell.branches
        self.weights = tuple(array(w) for w in network_weights(cell))
        scales = [float(x) for x in (cell.elastic_scale, cell.strain_scale, cell.volume_scale)]
        self.rate_scale = float(cell.rate_scale)
        self.numbers = np.array(
            [0.0, *(1.0 / x for x in scales), scales[0], 2.0 * law.shear_modulus,
             law.bulk_modulus, 0.0],
            np.float32,
        )  # fmt: skip
        self.trust = TrustArrays(law.trust)

    def stale(self, law: LearntLaw) -> bool:
        """Whether the law's weights are not those that were copied."""
        return self._key != versions(law)

    def __call__(self, F: Tensor, dt: float, state: State, parts: int = 1) -> tuple[Tensor, State]:
        """`Material.update` of the law.

        Args:
            F: *Shape* `(n, 3, 3)`.
            dt: µs.
            state: at the beginning. Where its tensors are transposes of contiguous ones, as those
                returned are, nothing is copied.
            parts: the network takes so many equal steps, U linear over them.

        Raises:
            InputError: some det F is not positive.
        """
        F = F.detach().double().contiguous()
        names = ("internal", "strain", "trust")
        y, since, memory = (state[name].T.contiguous() for name in names)
        strain, share = since, dt / self.horizon / parts
        self.numbers[0], self.numbers[7] = 1.0 / (share * self.rate_scale), FAST * share
        given = (self.weights, self.trust(dt), self.numbers, self.branches)
        sigma, distance = (
            torch.empty_like(F, dtype=torch.float32),
            torch.empty_like(state["distance"]),
        )
        after = torch.empty_like(memory)
        ends = [F] if parts == 1 else self._ends(F, state["strain"], parts)
        for end in ends:
            new_y, new_strain = torch.empty_like(y), torch.empty_like(strain)
            arrays = (end, y, strain, since, memory, state["distance"],
                      sigma, new_y, new_strain, after, distance)  # fmt: skip
            bad = update(*given, *(x.numpy() for x in arrays))
            if bad >= 0:
                refuse_inverted(end[bad])
            y, strain = new_y, new_strain
        return sigma, {"internal": y.T, "trust": after.T, "strain": strain.T, "distance": distance}

    @staticmethod
    def _ends(F: Tensor, strain: Tensor, parts: int) -> list[Tensor]:
        """Deformations at the ends of the parts of a step; the last one is F."""
        start, (_, U) = torch.linalg.matrix_exp(from_components(strain.double())), polar(F)
        return [torch.lerp(start, U, part / parts) for part in range(1, parts)] + [F]
