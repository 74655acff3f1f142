# SPDX-License-Identifier: MIT
"""How grains' stresses at the end of a step depend on the deformation there.

The engines choose their substeps by the error, so that a stress is a smooth function of the end of
its path only as long as the substeps stay the same. The derivative is that of the algorithm with
the substeps held. Implicit ones are taken once more with their stages solved to round-off, and each
stage's own linear system carries the derivatives on (`implicit_slopes`). Explicit ones are taken by
paths to ends a little to both sides, and central differences are taken; they are accurate to about
1e-7 of the elastic stiffness: rounding adds 1e-16 G/h, the stress's curvature (h/ε)² with the
strain ε = τ_0/(n G), 1e-3 for the laws that explicit steps suit.
"""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.materials.crystal.implicit_slopes import implicit_slopes
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import PathResult, integrate_paths
from mlms_fenics.materials.crystal.points import raise_on_failure

_H = 3e-8  # of a component of U
_RECORDED = 64  # substeps of a step for which there is room at first
_AT_ONCE = 1024  # grains whose stages are kept, or paths of grains: bounds the memory


def integrate_with_slopes(
    law: CrystalLaw | Sequence[CrystalLaw],
    U: np.ndarray,
    Q: np.ndarray,
    dt: float,
    tolerance: float,
    **state: np.ndarray,
) -> tuple[PathResult, np.ndarray]:
    """A step of all grains at all points, and the slopes of its stresses.

    Args:
        law: the crystal, or that of each grain (`variants.integrate_grains`).
        U: at the beginning and at the end of the step, *Shape* `(p, 2, 3, 3)`.
        Q: orientations, *Shape* `(g, 3, 3)`.
        dt: length of the step, µs.
        tolerance: as of `integrate_paths`.
        state: `state`, `wanted` and `scale` at its beginning, likewise.

    Returns:
        The step's result, and the derivatives of the grains' deviatoric stresses by the components
        of the last U (of a shear, by both of its entries together), GPa, *Shape* `(p, g, 6, 6)`.

    Raises:
        SimulationError: a grain could not be integrated; the message names it.
    """
    if isinstance(law, CrystalLaw):
        return _alike(law, U, Q, dt, tolerance, state)
    parts = []
    for k, crystal in enumerate(law):
        own = {name: array[:, k : k + 1] for name, array in state.items()}
        parts.append(_alike(crystal, U, Q[k : k + 1], dt, tolerance, own))
    whole = {
        f.name: np.concatenate([getattr(result, f.name) for result, _ in parts], axis=1)
        for f in fields(PathResult)
        if f.name != "chosen"  # of lengths of their own
    }
    none = np.zeros((len(U), len(Q), 0))
    return PathResult(**whole, chosen=none), np.concatenate([s for _, s in parts], axis=1)


def _alike(law, U, Q, dt, tolerance, state) -> tuple[PathResult, np.ndarray]:
    given = (law, U, Q, np.array([dt]), tolerance)
    result = integrate_paths(*given, record=_RECORDED, **state)
    most = int(result.substeps.max(initial=0))
    if most > _RECORDED:
        result = integrate_paths(*given, record=most, **state)
    raise_on_failure(result)
    slopes = np.zeros((*result.wanted.shape, 6, 6))
    for implicit, work in ((True, slopes_by_stages), (False, slopes_by_differences)):
        rows = np.flatnonzero(result.implicit[:, 0] == implicit)
        at_once = max(1, _AT_ONCE // (len(Q) * (1 if implicit else 12)))
        for k in range(0, len(rows), at_once):
            some = rows[k : k + at_once]
            own = {name: array[some] for name, array in state.items()}
            follow = (result.chosen[some][..., : max(most, 1)], result.implicit[some])
            slopes[some] = work(law, U[some], Q, dt, tolerance, follow, own)
    return result, slopes


def slopes_by_stages(
    law: CrystalLaw,
    U: np.ndarray,
    Q: np.ndarray,
    dt: float,
    tolerance: float,
    follow: tuple[np.ndarray, np.ndarray],
    state: dict[str, np.ndarray],
) -> np.ndarray:
    """`integrate_with_slopes`' slopes where the substeps are implicit: exact.

    Args:
        law, U, Q, dt, tolerance, state: as of `integrate_with_slopes`.
        follow: `chosen` and `implicit` of the step's result.
    """
    found = integrate_paths(
        law, U, Q, np.array([dt]), tolerance, follow=follow, solutions=True, **state
    )
    raise_on_failure(found)
    return implicit_slopes(law, U, Q, dt, state["state"], follow[0], found.solved)


def slopes_by_differences(
    law: CrystalLaw,
    U: np.ndarray,
    Q: np.ndarray,
    dt: float,
    tolerance: float,
    follow: tuple[np.ndarray, np.ndarray],
    state: dict[str, np.ndarray],
) -> np.ndarray:
    """As `slopes_by_stages`, by central differences, for substeps of either kind."""
    p = len(U)
    moved = np.broadcast_to(U, (2, 6, *U.shape)).copy()
    moved[:, :, :, 1] += (
        _H * np.array([1.0, -1.0])[:, None, None, None, None]
        * from_components(np.eye(6))[None, :, None]
    )  # fmt: skip
    ends = moved.reshape(12 * p, *U.shape[1:])

    def repeated(array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array, (12, *array.shape)).reshape(12 * p, *array.shape[1:])

    found = integrate_paths(
        law,
        ends,
        Q,
        np.array([dt]),
        tolerance,
        follow=tuple(repeated(array) for array in follow),
        **{name: repeated(array) for name, array in state.items()},
    )
    raise_on_failure(found)
    sigma = found.deviator[:, :, -1].reshape(2, 6, p, -1, 6)
    return np.moveaxis((sigma[0] - sigma[1]) / (2.0 * _H), 0, -1)
