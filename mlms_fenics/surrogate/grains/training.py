# SPDX-License-Identifier: MIT
"""Fitting learnt grains to histories, on their own time grid and on finer ones."""

import argparse
from typing import Any

import numpy as np
import torch

from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import volume_ratio
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.fitting.training import given_or, optimise, settings_from
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.frame import unspun
from mlms_fenics.surrogate.grains.law import GrainLaw
from mlms_fenics.surrogate.grains.run import run
from mlms_fenics.surrogate.metrics import exact_pressure
from mlms_fenics.surrogate.recurrent.grids import random_nodes
from mlms_fenics.surrogate.recurrent.training import root_mean_square

DEFAULTS: dict[str, Any] = {
    "grains": 16,
    "width": 32,
    "internal": 4,
    "epochs": 60,
    "batch": 32,
    "rate": 1e-2,
    "weight_decay": 0.0,
    "patience": 60,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this architecture."""
    parser.add_argument("--grains", type=int, help="number of learnt grains")
    parser.add_argument("--width", type=int, help="of both hidden layers")
    parser.add_argument("--internal", type=int, help="number of internal variables of a grain")


def fit(data: TrainingData, arguments: argparse.Namespace) -> GrainLaw:
    """Train learnt grains.

    Args:
        data: histories, of three dimensions.
        arguments: options of `add_arguments` and of the training command.

    Returns:
        The law, in float32, whose `report["training"]` is the optimisation's record.

    Raises:
        InputError: data of two dimensions, or not on a uniform time grid.
    """
    require(data.dimension == 3, "--architecture grains: learnt grains need data of dimension 3")
    options = given_or(DEFAULTS, arguments)
    settings = settings_from(
        options, arguments, final_rate=options["rate"] * 1e-2, optimiser="soap", warmup=0.01
    )
    torch.manual_seed(settings.seed)
    problem = Problem(data, options)
    record = optimise(
        problem.cell,
        problem.loss,
        problem.validate,
        len(data.train),
        settings,
        checkpoint=arguments.checkpoint,
        resume=arguments.resume,
    )
    return GrainLaw.trained(problem.cell, data, {**options, "training": record})


class _Part:
    """Strain increments, ln J and elastic strain of some rows, in the turning frame."""

    def __init__(self, data: TrainingData, rows: np.ndarray, device: torch.device) -> None:
        rest = data.sigma[rows] - exact_pressure(data.U[rows], data.law.bulk_modulus)
        d, s = unspun(data.U[rows], rest)
        J = 1.0 + volume_ratio(torch.as_tensor(data.strain[rows], dtype=torch.float64)).numpy()
        s *= (J / (2.0 * data.law.shear_modulus))[..., None]

        def tensor(x: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(x, dtype=torch.float32).contiguous().to(device)

        self.d, self.s, self.v = tensor(d), tensor(s[:, 1:]), tensor(np.log(J))


class Problem:
    """Loss and validation error of learnt grains on given data.

    Args:
        data: histories.
        options: sizes "grains", "width" and "internal".
    """

    def __init__(self, data: TrainingData, options: dict[str, Any]) -> None:
        n_t = len(data.time) - 1
        require(
            bool(np.allclose(np.diff(data.time) * n_t, data.horizon, rtol=1e-6)),
            "learnt grains are trained on histories of a uniform time grid",
        )
        device = data.device
        self.train = _Part(data, data.train, device)
        self.validation = _Part(data, data.validation_rows(), device)
        self.n_t, self.device = n_t, device
        sizes = (options[k] for k in ("grains", "width", "internal"))
        self.cell = cell = GrainCell(*sizes, longest_step=1.0 / n_t)
        cell.elastic_scale.fill_(root_mean_square(self.train.s))
        cell.volume_scale.fill_(max(float(root_mean_square(self.train.v[..., None])), 1e-6))
        cell.rate_scale.fill_(root_mean_square(self.train.d) * n_t)
        cell.to(device)

    def loss(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mean over paths of the relative L² error of the deviator, on random time grids."""
        nodes = random_nodes(self.n_t, 1, generator)
        finer = round(1.0 / float(nodes[1]))
        return self._error(self.train, rows.to(self.device), finer).mean()

    def validate(self) -> float:
        """Mean error on the data's own grid."""
        every = torch.arange(len(self.validation.d), device=self.device)
        return float(
            torch.cat([self._error(self.validation, r, 1) for r in every.split(64)]).mean()
        )

    def _error(self, part: _Part, rows: torch.Tensor, finer: int) -> torch.Tensor:
        """Relative error of each path `(n,)` on steps `finer` times finer, on a first part."""
        steps = self.n_t // finer
        scale = self.cell.elastic_scale
        d = (part.d[rows, :steps] / (finer * scale)).permute(1, 2, 0)
        v = part.v[rows, : steps + 1].T / self.cell.volume_scale
        # A step's parts each have an equal share of its stretch and of its turn: a way between the
        # same two ends, so that the frame at the ends is the same.
        shares = torch.arange(1, finer + 1, device=self.device)[:, None] / finer
        v = torch.lerp(v[:-1, None], v[1:, None], shares).flatten(0, 1)
        dt = torch.full((steps * finer,), 1.0 / (self.n_t * finer), device=self.device)
        walk = run if self.device.type == "cpu" else type(self.cell).run
        s = walk(self.cell, d.repeat_interleave(finer, dim=0), v, dt)[finer - 1 :: finer]
        target = part.s[rows, :steps].permute(1, 2, 0) / scale
        square = (s - target).square().sum((0, 1)) / target.square().sum((0, 1))
        return (square + 1e-10).sqrt()
