# SPDX-License-Identifier: MIT
"""Histories of small polycrystals under the Taylor assumption."""

import argparse
from functools import lru_cache

import numpy as np
import torch
from surrogate_histories import law, stretch, walks
from training_options import training_options

from mlms_fenics.kinematics.tensors import to_components
from mlms_fenics.materials import CrystalLaw
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate.fitting.data import TrainingData, assemble
from mlms_fenics.surrogate.reduced.law import GrainSet, ReducedPolycrystal
from mlms_fenics.surrogate.reduced.variations import Variations
from mlms_fenics.surrogate.trust import TrustMeasure
from mlms_fenics.unitcell import TaylorAverage

HORIZON = {2: 1.0e6, 3: 1.0}


@lru_cache(maxsize=8)
def taylor_data(
    n: int = 60, dimension: int = 3, grains: int = 12, cell: str = "taylor", strength: float = 1.0
) -> TrainingData:
    """Smooth random walks; `strength` scales the reference stress of the crystal that made them."""
    crystal = law(dimension)
    made_by = crystal.to_dict()
    for family in made_by["slip"]:
        family["tau_0"] *= strength
    Q = random_orientations(grains, 3, dimension)
    U = stretch(walks(n, dimension, seed=5))
    sigma = TaylorAverage(CrystalLaw.from_dict(made_by), Q).stress(U, HORIZON[dimension], 1e-3)
    return assemble(
        to_components(U).astype(np.float32),
        to_components(sigma).astype(np.float32),
        time=np.linspace(0.0, HORIZON[dimension], U.shape[1]),
        law=crystal,
        orientations=Q,
        files=[{"file": "memory", "cell": cell}],
    )


def reduced(
    orientations: np.ndarray,
    weights: np.ndarray,
    dimension: int = 3,
    tolerance=1e-4,
    variations: Variations | None = None,
):
    """A reduced polycrystal of given grains `(m, 3, 3)`."""
    crystal = law(dimension)
    time = np.linspace(0.0, HORIZON[dimension], 41)
    return ReducedPolycrystal(
        GrainSet.of(orientations, weights, tolerance, variations),
        law=crystal,
        orientations=random_orientations(5, 0, dimension),
        horizon=HORIZON[dimension],
        trust=TrustMeasure(dimension, HORIZON[dimension]).fit(walks(20, dimension), time),
    )


def options(**given) -> argparse.Namespace:
    """Options of the training command."""
    names = ("batch", "rate", "weight_decay", "patience", "epochs", "samples")
    return training_options(**{**dict.fromkeys(names), **given})


def histories(n: int, dimension: int = 3, seed: int = 1) -> np.ndarray:
    """Stretches, *Shape* `(n, 41, d, d)`."""
    return stretch(walks(n, dimension, seed=seed))


def rotation(seed: int) -> torch.Tensor:
    """A rotation of the sample, *Shape* `(3, 3)`."""
    return torch.from_numpy(random_orientations(1, seed)[0])
