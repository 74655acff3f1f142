# SPDX-License-Identifier: MIT
"""Loadings of mixed control: which components of F and of the Cauchy stress are prescribed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlms_fenics.checks import real_array
from mlms_fenics.errors import InputError, require
from mlms_fenics.numbers import check_positive

_NAN = np.nan


@dataclass(frozen=True)
class Loading:
    """Prescribed components of F over time and of the stress.

    Where F_ij is given, the stress there is what comes of it, and the other way round; of F_ij and
    F_ji at least one must be given, as the stress does not see rotations.

    Attributes:
        F: deformation gradient, NaN where it is to be found, linear in time between the entries,
            the first the identity where given, *Shape* `(n_t + 1, 3, 3)`.
        stress: GPa, NaN where F is given, linear likewise, *Shape* `(n_t + 1, 3, 3)`.
        duration: µs.
        strain: what the loading is plotted over, *Shape* `(n_t + 1,)`.
        measure: "cauchy" or "first-piola" (nominal): which stress is prescribed.

    Raises:
        InputError: an unknown measure, shapes, a component given twice or not at all, or both of a
            pair to be found.
    """

    F: np.ndarray
    stress: np.ndarray
    duration: float
    strain: np.ndarray
    measure: str = "cauchy"

    def __post_init__(self) -> None:
        require(
            self.measure in ("cauchy", "first-piola"),
            f"measure = {self.measure!r} must be 'cauchy' or 'first-piola'",
        )
        check_positive("duration", self.duration, "µs")
        F, stress = real_array("F", self.F), real_array("stress", self.stress)
        require(
            F.ndim == 3 and F.shape[1:] == (3, 3) and len(F) > 1 and F.shape == stress.shape,
            f"F and stress must both have shape (n_t + 1, 3, 3), got {F.shape} and {stress.shape}",
        )
        require(
            np.shape(self.strain) == (len(F),),
            f"strain must have shape ({len(F)},), got {np.shape(self.strain)}",
        )
        free = np.isnan(F)
        both = free == np.isnan(stress)
        if both.any() or (free != free[0]).any():
            _, i, j = np.argwhere(both | (free != free[0]))[0]
            raise InputError(
                f"component {i + 1}{j + 1}: prescribe either F or the stress, throughout"
            )
        pair = free[0] & free[0].T & ~np.eye(3, dtype=bool)
        if pair.any():
            i, j = np.argwhere(pair)[0] + 1
            raise InputError(
                f"F{i}{j} and F{j}{i} are both to be found, but a rotation is determined by no "
                "stress: prescribe one of them, for example as 0"
            )
        require(
            bool(np.allclose(F[0][~free[0]], np.eye(3)[~free[0]])),
            "F must start as the identity where it is prescribed",
        )
        require(
            not free.all()
            and bool(np.isfinite(F[~free]).all() and np.isfinite(stress[free]).all()),
            "prescribed components must be finite, and at least one must be of F",
        )


def _over(strain: float, steps: int) -> np.ndarray:
    require(
        isinstance(steps, int) and steps > 0,
        f"steps = {steps!r} must be a whole number, at least 1",
    )
    require(
        bool(np.isfinite(strain)) and 0 < abs(strain) <= 5,
        f"strain = {strain} must be a number other than 0, between -5 and 5",
    )
    return np.linspace(0.0, strain, steps + 1)


def _loading(strain: np.ndarray, rate: float, F: np.ndarray, free: list) -> Loading:
    check_positive("rate", rate, "1/µs")
    stress = np.full(F.shape, _NAN)
    for i, j in free:
        F[:, i, j], stress[:, i, j] = _NAN, 0.0
    return Loading(F, stress, abs(strain[-1]) / rate, strain)


def _start(n: int) -> np.ndarray:
    return np.tile(np.eye(3), (n, 1, 1))


def uniaxial_stress(strain: float, rate: float, steps: int) -> Loading:
    """Tension (strain > 0) or compression along x, all other stresses 0.

    The material line along x stays there; what is across may shear.

    Args:
        strain: ln F_11 at the end.
        rate: |strain| by the duration, 1/µs.
        steps: equal steps of strain.
    """
    e = _over(strain, steps)
    F = _start(len(e))
    F[:, 0, 0] = np.exp(e)
    return _loading(e, rate, F, [(1, 1), (2, 2), (0, 1), (0, 2), (1, 2)])


def plane_strain(strain: float, rate: float, steps: int) -> Loading:
    """Channel die: z (the load) by `strain`, y held by the die, x free of stress, no shear.

    Args:
        strain: ln F_33 at the end, negative in compression.
        rate, steps: as of `uniaxial_stress`.
    """
    e = _over(strain, steps)
    F = _start(len(e))
    F[:, 2, 2] = np.exp(e)
    return _loading(e, rate, F, [(0, 0)])


def plane_stress(strain: float, rate: float, steps: int) -> Loading:
    """Equal stretch of a sheet along x and y, its normal z free of stress; arguments as above."""
    e = _over(strain, steps)
    F = _start(len(e))
    F[:, 0, 0] = F[:, 1, 1] = np.exp(e)
    return _loading(e, rate, F, [(2, 2), (0, 2), (1, 2)])


def torsion(strain: float, rate: float, steps: int) -> Loading:
    """Simple shear F_12 of a thin tube with free ends and walls; `strain` is F_12 at the end."""
    e = _over(strain, steps)
    F = _start(len(e))
    F[:, 0, 1] = e
    return _loading(e, rate, F, [(0, 0), (1, 1), (2, 2)])


LOADINGS: dict[str, Callable[[float, float, int], Loading]] = {
    "uniaxial-stress": uniaxial_stress,
    "plane-strain": plane_strain,
    "plane-stress": plane_stress,
    "torsion": torsion,
}


def crystal_along(direction: np.ndarray, across: np.ndarray | None = None) -> np.ndarray:
    """Orientation of a crystal with one of its directions along the sample's x.

    Args:
        direction: in the crystal frame, *Shape* `(3,)`.
        across: what comes to lie in the x-y plane, *Shape* `(3,)`; None: any.

    Returns:
        Q, *Shape* `(1, 3, 3)`.

    Raises:
        InputError: a direction of no length, or both parallel.
    """
    d = real_array("direction", direction)
    require(d.shape == (3,) and bool(np.linalg.norm(d) > 0), f"direction {d} must be a vector")
    x = d / np.linalg.norm(d)
    y = np.eye(3)[np.argmin(np.abs(x))] if across is None else real_array("across", across)
    y = y - (y @ x) * x
    require(bool(np.linalg.norm(y) > 1e-9), f"across must not be parallel to direction {d}")
    y = y / np.linalg.norm(y)
    return np.array([[x, y, np.cross(x, y)]])
