# SPDX-License-Identifier: MIT
"""Crystals and Taylor averages with some components of F and some of the stress prescribed."""

from dataclasses import dataclass

import numpy as np

from mlms_fenics.checks import check_orientations
from mlms_fenics.errors import SimulationError, require
from mlms_fenics.kinematics.tensors import COMPONENTS
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import integrate_paths, virgin_state
from mlms_fenics.numbers import check_positive
from mlms_fenics.unitcell.loadings import Loading
from mlms_fenics.unitcell.mixed_search import Average, Held, Search
from mlms_fenics.weights import check_weights


@dataclass(frozen=True)
class MixedResult:
    """What mixed control returns; times t, families of the law f, grains (or points of a cell) g.

    Attributes:
        law: the crystal.
        loading: what was asked.
        F: deformation gradient, *Shape* `(n_t + 1, 3, 3)`.
        stress: average Cauchy stress, GPa, *Shape* `(n_t + 1, 3, 3)`.
        slip: average accumulated slip of the slip families, sum over their systems, *Shape*
            `(n_t + 1, n_slip_families)`.
        twin_fraction: average volume fraction of the twin families, likewise.
        packed: states of the grains at the end, *Shape* `(n_g, n_state)`.
        local_F: their deformation gradients at the end, *Shape* `(n_g, 3, 3)`.
        orientations: theirs at the start, *Shape* `(n_g, 3, 3)`.
        weights: their volume fractions, *Shape* `(n_g,)`.
        of: what was deformed, in words.
        iterations: of Newton's method, in all.
    """

    law: CrystalLaw
    loading: Loading
    F: np.ndarray
    stress: np.ndarray
    slip: np.ndarray
    twin_fraction: np.ndarray
    packed: np.ndarray
    local_F: np.ndarray
    orientations: np.ndarray
    weights: np.ndarray
    of: str
    iterations: int

    @property
    def first_piola(self) -> np.ndarray:
        """P = det F σ F⁻ᵀ, GPa, *Shape* `(n_t + 1, 3, 3)`."""
        J = np.linalg.det(self.F)[:, None, None]
        return J * self.stress @ np.linalg.inv(self.F).swapaxes(1, 2)


@dataclass(frozen=True)
class _Grains(Held):
    """States of grains that all deform alike."""

    packed: np.ndarray
    wanted: np.ndarray
    scale: np.ndarray


class _TaylorAverage(Average):
    """Grains that all deform alike; several F at a time."""

    def __init__(self, law: CrystalLaw, Q: np.ndarray, weights: np.ndarray, tolerance: float):
        self.law, self.Q, self.weights, self.tolerance = law, Q, weights, tolerance

    def virgin(self) -> _Grains:
        n = len(self.Q)
        zero = np.zeros((3, 3))
        wanted, scale = np.full(n, np.inf), np.full(n, self.law.least_strength)
        return _Grains(np.eye(3), zero, virgin_state(self.law, n), wanted, scale)

    def after(self, start: _Grains, F: np.ndarray, dt: float) -> list[_Grains]:
        """From `start` linearly to each of F, *Shape* `(p, 3, 3)`.

        Raises:
            SimulationError: a grain could not be integrated.
        """
        p = len(F)

        def repeated(a: np.ndarray) -> np.ndarray:
            return np.broadcast_to(a, (p, *a.shape))

        J = np.linalg.det(F)
        if not (J > 0).all():
            raise SimulationError(f"det F = {J.min():.3g} in the search of a stress")
        result = integrate_paths(
            self.law,
            np.stack((repeated(start.F), F), axis=1),
            self.Q,
            np.array([dt]),
            self.tolerance,
            state=repeated(start.packed),
            wanted=repeated(start.wanted),
            scale=repeated(start.scale),
        )
        if not np.isnan(result.failed_at).all():
            raise SimulationError("a grain could not be integrated")
        mean = np.einsum("g,pgk->pk", self.weights, result.deviator[:, :, -1])
        sigma = self.law.bulk_modulus * (J - 1.0)[:, None, None] * np.eye(3)
        for k, (i, j) in enumerate(COMPONENTS[3]):
            sigma[:, i, j] += mean[:, k]
            if i != j:
                sigma[:, j, i] += mean[:, k]
        state, wanted, scale = result.state, result.wanted, result.scale
        return [_Grains(F[k], sigma[k], state[k], wanted[k], scale[k]) for k in range(p)]


def mixed_control(
    law: CrystalLaw,
    orientations: np.ndarray,
    loading: Loading,
    *,
    weights: np.ndarray | None = None,
    tolerance: float = 1e-3,
    residual: float = 1e-3,
) -> MixedResult:
    """A crystal, or grains that all deform alike, under mixed control.

    Newton's method finds the components of F that are not prescribed, with finite differences of
    the average stress as its matrix; a step in which it fails is taken in halves.

    Args:
        law: the crystal, three-dimensional.
        orientations: Q, *Shape* `(n_grains, 3, 3)`; one for a single crystal.
        loading: see `loadings`.
        weights: volume fractions of the grains, *Shape* `(n_grains,)`; None: all equal.
        tolerance: error of the average stress that the integration of the grains may make,
            relative to the largest deviator so far.
        residual: largest miss of a prescribed stress, relative to the largest stress so far.

    Raises:
        InputError: a two-dimensional law, orientations that are no rotations, a number out of
            range.
        SimulationError: a step has no solution even in small parts; the message says which.
    """
    require(law.dimension == 3, f"law {law.name!r}: mixed control needs a three-dimensional law")
    Q = check_orientations(orientations, 3)
    check_positive("residual", residual, largest=0.1)
    average = _TaylorAverage(
        law,
        Q,
        check_weights(weights, len(Q)),
        check_positive("tolerance", tolerance, largest=0.1),
    )
    search = Search(average, loading, residual)
    history = search.follow()
    mean = np.array([average.weights @ h.packed for h in history])
    now = history[-1]
    return MixedResult(
        law,
        loading,
        np.array([h.F for h in history]),
        np.array([h.sigma for h in history]),
        *amounts_by_family(law, mean),
        now.packed,
        np.tile(now.F, (len(Q), 1, 1)),
        Q,
        average.weights,
        f"{len(Q)} grain(s)",
        search.iterations,
    )


def amounts_by_family(law: CrystalLaw, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slip and twin fraction of each family, *Shape* `(n, families)`, of mean states `(n, ...)`."""
    n_twin = law.n_twin
    slip = _by_family(packed[:, 9 + n_twin : 9 + n_twin + law.n_slip], law.slip)
    return slip, _by_family(packed[:, 9 : 9 + n_twin], law.twins)


def _by_family(values: np.ndarray, families: tuple) -> np.ndarray:
    ends = np.cumsum([len(f.direction) for f in families], dtype=int)
    parts = np.split(values, ends[:-1], axis=1) if families else []
    return np.stack([p.sum(1) for p in parts], axis=1) if parts else np.zeros((len(values), 0))
