# SPDX-License-Identifier: MIT
"""Textures: random orientations and fibres."""

import numpy as np

from mlms_fenics.checks import real_array
from mlms_fenics.errors import InputError
from mlms_fenics.microstructure.rotations import (
    rotations_from_angles,
    rotations_from_quaternions,
)
from mlms_fenics.microstructure.streams import stream
from mlms_fenics.numbers import check_whole, check_within


def random_orientations(n: int, seed: int, dimension: int = 3) -> np.ndarray:
    """Rotations Q (lattice to sample, F_crystal = F Q), uniform on SO(3) or SO(2).

    In 3D by Shoemake's quaternions (Graphics Gems III, 1992). The first grains of a longer list are
    those of a shorter one.

    Args:
        n: number of grains, at least 1.
        seed: 0 <= seed < 2**63.
        dimension: 3 or 2.

    Returns:
        float64, *Shape* `(n, dimension, dimension)`.

    Raises:
        InputError: n, seed or dimension out of range.
    """
    _check(n, dimension)
    draws = stream(seed, 0, "orientations").random((n, 3 if dimension == 3 else 1))
    if dimension == 2:
        return rotations_from_angles(360.0 * draws[:, 0])
    u, a, b = draws[:, 0], 2 * np.pi * draws[:, 1], 2 * np.pi * draws[:, 2]
    low, high = np.sqrt(1 - u), np.sqrt(u)
    q = np.stack((high * np.cos(b), low * np.sin(a), low * np.cos(a), high * np.sin(b)), axis=-1)
    return rotations_from_quaternions(q)


def fibre_texture(
    n: int,
    seed: int,
    sample_axis: tuple[float, float, float] = (0.0, 0.0, 1.0),
    crystal_axis: tuple[float, float, float] = (0.0, 0.0, 1.0),
    spread: float = 0.0,
) -> np.ndarray:
    """Orientations whose `crystal_axis` lies along `sample_axis`, free to spin about it.

    The axes scatter about `sample_axis` by the von Mises-Fisher distribution of concentration
    1/spread², i.e. `spread` is the standard deviation of the tilt about each transverse axis.

    Args:
        n: number of grains, at least 1.
        seed: 0 <= seed < 2**63.
        sample_axis: fibre axis, sample frame; any length.
        crystal_axis: in the lattice's Cartesian frame; (0, 0, 1) is a hexagonal crystal's c.
        spread: degrees, 0 (an exact fibre) to 60.

    Returns:
        float64, *Shape* `(n, 3, 3)`.

    Raises:
        InputError: n, seed, spread out of range or an axis of length zero.
    """
    _check(n, 3)
    check_within("spread", spread, 0.0, 60.0)
    draws = stream(seed, 0, "fibre").random((n, 3))
    if spread == 0.0:
        cosine = np.ones(n)
    else:
        kappa = 1.0 / np.radians(spread) ** 2
        # Exact inversion of the distribution of the cosine (Ulrich 1984) on the sphere.
        cosine = 1.0 + np.log(draws[:, 0] + (1 - draws[:, 0]) * np.exp(-2 * kappa)) / kappa
    sine = np.sqrt(np.maximum(0.0, 1.0 - cosine**2))
    azimuth, spin = 2 * np.pi * draws[:, 1], 2 * np.pi * draws[:, 2]
    tilted = np.stack((sine * np.cos(azimuth), sine * np.sin(azimuth), cosine), axis=-1)
    to_sample = _frame(_unit(sample_axis, "sample_axis"))
    from_crystal = _frame(_unit(crystal_axis, "crystal_axis")).T
    zero, one = np.zeros(n), np.ones(n)
    about = np.stack(
        (
            np.stack((np.cos(spin), -np.sin(spin), zero), -1),
            np.stack((np.sin(spin), np.cos(spin), zero), -1),
            np.stack((zero, zero, one), -1),
        ),
        axis=-2,
    )
    return to_sample @ np.stack([_frame(axis) for axis in tilted]) @ about @ from_crystal


def _frame(axis: np.ndarray) -> np.ndarray:
    """A rotation that takes e_z to the unit vector `axis`, by the shortest way."""
    x, y, z = axis
    if z < -1 + 1e-14:
        return np.diag([1.0, -1.0, -1.0])
    v = np.array([-y, x, 0.0])  # e_z × axis
    K = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + K + K @ K / (1.0 + z)


def _unit(axis: tuple[float, float, float], name: str) -> np.ndarray:
    vector = real_array(name, axis)
    length = np.linalg.norm(vector) if vector.shape == (3,) else 0.0
    if not (np.isfinite(length) and length > 0):
        raise InputError(f"{name} is {axis}, but must be three numbers, not all zero")
    return vector / length


def _check(n: int, dimension: int) -> None:
    check_whole("number of grains", n, 1, 100_000_000)
    if dimension not in (2, 3):
        raise InputError(f"dimension is {dimension}, but must be 2 or 3")
