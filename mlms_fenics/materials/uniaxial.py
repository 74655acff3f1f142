# SPDX-License-Identifier: MIT
"""Any law under uniaxial stress at a point."""

from collections.abc import Sequence

import numpy as np
import torch

from mlms_fenics.errors import SimulationError
from mlms_fenics.materials.base import Material, State
from mlms_fenics.numbers import check_positive, check_whole, check_within, three_numbers

# Of F, with the load along 1: what is to be found, so that the stress there is zero.
_FREE = ((1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_ITERATIONS, _MISS = 40, 1e-3


def uniaxial_stress(
    law: Material, axis: Sequence[float], strain: float, rate: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Tension or compression along an axis, all other stresses 0 to a thousandth of the largest.

    The material line along the axis stays there; what is across may shear.

    Args:
        law: three-dimensional.
        axis: three numbers, of any length.
        strain: logarithmic, at the end: positive in tension.
        rate: of strain, 1/µs, > 0.
        steps: equal steps of strain.

    Returns:
        F in the frame of the law, *Shape* `(steps + 1, 3, 3)`, and the Cauchy stress along the
        axis, GPa, *Shape* `(steps + 1,)`.

    Raises:
        InputError: a number out of range.
        SimulationError: a step has no solution that Newton's method finds.
    """
    check_within("strain", strain, -2.0, 2.0)
    check_positive("rate", rate, "1/µs")
    check_whole("steps", steps, 1)
    turn = _frame(three_numbers("axis", axis, direction=True))
    dt = abs(strain) / rate / steps
    F, stress = np.tile(np.eye(3), (steps + 1, 1, 1)), np.zeros(steps + 1)
    state, largest, change = law.initial_state(1), 0.0, np.zeros(5)
    change[:2] = -0.5 * strain / steps
    for k in range(1, steps + 1):
        own = turn @ F[k - 1] @ turn.T
        own[0, 0] = np.exp(strain * k / steps)
        start = np.array([own[i, j] for i, j in _FREE])
        found = _solve(law, turn, own, start + change, (k * dt, dt), state, largest)
        change = np.array([found[0][i, j] for i, j in _FREE]) - start
        F[k] = turn.T @ found[0] @ turn
        stress[k], state = found[1], found[2]
        largest = max(largest, abs(stress[k]))
    return F, stress


def _solve(
    law: Material,
    turn: np.ndarray,
    F: np.ndarray,
    x: np.ndarray,
    times: tuple[float, float],
    state: State,
    largest: float,
) -> tuple[np.ndarray, float, State]:
    """F, axial stress and state at the end of a step, by Newton's method with differences."""
    h = 1e-6 if law.dtype == torch.float64 else 1e-4
    rows, columns = zip(*_FREE, strict=True)
    many = {key: value.repeat_interleave(6, dim=0) for key, value in state.items()}
    least = np.inf
    for _ in range(_ITERATIONS):
        trial = np.tile(F, (6, 1, 1))
        trial[:, rows, columns] = x + h * np.eye(6, 5, -1)
        given = torch.from_numpy(turn.T @ trial @ turn).to(law.device)
        with torch.no_grad():
            sigma, new = law.update(given, *times, many)
        found = turn @ sigma.double().cpu().numpy() @ turn.T
        residual = found[:, rows, columns]
        axial = float(found[0, 0, 0])
        miss = np.abs(residual[0]).max()
        if miss <= _MISS * max(largest, abs(axial)):
            return trial[0], axial, {key: value[:1] for key, value in new.items()}
        matrix = (residual[1:] - residual[0]).T / h
        step = -np.linalg.lstsq(matrix, residual[0], rcond=None)[0]
        # Where it gets no better, shorter steps: a yield surface has corners.
        damping = 1.0 if miss < least else 0.5
        least = min(least, miss)
        x = x + damping * np.clip(step, -0.05, 0.05)
    raise SimulationError(
        f"uniaxial stress: no lateral strain makes the stress across vanish at {times[0]:g} µs; "
        f"it is off by {miss:.3g} GPa: take more steps"
    )


def _frame(axis: np.ndarray) -> np.ndarray:
    """A rotation whose first row is the axis."""
    other = np.eye(3)[int(np.argmin(np.abs(axis)))]
    second = np.cross(axis, other)
    second /= np.linalg.norm(second)
    return np.stack((axis, second, np.cross(axis, second)))
