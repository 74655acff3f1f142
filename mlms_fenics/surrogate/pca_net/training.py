# SPDX-License-Identifier: MIT
"""Fitting a PCA-Net: the paper's recipe and the default one."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlms_fenics.errors import require
from mlms_fenics.microstructure import texture_strength
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.fitting.problem import fitted
from mlms_fenics.surrogate.fitting.training import given_or, settings_from
from mlms_fenics.surrogate.pca_net.law import PCANetLaw
from mlms_fenics.surrogate.pca_net.problem import Problem
from mlms_fenics.surrogate.pca_net.teacher import Teacher

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
        "modes": 250,
        "output_modes": 350,
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

# What of `default` is otherwise where a teacher labels as many histories as are wanted: nothing
# has to be regularised.
TAUGHT: dict[str, Any] = {
    "epochs": 70,
    "batch": 256,
    "rate": 4e-3,
    "weight_decay": 1e-4,
    "truncated": 0.4,
    "isotropic": 0.0,
}
TEACHER_PATHS = 30_000


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
        "--teacher",
        type=Path,
        metavar="MODEL.h5",
        help="a causal model of the same data, which labels further paths of its samplers",
    )
    parser.add_argument(
        "--teacher-paths",
        type=int,
        help=f"number of further paths (default: {TEACHER_PATHS})",
    )


def fit(data: TrainingData, arguments: argparse.Namespace) -> PCANetLaw:
    """Train a PCA-Net.

    Args:
        data: histories.
        arguments: options of `add_arguments` and of the training command.

    Returns:
        The law, in float32, whose `report["training"]` is the optimisation's record.
    """
    paper = arguments.recipe == "paper"
    path = getattr(arguments, "teacher", None)
    count = getattr(arguments, "teacher_paths", None)
    require(count is None or path is not None, "--teacher-paths needs --teacher MODEL.h5")
    require(not (paper and path is not None), "--teacher is not part of the recipe paper")
    count = TEACHER_PATHS if count is None else count
    require(count >= 1, f"--teacher-paths {count}: must be at least 1")
    defaults = RECIPES[arguments.recipe] if path is None else {**RECIPES["default"], **TAUGHT}
    recipe = given_or(defaults, arguments)
    for name in ("modes", "output_modes", "width", "layers"):
        require(recipe[name] >= 1, f"{name} {recipe[name]}: must be at least 1")
    for name in ("dropout", "truncated", "isotropic"):
        require(0.0 <= recipe[name] <= 1.0, f"{name} {recipe[name]}: must be in [0, 1]")
    if getattr(arguments, "isotropic", None) is None and _textured(data.orientations, data.weights):
        recipe["isotropic"] = 0.0
    require(
        path is None or recipe["isotropic"] == 0.0,
        "--isotropic with --teacher: the teacher's histories need not be turned",
    )
    more = {} if path is None else {"final_rate": recipe["rate"] * 1e-2, "warmup": 0.02}
    settings = settings_from(recipe, arguments, **more)
    teacher = (
        None if path is None else Teacher(path, data, settings.seed, budget=Budget.of(arguments))
    )
    torch.manual_seed(settings.seed)
    problem = Problem(data, recipe, paper, teacher, count)
    about = None if teacher is None else {"teacher": teacher.digest, "teacher_paths": count}
    record = fitted(problem, settings, arguments, about)
    report = {"recipe": arguments.recipe, **recipe, "training": record}
    if teacher is not None:
        labelled = len(problem) - len(data.train)
        report |= {"teacher": teacher.record(), "teacher_paths": labelled}
    return PCANetLaw.trained(problem.network, data, report)


def _textured(orientations: np.ndarray, weights: np.ndarray | None) -> bool:
    """Whether turned histories would be wrong: one grain, or axes far from a random scatter."""
    return len(orientations) == 1 or texture_strength(orientations, weights) > 2.0
