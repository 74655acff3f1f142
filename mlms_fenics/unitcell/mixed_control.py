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
from mlms_fenics.weights import check_weights

_ITERATIONS, _HALVINGS, _BISECTIONS = 25, 6, 8
_UNKNOWN = 1e-3  # strain of a step whose size nothing tells


@dataclass(frozen=True)
class MixedResult:
    """What `mixed_control` returns; times t, families of the law f, grains g.

    Attributes:
        law: the crystal.
        loading: what was asked.
        F: deformation gradient, *Shape* `(n_t + 1, 3, 3)`.
        stress: average Cauchy stress, GPa, *Shape* `(n_t + 1, 3, 3)`.
        slip: average accumulated slip of the slip families, sum over their systems, *Shape*
            `(n_t + 1, n_slip_families)`.
        twin_fraction: average volume fraction of the twin families, likewise.
        packed: states of the grains at the end, *Shape* `(n_grains, n_state)`.
        iterations: of Newton's method, in all.
    """

    law: CrystalLaw
    loading: Loading
    F: np.ndarray
    stress: np.ndarray
    slip: np.ndarray
    twin_fraction: np.ndarray
    packed: np.ndarray
    iterations: int

    @property
    def first_piola(self) -> np.ndarray:
        """P = det F σ F⁻ᵀ, GPa, *Shape* `(n_t + 1, 3, 3)`."""
        J = np.linalg.det(self.F)[:, None, None]
        return J * self.stress @ np.linalg.inv(self.F).swapaxes(1, 2)


@dataclass(frozen=True)
class _Grains:
    """States of the grains at one F; never changed in place."""

    F: np.ndarray
    sigma: np.ndarray
    packed: np.ndarray
    wanted: np.ndarray
    scale: np.ndarray


class _Average:
    """The average stress at the end of a step, for several F at a time."""

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
    average = _Average(
        law,
        Q,
        check_weights(weights, len(Q)),
        check_positive("tolerance", tolerance, largest=0.1),
    )
    search = _Search(average, np.isnan(loading.F[0]), residual, loading.measure)
    n_t = len(loading.F) - 1
    dt = loading.duration / n_t
    now = average.virgin()
    history = [now]
    for k in range(n_t):
        ends = (loading.F[k], loading.F[k + 1]), (loading.stress[k], loading.stress[k + 1])
        try:
            now = search.step(now, *ends, dt)
        except SimulationError as error:
            raise SimulationError(
                f"mixed control: step {k + 1} of {n_t} (strain {loading.strain[k + 1]:.4g}) could "
                f"not be solved: {error}"
            ) from error
        history.append(now)
    packed = np.array([average.weights @ h.packed for h in history])
    n_twin = law.n_twin
    return MixedResult(
        law,
        loading,
        np.array([h.F for h in history]),
        np.array([h.sigma for h in history]),
        _by_family(packed[:, 9 + n_twin : 9 + n_twin + law.n_slip], law.slip),
        _by_family(packed[:, 9 : 9 + n_twin], law.twins),
        now.packed,
        search.iterations,
    )


def _by_family(values: np.ndarray, families: tuple) -> np.ndarray:
    ends = np.cumsum([len(f.direction) for f in families], dtype=int)
    parts = np.split(values, ends[:-1], axis=1) if families else []
    return np.stack([p.sum(1) for p in parts], axis=1) if parts else np.zeros((len(values), 0))


class _Search:
    """Newton's method for the free components of F at the end of a step."""

    def __init__(self, average: _Average, free: np.ndarray, residual: float, measure: str):
        self.nominal = measure == "first-piola"
        self.average, self.free, self.residual = average, free, residual
        self.where = np.argwhere(free)
        self.iterations = 0
        self.largest = 0.0  # stress so far
        self.rate = None  # of the free components in the last step, 1/µs

    def step(self, start: _Grains, F: tuple, stress: tuple, dt: float, depth: int = 0) -> _Grains:
        """From `start` to the end of a step, whose prescribed components have the ends given."""
        try:
            return self._newton(start, F[1], stress[1], dt)
        except SimulationError:
            if depth == _BISECTIONS:
                raise
        self.rate = None if depth else self.rate
        middle = 0.5 * (F[0] + F[1]), 0.5 * (stress[0] + stress[1])
        half = self.step(start, (F[0], middle[0]), (stress[0], middle[1]), dt / 2, depth + 1)
        return self.step(half, (middle[0], F[1]), (middle[1], stress[1]), dt / 2, depth + 1)

    def _newton(self, start: _Grains, F: np.ndarray, stress: np.ndarray, dt: float) -> _Grains:
        free, target = self.free, stress[self.free]
        trial = np.where(free, start.F, F)
        if not free.any():
            (found,) = self.average.after(start, trial[None], dt)
            return found
        trial[free] += self._guess(start, F, dt)
        size = float(np.abs(trial - start.F).max())
        size = size if size > 0 else _UNKNOWN
        h = 1e-2 * size
        (best,) = self.average.after(start, trial[None], dt)
        for _ in range(_ITERATIONS):
            self.iterations += 1
            perturbed = np.tile(best.F, (len(self.where), 1, 1))
            for k, (i, j) in enumerate(self.where):
                perturbed[k, i, j] += h
            others = self.average.after(start, perturbed, dt)
            base = self._prescribed(best)
            jacobian = np.stack([(self._prescribed(o) - base) / h for o in others], axis=1)
            miss = base - target
            change = -np.linalg.lstsq(jacobian, miss, rcond=1e-10)[0]
            # Far beyond the step's own size the matrix says nothing.
            change *= min(1.0, 2.0 * size / max(float(np.abs(change).max()), 1e-300))
            for _ in range(_HALVINGS):
                new = best.F.copy()
                new[free] += change
                (tried,) = self.average.after(start, new[None], dt)
                if np.linalg.norm(self._prescribed(tried) - target) < np.linalg.norm(miss):
                    size = max(size, float(np.abs(change).max()))
                    break
                change *= 0.5
            best = tried
            if self._met(best, self._prescribed(best) - target):
                break
        else:
            raise SimulationError(
                f"Newton's method has not met the stress within {_ITERATIONS} iterations"
            )
        self.largest = max(self.largest, float(np.abs(best.sigma).max()))
        self.rate = (best.F[free] - start.F[free]) / dt
        return best

    def _prescribed(self, grains: _Grains) -> np.ndarray:
        """The components of the stress that are prescribed."""
        if not self.nominal:
            return grains.sigma[self.free]
        inverse = np.linalg.inv(grains.F)
        return (np.linalg.det(grains.F) * grains.sigma @ inverse.T)[self.free]

    def _met(self, grains: _Grains, miss: np.ndarray) -> bool:
        scale = max(self.largest, float(np.abs(grains.sigma).max()), 1e-12)
        return float(np.abs(miss).max()) < self.residual * scale

    def _guess(self, start: _Grains, F: np.ndarray, dt: float) -> np.ndarray:
        """Change of the free components: as in the last step, or at constant volume."""
        if self.rate is not None:
            return self.rate * dt
        change = np.where(self.free, 0.0, F - start.F)
        diagonal = np.diag(self.free)
        if diagonal.any():
            change[diagonal, diagonal] = -np.trace(change) / diagonal.sum()
        return change[self.free]
