# SPDX-License-Identifier: MIT
"""Strain histories of a body's elements, to learn from: what an impact asks of a law."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlms_fenics.errors import require
from mlms_fenics.hdf5 import writing
from mlms_fenics.kinematics.tensors import polar
from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.numbers import check_positive


def stretch_histories(
    solver: ExplicitSolver, end_time: float, horizons: Sequence[float], steps: int
) -> list[np.ndarray]:
    """Run a body and return U of this rank's quadrature points at equal intervals.

    U is taken as linear in time over each step of the solver, and held after the run's end.

    Args:
        solver: at its beginning; it has run afterwards.
        end_time: of the run, µs.
        horizons: of the histories, µs: one array for each.
        steps: intervals of each history.

    Returns:
        Right stretches, *Shape* `(n_points, steps + 1, 3, 3)`, the first the identity.

    Raises:
        InputError: an end time or horizon that is not positive.
    """
    for name, values in (("end_time", [end_time]), ("horizons", horizons)):
        for value in values:
            check_positive(name, value, "µs")
    n = len(solver.F)
    times, stretches = [0.0], [np.broadcast_to(np.eye(3), (n, 3, 3))]

    def note(_: Any) -> None:
        times.append(solver.time)
        stretches.append(polar(torch.from_numpy(solver.F.copy()))[1].numpy())

    solver.run(end_time, note)
    history, t = np.stack(stretches, axis=1), np.array(times)
    return [_at(history, t, np.linspace(0.0, horizon, steps + 1)) for horizon in horizons]


def _at(history: np.ndarray, t: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    wanted = np.minimum(wanted, t[-1])
    last = np.clip(np.searchsorted(t, wanted, side="right") - 1, 0, len(t) - 2)
    part = ((wanted - t[last]) / (t[last + 1] - t[last]))[None, :, None, None]
    return (1.0 - part) * history[:, last] + part * history[:, last + 1]


def largest_strain(U: np.ndarray) -> np.ndarray:
    """Largest |dev log U| of each history, *Shape* `(n, steps + 1, 3, 3)` to `(n,)`."""
    logarithms = np.log(np.linalg.eigvalsh(U))
    return np.linalg.norm(logarithms - logarithms.mean(axis=-1, keepdims=True), axis=-1).max(axis=1)


def choose_deformed(
    U: np.ndarray, least: float, number: int, rng: np.random.Generator, name: str
) -> np.ndarray:
    """At most so many histories, at random, of those that came to a strain.

    Args:
        U: histories, *Shape* `(n, steps + 1, 3, 3)`.
        least: of `largest_strain`.
        number: at most.
        rng: of the choice.
        name: of the body, for the message.

    Raises:
        InputError: none came so far.
    """
    strain = largest_strain(U)
    deformed = np.flatnonzero(strain >= least)
    require(
        len(deformed) > 0,
        f"--least-strain {least:g}: no element of the {name} came so far, the largest is "
        f"{strain.max():.3g}",
    )
    return U[rng.choice(deformed, min(len(deformed), number), replace=False)]


def write_histories(path: Path, U: np.ndarray, horizon: float) -> None:
    """Write histories as `python -m mlms_fenics.data.generate --protocol harvested` reads them.

    Args:
        path: to write.
        U: *Shape* `(n, steps + 1, 3, 3)`; the first is set to the identity.
        horizon: µs.
    """
    U = U.copy()
    U[:, 0] = np.eye(3)
    with writing(path, "strain paths") as file:
        file["U"], file.attrs["horizon"] = U, horizon
