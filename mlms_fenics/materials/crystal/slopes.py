# SPDX-License-Identifier: MIT
"""How grains' stresses at the end of a step depend on the deformation there.

The engines choose their substeps by the error, so that a stress is a smooth function of the end of
its path only as long as the substeps stay the same. The derivative is that of the algorithm with
the substeps held: paths to ends a little to both sides take the very substeps of the path itself,
their stages solved to round-off, and central differences of their stresses are taken. They are
accurate to about 1e-7 of the elastic stiffness: rounding adds 1e-16 G/h, the stress's curvature
(h/ε)² with ε = τ_0/(n G), 4e-5 for a metal with n = 50.
"""

from collections.abc import Callable

import numpy as np

from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.materials.crystal.paths import PathResult
from mlms_fenics.materials.crystal.points import raise_on_failure

_H = 3e-8  # of a component of U
_RECORDED = 64  # substeps of a step for which there is room at first
_AT_ONCE = 2048  # paths of grains, which bounds the memory


def integrate_with_slopes(
    integrate: Callable[..., PathResult], U: np.ndarray, dt: float, **state: np.ndarray
) -> tuple[PathResult, np.ndarray]:
    """A step of all grains at all points, and the slopes of its stresses.

    Args:
        integrate: `integrate_paths` of the grains, but for U, the segments' lengths and options.
        U: at the beginning and at the end of the step, *Shape* `(p, 2, 3, 3)`.
        dt: length of the step, µs.
        state: `state`, `wanted` and `scale` at its beginning, as of `integrate_paths`.

    Returns:
        The step's result, and the derivatives of the grains' deviatoric stresses by the components
        of the last U (of a shear, by both of its entries together), GPa, *Shape* `(p, g, 6, 6)`.

    Raises:
        SimulationError: a grain could not be integrated; the message names it.
    """
    segments = np.array([dt])
    result = integrate(U, segments, record=_RECORDED, **state)
    most = int(result.substeps.max(initial=0))
    if most > _RECORDED:
        result = integrate(U, segments, record=most, **state)
    raise_on_failure(result)
    p, g = result.wanted.shape
    slopes = np.zeros((p, g, 6, 6))
    at_once = max(1, _AT_ONCE // (12 * g))
    for k in range(0, p, at_once):
        rows = slice(k, min(k + at_once, p))
        slopes[rows] = _differences(
            integrate, U[rows], segments, (result.chosen[rows], result.implicit[rows]),
            {name: array[rows] for name, array in state.items()},
        )  # fmt: skip
    return result, slopes


def _differences(integrate, U, segments, follow, state) -> np.ndarray:
    p = len(U)
    moved = np.broadcast_to(U, (2, 6, *U.shape)).copy()
    moved[:, :, :, 1] += (
        _H * np.array([1.0, -1.0])[:, None, None, None, None]
        * from_components(np.eye(6))[None, :, None]
    )  # fmt: skip
    ends = moved.reshape(12 * p, *U.shape[1:])

    def repeated(array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array, (12, *array.shape)).reshape(12 * p, *array.shape[1:])

    found = integrate(
        ends,
        segments,
        follow=tuple(repeated(array) for array in follow),
        **{name: repeated(array) for name, array in state.items()},
    )
    raise_on_failure(found)
    sigma = found.deviator[:, :, -1].reshape(2, 6, p, -1, 6)
    return np.moveaxis((sigma[0] - sigma[1]) / (2.0 * _H), 0, -1)
