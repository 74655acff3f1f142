# SPDX-License-Identifier: MIT
"""Fitting learnt grains to histories, on their own time grid and on finer ones."""

import argparse
from typing import Any

import numpy as np
import torch

from mlms_fenics.device import at_hand
from mlms_fenics.errors import require
from mlms_fenics.gpu.launch import usable
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.fitting.problem import (
    CausalProblem,
    elastic_strain,
    fit_causal,
    rate_range,
)
from mlms_fenics.surrogate.fitting.recorded import Draw, DrawnLoss, Recorded
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.frame import unspun
from mlms_fenics.surrogate.grains.law import GrainLaw
from mlms_fenics.surrogate.grains.run import run
from mlms_fenics.surrogate.grains.walk_there import walk_there
from mlms_fenics.surrogate.recurrent.grids import random_nodes

MANY_HORIZONS = True  # as of `recurrent.training`
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
    """Train learnt grains; see `fit_causal`.

    Args:
        data: histories, of three dimensions.
        arguments: options of `add_arguments` and of the training command.

    Raises:
        InputError: data of two dimensions, or not on a uniform time grid.
    """
    require(data.dimension == 3, "--architecture grains: learnt grains need data of dimension 3")
    return fit_causal(data, arguments, DEFAULTS, Problem, GrainLaw)


class _Part:
    """Strain increments, ln J and elastic strain of some rows, in the turning frame."""

    def __init__(self, data: TrainingData, rows: np.ndarray) -> None:
        s = elastic_strain(data.U[rows], data.strain[rows], data.sigma[rows], data.law)
        d, s = unspun(data.U[rows], s)

        def tensor(x: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(x, dtype=torch.float32).contiguous().to(data.device)

        self.d, self.s = tensor(d), tensor(s[:, 1:])
        self.v = tensor(data.strain[rows][..., :3].sum(-1, dtype=np.float64))
        self.lasting = tensor(data.durations[rows] / data.horizon)


class Problem(CausalProblem):
    """Loss and validation error of learnt grains on given data.

    Args:
        data: histories.
        options: sizes "grains", "width" and "internal".
    """

    def __init__(self, data: TrainingData, options: dict[str, Any]) -> None:
        sizes = (options[k] for k in ("grains", "width", "internal"))
        self.train = part = _Part(data, data.train)
        cell = GrainCell(*sizes, rates=rate_range(part.d, part.lasting))
        super().__init__(data, cell)
        self.validation = _Part(data, data.validation_rows())
        self.scale(self.train.s, self.train.v[..., None], self.train.d)
        self.loss = DrawnLoss(self.draw, self.evaluate, self.device)
        self.judged = Recorded(self._judge, self.device)

    def draw(self, rows: torch.Tensor, generator: torch.Generator) -> Draw:
        """How much finer the time grid of a batch is, and its rows."""
        nodes = random_nodes(self.n_t, 1, generator)
        return round(1.0 / nodes.numpy()[1]), (rows,)

    def evaluate(self, finer: int, rows: torch.Tensor) -> torch.Tensor:
        """Mean over paths of the relative L² error of the deviator."""
        return self._error(self.train, rows, finer).mean()

    def validate(self) -> float:
        """Mean error on the data's own grid."""
        every = torch.arange(len(self.validation.d))
        parts = every.split(64 if at_hand(self.device) else len(every))
        return float(torch.cat([self.judged(1, rows)[0] for rows in parts]).mean())

    def _judge(self, finer: int, rows: torch.Tensor) -> tuple[torch.Tensor]:
        return (self._error(self.validation, rows, finer),)

    def _error(self, part: _Part, rows: torch.Tensor, finer: int) -> torch.Tensor:
        """Relative error of each path `(n,)` on steps `finer` times finer, on a first part."""
        steps = self.n_t // finer
        scale = self.network.elastic_scale
        d = (part.d[rows, :steps] / (finer * scale)).permute(1, 2, 0)
        v = part.v[rows, : steps + 1].T / self.network.volume_scale
        # A step's parts each have an equal share of its stretch and of its turn: a way between the
        # same two ends, so that the frame at the ends is the same.
        shares = torch.arange(1, finer + 1, device=self.device)[:, None] / finer
        v = torch.lerp(v[:-1, None], v[1:, None], shares).flatten(0, 1)
        dt = (part.lasting[rows] / (self.n_t * finer)).expand(steps * finer, -1)
        walk = run if at_hand(self.device) else type(self.network).run
        if usable(self.device):
            walk = walk_there
        s = walk(self.network, d.repeat_interleave(finer, dim=0), v, dt)[finer - 1 :: finer]
        target = part.s[rows, :steps].permute(1, 2, 0) / scale
        square = (s - target).square().sum((0, 1)) / target.square().sum((0, 1))
        return (square + 1e-10).sqrt()
