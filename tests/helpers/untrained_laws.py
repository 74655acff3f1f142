# SPDX-License-Identifier: MIT
"""A small learnt law of each architecture, with random weights."""

import torch
from surrogate_histories import training_data

from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.law import GrainLaw
from mlms_fenics.surrogate.pca_net.law import PCANet, PCANetLaw
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw
from mlms_fenics.surrogate.reduced.law import GrainSet, ReducedPolycrystal


def untrained_laws() -> dict[str, LearntLaw]:
    """By architecture and dimension, all in double precision on the CPU."""
    torch.manual_seed(0)
    data = {d: training_data(12, d) for d in (2, 3)}
    made = {
        "recurrent 3D": (RecurrentLaw, RecurrentCell(5, 2, 8), 3),
        "recurrent 2D": (RecurrentLaw, RecurrentCell(3, 2, 8), 2),
        "grains 3D": (GrainLaw, GrainCell(2, 8, 1), 3),
        "pca-net 3D": (PCANetLaw, PCANet(40, 3, 4, 4, [8]), 3),
        "pca-net 2D": (PCANetLaw, PCANet(40, 2, 4, 4, [8]), 2),
        "reduced 3D": (ReducedPolycrystal, GrainSet(2), 3),
        "reduced 2D": (ReducedPolycrystal, GrainSet(2), 2),
    }
    laws = {
        name: kind.trained(network.double(), data[d], {})
        for name, (kind, network, d) in made.items()
    }
    return {name: law.to(dtype=torch.float64) for name, law in laws.items()}
