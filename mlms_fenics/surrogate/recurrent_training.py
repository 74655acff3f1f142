# SPDX-License-Identifier: MIT
"""Fitting a recurrent neural operator on random time grids."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlms_fenics.errors import require
from mlms_fenics.surrogate.metrics import exact_pressure
from mlms_fenics.surrogate.model_file import load_model
from mlms_fenics.surrogate.recurrent import RecurrentLaw, elastic_coordinates
from mlms_fenics.surrogate.recurrent_cell import RecurrentCell
from mlms_fenics.surrogate.strain import isometry, volume_ratio
from mlms_fenics.surrogate.training import given_or, optimise, settings_from
from mlms_fenics.surrogate.training_data import TrainingData

DEFAULTS: dict[str, Any] = {
    "internal": 16,
    "width": 128,
    "epochs": 200,
    "batch": 128,
    "rate": 4e-3,
    "weight_decay": 1e-4,
    "patience": 60,
}
MIXED = (1, 2, 3, 4, 6, 8)  # strides of which an irregular grid is made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this architecture."""
    parser.add_argument("--internal", type=int, help="number of internal variables")
    parser.add_argument("--width", type=int, help="of both hidden layers")
    parser.add_argument(
        "--start-from",
        type=Path,
        metavar="MODEL.h5",
        help="begin with the weights of this model, to teach it more data",
    )


def fit(data: TrainingData, arguments: argparse.Namespace) -> RecurrentLaw:
    """Train a recurrent neural operator.

    Args:
        data: histories.
        arguments: options of `add_arguments` and of the training command.

    Returns:
        The law, in float32, whose `report["training"]` is the optimisation's record.
    """
    options = given_or(DEFAULTS, arguments)
    settings = settings_from(options, arguments, final_rate=options["rate"] * 1e-2)
    torch.manual_seed(settings.seed)
    problem = _Problem(data, options["internal"], options["width"])
    if getattr(arguments, "start_from", None) is not None:
        options["start_from"] = _begin_with(problem.cell, arguments.start_from)
    record = optimise(
        problem.cell,
        problem.loss,
        problem.validate,
        len(data.train),
        settings,
        checkpoint=arguments.checkpoint,
        resume=arguments.resume,
    )
    return RecurrentLaw.trained(problem.cell, data, {**options, "training": record})


def _begin_with(cell: RecurrentCell, path: Path) -> dict[str, Any]:
    """Give `cell` the weights and scales of a saved model; that model's own report."""
    law = load_model(path, device="cpu")
    require(
        isinstance(law, RecurrentLaw) and law.network.options == cell.options,
        f"--start-from {path}: a {law.architecture} model with {law.network.options}, but the one "
        f"to train is recurrent with {cell.options}: give the same --internal and --width",
    )
    cell.load_state_dict(law.network.state_dict())
    return law.report


class _Part:
    """Strain and elastic-strain histories of some rows, time first, and the norm of each path."""

    def __init__(self, data: TrainingData, rows: np.ndarray, device: torch.device) -> None:
        d = data.dimension
        coordinates = data.strain[rows] @ elastic_coordinates(d).T
        rest = data.sigma[rows] - exact_pressure(data.U[rows], data.law.bulk_modulus)
        J = 1.0 + volume_ratio(torch.as_tensor(data.strain[rows], dtype=torch.float64)).numpy()
        s = rest @ isometry(d, deviatoric=d == 3).T
        s *= (J / (2.0 * data.law.shear_modulus))[..., None]

        def tensor(x: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(x, dtype=torch.float32).transpose(0, 1).contiguous().to(device)

        self.e, self.s = tensor(coordinates), tensor(s)
        self.v = tensor(data.strain[rows][..., :d].sum(-1, keepdims=True))
        self.norm = self.s.square().sum(-1).mean(0)  # (n,)


class _Problem:
    """Loss and validation error of a recurrent cell on given data."""

    def __init__(self, data: TrainingData, internal: int, width: int) -> None:
        n_t = len(data.time) - 1
        require(
            bool(np.allclose(np.diff(data.time) * n_t, data.horizon, rtol=1e-6)),
            "a recurrent operator is trained on histories of a uniform time grid",
        )
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.train = _Part(data, data.train, device)
        self.validation = _Part(data, data.validation_rows(), device)
        self.n_t, self.device = n_t, device
        self.cell = RecurrentCell(self.train.e.shape[-1], internal, width)
        part = self.train
        self.cell.elastic_scale.fill_(float(_root_mean_square(part.s)))
        self.cell.strain_scale.fill_(float(_root_mean_square(part.e)))
        self.cell.volume_scale.fill_(max(float(_root_mean_square(part.v)), 1e-6))
        self.cell.rate_scale.fill_(float(_root_mean_square(part.e.diff(dim=0))) * n_t)
        self.cell.to(device)

    def loss(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mean over paths of the relative L² error of the deviator, on a random time grid."""
        grid = random_grid(self.n_t, generator)
        return self._error(self.train, rows.to(self.device), grid).mean()

    def validate(self) -> float:
        """Mean error on the data's own grid and on one four times coarser."""
        rows = torch.arange(self.validation.e.shape[1], device=self.device)
        grids = (torch.arange(self.n_t + 1), torch.arange(0, self.n_t + 1, 4))
        return sum(float(self._error(self.validation, rows, g).mean()) for g in grids) / len(grids)

    def _error(self, part: _Part, rows: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
        """Relative error of each path `(n,)` on a grid of sample numbers that starts at 0."""
        grid = grid.to(self.device)
        dt = grid.diff().to(torch.float32) / self.n_t
        e, v = part.e[grid][:, rows], part.v[grid][:, rows]
        s = self.cell.run(e, v, dt)
        square = (s - part.s[grid[1:]][:, rows]).square().sum(-1)
        weights = (dt / dt.sum())[:, None]
        return ((square * weights).sum(0) / part.norm[rows] + 1e-10).sqrt()


def random_grid(n_t: int, generator: torch.Generator) -> torch.Tensor:
    """Sample numbers from 0 to at most `n_t`: every 1st, 2nd or 4th, or irregular strides."""
    kind = int(torch.randint(0, 4, (), generator=generator))
    if kind < 3:
        return torch.arange(0, n_t + 1, 2**kind)
    strides = torch.tensor(MIXED)[torch.randint(0, len(MIXED), (n_t,), generator=generator)]
    grid = torch.cat((torch.zeros(1, dtype=torch.long), strides.cumsum(0)))
    return grid[grid <= n_t]


def _root_mean_square(x: torch.Tensor) -> torch.Tensor:
    """Typical size of a vector, the last axis."""
    return x.square().sum(-1).mean().sqrt()
