# SPDX-License-Identifier: MIT
"""A learnt law's whole step on a GPU in a few kernels, as `compiled.step` has it for a CPU."""

from abc import abstractmethod

from torch import Tensor

from mlms_fenics.device import scalar
from mlms_fenics.kinematics.tensors import polar
from mlms_fenics.materials.base import State, Time
from mlms_fenics.surrogate.compiled.step import PreparedStep, points_last
from mlms_fenics.surrogate.compiled.trust_there import trust_there
from mlms_fenics.surrogate.parts import substep_ends


class StepThere(PreparedStep):
    """The step of a law for which `LearntLaw.has_kernels` is true; the host waits for nothing."""

    @abstractmethod
    def advance(
        self, F: Tensor, fraction: Tensor, own: Tensor, strain: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step of the network. NaN where det F is not positive.

        Args:
            F: *Shape* `(n, 3, 3)`, float64, contiguous.
            fraction: length of the step over the horizon, float64, without axes.
            own: the law's own state at its beginning, *Shape* `(rows, n)`, contiguous.
            strain: components of log U there, *Shape* `(6, n)`.

        Returns:
            Stress `(n, 3, 3)`, and both states at its end.
        """

    def divide(
        self, F: Tensor, fraction: Tensor, begun: tuple[Tensor, Tensor], ended: tuple[Tensor, ...]
    ) -> None:
        """Take again in parts what strained by more than a part may, see `parts`; by default none.

        Args:
            F: as of `advance`.
            fraction: length of the step over the horizon, however long it is.
            begun: own state and log U at its beginning.
            ended: what `advance` gave, written into.
        """

    def __call__(
        self, F: Tensor, dt: Time, state: State, substeps: int = 1
    ) -> tuple[Tensor, State]:
        """`Material.update` of the law, as `CompiledStep.__call__`."""
        (name,) = set(state) - {"strain", "trust", "distance"}
        F = F.detach().double().contiguous()
        own, strain, memory = (points_last(state[x]) for x in (name, "strain", "trust"))
        ends = [F]
        if substeps > 1:
            ends = [*substep_ends(state["strain"], polar(F)[1], substeps), F]
        dt = scalar(dt, F)
        fraction = dt / (self.horizon * substeps)
        known, before = fraction.clamp(max=self.longest), strain
        for end in ends:
            end, begun = end.contiguous(), (own, strain)
            ended = self.advance(end, known, *begun)
            self.divide(end, fraction, begun, ended)
            sigma, own, strain = ended
        distance = state["distance"].contiguous()
        memory, distance = trust_there(self.trust.tensors(dt), strain, before, memory, distance)
        return sigma, {name: own.mT, "strain": strain.mT, "trust": memory.mT, "distance": distance}
