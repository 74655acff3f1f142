# SPDX-License-Identifier: MIT
"""Histories of a simple viscoplastic material, to train and judge learnt laws on in seconds."""

import json

import h5py
import numpy as np

from mlms_fenics import __version__, units
from mlms_fenics.kinematics.strain import isometry, isometry_inverse
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials.magnesium import magnesium
from mlms_fenics.materials.two_slip import two_slip_crystal
from mlms_fenics.surrogate.fitting.data import TrainingData, assemble

N_T, STRENGTH, RATE = 40, 0.2, 40.0


def law(dimension: int = 3):
    return magnesium() if dimension == 3 else two_slip_crystal()


def walks(n: int, dimension: int = 3, size: float = 0.1, seed: int = 0) -> np.ndarray:
    """Components of log U, *Shape* `(n, N_T + 1, 6)` or `(n, N_T + 1, 3)`: smooth random walks."""
    rng = np.random.default_rng(seed)
    c = 6 if dimension == 3 else 3
    nodes = np.zeros((n, 6, c))
    nodes[:, 1:] = size / 5**0.5 * rng.choice([-1.0, 1.0], (n, 5, c)).cumsum(1)
    t = np.linspace(0.0, 5.0, N_T + 1)
    i = np.minimum(t.astype(int), 4)
    part = (t - i)[:, None]
    part = part * part * (3.0 - 2.0 * part)
    return nodes[:, i] * (1 - part) + nodes[:, i + 1] * part


def stretch(strain: np.ndarray) -> np.ndarray:
    """U `(..., d, d)` = exp of the strain's components."""
    values, vectors = np.linalg.eigh(from_components(strain))
    U = (vectors * np.exp(values)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return 0.5 * (U + np.swapaxes(U, -1, -2))


def stress(strain: np.ndarray, horizon: float) -> np.ndarray:
    """Components of the Cauchy stress of an overstress law in log strain, by fine Euler steps."""
    dimension = 3 if strain.shape[-1] == 6 else 2
    crystal, E = law(dimension), isometry(dimension, deviatoric=True)
    e = strain @ E.T
    s = np.zeros_like(e)
    substeps, ds = 20, horizon / (strain.shape[1] - 1) / 20
    for n in range(1, strain.shape[1]):
        s[:, n] = s[:, n - 1]
        for _ in range(substeps):
            tau = 2.0 * crystal.shear_modulus * s[:, n]
            size = np.linalg.norm(tau, axis=-1, keepdims=True) + 1e-12
            flow = RATE / horizon * np.maximum(size / STRENGTH - 1.0, 0.0) ** 1.0 * tau / size
            s[:, n] += (e[:, n] - e[:, n - 1]) / substeps - 0.05 * flow * ds
    volume = strain[..., :dimension].sum(-1)[..., None]
    sigma = 2.0 * crystal.shear_modulus / np.exp(volume) * (s @ isometry_inverse(dimension, True).T)
    sigma[..., :dimension] += crystal.bulk_modulus * np.expm1(volume)
    return sigma


def arrays(n: int, dimension: int = 3, horizon: float = 1.0, size: float = 0.1, seed: int = 0):
    """Components of U and stress, float32."""
    strain = walks(n, dimension, size, seed)
    U = to_components(stretch(strain)).astype(np.float32)
    return U, stress(strain, horizon).astype(np.float32)


def orientations(dimension: int = 3) -> np.ndarray:
    return np.eye(dimension)[None]


def training_data(n: int, dimension: int = 3, horizon: float = 1.0, **options) -> TrainingData:
    U, sigma = arrays(n, dimension, horizon, **options)
    time = np.linspace(0.0, horizon, N_T + 1)
    return assemble(U, sigma, time=time, law=law(dimension), orientations=orientations(dimension))


def write(path, n: int = 60, dimension: int = 3, horizon: float = 1.0, seed: int = 0, **changes):
    """A data-set file of these histories; `changes` replace attributes or data sets."""
    U, sigma = arrays(n, dimension, horizon, seed=seed)
    content = {
        "format": "mlms_fenics data set",
        "format_version": 1,
        "package_version": __version__,
        "unit_system": units.SYSTEM,
        "cell": "taylor",
        "dimension": dimension,
        "horizon": horizon,
        "steps": N_T,
        "protocol": "log",
        "sampler": json.dumps({"protocol": "log"}),
        "seed": seed,
        "tolerance": 1e-4,
        "law": json.dumps(law(dimension).to_dict()),
    }
    data = {
        "orientations": orientations(dimension),
        "time": np.linspace(0.0, horizon, N_T + 1),
        "U": U,
        "sigma": sigma,
        "status": np.ones(n, dtype=np.int8),
        "substeps": np.ones(n, dtype=np.int64),
    }
    with h5py.File(path, "w") as file:
        for name, value in content.items():
            file.attrs[name] = changes.get(name, value)
        for name, value in data.items():
            file[name] = changes.get(name, value)
    return path
