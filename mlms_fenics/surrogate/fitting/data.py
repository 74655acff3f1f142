# SPDX-License-Identifier: MIT
"""Training data: one or several data sets of one unit cell, split the same way every time."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mlms_fenics.errors import InputError, require
from mlms_fenics.kinematics.strain import log_strain
from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.weights import are_equal


@dataclass
class TrainingData:
    """Histories of one unit cell, in equally many steps, with their split.

    Attributes:
        U, strain, sigma: components of stretch, log U and Cauchy stress, *Shape*
            `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, float32, GPa.
        time: of the first data set, *Shape* `(n_t + 1,)`, µs; others may last longer or shorter.
        law, orientations: of the unit cell.
        horizon: of the first data set, µs.
        durations: of each history, *Shape* `(N,)`, µs.
        weights: volume fractions of its grains, *Shape* `(n_grains,)`; None: all equal.
        source: index into `files` of each history, *Shape* `(N,)`.
        files: of each data set, its name and the attributes that reproduce it.
        train, validation, test: indices of histories.
        device: of the training.
    """

    U: np.ndarray
    strain: np.ndarray
    sigma: np.ndarray
    time: np.ndarray
    law: Any
    orientations: np.ndarray
    horizon: float
    source: np.ndarray
    files: list[dict[str, Any]]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray = field(repr=False)
    weights: np.ndarray | None = None
    durations: np.ndarray = field(default_factory=lambda: np.empty(0))
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        if not len(self.durations):
            self.durations = np.full(len(self.U), self.horizon)

    def time_of(self, source: int) -> np.ndarray:
        """Time grid of data set number `source`, *Shape* `(n_t + 1,)`, µs."""
        lasting = self.durations[self.source == source]
        return self.time if not len(lasting) else self.time * (lasting[0] / self.horizon)

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return 3 if self.U.shape[-1] == 6 else 2

    def validation_rows(self, limit: int = 400) -> np.ndarray:
        """At most `limit` validation indices, of all data sets in proportion."""
        n = len(self.validation)
        return self.validation[np.linspace(0, n - 1, min(n, limit)).round().astype(int)]

    def test_rows(self, source: int) -> np.ndarray:
        """Test indices that come from data set number `source`."""
        return self.test[self.source[self.test] == source]


def split_of(seed: int, samples: np.ndarray, parts: tuple[float, float] = (0.1, 0.1)) -> np.ndarray:
    """0 (train), 1 (validation) or 2 (test) for each sample, by a hash of (seed, number) alone.

    A sample keeps its part when its data set grows, is shuffled or is joined with others, and
    whatever the seed of the training, so that no test path is ever trained on.

    Args:
        seed: of the data set.
        samples: sample numbers in it, *Shape* `(n,)`.
        parts: fractions of validation and test.
    """
    # splitmix64's finaliser (Steele, Lea, Flood, OOPSLA 2014); arithmetic modulo 2^64 is meant.
    mask = (1 << 64) - 1
    offset = (0x9E3779B97F4A7C15 * (2 * int(seed) + 1)) & mask
    z = np.asarray(samples).astype(np.uint64) * np.uint64(0xD1342543DE82EF95) + np.uint64(offset)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    u = (z ^ (z >> np.uint64(31))).astype(np.float64) / 2.0**64
    validation, test = parts
    return np.where(u < test, 2, np.where(u < test + validation, 1, 0))


def strain_components(U: np.ndarray, chunk: int = 2000) -> np.ndarray:
    """Components of log U, float32, from components of U `(N, n_t + 1, c)`."""
    parts = [
        log_strain(from_components(torch.as_tensor(U[i : i + chunk]).double())).float().numpy()
        for i in range(0, len(U), chunk)
    ]
    return np.concatenate(parts) if parts else np.zeros_like(U)


def load_data(
    paths: Sequence[str | os.PathLike[str]],
    limit: int | None = None,
    *,
    many_horizons: bool = False,
) -> TrainingData:
    """Read data sets and split them.

    Args:
        paths: of data-set files; all of one unit cell, horizon and time grid.
        limit: keep at most so many training histories (the first ones of each set, in proportion).
        many_horizons: the sets' horizons may differ, on equally many steps.

    Raises:
        InputError: a file that is no data set, sets that differ in law, orientations, horizon,
            dimension or steps (naming what differs), NaN, or too few histories to split.
    """
    from mlms_fenics.data import Dataset

    require(len(paths) > 0, "no data sets given")
    first = law = None
    U, sigma, source, part, files, durations = [], [], [], [], [], []
    for number, path in enumerate(paths):
        with Dataset(path) as data:
            try:
                identity = cell_identity(data.law, data.orientations, data.weights, data.horizon)
                time = identity["time"] = np.asarray(data.time)
                numbers = np.asarray(data.good)
                U.append(np.asarray(data.U, dtype=np.float32))
                sigma.append(np.asarray(data.sigma, dtype=np.float32))
            except OSError as error:
                raise InputError(f"data set {path} is damaged: {error}") from error
            if first is None:
                first, law, reference = identity, data.law, time
            if many_horizons and len(time) == len(reference):
                even = np.allclose(time * (reference[-1] / time[-1]), reference, rtol=1e-6)
                identity |= {
                    "horizon": first["horizon"],
                    "time": reference if even else time,
                }
            same_cell(
                first,
                identity,
                f"data sets {paths[0]} and {path}",
                "a model is trained on histories of one unit cell on one time grid",
            )
            files.append(_record(data, path, len(numbers)))
            durations.append(np.full(len(numbers), float(time[-1])))
            part.append(split_of(int(data.attrs["seed"]), numbers))
            source.append(np.full(len(numbers), number))
            for name, values in (("U", U[-1]), ("sigma", sigma[-1])):
                bad = ~np.isfinite(values).all(axis=(1, 2))
                require(not bad.any(), f"{path}: NaN in {name} of sample {numbers[bad][:1]}")
    return assemble(
        np.concatenate(U),
        np.concatenate(sigma),
        time=first["time"],
        law=law,
        orientations=first["orientations"],
        weights=first["weights"],
        source=np.concatenate(source),
        part=np.concatenate(part),
        files=files,
        limit=limit,
        durations=np.concatenate(durations),
    )


def assemble(
    U: np.ndarray,
    sigma: np.ndarray,
    *,
    time: np.ndarray,
    law: Any,
    orientations: np.ndarray,
    weights: np.ndarray | None = None,
    source: np.ndarray | None = None,
    part: np.ndarray | None = None,
    files: list[dict[str, Any]] | None = None,
    limit: int | None = None,
    durations: np.ndarray | None = None,
) -> TrainingData:
    """`TrainingData` from arrays in memory; `part` (see `split_of`) defaults to seed 0's."""
    part = split_of(0, np.arange(len(U))) if part is None else part
    source = np.zeros(len(U), dtype=int) if source is None else source
    train, validation, test = (np.flatnonzero(part == k) for k in range(3))
    if limit is not None and limit < len(train):
        # Each source gives its share, so that a learning curve keeps the mixture.
        rank = np.zeros(len(U))
        for s in np.unique(source[train]):
            rows = train[source[train] == s]
            rank[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
        train = np.sort(train[np.argsort(rank[train], kind="stable")[:limit]])
    for name, rows in (("training", train), ("validation", validation), ("test", test)):
        require(
            len(rows) > 0,
            f"{len(U)} histories leave none for {name} (10% each go to validation and test): "
            "at least about 40 are needed",
        )
    return TrainingData(
        U=U,
        strain=strain_components(U),
        sigma=sigma,
        time=np.asarray(time, dtype=np.float64),
        law=law,
        orientations=np.asarray(orientations, dtype=np.float64),
        weights=None if weights is None else np.asarray(weights, dtype=np.float64),
        horizon=float(time[-1]),
        durations=np.empty(0) if durations is None else durations,
        source=source,
        files=[{"file": "memory"}] if files is None else files,
        train=train,
        validation=validation,
        test=test,
    )


def cell_identity(
    law: Any, orientations: np.ndarray, weights: np.ndarray | None, horizon: float
) -> dict[str, Any]:
    """What must be the same for histories, or laws, to be of one unit cell; see `same_cell`."""
    return {
        "dimension": int(law.dimension),
        "horizon": float(horizon),
        "law": json.dumps(law.to_dict(), sort_keys=True),
        "orientations": np.asarray(orientations),
        "weights": None if weights is None or are_equal(weights) else np.asarray(weights),
    }


def same_cell(first: dict[str, Any], other: dict[str, Any], whose: str, why: str) -> None:
    """Raise `InputError` naming the first entry in which two identities differ.

    Args:
        first, other: of `cell_identity`, with further entries or none.
        whose: such as "data sets a.h5 and b.h5".
        why: what they must have in common.
    """
    for name, a in first.items():
        b = other[name]
        arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        same = np.array_equal(a, b) if arrays else a is b or bool(a == b)
        shown = f" ({a} and {b})" if name in ("dimension", "horizon") else ""
        require(same, f"{whose} differ in their {name}{shown}: {why}")


def _record(data: Any, path: Any, n: int) -> dict[str, Any]:
    keep = ("protocol", "seed", "cell", "tolerance", "steps", "package_version")
    attributes = {k: _plain(data.attrs[k]) for k in keep if k in data.attrs}
    return {
        "file": os.path.basename(os.fspath(path)),
        "N": n,
        "sampler": data.sampler,
        **attributes,
    }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
