# SPDX-License-Identifier: MIT
"""Fitting a family: every batch is of one texture, turned at random with its histories.

The average of grains that are turned is the average turned, so that each texture stands for all
that it becomes by rotations, and the family learns what it must do with them.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlms_fenics.data import Dataset
from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.microstructure.harmonics import Coefficients
from mlms_fenics.surrogate.family.cell import FamilyCell, coefficients_of, products
from mlms_fenics.surrogate.family.law import FamilyLaw
from mlms_fenics.surrogate.family.parameters import differing, scaled, stored
from mlms_fenics.surrogate.fitting.data import TrainingData, cell_identity, load_data
from mlms_fenics.surrogate.fitting.problem import fitted
from mlms_fenics.surrogate.fitting.training import given_or, settings_from
from mlms_fenics.surrogate.recurrent.training import Problem as OneTexture
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
        parameters, values = differing(
            [data.law for data in sets], [data.files[0]["file"] for data in sets]
        )
        self._values = torch.tensor(np.array([scaled(parameters, each) for each in values])).float()
        about = {"parameters": stored(parameters), "materials": len(sets)} if parameters else {}
        self.network = FamilyCell(lattice, degree, len(known), cell, **about)
        self.network.textures.copy_(known)
        self.network.edge.fill_(_edge(self._textures))
        for name in _SCALES:
            squares = torch.stack([getattr(c, name).square() for c in cells])
            getattr(self.network.base, name).copy_(squares.mean().sqrt())
        if parameters:
            self._scale_with_parameters([float(c.elastic_scale) for c in cells])
        self._histories = [(part.train.e, part.train.s) for part in self._parts]

    def _scale_with_parameters(self, sizes: Sequence[float]) -> None:
        """What the parameters do to the size of elastic strains, by least squares of logarithms."""
        network, values = self.network, self._values
        network.values.copy_(values)
        network.gap.fill_(_gap(values))
        network.middle.copy_(products(values).mean(0))
        # Slightly drawn to none, for few sets that differ in their textures too.
        n, p = values.shape
        A = torch.cat((torch.ones(n, 1), values), dim=1).double()
        prior = 0.1 * torch.eye(p + 1, dtype=A.dtype)
        prior[0, 0] = 0.0
        found = torch.linalg.solve(A.T @ A + prior, A.T @ torch.tensor(sizes).double().log())
        network.base.elastic_scale.fill_(float(found[0].exp()))
        network.stiffening.copy_(found[1:])

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
            part.network = self.network.specialised(self._textures[k, r], self._values[k])
            found.append(part.loss(chosen, generator))
        return torch.stack(found).mean()

    def validate(self) -> float:
        """Mean over textures, as they are, of the errors of their own validation histories."""
        found = []
        for k, part in enumerate(self._parts):
            part.network = self.network.specialised(self._textures[k, 0], self._values[k])
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
    return _typical(apart, 1.0)


def _gap(values: Tensor) -> float:
    """As `_edge`, of scaled parameters *Shape* `(n, p)`."""
    return _typical(torch.linalg.vector_norm(values[:, None] - values[None], dim=-1), 2.0)


def _typical(apart: Tensor, alone: float) -> float:
    """What 95% of the distances to the nearest other stay below.

    Args:
        apart: of each two, *Shape* `(n, n)`; those that are the same count once.
        alone: where all are the same.
    """
    nearest = torch.where(apart > 1e-4, apart, torch.inf).amin(1)
    nearest = nearest[torch.isfinite(nearest)]
    return float(torch.quantile(nearest, 0.95)) if len(nearest) else alone


def load_sets(paths: Sequence[str | os.PathLike[str]]) -> list[TrainingData]:
    """Data sets by unit cell: files of one texture and material make one set.

    Their histories may last differently long, on equally many steps; see `load_data`.
    """
    cells: dict[tuple, list] = {}
    for path in paths:
        with Dataset(path) as data:
            about = cell_identity(data.law, data.orientations, data.weights, 1.0)
        weights = about["weights"]
        key = (about["law"], about["orientations"].tobytes(), weights is None or weights.tobytes())
        cells.setdefault(key, []).append(path)
    return [load_data(files, many_horizons=True) for files in cells.values()]


def _joined(sets: Sequence[TrainingData]) -> TrainingData:
    """Histories of all sets as if of the first one's unit cell, for the distance from all."""
    rows = np.cumsum([0, *(len(data.U) for data in sets[:-1])])
    files = np.cumsum([0, *(len(data.files) for data in sets[:-1])])

    def together(name: str, starts: np.ndarray | None = None) -> np.ndarray:
        arrays = [getattr(data, name) for data in sets]
        if starts is not None:
            arrays = [x + start for x, start in zip(arrays, starts, strict=True)]
        return np.concatenate(arrays)

    return replace(
        sets[0],
        **{name: together(name) for name in ("U", "strain", "sigma", "durations")},
        **{name: together(name, rows) for name in ("train", "validation", "test")},
        source=together("source", files),
        files=[file for data in sets for file in data.files],
    )


def fit(sets: Sequence[TrainingData], arguments: argparse.Namespace) -> FamilyLaw:
    """Train a family.

    Args:
        sets: histories of each texture and material, of one horizon and number of steps.
        arguments: options of the command.

    Raises:
        InputError: fewer than two sets, sets that no family can be of (see `differing`), or in two
            dimensions.
    """
    require(len(sets) > 1, "a family needs data sets of at least two textures or materials")
    first = sets[0]
    for data in sets[1:]:
        require(
            np.array_equal(data.time, first.time),
            f"{data.files[0]['file']} and {first.files[0]['file']} differ in their horizon or "
            "steps: the first file of each texture and material must have the same",
        )
    require(first.dimension == 3, "a family is of textures in three dimensions")
    options = given_or(DEFAULTS, arguments)
    settings = settings_from(
        options, arguments, final_rate=options["rate"] * 1e-2, optimiser="soap", warmup=0.01
    )
    torch.manual_seed(settings.seed)
    problem = Problem(sets, options)
    record = fitted(problem, settings, arguments)
    data = _joined(sets)
    report = {**options, "training": record, "data": data.files}
    return FamilyLaw.trained(problem.network, data, report)
