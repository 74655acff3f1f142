# SPDX-License-Identifier: MIT
"""What a network is fitted to, and the fitting that all architectures share."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import volume_ratio
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.fitting.recorded import Loss
from mlms_fenics.surrogate.fitting.training import Settings, given_or, optimise, settings_from
from mlms_fenics.surrogate.metrics import exact_pressure


class Problem(Protocol):
    """A network, its loss on training rows (see `optimise`) and its validation error."""

    network: nn.Module
    loss: Loss

    def __len__(self) -> int:
        """Number of training rows."""

    def validate(self) -> float:
        """Validation error of the network as it is."""


class CausalProblem:
    """What problems of networks that walk along histories share.

    Args:
        data: histories, on a uniform time grid.
        network: with the scales that `scale` sets; moved to the data's device.
    """

    def __init__(self, data: TrainingData, network: nn.Module) -> None:
        self.n_t, self.device = uniform_steps(data), data.device
        self.count = len(data.train)
        self.network = network.to(self.device)

    def __len__(self) -> int:
        """Number of training histories."""
        return self.count

    def scale(self, strain: torch.Tensor, volume: torch.Tensor, rate: torch.Tensor) -> None:
        """Set the network's scales from elastic strains, ln J and strain increments, `(..., c)`."""
        network = self.network
        network.elastic_scale.fill_(float(root_mean_square(strain)))
        network.volume_scale.fill_(max(float(root_mean_square(volume)), 1e-6))
        network.rate_scale.fill_(float(root_mean_square(rate)) * self.n_t)


def fitted(
    problem: Problem,
    settings: Settings,
    arguments: argparse.Namespace,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Optimise a problem's network as the training command asks; see `optimise`."""
    checkpoint: Path | None = arguments.checkpoint
    return optimise(
        problem.network,
        problem.loss,
        problem.validate,
        len(problem),
        settings,
        checkpoint=checkpoint,
        resume=arguments.resume,
        budget=Budget.of(arguments),
        about=about,
    )


def fit_causal(
    data: TrainingData,
    arguments: argparse.Namespace,
    defaults: Mapping[str, Any],
    problem: Callable[[TrainingData, dict[str, Any]], Problem],
    law: type[LearntLaw],
    begin: Callable[[nn.Module], dict[str, Any]] | None = None,
) -> LearntLaw:
    """Train a network that walks along histories.

    Args:
        data: histories.
        arguments: options of the architecture and of the training command.
        defaults: of the options.
        problem: makes the problem from data and options.
        law: class of the law.
        begin: changes the new network, and returns options to record.

    Returns:
        The law, in float32, whose `report["training"]` is the optimisation's record.
    """
    options = given_or(defaults, arguments)
    settings = settings_from(
        options, arguments, final_rate=options["rate"] * 1e-2, optimiser="soap", warmup=0.01
    )
    torch.manual_seed(settings.seed)
    made = problem(data, options)
    if begin is not None:
        options |= begin(made.network)
    record = fitted(made, settings, arguments)
    return law.trained(made.network, data, {**options, "training": record})


def uniform_steps(data: TrainingData) -> int:
    """Number of steps of the data's time grid; `InputError` where it is not uniform."""
    n_t = len(data.time) - 1
    require(
        bool(np.allclose(np.diff(data.time) * n_t, data.horizon, rtol=1e-6)),
        "this architecture is trained on histories of a uniform time grid",
    )
    return n_t


def elastic_strain(U: np.ndarray, strain: np.ndarray, sigma: np.ndarray, law: Any) -> np.ndarray:
    """J σ/2G without the closed-form pressure: an elastic strain, of the crystal's shear modulus.

    Args:
        U, strain, sigma: components of stretch, log U and Cauchy stress, *Shape* `(..., c)`.
        law: crystal law.

    Returns:
        Components, float64, *Shape* `(..., c)`.
    """
    rest = sigma - exact_pressure(U, law.bulk_modulus)
    J = 1.0 + volume_ratio(torch.as_tensor(strain, dtype=torch.float64)).numpy()
    return (J / (2.0 * law.shear_modulus))[..., None] * rest


def rate_range(increments: torch.Tensor, lasting: torch.Tensor) -> tuple[float, float]:
    """Well below the slowest and above the fastest of the histories' mean strain rates.

    Args:
        increments: of strain, *Shape* `(n, n_t, c)`.
        lasting: duration of each history over the reference time, *Shape* `(n,)`.
    """
    mean = increments.norm(dim=-1).sum(1) / lasting
    mean = mean[mean > 0.0]
    return 0.1 * float(mean.min()), 10.0 * float(mean.max())


def root_mean_square(x: torch.Tensor) -> torch.Tensor:
    """Typical size of a vector, the last axis."""
    return x.square().sum(-1).mean().sqrt()
