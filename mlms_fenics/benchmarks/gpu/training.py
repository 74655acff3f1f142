# SPDX-License-Identifier: MIT
"""Epochs per second of training, and that it goes the same way."""

import time
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from mlms_fenics.benchmarks.gpu.place import Found, Place
from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.kinematics.tensors import to_components
from mlms_fenics.materials import J2, drive, magnesium
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate.fitting.data import TrainingData, assemble
from mlms_fenics.surrogate.fitting.training import Settings, optimise
from mlms_fenics.surrogate.recurrent.training import Problem


def measure(place: Place) -> Found:
    """The recurrent operator on 10% walks of J2: loss curves, then speed by size of batch."""
    found = Found()
    data = _histories(48 if place.quick else 1000, 20 if place.quick else 200)
    width = 8 if place.quick else 128
    curves = []
    for device in (torch.device("cpu"), place.device):
        data.device = device
        with place.there() if len(curves) else nullcontext():
            curves.append(_train(data, width, 16, 2)["loss"])
    a, b = (np.array(curve) for curve in curves)
    found.check("losses of the first epochs", float(np.abs(a / b - 1.0).max()), 1e-3)
    for batch in (16,) if place.quick else (32, 256, 1024):
        for device, name in ((torch.device("cpu"), "one core"), (place.device, "device")):
            if batch > 32 and name == "one core":
                continue
            data.device = device
            begin = time.perf_counter()
            with place.there() if name == "device" else nullcontext():
                _train(data, width, batch, 1)
            rate = len(data.train) / (time.perf_counter() - begin)
            found.figure(f"training, batch {batch}, {name}", rate, "paths/s")
    return found


def _train(data: TrainingData, width: int, batch: int, epochs: int) -> dict[str, Any]:
    torch.manual_seed(0)
    problem = Problem(data, {"internal": 4, "width": width, "branches": 1})
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
