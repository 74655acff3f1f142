# SPDX-License-Identifier: MIT
"""Strain paths with a purpose: tests that a learnt law should pass, and what impacts do.

Each takes the settings, the path's own random stream and its number k, and returns E = log U (or
U itself for simple shear) at s = t/T = 0, 1/steps, ..., 1. Strains are logarithmic; `a` is the
path's amplitude, `max_strain` or a random part of it.
"""

import numpy as np
import torch

from mlms_fenics.data.settings import PathSettings
from mlms_fenics.kinematics.strain import symmetric_exponential
from mlms_fenics.kinematics.tensors import deviator, frobenius, from_components, polar


def uniaxial(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
    """Isochoric tension (k even) or compression (k odd) at a constant rate along a direction."""
    a, n = _amplitude(settings, rng), _direction(settings, rng)
    return _along(_sign(k) * a * _times(settings), _stretching(n))


def uniaxial_strain(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
    """One principal strain up to ±`max_volume`, none across: a plane wave's path."""
    a, n = _amplitude(settings, rng), _direction(settings, rng)
    a *= settings.max_volume / settings.max_strain
    return _along(_sign(k) * a * _times(settings), np.outer(n, n))


def load_unload(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
    """Uniaxial (as `uniaxial`) up to a at T/2 and back to zero strain at T."""
    a, n = _amplitude(settings, rng), _direction(settings, rng)
    return _along(_sign(k) * a * _piecewise(settings, (0, 0.5, 1), (0, 1, 0)), _stretching(n))


def cyclic(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
    """Two triangular cycles between ±a along a random deviatoric direction."""
    a, D = _amplitude(settings, rng), _deviatoric(settings, rng)
    wave = _piecewise(settings, np.arange(10) / 8 - 1 / 8, (0, 0, 1, 0, -1, 0, 1, 0, -1, 0))
    return _along(a * wave, D)


def hold(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
    """Relaxation: up to a by 0.3 T along a random deviatoric direction, then held."""
    a, D = _amplitude(settings, rng), _deviatoric(settings, rng)
    return _along(a * _piecewise(settings, (0, 0.3, 1), (0, 1, 1)), D)


def rate_jump(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
    """Along a random deviatoric direction up to a; at T/2 the rate jumps to 10 (k even) or 1/10."""
    a, D = _amplitude(settings, rng), _deviatoric(settings, rng)
    factor = 10.0 if k % 2 == 0 else 0.1
    return _along(a * _piecewise(settings, (0, 0.5, 1), (0, 1 / (1 + factor), 1)), D)


def non_proportional(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
    """To a/√2 along one random deviatoric direction, then, that held, along one normal to it."""
    a, A, B = _amplitude(settings, rng), _deviatoric(settings, rng), _deviatoric(settings, rng)
    B = B - A * (A * B).sum() / (A * A).sum()
    B *= frobenius(A) / frobenius(B)
    first = _piecewise(settings, (0, 0.5, 1), (0, 1, 1))
    second = _piecewise(settings, (0, 0.5, 1), (0, 0, 1))
    return _along(a / np.sqrt(2) * first, A) + _along(a / np.sqrt(2) * second, B)


def cavity(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
    """A point beside a cavity that grows at constant speed in an incompressible body.

    The cavity is a sphere (a cylinder in 2D), its first radius a random fraction ρ from 0.2 to 1 of
    the point's distance r_0: (r/r_0)^d = 1 + ρ^d ((1 + κ s)^d - 1), compressed to -a along the
    radius.
    """
    a, n = _amplitude(settings, rng), _direction(settings, rng)
    d = settings.dimension
    rho = (0.2 + 0.8 * rng.random()) ** d
    kappa = (1.0 + (np.exp(a * d / (d - 1)) - 1.0) / rho) ** (1.0 / d) - 1.0
    growth = np.log(1.0 + rho * ((1.0 + kappa * _times(settings)) ** d - 1.0))
    return _along(-(d - 1) / d * growth, _stretching(n))


def simple_shear(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
    """U of simple shear F = I ± γ n⊗m at a constant rate up to γ = 2a: principal axes turn."""
    a, n = _amplitude(settings, rng), _direction(settings, rng)
    m = _direction(settings, rng, free=True)
    m = m - (m @ n) * n
    m /= np.linalg.norm(m)
    gamma = _sign(k) * 2.0 * a * _times(settings)
    F = np.eye(settings.dimension) + gamma[:, None, None] * np.outer(n, m)
    return polar(torch.from_numpy(F))[1].numpy()


def from_log(function):
    """A protocol that returns E as one that returns U."""

    def stretch(settings: PathSettings, rng: np.random.Generator, k: int) -> np.ndarray:
        return symmetric_exponential(function(settings, rng, k))

    stretch.__doc__ = function.__doc__
    return stretch


def _times(settings: PathSettings) -> np.ndarray:
    return np.arange(settings.steps + 1) / settings.steps


def _piecewise(settings: PathSettings, times, values) -> np.ndarray:
    return np.interp(_times(settings), times, values)


def _sign(k: int) -> float:
    return 1.0 if k % 2 == 0 else -1.0


def _along(history: np.ndarray, mode: np.ndarray) -> np.ndarray:
    return history[:, None, None] * mode


def _amplitude(settings: PathSettings, rng: np.random.Generator) -> float:
    draw = rng.random()  # drawn in any case, so that the directions are the same in both cases
    fraction = 1.0 if settings.amplitude == "fixed" else 0.25 + 0.75 * draw
    return settings.max_strain * fraction


def _direction(settings: PathSettings, rng: np.random.Generator, free: bool = False) -> np.ndarray:
    d = settings.dimension
    if settings.direction is not None and not free:
        n = np.array(settings.direction)
        return n / np.linalg.norm(n)
    azimuth = 2 * np.pi * rng.random()
    if d == 2:
        return np.array([np.cos(azimuth), np.sin(azimuth)])
    z = 2 * rng.random() - 1
    r = np.sqrt(1 - z * z)
    return np.array([r * np.cos(azimuth), r * np.sin(azimuth), z])


def _stretching(n: np.ndarray) -> np.ndarray:
    d = len(n)
    nn = np.outer(n, n)
    return nn - (np.eye(d) - nn) / (d - 1)


def _deviatoric(settings: PathSettings, rng: np.random.Generator) -> np.ndarray:
    """A random deviatoric direction with the norm of `_stretching`: equal equivalent strain."""
    d = settings.dimension
    count = 3 if d == 2 else 6
    # Box and Muller's normal numbers, with shear weighted so that no direction is preferred.
    radius = np.sqrt(-2.0 * np.log(1.0 - rng.random(count)))
    normal = radius * np.cos(2 * np.pi * rng.random(count))
    normal[d:] /= np.sqrt(2.0)
    D = deviator(from_components(normal))
    return D * np.sqrt(d / (d - 1)) / frobenius(D)
