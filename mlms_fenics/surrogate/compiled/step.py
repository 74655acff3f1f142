# SPDX-License-Identifier: MIT
"""A learnt law's whole step on a CPU: what its compiled loop is given, prepared once."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from mlms_fenics.kinematics.tensors import polar, refuse_inverted
from mlms_fenics.materials.base import State
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.parts import substep_ends


class PreparedStep(ABC):
    """What a law's step needs of its network, copied once.

    A subclass names the `network_class` that it computes and implements `prepare`.

    Args:
        law: whose weights are copied: `stale` tells whether they have changed since.
    """

    network_class: ClassVar[type[nn.Module]]

    @torch.no_grad()
    def __init__(self, law: LearntLaw) -> None:
        self._key = _versions(law.network)
        self.horizon, self.trust = law.horizon, law.trust
        self.longest = getattr(law.network, "longest_known", math.inf)
        self.prepare(law)

    def stale(self, law: LearntLaw) -> bool:
        """Whether the law's weights are not those that were copied."""
        return self._key != _versions(law.network) or self.trust is not law.trust

    @abstractmethod
    def prepare(self, law: LearntLaw) -> None:
        """Copy what the step needs of the law."""


class CompiledStep(PreparedStep):
    """The step of a law for which `LearntLaw.compiles` is true.

    A subclass names the entries of the `state` that its loop takes, and implements `fill`.
    """

    state: ClassVar[tuple[str, ...]]

    @abstractmethod
    def fill(self, fraction: float, trust: tuple[np.ndarray, ...], given: list[np.ndarray]) -> int:
        """One run of the loop.

        Args:
            fraction: length of the step over the horizon.
            trust: see `TrustMeasure.arrays`.
            given: F `(n, 3, 3)`; the state's own entries at the beginning; log U at the beginning
                of the (whole) step, memory and distance of the measure of trust; then, to be filled
                in, the stress `(n, 3, 3)` and all entries of the state at the end. Points are last.

        Returns:
            The first point with det F <= 0 or NaN, where it stops; or -1.
        """

    def __call__(
        self, F: Tensor, dt: float, state: State, substeps: int = 1
    ) -> tuple[Tensor, State]:
        """`Material.update` of the law.

        Args:
            F: *Shape* `(n, 3, 3)`.
            dt: µs.
            state: at the beginning. Where its tensors are transposes of contiguous ones, as those
                returned are, nothing is copied.
            substeps: the network takes so many equal steps, U linear over them; the measure of
                trust sees one.

        Raises:
            InputError: some det F is not positive.
        """
        F = F.detach().double().contiguous()
        own = [points_last(state[name]) for name in self.state]
        seen = [points_last(state[name]) for name in ("strain", "trust", "distance")]
        sigma, trust = torch.empty(F.shape, dtype=torch.float32), self.trust.arrays(dt)
        ends = [F]
        if substeps > 1:
            ends = [*substep_ends(state["strain"], polar(F)[1], substeps), F]
        fraction = min(dt / self.horizon / substeps, self.longest)
        for end in ends:
            new = [torch.empty_like(x) for x in own]
            after = [torch.empty_like(x) for x in seen[1:]]
            arrays = [x.numpy() for x in (end, *own, *seen, sigma, *new, *after)]
            bad = self.fill(fraction, trust, arrays)
            if bad >= 0:
                refuse_inverted(end[bad])
            own = new
        names = (*self.state, "trust", "distance")
        return sigma, {
            name: x.mT if x.ndim > 1 else x for name, x in zip(names, (*own, *after), strict=True)
        }


def points_last(x: Tensor) -> Tensor:
    """`(n, rows)` or `(n,)` with the first axis last, contiguous."""
    return (x.mT if x.ndim > 1 else x).contiguous()


def array(x: Tensor) -> np.ndarray:
    """A copy in float32, rows contiguous."""
    return np.array(x.detach().numpy(), np.float32, order="C")


def layers(weights: tuple[Tensor, ...]) -> tuple[np.ndarray, ...]:
    """Arrays of weights and biases in turn, as kernels take them: biases `(rows, groups)`."""
    return tuple(array(x) if x.ndim == 2 else array(x)[:, None] for x in weights)


def _versions(network: nn.Module) -> tuple[int, ...]:
    """What changes when a weight or buffer is replaced or written to."""
    modules = (network, *network.children())
    stores = (store for part in modules for store in (part._parameters, part._buffers))
    tensors = [x for store in stores for x in store.values() if x is not None]
    return tuple(y for x in tensors for y in (id(x), x._version))
