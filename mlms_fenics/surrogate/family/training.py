# SPDX-License-Identifier: MIT
"""Fitting a family: every batch is of one texture, turned at random with its histories.

The average of grains that are turned is the average turned, so that each texture stands for all
that it becomes by rotations, and the family learns what it must do with them.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.microstructure.harmonics import Coefficients
from mlms_fenics.surrogate.family.cell import FamilyCell, coefficients_of
from mlms_fenics.surrogate.family.law import FamilyLaw
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.fitting.problem import fitted
from mlms_fenics.surrogate.fitting.training import given_or, settings_from
from mlms_fenics.surrogate.recurrent.training import Problem as OneTexture
from mlms_fenics.surrogate.trust import TrustMeasure
from mlms_fenics.weights import check_weights

DEFAULTS: dict[str, Any] = {
    "internal": 20,
    "width": 160,
    "degree": 4,
    "turns": 64,
    "paths": 16,
    "epochs": 100_000,
    "batch": 2,
    "rate": 3e-3,
    "weight_decay": 1e-4,
    "patience": 100_000,
}
_SCALES = ("elastic_scale", "strain_scale", "volume_scale", "rate_scale")


def rotation_of_deviators(Q: np.ndarray) -> np.ndarray:
    """Matrices that turn the coordinates of a deviator as Q turns it.

    Args:
        Q: rotations, *Shape* `(n, 3, 3)`.

    Returns:
        *Shape* `(n, 5, 5)`: new coordinates are these times the old ones.
    """
    E = isometry(3, deviatoric=True)  # (5, 6): coordinates of components
    unit = from_components(np.linalg.pinv(E).T)  # of each coordinate, (5, 3, 3)
    turned = Q[:, None] @ unit @ np.swapaxes(Q, -1, -2)[:, None]
    return np.swapaxes(to_components(turned) @ E.T, -1, -2)


class Problem:
    """Loss and validation error of a family.

    Args:
        sets: histories of each texture.
        options: sizes "internal" and "width"; "degree" of the coefficients; "turns", rotations
            that each texture is seen in; "paths" of a batch's rows, which are of one texture.
    """

    def __init__(self, sets: Sequence[TrainingData], options: Mapping[str, Any]) -> None:
        lattice, degree = sets[0].law.symmetry, options["degree"]
        self._paths = options["paths"]
        sizes = {"internal": options["internal"], "width": options["width"], "branches": 1}
        self._parts = [OneTexture(data, sizes) for data in sets]
        cells = [part.network for part in self._parts]
        rates = (min(c.rates[0] for c in cells), max(c.rates[1] for c in cells))
        longest = max(c.longest_known for c in cells)
        # The first rotation is none.
        R = np.concatenate((np.eye(3)[None], random_orientations(options["turns"] - 1, seed=11)))
        self._turns = torch.from_numpy(rotation_of_deviators(R)).float()
        given = coefficients_of(lattice, degree)
        self._textures = torch.stack([_coefficients(given, data, R) for data in sets])
        known = self._textures.flatten(0, 1)
        cell = {**cells[0].options, "rates": rates, "longest_known": longest}
        self.network = FamilyCell(lattice, degree, len(known), cell)
        self.network.textures.copy_(known)
        self.network.edge.fill_(_edge(self._textures))
        for name in _SCALES:
            squares = torch.stack([getattr(c, name).square() for c in cells])
            getattr(self.network.base, name).copy_(squares.mean().sqrt())
        self._histories = [(part.train.e, part.train.s) for part in self._parts]

    def __len__(self) -> int:
        """Batches' rows: as many of each texture as take all its histories once."""
        per = [-(-len(part) // self._paths) for part in self._parts]
        return len(self._parts) * max(per)

    def loss(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Mean error over histories of a texture for each row."""
        found = []
        for row in rows.tolist():
            k = row % len(self._parts)
            part, (e, s) = self._parts[k], self._histories[k]
            r = int(torch.randint(len(self._turns), (), generator=generator))
            chosen = torch.randint(len(part), (self._paths,), generator=generator)
            part.train.e, part.train.s = (x @ self._turns[r].T for x in (e, s))
            part.network = self.network.specialised(self._textures[k, r])
            found.append(part.loss(chosen, generator))
        return torch.stack(found).mean()

    def validate(self) -> float:
        """Mean over textures, as they are, of the errors of their own validation histories."""
        found = []
        for k, part in enumerate(self._parts):
            part.network = self.network.specialised(self._textures[k, 0])
            found.append(part.validate())
        return float(np.mean(found))


def _coefficients(given: Coefficients, data: TrainingData, R: np.ndarray) -> Tensor:
    """Of a set's texture in each rotation, *Shape* `(turns, number)`."""
    Q = data.orientations
    weights = check_weights(data.weights, len(Q))
    return torch.stack([given.mean(r @ Q, weights) for r in R]).float()


def _edge(textures: Tensor) -> float:
    """Distance to the nearest other texture of the training, that 95% stay below.

    Args:
        textures: coefficients by texture and rotation, *Shape* `(n, turns, number)`.
    """
    own = textures[:, 0]
    apart = torch.linalg.vector_norm(own[:, None, None] - textures[None], dim=-1).amin(-1)
    apart.fill_diagonal_(torch.inf)
    return float(torch.quantile(apart.amin(1), 0.95)) if len(own) > 1 else 1.0


def fit(sets: Sequence[TrainingData], arguments: argparse.Namespace) -> FamilyLaw:
    """Train a family.

    Args:
        sets: histories of each texture, of one material, horizon and number of steps.
        arguments: options of the command.

    Raises:
        InputError: fewer than two sets, sets of different materials, or in two dimensions.
    """
    require(len(sets) > 1, "a family needs data sets of at least two textures")
    first = sets[0]
    for data in sets[1:]:
        require(
            data.law.to_dict() == first.law.to_dict() and np.array_equal(data.time, first.time),
            f"{data.files[0]['file']} and {first.files[0]['file']} differ in their material, "
            "horizon or steps: a family is of one",
        )
    require(first.dimension == 3, "a family is of textures in three dimensions")
    options = given_or(DEFAULTS, arguments)
    settings = settings_from(
        options, arguments, final_rate=options["rate"] * 1e-2, optimiser="soap", warmup=0.01
    )
    torch.manual_seed(settings.seed)
    problem = Problem(sets, options)
    record = fitted(problem, settings, arguments)
    strain = np.concatenate([data.strain[data.train] for data in sets])
    trust = TrustMeasure(3, first.horizon).fit(strain, first.time)
    return FamilyLaw(
        problem.network,
        law=first.law,
        orientations=first.orientations,
        weights=first.weights,
        horizon=first.horizon,
        trust=trust,
        report={
            **options,
            "training": record,
            "longest_history": float(first.horizon),
            "data": [file for data in sets for file in data.files],
        },
    )
