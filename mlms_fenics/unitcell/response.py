# SPDX-License-Identifier: MIT
"""How far two textures differ in what they do: their average stress along a few paths."""

import numpy as np

from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.microstructure import Texture
from mlms_fenics.unitcell.taylor import TaylorAverage

_COMPARED = 10_000  # orientations of which the response is computed
_STRAIN, _STEPS = 0.1, 10


def response_difference(
    law: CrystalLaw, one: Texture, other: Texture, horizon: float = 1.0, tolerance: float = 1e-3
) -> float:
    """Relative difference of the deviatoric stress of two textures' Taylor averages.

    Along six isochoric paths to an equivalent strain of 10%: tension along x and z, compression
    along y, shear in xy, yz, xz.

    Args:
        law: of the crystals, three-dimensional.
        one: a texture.
        other: the one whose stress is the measure.
        horizon: duration of the paths, µs.
        tolerance: of the stress.

    Returns:
        Root mean square over the paths, in parts of the other's root mean square.

    Raises:
        InputError: a law of two dimensions or textures that it cannot take.
        SimulationError: a path could not be integrated.
    """
    U = _paths()
    stress = []
    for texture in (one, other):
        some = texture.resampled(_COMPARED)
        average = TaylorAverage(law, some.orientations, weights=some.weights)
        sigma = average.stress(U, horizon, tolerance)
        pressure = np.trace(sigma, axis1=-2, axis2=-1)[..., None, None] / 3.0
        stress.append(sigma - pressure * np.eye(3))
    return float(np.sqrt(np.square(stress[0] - stress[1]).sum() / np.square(stress[1]).sum()))


def _paths() -> np.ndarray:
    """Right stretches, *Shape* `(6, steps + 1, 3, 3)`."""
    rates = np.zeros((6, 3, 3))
    for axis in range(3):
        sign = -1.0 if axis == 1 else 1.0
        rates[axis] = sign * (1.5 * np.outer(np.eye(3)[axis], np.eye(3)[axis]) - 0.5 * np.eye(3))
        i, j = axis, (axis + 1) % 3
        rates[3 + axis, i, j] = rates[3 + axis, j, i] = np.sqrt(0.75)
    values, vectors = np.linalg.eigh(_STRAIN * rates)
    parts = np.linspace(0.0, 1.0, _STEPS + 1)
    stretch = np.exp(parts[None, :, None] * values[:, None, :])
    return np.einsum("pia,pta,pja->ptij", vectors, stretch, vectors)
