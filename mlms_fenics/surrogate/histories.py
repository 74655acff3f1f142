# SPDX-License-Identifier: MIT
"""Strain histories made from others, and driving any law along them on any time steps."""

import numpy as np
import torch

from mlms_fenics.kinematics.strain import log_strain, symmetric_exponential
from mlms_fenics.kinematics.tensors import embedded, from_components, to_components
from mlms_fenics.materials.base import Material
from mlms_fenics.surrogate.base import LearntLaw


def run(material: Material, U: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drive a law along histories without rotation, F = U.

    Args:
        material: a learnt law, or any other one (in plane strain where U has three components).
        U: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, first entry the identity.
        times: increasing, from 0, not necessarily uniform, *Shape* `(n_t + 1,)`, µs.

    Returns:
        Components of the Cauchy stress, U's shape, GPa, float64, and each history's largest
        distance from the training data `(N,)` (zero for a law that has no such measure).
    """
    learnt = isinstance(material, LearntLaw)
    F = from_components(np.asarray(U, np.float64))
    if not learnt and F.shape[-1] == 2:
        F = embedded(F)
    flat = torch.tensor(F, dtype=torch.float64, device=material.device)
    step = material.stretch if learnt else material.update
    state = material.initial_state(len(flat))
    sigma = np.zeros(U.shape)
    d = 3 if U.shape[-1] == 6 else 2
    for n in range(1, len(times)):
        value, state = step(flat[:, n], float(times[n]), float(times[n] - times[n - 1]), state)
        sigma[:, n] = to_components(value[:, :d, :d].to("cpu", torch.float64).numpy())
    if "distance" not in state:
        return sigma, np.zeros(len(U))
    return sigma, state["distance"].to("cpu", torch.float64).numpy()


def given_future(law: LearntLaw, U: np.ndarray, horizon: float) -> np.ndarray | None:
    """Components of the stress of a law that is given histories as a whole; None where none is.

    Args:
        law: a learnt one.
        U: components, *Shape* `(N, n_t + 1, c)`.
        horizon: µs.
    """
    if not hasattr(law, "stress_given_future"):
        return None
    return to_components(law.stress_given_future(from_components(np.asarray(U, float)), horizon))


def resampled(U: np.ndarray, times: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Histories `(N, n_t + 1, c)`, linear between `times`, at the times `new`."""
    low = np.clip(np.searchsorted(times, new, side="right") - 1, 0, len(times) - 2)
    part = ((new - times[low]) / (times[low + 1] - times[low]))[:, None]
    return np.asarray(U, np.float64)[:, low] * (1.0 - part) + U[:, low + 1] * part


def logarithm(U: np.ndarray) -> np.ndarray:
    """Components of log U from those of U, float64."""
    return log_strain(from_components(torch.as_tensor(np.asarray(U, np.float64)))).numpy()


def exponential(strain: np.ndarray) -> np.ndarray:
    """Components of U from those of log U."""
    return to_components(symmetric_exponential(from_components(np.asarray(strain, np.float64))))


def turned(T: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """Components of Q T Qᵀ from those of T."""
    return to_components(Q @ from_components(np.asarray(T, np.float64)) @ np.swapaxes(Q, -1, -2))


def with_future(strain: np.ndarray, other: np.ndarray, n: int) -> np.ndarray:
    """log U that follows `strain` up to sample n and from there on the increments of `other`."""
    # In this order the sample n itself stays as it is, to the last bit.
    after = strain[..., n : n + 1, :] + (other[..., n:, :] - other[..., n : n + 1, :])
    return np.concatenate([strain[..., :n, :], after], axis=-2)


def closed(strain: np.ndarray) -> np.ndarray:
    """log U with its chord taken off, so that the cycle ends where it began."""
    s = np.linspace(0.0, 1.0, strain.shape[-2])[:, None]
    return strain - s * strain[..., -1:, :]
