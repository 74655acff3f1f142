# SPDX-License-Identifier: MIT
"""Histories per second of training, and that it goes the same way."""

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from mlms_fenics.benchmarks.gpu.place import HERE, Found, Place
from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.kinematics.tensors import to_components
from mlms_fenics.materials import J2, drive, magnesium
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate.fitting.data import TrainingData, assemble
from mlms_fenics.surrogate.fitting.problem import Problem
from mlms_fenics.surrogate.fitting.recorded import Gradients
from mlms_fenics.surrogate.fitting.soap import Soap
from mlms_fenics.surrogate.fitting.training import Settings, optimise
from mlms_fenics.surrogate.grains import training as grains
from mlms_fenics.surrogate.pca_net import problem as pca_net
from mlms_fenics.surrogate.pca_net.training import RECIPES
from mlms_fenics.surrogate.recurrent import training as recurrent

# Seeds of the batches that are measured, always the same, so that what can be recorded is by then.
_SEEDS = 2


def measure(place: Place, found: Found) -> None:
    """Networks on 10% walks of J2: loss curves of one, then speed of all by size of batch."""
    data = _histories(48 if place.quick else 1000, 20 if place.quick else 200)
    curves = []
    for device in (torch.device("cpu"), place.device):
        data.device = device
        with place.there() if len(curves) else nullcontext():
            curves.append(_train(_recurrent(data, place.quick), 16, 2)["loss"])
    a, b = (np.array(curve) for curve in curves)
    found.check("losses of the first epochs", float(np.abs(a / b - 1.0).max()), 1e-3)
    for name, made, batches in (
        ("recurrent", _recurrent, (32, 1024)),
        ("grains", _grains, (32, 1024)),
        ("PCA-Net", _pca_net, (32, 4096)),
    ):
        data.device = torch.device("cpu")
        problem = made(data, place.quick)
        batches = (16,) if place.quick else batches
        rate = _speed(HERE, problem, batches[0], graphs=False)[0]
        found.figure(f"training, {name}, batch {batches[0]}, one core", rate, "paths/s")
        data.device = place.device
        with place.there():
            problem = made(data, place.quick)
            for batch in batches:
                for graphs in (False, True) if place.is_gpu else (False,):
                    rate, said = _speed(place, problem, batch, graphs)
                    title = f"training, {name}, batch {batch}, device{said}"
                    found.figure(title, rate, "paths/s")


def _speed(place: Place, problem: Problem, batch: int, graphs: bool) -> tuple[float, str]:
    """Histories per second of gradient and optimiser, and how they were computed."""
    gradient = Gradients(problem.network, problem.loss, graphs)
    # Rates of zero: the weights stay, whatever is measured how often.
    method = Soap(problem.network.parameters(), lr=0.0)
    rows = torch.randint(len(problem), (batch,), generator=torch.Generator().manual_seed(1))

    def steps() -> None:
        for seed in range(_SEEDS):
            gradient(rows, torch.Generator().manual_seed(seed))
            nn.utils.clip_grad_norm_(problem.network.parameters(), 1.0)
            method.step()

    if graphs:
        steps()
    rate = _SEEDS * batch / place.seconds(steps)
    if not graphs:
        return rate, ", kernel by kernel" if place.is_gpu else ""
    return rate, f", no graph ({said})" if (said := gradient.recorded.refused) else ", graphs"


def _recurrent(data: TrainingData, quick: bool) -> Problem:
    torch.manual_seed(0)
    sizes = {"internal": 4, "width": 8 if quick else 128, "branches": 1}
    return recurrent.Problem(data, sizes)


def _grains(data: TrainingData, quick: bool) -> Problem:
    torch.manual_seed(0)
    sizes = {"grains": 2, "width": 8} if quick else {}
    return grains.Problem(data, {**grains.DEFAULTS, **sizes})


def _pca_net(data: TrainingData, quick: bool) -> Problem:
    torch.manual_seed(0)
    sizes = {"modes": 6, "output_modes": 6, "width": 8} if quick else {}
    return pca_net.Problem(data, {**RECIPES["default"], **sizes}, paper=False)


def _train(problem: Problem, batch: int, epochs: int) -> dict[str, Any]:
    settings = Settings(epochs=epochs, batch=batch, rate=1e-3, optimiser="soap")
    return optimise(problem.network, problem.loss, problem.validate, len(problem), settings)


def _histories(n: int, steps: int) -> TrainingData:
    settings = PathSettings(steps=steps, max_strain=0.1)
    U = np.stack([sample_path(settings, 1, k) for k in range(n)])
    time = np.linspace(0.0, 1.0, steps + 1)
    crystal = magnesium()
    G, K = crystal.shear_modulus, crystal.bulk_modulus
    law = J2(9.0 * K * G / (3.0 * K + G), (1.5 * K - G) / (3.0 * K + G), 0.2, 0.1, 1.74)
    sigma = drive(law, torch.from_numpy(U), torch.from_numpy(time)).numpy()
    return assemble(
        to_components(U).astype(np.float32),
        to_components(sigma).astype(np.float32),
        time=time,
        law=crystal,
        orientations=random_orientations(1, seed=1),
    )
