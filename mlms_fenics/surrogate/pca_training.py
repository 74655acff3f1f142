# SPDX-License-Identifier: MIT
"""Fitting a PCA-Net: the paper's recipe and the default one."""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mlms_fenics.errors import InputError, require
from mlms_fenics.microstructure import texture_strength
from mlms_fenics.surrogate.metrics import exact_pressure, path_errors
from mlms_fenics.surrogate.pca_net import PCANet, PCANetLaw
from mlms_fenics.surrogate.reduction import principal_components
from mlms_fenics.surrogate.strain import isometry, random_turns, volume_ratio
from mlms_fenics.surrogate.training import given_or, optimise, settings_from
from mlms_fenics.surrogate.training_data import TrainingData

# Values of the options that are not given on the command line.
RECIPES: dict[str, dict[str, Any]] = {
    # Liu et al. 2022 and its authors' published code.
    "paper": {
        "modes": 100,
        "output_modes": 100,
        "width": 1000,
        "layers": 4,
        "epochs": 1500,
        "batch": 16,
        "rate": 1e-4,
        "weight_decay": 0.0,
        "patience": 10**6,
        "dropout": 0.0,
        "truncated": 0.0,
        "isotropic": 0.0,
    },
    "default": {
        "modes": 200,
        "output_modes": 120,
        "width": 384,
        "layers": 2,
        "epochs": 300,
        "batch": 32,
        "rate": 3e-3,
        "weight_decay": 0.05,
        "patience": 60,
        "dropout": 0.0,
        "truncated": 0.7,
        "isotropic": 0.3,
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this architecture; what is not given comes from the recipe."""
    parser.add_argument(
        "--recipe",
        choices=list(RECIPES),
        default="default",
        help="paper: total stress, uncentred components, linear extrapolation; default: improved",
    )
    parser.add_argument("--modes", type=int, help="input modes (paper: of each component)")
    parser.add_argument("--output-modes", type=int, help="output modes (paper: of each component)")
    parser.add_argument("--width", type=int, help="of the hidden layers")
    parser.add_argument("--layers", type=int, help="number of hidden layers")
    parser.add_argument("--dropout", type=float, help="alpha dropout rate in the hidden layers")
    parser.add_argument(
        "--truncated",
        type=float,
        help="fraction of histories that are held from a random time on, in each epoch",
    )
    parser.add_argument(
        "--isotropic",
        type=float,
        help="fraction of histories that are turned at random, strain and stress, in each epoch: "
        "true only so far as the polycrystal is isotropic (default: 0 for a textured one)",
    )
    parser.add_argument(
        "--inelastic",
        action="store_true",
        help="let the network give the inelastic strain instead of the elastic one (found worse)",
    )


def fit(data: TrainingData, arguments: argparse.Namespace) -> PCANetLaw:
    """Train a PCA-Net.

    Args:
        data: histories.
        arguments: options of `add_arguments` and of the training command.

    Returns:
        The law, in float32, whose `report["training"]` is the optimisation's record.
    """
    recipe = given_or(RECIPES[arguments.recipe], arguments)
    for name in ("modes", "output_modes", "width", "layers"):
        require(recipe[name] >= 1, f"{name} {recipe[name]}: must be at least 1")
    for name in ("dropout", "truncated", "isotropic"):
        require(0.0 <= recipe[name] <= 1.0, f"{name} {recipe[name]}: must be in [0, 1]")
    if getattr(arguments, "isotropic", None) is None and _textured(data.orientations):
        recipe["isotropic"] = 0.0
    settings = settings_from(recipe, arguments)
    torch.manual_seed(settings.seed)
    paper = arguments.recipe == "paper"
    problem = _Problem(data, recipe, paper, bool(getattr(arguments, "inelastic", False)))
    record = optimise(
        problem.network,
        problem.loss,
        problem.validate,
        len(data.train),
        settings,
        checkpoint=arguments.checkpoint,
        resume=arguments.resume,
    )
    report = {"recipe": arguments.recipe, **recipe, "training": record}
    return PCANetLaw.trained(problem.network, data, report)


def _textured(orientations: np.ndarray) -> bool:
    """Whether turned histories would be wrong: one grain, or axes far from a random scatter."""
    return len(orientations) == 1 or texture_strength(orientations) > 2.0


def stress_kind(data: TrainingData) -> str:
    """Output to learn: "deviator" where the closed-form pressure is exact, otherwise "rest"."""
    if data.dimension == 2:
        return "rest"
    rows = data.train[:100]
    exact = exact_pressure(data.U[rows], data.law.bulk_modulus)
    error = path_errors(exact, data.sigma[rows], data.time)["pressure"]
    return "deviator" if error.max() < 1e-3 else "rest"


@dataclass
class _Side:
    """Histories of one side, *Shape* `(N, n_t + 1, c)`, of the training and validation rows."""

    train: torch.Tensor
    validation: torch.Tensor


class _Problem:
    """Loss and validation error of a PCA-Net on given data."""

    CHECKS = 8  # truncation times of a validation path

    def __init__(
        self, data: TrainingData, recipe: dict[str, Any], paper: bool, inelastic: bool
    ) -> None:
        n_t = len(data.time) - 1
        if not np.allclose(np.diff(data.time) * n_t, data.horizon, rtol=1e-6):
            raise InputError("a PCA-Net needs histories on a uniform time grid")
        self.truncated, self.paper, self.dimension = recipe["truncated"], paper, data.dimension
        self.isotropic = recipe["isotropic"]
        require(not (paper and self.isotropic > 0.0), "--isotropic is not part of the recipe paper")
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        strain, stress = ("stretch", "total") if paper else ("log", stress_kind(data))
        require(not inelastic or stress == "deviator", "--inelastic needs 3D Taylor data")
        rows = {"train": data.train, "validation": data.validation_rows()}
        x = {k: _inputs(data, rows[k], strain) for k in rows}
        y = {k: _targets(data, rows[k], stress, inelastic) for k in rows}
        scale = np.ones(x["train"].shape[-1]) if paper else _channel_scale(x["train"])
        x = {k: v / scale for k, v in x.items()}
        inputs = principal_components(x["train"], recipe["modes"], not paper, not paper)
        outputs = principal_components(y["train"], recipe["output_modes"], not paper, not paper)
        self.network = net = PCANet(
            n_t,
            data.dimension,
            len(inputs[1]),
            len(outputs[1]),
            [recipe["width"]] * recipe["layers"],
            strain=strain,
            stress=stress,
            zero_at_rest=not paper,
            inelastic=inelastic,
            extrapolation=1.0 if paper else 0.0,
            dropout=recipe["dropout"],
        )
        net.input_basis.set(*inputs[:2])
        net.output_basis.set(*outputs[:2])
        net.input_scale.copy_(torch.as_tensor(scale))
        # Default: half-way, in the logarithm, between modes as they are (faint ones stay unseen)
        # and all modes alike (noise is learnt).
        size = np.sqrt(inputs[2])
        whole = np.sqrt(np.square(size).mean())
        net.coefficient_scale.copy_(torch.as_tensor(np.sqrt(size * whole) if not paper else whole))
        net.output_scale.fill_(float(np.sqrt(outputs[2].mean())))
        net.to(self.device)
        self.x = _Side(*(torch.as_tensor(x[k], dtype=torch.float32) for k in x))
        self.y = _Side(*(torch.as_tensor(y[k], dtype=torch.float32) for k in y))
        # Deviations are measured in the stress itself: the inelastic output has a larger norm.
        reference = (
            y if not inelastic else {k: _targets(data, rows[k], stress, False) for k in rows}
        )
        self.norm = _Side(
            *(
                torch.as_tensor(np.square(v).sum(-1).mean(-1), dtype=torch.float32)
                for v in reference.values()
            )
        )
        self.encoder, self.decoder = net.input_basis.encoder(), net.output_basis.decoder()
        self.mean = net.input_basis.mean_coefficients()
        self.rest = net.rest_input()
        # Output samples are weighted by the trapezoid rule.
        self.weights = torch.full((n_t + 1,), 1.0 / n_t, device=self.device)
        self.weights[[0, -1]] *= 0.5
        self.n_t = n_t

    def _predict(self, x: torch.Tensor) -> torch.Tensor:
        """Output histories `(n, n_t + 1, c)` of scaled input histories."""
        z = x.to(self.device).flatten(1) @ self.encoder - self.mean
        a = self.network(z / self.network.coefficient_scale, self.rest)
        return (a @ self.decoder).unflatten(1, (self.n_t + 1, -1))

    def loss(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mean over paths of the relative L² error up to the time the future is known to."""
        x, y = self.x.train[rows], self.y.train[rows].to(self.device)
        norm = self.norm.train[rows].to(self.device)
        if self.isotropic > 0.0:
            x, y = self._turned(x, y, generator)
        last = torch.randint(1, self.n_t + 1, (len(rows),), generator=generator)
        whole = torch.rand(len(rows), generator=generator) >= self.truncated
        last = torch.where(whole, self.n_t, last)
        sample = torch.arange(self.n_t + 1)
        held = torch.minimum(sample, last[:, None])
        x = x.gather(1, held[..., None].expand(-1, -1, x.shape[-1]))
        weights = self.weights * (sample <= last[:, None]).to(self.device)
        # What the law uses on-line is the end of the known part: it counts as much as the rest.
        weights = weights / weights.sum(1, keepdim=True)
        end = (sample == last[:, None]).to(self.device, torch.float32)
        weights = torch.where(whole[:, None].to(self.device), weights, 0.5 * (weights + end))
        square = (self._predict(x) - y).square().sum(-1)
        return ((square * weights).sum(1) / norm).clamp_min(1e-12).sqrt().mean()

    def _turned(
        self, x: torch.Tensor, y: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Some of the histories turned at random, both sides alike."""
        rows = torch.rand(len(x), generator=generator) < self.isotropic
        sides = (False, self.network.stress == "deviator")
        turns = random_turns(int(rows.sum()), self.dimension, sides, generator)
        for side, turn in zip((x, y), turns, strict=True):
            side[rows.to(side.device)] = side[rows.to(side.device)] @ turn.mT.to(side.device)
        return x, y

    def validate(self) -> float:
        """Paper: error given the whole history; default: error of the last known stress."""
        x, y = self.x.validation, self.y.validation.to(self.device)
        norm = self.norm.validation.to(self.device)
        if self.paper:
            square = (self._predict(x) - y).square().sum(-1) @ self.weights
            return float((square / norm).sqrt().mean())
        square = torch.zeros_like(norm)
        sample = torch.arange(self.n_t + 1)
        for last in torch.linspace(0, self.n_t, self.CHECKS + 1).round().long()[1:].tolist():
            known = self._predict(x[:, sample.clamp_max(last)])[:, last]
            square += (known - y[:, last]).square().sum(-1) / self.CHECKS
        return float((square / norm).sqrt().mean())


def _inputs(data: TrainingData, rows: np.ndarray, strain: str) -> np.ndarray:
    if strain == "stretch":
        return data.U[rows].astype(np.float64)
    return data.strain[rows] @ isometry(data.dimension).T


def _targets(data: TrainingData, rows: np.ndarray, stress: str, inelastic: bool) -> np.ndarray:
    if stress == "total":
        return data.sigma[rows].astype(np.float64)
    E = isometry(data.dimension, stress == "deviator").T
    J = 1.0 + volume_ratio(torch.as_tensor(data.strain[rows], dtype=torch.float64)).numpy()
    rest = data.sigma[rows] - exact_pressure(data.U[rows], data.law.bulk_modulus)
    y = (J / (2.0 * data.law.shear_modulus))[..., None] * (rest @ E)
    return data.strain[rows] @ E - y if inelastic else y


def _channel_scale(x: np.ndarray) -> np.ndarray:
    """One size for the normal and shear components alike: isometric coordinates stay isometric."""
    return np.full(x.shape[-1], np.sqrt(np.square(x).mean()))
