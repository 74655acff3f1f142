# SPDX-License-Identifier: MIT
"""A small family of laws of magnesium with random weights."""

import numpy as np
import torch
from surrogate_histories import training_data

from mlms_fenics.microstructure import fibre_texture
from mlms_fenics.surrogate.family.cell import FamilyCell, coefficients_of
from mlms_fenics.surrogate.family.law import FamilyLaw
from mlms_fenics.surrogate.family.parameters import Parameter, stored
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell

PARAMETERS = [
    Parameter("prismatic.saturation", 0.085, 0.34),
    Parameter(
        "basal.rate",
        0.05,
        0.2,
        {f"{name}.rate": 1.0 for name in ("prismatic", "pyramidal", "tensile_twin")},
    ),
]
SPREADS = np.linspace(10.0, 40.0, 5)


def untrained_family() -> FamilyLaw:
    """Strength grows with both parameters, and depends on the texture."""
    torch.manual_seed(0)
    data = training_data(12, 3)
    options = {**RecurrentCell(5, 2, 8).options, "rates": [0.01, 10.0], "longest_known": 0.1}
    network = FamilyCell("hexagonal", 4, len(SPREADS), options, stored(PARAMETERS), 4)
    for layer in (*network.scales.values(), *network.moves.values()):
        torch.nn.init.normal_(layer.weight, std=0.05)
    given = coefficients_of("hexagonal", 4)
    for k, spread in enumerate(SPREADS):
        Q = fibre_texture(400, 0, spread=spread)
        network.textures[k] = given.mean(Q, np.full(400, 1.0 / 400)).float()
    network.edge.fill_(1.0)
    network.values.copy_(torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]))
    network.gap.fill_(2.0)
    network.stiffening.copy_(torch.tensor([0.5, 0.2]))
    network.base.elastic_scale.fill_(0.01)
    return FamilyLaw.trained(network, data, {})
