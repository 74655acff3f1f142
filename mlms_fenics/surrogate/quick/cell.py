# SPDX-License-Identifier: MIT
"""What a model of quick crystals holds."""

import torch
from torch import nn

from mlms_fenics.errors import require


class CrystalSet(nn.Module):
    """Orientations and weights of crystals of the law.

    Args:
        grains: their number m.
        systems: slip systems k of the law.
        sweeps: over these, in each step.

    Attributes:
        orientations: rotations from lattice to sample at rest, *Shape* `(m, 3, 3)`.
        weights: volume fractions ≥ 0 with sum 1, *Shape* `(m,)`.
        rates: true: points' steps are divided by their strain, see `LearntLaw`.
    """

    rates = True

    def __init__(self, grains: int, systems: int, sweeps: int = 2) -> None:
        super().__init__()
        for name, value in (("grains", grains), ("systems", systems), ("sweeps", sweeps)):
            require(value >= 1, f"{name} {value}: must be at least 1")
        self.options = {"grains": int(grains), "systems": int(systems), "sweeps": int(sweeps)}
        self.sweeps = int(sweeps)
        self.orientations = nn.Parameter(torch.eye(3).repeat(grains, 1, 1))
        self.weights = nn.Parameter(torch.full((grains,), 1.0 / grains))
