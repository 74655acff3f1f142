# SPDX-License-Identifier: MIT
"""A recurrent cell whose layers depend on the texture, by its harmonic coefficients.

Each layer's rows are scaled, and its biases moved, by linear functions of the coefficients. For one
texture that is an ordinary `RecurrentCell` with other weights: nothing of the family is left in
what a law does at every step, whoever runs or exports it.
"""

import copy
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from mlms_fenics.errors import require
from mlms_fenics.microstructure.harmonics import Coefficients
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
    """Weights of a `RecurrentCell` as functions of a texture.

    Args:
        lattice: "cubic" or "hexagonal".
        degree: of the coefficients, see `coefficients_of`.
        known: number of coefficient vectors that it was trained on.
        cell: options of the `RecurrentCell`.

    Attributes:
        base: the cell at coefficients of zero, a random texture.
        textures: coefficients of the training's textures, turned in many ways, `(known, number)`.
        edge: distance of two of them, see `distance`, that counts as 1.
    """

    def __init__(self, lattice: str, degree: int, known: int, cell: dict[str, Any]) -> None:
        super().__init__()
        self.options = {"lattice": lattice, "degree": degree, "known": known, "cell": cell}
        self.base = RecurrentCell(**cell)
        number = sum(len(onto) * basis.shape[1] for _, _, basis, onto in coefficients_of(
            lattice, degree).parts)  # fmt: skip
        rows = {
            "first": self.base.from_drivers.out_features,
            "hidden": self.base.hidden.out_features,
            "flow": self.base.flow.out_features,
        }
        self.scales = nn.ModuleDict({k: nn.Linear(number, n, bias=False) for k, n in rows.items()})
        self.moves = nn.ModuleDict({k: nn.Linear(number, n, bias=False) for k, n in rows.items()})
        for layer in (*self.scales.values(), *self.moves.values()):
            nn.init.zeros_(layer.weight)
        self.register_buffer("textures", torch.zeros(known, number))
        self.register_buffer("edge", torch.ones(()))

    def specialised(self, texture: Tensor) -> RecurrentCell:
        """The cell of a texture, differentiable in this one's weights.

        Args:
            texture: coefficients, *Shape* `(number,)`.
        """
        cell = _copied(self.base)
        for name, part in _LAYERS.items():
            given, layer = getattr(self.base, name), _copied(getattr(self.base, name))
            layer._parameters = {}
            layer.weight = given.weight * (1.0 + self.scales[part](texture))[:, None]
            moved = given.bias
            layer.bias = None if moved is None else moved + self.moves[part](texture)
            cell._modules[name] = layer
        return cell

    def distance(self, texture: Tensor) -> float:
        """How far a texture is from the nearest of the training's; 1 is their own edge."""
        nearest = torch.linalg.vector_norm(self.textures - texture, dim=1).min()
        return float(nearest / self.edge)


def _copied(module: nn.Module) -> Any:
    """A copy that shares all tensors, whose modules can be exchanged."""
    found = copy.copy(module)
    found._modules = dict(module._modules)
    return found
