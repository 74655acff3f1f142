# SPDX-License-Identifier: MIT
"""The part of a data set that a learnt law may be judged on: nothing that it was trained on."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlms_fenics import units
from mlms_fenics.errors import InputError, require
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.fitting.data import split_of

SPARE = 60  # paths that the baselines are fitted to


@dataclass(frozen=True)
class JudgedData:
    """Histories of one protocol.

    Attributes:
        file, protocol, sampler, cell: of the data set.
        U, sigma: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, GPa.
        time: *Shape* `(n_t + 1,)`, µs.
        trained_on: whether the law was trained on other paths of this data set.
        spare_U, spare_sigma: paths to fit the baselines to.
        spare_is_judged: whether those are among the judged ones (a small set).
    """

    file: str
    protocol: str
    sampler: dict[str, Any]
    cell: str
    U: np.ndarray
    sigma: np.ndarray
    time: np.ndarray
    trained_on: bool
    spare_U: np.ndarray
    spare_sigma: np.ndarray
    spare_is_judged: bool


def load_judged(law: LearntLaw, path: str | os.PathLike[str], limit: int) -> JudgedData:
    """Read a data set and leave out what the law was trained on.

    Of a data set that the law was trained on, only the test part is judged (see `split_of`).

    Args:
        law: to be judged.
        path: of the data set.
        limit: take at most so many paths.

    Raises:
        InputError: no data set, a truncated one, other units, law, orientations or dimension, a
            horizon beyond the law's, NaN, or nothing left to judge.
    """
    from mlms_fenics.data import Dataset

    with Dataset(path) as data:
        try:
            _check(law, data, path)
            good, seed = np.asarray(data.good), int(data.attrs["seed"])
            trained_on = _trained_on(law.report, seed, data.sampler)
            part = split_of(seed, good)
            rows = np.flatnonzero(part == 2) if trained_on else np.arange(len(good))
            judged = rows[:limit]
            others = np.flatnonzero(part == 0) if trained_on else rows[limit:]
            few = len(others) < min(SPARE, len(judged))
            spare = judged[:SPARE] if few else others[:SPARE]
            require(
                len(judged) > 0, f"data set {path} holds no path that the model was not trained on"
            )
            U, sigma = data.U, data.sigma
            for name, values in (("U", U[judged]), ("sigma", sigma[judged])):
                bad = ~np.isfinite(values).all(axis=(1, 2))
                require(
                    not bad.any(),
                    f"data set {path}: NaN or infinity in {name} of sample {good[judged[bad]][:1]}",
                )
            finite = np.isfinite(sigma[spare]).all(axis=(1, 2))
            return JudgedData(
                file=os.path.basename(os.fspath(path)),
                protocol=data.protocol,
                sampler=data.sampler,
                cell=str(data.attrs.get("cell", "")),
                U=U[judged],
                sigma=sigma[judged],
                time=np.asarray(data.time, np.float64),
                trained_on=trained_on,
                spare_U=U[spare[finite]],
                spare_sigma=sigma[spare[finite]],
                spare_is_judged=few,
            )
        except (OSError, KeyError) as error:
            raise InputError(f"data set {path} is damaged: {error}") from error


def _check(law: LearntLaw, data: Any, path: Any) -> None:
    system = data.attrs.get("unit_system")
    require(system == units.SYSTEM, f"data set {path} is in units {system!r}, not {units.SYSTEM!r}")
    require(
        data.law.dimension == law.dimension,
        f"data set {path} has dimension {data.law.dimension}, the model {law.dimension}",
    )
    same = data.orientations.shape == law.orientations.shape and np.allclose(
        data.orientations, law.orientations, rtol=0, atol=1e-8
    )
    alike = data.grains is not None or (
        same and np.allclose(data.weights, law.weights, rtol=0, atol=1e-8)
    )
    for name, equal in (
        ("law", data.law.to_dict() == law.law.to_dict()),
        ("orientations", same),
        ("weights", alike),
    ):
        require(equal, f"data set {path} and the model differ in their {name}")
    time = np.asarray(data.time)
    require(
        len(time) >= 2 and bool((np.diff(time) > 0).all()) and time[0] == 0,
        f"data set {path}: its times do not increase from 0",
    )
    try:
        law.check_end_time(float(time[-1]))
    except InputError as error:
        raise InputError(f"data set {path}: {error}") from error


def _trained_on(report: dict[str, Any], seed: int, sampler: dict[str, Any]) -> bool:
    """Whether the law, or the one it was started from, saw paths of this seed and sampler."""
    for file in report.get("data", []):
        # The same paths may be stored on another grid; without a sampler the seed must do.
        known = {k: v for k, v in (file.get("sampler") or sampler).items() if k != "steps"}
        own = {k: v for k, v in sampler.items() if k != "steps"}
        if file.get("seed") == seed and known == own:
            return True
    earlier = report.get("start_from")
    return isinstance(earlier, dict) and _trained_on(earlier, seed, sampler)
