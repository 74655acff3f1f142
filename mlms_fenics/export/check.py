# SPDX-License-Identifier: MIT
"""A program that compares an exported law with what the package computes of a few histories."""

import numpy as np
import torch

from mlms_fenics.export.constants import array
from mlms_fenics.export.source import Exported, template
from mlms_fenics.kinematics.strain import symmetric_exponential
from mlms_fenics.kinematics.tensors import to_components

# Allowed difference of stress histories, relative.
TOLERANCE = {"float64": 1e-6, "float32": 2e-5}


def histories(points: int, steps: int, size: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Smooth walks of log U that turn, and the ends of their steps.

    Args:
        points: number of histories.
        steps: of different lengths.
        size: norm of log U that they reach, about.
        seed: of the random numbers.

    Returns:
        F `(steps, points, 3, 3)` and the ends of the steps `(steps,)`, the last of them 1.
    """
    rng = np.random.default_rng(seed)
    end = np.cumsum(rng.uniform(0.5, 1.5, steps))
    end /= end[-1]
    waves = np.sin(np.pi * np.arange(1, 5) * end[:, None])
    strain = _symmetric(np.einsum("tw,wpij->tpij", waves, rng.normal(size=(4, points, 3, 3))))
    strain *= size / np.linalg.norm(strain, axis=(2, 3)).max(0)[:, None, None]
    # The volume changes far less than the shape.
    strain -= 0.9 / 3.0 * np.trace(strain, axis1=2, axis2=3)[..., None, None] * np.eye(3)
    axis = np.cross(np.eye(3), rng.normal(size=(points, 1, 3)))
    turn = np.array([[_rotation(t * w) for w in axis] for t in end])
    return turn @ symmetric_exponential(strain), end


def expected(law, F: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Components of the Cauchy stress along histories, *Shape* `(steps, 6, points)`, GPa.

    Args:
        law: in the precision in which it is wanted.
        F: *Shape* `(steps, points, 3, 3)`.
        end: of the steps, µs, *Shape* `(steps,)`.
    """
    state, sigma, before = law.initial_state(F.shape[1]), [], 0.0
    for f, now in zip(torch.as_tensor(F), end.tolist(), strict=True):
        stress, state = law.update(f, now, now - before, state)
        sigma.append(to_components(stress.double()).numpy().T)
        before = now
    return np.array(sigma)


def check_file(exported: Exported, points: int = 3, steps: int = 40, size: float = 0.05) -> str:
    """The text of NAME_check.c."""
    law, units = exported.law.to(dtype=torch.float64), exported.units
    F, end = histories(points, steps, size)
    end = end * 0.5 * law.horizon
    arrays = {
        "END": end / units.time,
        "F": F.reshape(steps, points, 9).transpose(0, 2, 1),
        "STRESS": expected(law, F, end) / units.stress,
    }
    values = {
        "NAME": exported.name,
        "POINTS": str(points),
        "STEPS": str(steps),
        "TOLERANCE": f"{TOLERANCE[exported.precision]:g}",
        "ARRAYS": "\n".join(array(name, x, "double") for name, x in arrays.items()),
    }
    text = template("check.c")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _symmetric(T: np.ndarray) -> np.ndarray:
    return 0.5 * (T + np.swapaxes(T, -1, -2))


def _rotation(W: np.ndarray) -> np.ndarray:
    """exp of a skew W, by Rodrigues' formula."""
    angle = np.linalg.norm(W) / np.sqrt(2.0)
    if angle < 1e-12:
        return np.eye(3)
    return np.eye(3) + np.sin(angle) / angle * W + (1.0 - np.cos(angle)) / angle**2 * (W @ W)
