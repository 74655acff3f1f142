# SPDX-License-Identifier: MIT
"""The law of a family of textures, and of materials that differ in some numbers."""

import math
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from mlms_fenics.checks import check_orientations
from mlms_fenics.data.laws import numbers_of
from mlms_fenics.errors import require
from mlms_fenics.materials import CrystalLaw
from mlms_fenics.materials.base import State, Time
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.family.cell import FamilyCell, coefficients_of
from mlms_fenics.surrogate.family.parameters import Parameter, applied, scaled, unlike
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
            own = self.parameters_of(self.law)
            self._made = made = (self.network, self._law(self.orientations, self.weights, own))
        return made[1]

    @property
    def by_strain(self) -> bool:
        """As of the laws of its textures."""
        return self._own.by_strain

    @property
    def parameters(self) -> list[Parameter]:
        """Numbers of the material that `of_texture` is to be given."""
        return self.network.inputs

    def parameters_of(self, law: CrystalLaw) -> dict[str, float]:
        """The parameters' values in another crystal law.

        Raises:
            InputError: the law differs from the family's in something else.
        """
        numbers = numbers_of(law)
        others = unlike(self.law, law)
        if not others:
            given = {p.name: numbers[p.name] for p in self.parameters}
            ours = numbers_of(applied(self.law, self.parameters, given))
            others = [k for k, x in numbers.items() if not math.isclose(x, ours[k], rel_tol=1e-5)]
        known = ", ".join(map(str, self.parameters)) or "no number of it may differ"
        require(
            not others,
            f"the metal {law.name!r} differs from the family's, {self.law.name!r}, in "
            f"{', '.join(others)}: the family takes {known}",
        )
        return given

    def of_texture(
        self,
        orientations: np.ndarray,
        weights: np.ndarray | None = None,
        parameters: Mapping[str, float] | None = None,
    ) -> RecurrentLaw:
        """The law of a texture.

        Args:
            orientations: Q (lattice to sample), *Shape* `(n, 3, 3)`.
            weights: volume fractions, *Shape* `(n,)`; None: all equal.
            parameters: the value of each of the family's `parameters`, by name, in mm, µs, GPa.

        Raises:
            InputError: no rotations, bad weights, or parameters that are unknown, missing or out of
                range.

        Warns:
            UserWarning: the texture is unlike all of the training, or so are the parameters.
        """
        Q = check_orientations(orientations, self.dimension)
        weights = check_weights(weights, len(Q))
        law = self._law(Q, weights, {} if parameters is None else parameters)
        distance = law.report["texture_distance"]
        if not distance <= 1.0:
            warnings.warn(
                f"the texture is {distance:.3g} times as far from those of the training as they "
                "are from each other: the law of it is not to be trusted before it is judged",
                stacklevel=2,
            )
        distance = law.report.get("parameter_distance", 0.0)
        if not distance <= 1.0 + 1e-6:
            warnings.warn(
                f"the parameters {', '.join(f'{k} = {v:.4g}' for k, v in parameters.items())} are "
                f"{distance:.3g} times as far out as those of the training (which has "
                f"{', '.join(map(str, self.parameters))}): the law of them is not to be trusted "
                "before it is judged",
                stacklevel=2,
            )
        return law

    def _law(
        self, Q: np.ndarray, weights: np.ndarray, parameters: Mapping[str, float]
    ) -> RecurrentLaw:
        network = self.network
        values = torch.from_numpy(scaled(self.parameters, parameters)).to(
            dtype=self.dtype, device=self.device
        )
        given = coefficients_of(network.options["lattice"], network.options["degree"])
        like = {"dtype": self.dtype, "device": self.device}
        texture = given.mean(Q, weights).to(**like)
        with torch.no_grad():
            special = network.specialised(texture, values)
            cell = RecurrentCell(**network.base.options).to(**like)
            cell.load_state_dict(
                {name: _tensor(special, name).clone() for name in cell.state_dict()}
            )
        report = {**self.report, "texture_distance": network.distance(texture)}
        if self.parameters:
            report["parameters"] = {name: float(value) for name, value in parameters.items()}
            report["parameter_distance"] = network.distance_of_values(values)
        return RecurrentLaw(
            cell,
            law=applied(self.law, self.parameters, parameters),
            orientations=Q,
            weights=weights,
            horizon=self.horizon,
            trust=self.trust,
            report=report,
        )


def _tensor(module: nn.Module, path: str) -> torch.Tensor:
    """A parameter, buffer or plain tensor by its dotted name."""
    for name in path.split("."):
        module = getattr(module, name)
    return module
