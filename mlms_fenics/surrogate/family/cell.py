# SPDX-License-Identifier: MIT
"""A recurrent cell whose layers depend on the texture, by its harmonic coefficients.

Each layer's rows are scaled, and its biases moved, by linear functions of the coefficients, and of
parameters of the material and their products where the family has any. For one texture that is an
ordinary `RecurrentCell` with other weights: nothing of the family is left in what a law does at
every step, whoever runs or exports it.
"""

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from mlms_fenics.errors import require
from mlms_fenics.microstructure.harmonics import Coefficients
from mlms_fenics.surrogate.family.parameters import Parameter
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell

# Layers by name, and those whose rows belong to the same sums.
_LAYERS = {"from_drivers": "first", "from_state": "first", "hidden": "hidden", "flow": "flow"}


@lru_cache(maxsize=8)
def coefficients_of(lattice: str, degree: int) -> Coefficients:
    """What a family knows of a texture: harmonic coefficients up to a degree, all of equal scale.

    Raises:
        InputError: unknown lattice, or a degree without coefficients.
    """
    require(2 <= degree <= 8, f"degree {degree}: must lie between 2 and 8")
    return Coefficients(lattice, degree, 0.0)


class FamilyCell(nn.Module):
    """Weights of a `RecurrentCell` as functions of a texture, and of numbers of the material.

    Args:
        lattice: "cubic" or "hexagonal".
        degree: of the coefficients, see `coefficients_of`.
        known: number of coefficient vectors that it was trained on.
        cell: options of the `RecurrentCell`.
        parameters: of `parameters.stored`; none: one material.
        materials: number of data sets, each with values of the parameters.

    Attributes:
        inputs: beside the texture, see `Parameter`.
        base: the cell at coefficients of zero, a random texture, in the middle of the parameters.
        textures: coefficients of the training's textures, turned in many ways, `(known, number)`.
        edge: distance of two of them, see `distance`, that counts as 1.
        values: scaled parameters of the data sets, *Shape* `(materials, p)`.
        gap: distance of two of them, see `distance_of_values`, that counts as a half.
        middle: mean `products` of `values`: what never varies among them does nothing elsewhere.
        stiffening: by how much the logarithm of `elastic_scale` grows with each, *Shape* `(p,)`.
    """

    def __init__(
        self,
        lattice: str,
        degree: int,
        known: int,
        cell: dict[str, Any],
        parameters: Sequence[dict[str, Any]] = (),
        materials: int = 0,
    ) -> None:
        super().__init__()
        self.options = {"lattice": lattice, "degree": degree, "known": known, "cell": cell}
        self.base = RecurrentCell(**cell)
        self.inputs = [Parameter(**given) for given in parameters]
        number = sum(len(onto) * basis.shape[1] for _, _, basis, onto in coefficients_of(
            lattice, degree).parts)  # fmt: skip
        p = len(self.inputs)
        inputs = number + p + p * (p + 1) // 2
        rows = {
            "first": self.base.from_drivers.out_features,
            "hidden": self.base.hidden.out_features,
            "flow": self.base.flow.out_features,
        }
        self.scales = nn.ModuleDict({k: nn.Linear(inputs, n, bias=False) for k, n in rows.items()})
        self.moves = nn.ModuleDict({k: nn.Linear(inputs, n, bias=False) for k, n in rows.items()})
        for layer in (*self.scales.values(), *self.moves.values()):
            nn.init.zeros_(layer.weight)
        self.register_buffer("textures", torch.zeros(known, number))
        self.register_buffer("edge", torch.ones(()))
        if p:  # files of before do not know these
            self.options |= {"parameters": list(parameters), "materials": materials}
            self.register_buffer("values", torch.zeros(materials, p))
            self.register_buffer("gap", torch.ones(()))
            self.register_buffer("stiffening", torch.zeros(p))
            self.register_buffer("middle", torch.zeros(p * (p + 1) // 2))

    def specialised(self, texture: Tensor, values: Tensor | None = None) -> RecurrentCell:
        """The cell of a texture and material, differentiable in this one's weights.

        Args:
            texture: coefficients, *Shape* `(number,)`.
            values: scaled parameters, *Shape* `(p,)`; None where there are none.
        """
        cell, given = _copied(self.base), texture
        if self.inputs:
            given = torch.cat((texture, values, products(values) - self.middle))
            # Strength sets the size of elastic strains: what it does to that needs no learning.
            cell._buffers = dict(cell._buffers)
            cell.elastic_scale = self.base.elastic_scale * torch.exp(self.stiffening @ values)
        for name, part in _LAYERS.items():
            own, layer = getattr(self.base, name), _copied(getattr(self.base, name))
            layer._parameters = {}
            layer.weight = own.weight * (1.0 + self.scales[part](given))[:, None]
            layer.bias = None if own.bias is None else own.bias + self.moves[part](given)
            cell._modules[name] = layer
        return cell

    def distance(self, texture: Tensor) -> float:
        """How far a texture is from the nearest of the training's; 1 is their own edge."""
        nearest = torch.linalg.vector_norm(self.textures - texture, dim=1).min()
        return float(nearest / self.edge)

    def distance_of_values(self, values: Tensor) -> float:
        """How far parameters are from those of the training.

        1 is the end of a parameter's range; or, within all ranges, a hole twice as wide as their
        own distances.

        Args:
            values: scaled, *Shape* `(p,)`.
        """
        if not self.inputs:
            return 0.0
        nearest = torch.linalg.vector_norm(self.values - values, dim=1).min()
        return max(float(values.abs().max()), float(0.5 * nearest / self.gap))


def products(values: Tensor) -> Tensor:
    """Of each two of them, and of each with itself, *Shape* `(..., p)` to `(..., p (p + 1)/2)`."""
    first, second = torch.triu_indices(values.shape[-1], values.shape[-1])
    return values[..., first] * values[..., second]


def _copied(module: nn.Module) -> Any:
    """A copy that shares all tensors, whose modules can be exchanged."""
    found = copy.copy(module)
    found._modules = dict(module._modules)
    return found
