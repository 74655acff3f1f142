# SPDX-License-Identifier: MIT
"""The law of a family of textures."""

import warnings

import numpy as np
import torch
from torch import nn

from mlms_fenics.checks import check_orientations
from mlms_fenics.materials.base import State, Time
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.family.cell import FamilyCell, coefficients_of
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw
from mlms_fenics.weights import check_weights


class FamilyLaw(LearntLaw):
    """A `RecurrentLaw` for each texture; by itself that of its own `orientations`.

    `of_texture` makes the law of another one, an ordinary `RecurrentLaw`.
    """

    architecture = "family"
    network_class: type[nn.Module] = FamilyCell

    def own_state(self, n: int) -> State:
        """As of `RecurrentLaw`."""
        return self._own.own_state(n)

    def step(
        self, U: torch.Tensor, strain: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.step`."""
        return self._own.step(U, strain, time, dt, state)

    @property
    def _own(self) -> RecurrentLaw:
        made = getattr(self, "_made", None)
        if made is None or (made[0] is not self.network):
            self._made = made = (self.network, self._law(self.orientations, self.weights))
        return made[1]

    @property
    def by_strain(self) -> bool:
        """As of the laws of its textures."""
        return self._own.by_strain

    def of_texture(
        self, orientations: np.ndarray, weights: np.ndarray | None = None
    ) -> RecurrentLaw:
        """The law of a texture.

        Args:
            orientations: Q (lattice to sample), *Shape* `(n, 3, 3)`.
            weights: volume fractions, *Shape* `(n,)`; None: all equal.

        Raises:
            InputError: no rotations, or bad weights.

        Warns:
            UserWarning: the texture is unlike all of the training.
        """
        Q = check_orientations(orientations, self.dimension)
        weights = check_weights(weights, len(Q))
        law = self._law(Q, weights)
        distance = law.report["texture_distance"]
        if not distance <= 1.0:
            warnings.warn(
                f"the texture is {distance:.3g} times as far from those of the training as they "
                "are from each other: the law of it is not to be trusted before it is judged",
                stacklevel=2,
            )
        return law

    def _law(self, Q: np.ndarray, weights: np.ndarray) -> RecurrentLaw:
        network = self.network
        given = coefficients_of(network.options["lattice"], network.options["degree"])
        like = {"dtype": self.dtype, "device": self.device}
        texture = given.mean(Q, weights).to(**like)
        with torch.no_grad():
            special = network.specialised(texture)
            cell = RecurrentCell(**network.base.options).to(**like)
            cell.load_state_dict(
                {name: _tensor(special, name).clone() for name in cell.state_dict()}
            )
        return RecurrentLaw(
            cell,
            law=self.law,
            orientations=Q,
            weights=weights,
            horizon=self.horizon,
            trust=self.trust,
            report={**self.report, "texture_distance": network.distance(texture)},
        )


def _tensor(module: nn.Module, path: str) -> torch.Tensor:
    """A parameter, buffer or plain tensor by its dotted name."""
    for name in path.split("."):
        module = getattr(module, name)
    return module
