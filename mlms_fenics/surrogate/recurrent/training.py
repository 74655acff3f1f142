# SPDX-License-Identifier: MIT
"""Fitting a recurrent neural operator on random time grids."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlms_fenics.device import at_hand
from mlms_fenics.errors import require
from mlms_fenics.gpu.launch import usable
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.fitting.problem import (
    CausalProblem,
    elastic_strain,
    fit_causal,
    rate_range,
    root_mean_square,
    uniform_steps,
)
from mlms_fenics.surrogate.fitting.recorded import Draw, DrawnLoss, Recorded
from mlms_fenics.surrogate.model_file import load_model
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.grids import at_steps, longest_strides, on_grids, random_nodes
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw, elastic_coordinates
from mlms_fenics.surrogate.recurrent.run import run
from mlms_fenics.surrogate.recurrent.walk_there import walk_there

# Histories of one training may last differently long, and deform at rates of many decades.
MANY_HORIZONS = True
DEFAULTS: dict[str, Any] = {
    "internal": 20,
    "width": 128,
    "branches": 1,
    "one_rate": False,
    "epochs": 200,
    "batch": 32,
    "rate": 3e-3,
    "weight_decay": 1e-4,
    "patience": 60,
}

# Of random grids on a device apart: each is recorded by itself, see `fitting.recorded`.
LENGTHS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this architecture."""
    parser.add_argument("--internal", type=int, help="number of internal variables")
    parser.add_argument("--width", type=int, help="of both hidden layers")
    parser.add_argument("--branches", type=int, help="number of elastic strains side by side")
    parser.add_argument(
        "--start-from",
        type=Path,
        metavar="MODEL.h5",
        help="begin with the weights of this model, to teach it more data",
    )


def fit(data: TrainingData, arguments: argparse.Namespace) -> RecurrentLaw:
    """Train a recurrent neural operator; see `fit_causal`.

    Args:
        data: histories.
        arguments: options of `add_arguments` and of the training command.
    """
    path = getattr(arguments, "start_from", None)
    if path is None:
        return fit_causal(data, arguments, DEFAULTS, Problem, RecurrentLaw)
    start = load_model(path, device="cpu")
    require(
        isinstance(start, RecurrentLaw),
        f"--start-from {path}: a {start.architecture} model, but the one to train is recurrent",
    )
    arguments.one_rate = start.network.rates is None
    # What is not said is as the model has it.
    for name in ("internal", "width", "branches"):
        if getattr(arguments, name, None) is None:
            setattr(arguments, name, start.network.options[name])

    def begin(cell: RecurrentCell) -> dict[str, Any]:
        return {"start_from": _begin_with(cell, start, path)}

    return fit_causal(data, arguments, DEFAULTS, Problem, RecurrentLaw, begin)


def _begin_with(cell: RecurrentCell, law: RecurrentLaw, path: Path) -> dict[str, Any]:
    """Give `cell` the weights and scales of a law; that law's own report."""
    network = law.network
    require(
        _sizes(network) == _sizes(cell),
        f"--start-from {path}: a {law.architecture} model with {network.options}, but the one "
        f"to train is recurrent with {cell.options}: give the same --internal and --width",
    )
    cell.load_state_dict(network.state_dict())
    if network.rates is not None:
        # The weights belong to these, whatever the rates of the new data.
        cell.rates, cell.longest_known = (
            network.rates,
            max(network.longest_known, cell.longest_known),
        )
        cell.options |= {"rates": cell.rates, "longest_known": cell.longest_known}
    return law.report


def _sizes(cell: RecurrentCell) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in cell.state_dict().items()}


class Part:
    """Strain and elastic-strain histories of some rows, and the strides that keep their corners."""

    def __init__(self, data: TrainingData, rows: np.ndarray) -> None:
        d = data.dimension
        s = elastic_strain(data.U[rows], data.strain[rows], data.sigma[rows], data.law)

        def tensor(x: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(x, dtype=torch.float32).contiguous().to(data.device)

        self.e = tensor(data.strain[rows] @ elastic_coordinates(d).T)  # (n, n_t + 1, elastic)
        self.s = tensor(s @ isometry(d, deviatoric=d == 3).T)
        self.v = tensor(data.strain[rows][..., :d].sum(-1, keepdims=True))
        self.lasting = tensor(data.durations[rows] / data.horizon)
        self.longest = longest_strides(data.U[rows])  # on the host, which chooses by it


class Problem(CausalProblem):
    """Loss and validation error of a recurrent cell on given data.

    Args:
        data: histories.
        options: sizes "internal", "width" and "branches"; "one_rate" true: the form of models of
            old, without `rates`.
        kind: of the cell; another one than `RecurrentCell` runs uncompiled.
        nodes: random grids, see `random_nodes`.
    """

    def __init__(
        self,
        data: TrainingData,
        options: dict[str, Any],
        kind: type[RecurrentCell] = RecurrentCell,
        nodes: Callable[[int, int, torch.Generator], torch.Tensor] = random_nodes,
    ) -> None:
        self.nodes = nodes
        self.train = part = Part(data, data.train)
        self.validation = Part(data, data.validation_rows())
        n_t = uniform_steps(data)
        sizes = (options[name] for name in ("internal", "width", "branches"))
        if options.get("one_rate"):
            form = {"longest_step": int(part.longest.max()) / n_t}
        else:
            form = {
                "rates": rate_range(part.e.diff(dim=1), part.lasting),
                "longest_known": float(part.lasting.max()) / n_t,
            }
        cell = kind(part.e.shape[-1], *sizes, **form)
        super().__init__(data, cell)
        self.scale(part.s, part.v, part.e.diff(dim=1))
        cell.strain_scale.fill_(float(root_mean_square(part.e)))
        self.strides = len(np.unique(part.longest))
        self.loss = DrawnLoss(self.draw, self.evaluate, self.device)
        self.judged = Recorded(self._judge, self.device)

    def draw(self, rows: torch.Tensor, generator: torch.Generator) -> Draw:
        """Random time grids for a batch, see `errors`; on a device apart all of one length."""
        chosen = rows.numpy()
        longest = self.train.longest[chosen]
        grids = [(stride, self.nodes(self.n_t, stride, generator)) for stride in np.unique(longest)]
        if at_hand(self.device):
            parts = [(chosen[longest == stride], [nodes]) for stride, nodes in grids]
            return "random", [x for rows, nodes in parts for x in on_grids(rows, 0 * rows, nodes)]
        # Shapes must not follow from chance.
        group = np.searchsorted([stride for stride, _ in grids], longest)
        nodes = [nodes for _, nodes in grids]
        nodes += nodes[:1] * (self.strides - len(nodes))
        step = -(-self.n_t // LENGTHS)
        steps = min(-(-max(len(x) - 1 for x in nodes) // step) * step, self.n_t)
        return "random", on_grids(chosen, group, nodes, steps)

    def evaluate(self, form: str, *inputs: torch.Tensor) -> torch.Tensor:
        """Mean over paths of the relative L² error of the deviator."""
        errors = self.errors(self.train, inputs)
        return torch.stack([x.sum() for x in errors]).sum() / sum(len(x) for x in errors)

    def validate(self) -> float:
        """Mean error on the data's own grid and on the coarsest that keeps each path's corners."""
        longest = self.validation.longest
        every, fine = np.arange(len(longest)), torch.arange(self.n_t + 1).double()
        inputs = list(on_grids(every, 0 * every, [fine]))
        for stride in np.unique(longest).tolist():
            if stride > 1:
                rows = every[longest == stride]
                inputs += on_grids(rows, 0 * rows, [fine[::stride]])
        return float(self.judged("own", *inputs)[0])

    def _judge(self, form: str, *inputs: torch.Tensor) -> tuple[torch.Tensor]:
        return (torch.cat(self.errors(self.validation, inputs)).mean(),)

    def errors(self, part: Part, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Relative error of each path `(n,)`, for each four tensors of `on_grids` in turn."""
        return [self._error(part, *inputs[k : k + 4]) for k in range(0, len(inputs), 4)]

    def _error(
        self,
        part: Part,
        rows: torch.Tensor,
        group: torch.Tensor,
        nodes: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        grid, weights = nodes.index_select(1, group), weights.index_select(1, group)
        low = grid.long()
        between, length = (grid - low)[..., None], grid.diff(dim=0)
        following = (low + 1).clamp(max=self.n_t)
        e, v = (
            torch.lerp(at_steps(x, rows, low), at_steps(x, rows, following), between)
            for x in (part.e, part.v)
        )
        # A step of no length ends a grid that is shorter than others: the strain stands still.
        dt = torch.where(length > 0.0, length, 1.0) / self.n_t * part.lasting[rows]
        s = walk(self.network, e, v, dt)
        target = at_steps(part.s, rows, low[1:]).transpose(1, 2) / self.network.elastic_scale
        square = ((s - target).square().sum(1) * weights).sum(0)
        return (square / (target.square().sum(1) * weights).sum(0) + 1e-10).sqrt()


def walk(cell: RecurrentCell, e: torch.Tensor, v: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
    """Elastic strain over its scale along histories; compiled, on a GPU where numba can.

    Args:
        cell: to be walked with, in float32.
        e: deviatoric strain, *Shape* `(n_t + 1, n, elastic)`, zero at first.
        v: ln J, *Shape* `(n_t + 1, n, 1)`.
        dt: of each path, over the reference time, *Shape* `(n_t, n)`.

    Returns:
        *Shape* `(n_t, elastic, n)`.
    """
    compiled = type(cell) is RecurrentCell
    if compiled and usable(e.device):
        return walk_there(cell, e, v, dt)
    if not compiled or not at_hand(e):
        return cell.run(e, v, dt).transpose(1, 2) / cell.elastic_scale
    features = cell.features(e[:-1], e[1:], v[1:], dt[..., None])
    increments = e.diff(dim=0) / cell.elastic_scale
    return run(cell, *(x.transpose(1, 2).contiguous() for x in (features, increments)), dt)
