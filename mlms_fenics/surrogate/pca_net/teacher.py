# SPDX-License-Identifier: MIT
"""Further training histories, labelled by a cheaper law that was taught on the same data.

A map of whole histories needs far more of them than a causal law, which learns from every step. So
a causal law is trained first, on the crystal's own stresses, and then labels as many fresh paths of
the data's own samplers as the map needs (distillation: Hinton, Vinyals, Dean 2015). Validation and
test histories are always the crystal's own.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.kinematics.tensors import to_components
from mlms_fenics.progress import Progress
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import (
    TrainingData,
    cell_identity,
    same_cell,
    strain_components,
)
from mlms_fenics.surrogate.histories import run
from mlms_fenics.surrogate.model_file import load_model

# Paths of this seed and above are drawn for teaching alone; data sets have seeds of a user.
FIRST_SEED = 2**62
TEACHING = 0.4  # part of the wall time after which no more paths are labelled
PROBE = 64  # paths from which it is seen whether the teacher knows strains so large


@dataclass
class Lesson:
    """Histories and what the teacher says of them; arrays as in `TrainingData`."""

    U: np.ndarray
    strain: np.ndarray
    sigma: np.ndarray


class Teacher:
    """A learnt law that labels fresh paths of the samplers of a training set.

    Args:
        path: of the teacher's model file.
        data: the training set. Data sets whose paths come from a file cannot be drawn from; the
            others are, in proportion to their training histories.
        seed: of the training; other seeds draw other paths.
        chunk: paths labelled at a time.
        budget: of the training's wall time; None: no limit.

    Raises:
        InputError: the teacher and the data differ in law, orientations, horizon or dimension; the
            teacher itself needs the future; no data set names a sampler; or the paths leave the
            strains and rates that the teacher was trained on.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        data: TrainingData,
        seed: int,
        chunk: int = 1000,
        budget: Budget | None = None,
    ) -> None:
        self.law, self.data, self.seed, self.chunk = (
            load_model(path, device="cpu"),
            data,
            seed,
            chunk,
        )
        self.budget = Budget(None) if budget is None else budget
        self.digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
        _same_cell(self.law, data, path)
        self.samplers = _samplers(data)
        distance = self._lesson(0, min(PROBE, chunk))[1]
        require(
            float(np.median(distance)) <= 1.0,
            f"--teacher {path}: half of the data's own paths leave the strains and rates that it "
            f"was trained on (median distance {np.median(distance):.2f}, must be at most 1): train "
            "the teacher on the same data sets",
        )

    def lessons(self, count: int) -> Iterator[Lesson]:
        """`count` labelled paths, the same ones at every call, some hundred at a time.

        The first of them where all would take more than their part of the training's wall time.
        """
        progress = Progress(count, "paths labelled")
        for first in range(0, count, self.chunk):
            if first > 0 and self.budget.left(TEACHING) <= 0.0:
                said = f"{first} of {count} paths labelled, to end in time"
                print(said, file=sys.stderr, flush=True)
                break
            last = min(first + self.chunk, count)
            yield self._lesson(first, last)[0]
            progress.show(last)
        progress.close()

    def record(self) -> dict[str, Any]:
        """What the report of the taught law keeps of its teacher (JSON-able)."""
        keep = ("architecture", "package_version", "seed", "data", "split")
        report = {k: self.law.report[k] for k in keep if k in self.law.report}
        errors = self.law.report.get("errors", {})
        return {
            "architecture": self.law.architecture,
            "digest": self.digest,
            **report,
            "errors": {name: rows.get("law") for name, rows in errors.items()},
        }

    def _lesson(self, first: int, last: int) -> tuple[Lesson, np.ndarray]:
        """Paths number `first` to `last` - 1, and their distance from the teacher's own data."""
        from mlms_fenics.data import sample_path

        settings, shares = zip(*self.samplers, strict=True)
        numbers = np.arange(first, last)
        # Golden-ratio sequence: any run of numbers has the samplers in proportion.
        place = (numbers * 0.6180339887498949) % 1.0
        which = np.minimum(np.searchsorted(np.cumsum(shares), place, side="right"), len(shares) - 1)
        U = np.stack(
            [
                to_components(sample_path(settings[w], FIRST_SEED + self.seed, int(k)))
                for w, k in zip(which, numbers, strict=True)
            ]
        ).astype(np.float32)
        sigma, distance = run(self.law, U, self.data.time)
        return Lesson(U, strain_components(U), sigma.astype(np.float32)), distance


def _same_cell(law: LearntLaw, data: TrainingData, path: Any) -> None:
    own = cell_identity(law.law, law.orientations, law.weights, law.horizon)
    other = cell_identity(data.law, data.orientations, data.weights, data.horizon)
    same_cell(
        own,
        other,
        f"--teacher {path} and the data",
        "a teacher must have learnt the same unit cell over the same time",
    )
    require(
        not law.has_horizon,
        f"--teacher {path}: a {law.architecture} model has to guess the future; take a causal one "
        "(--architecture recurrent or reduced)",
    )


def _samplers(data: TrainingData) -> list[tuple[Any, float]]:
    """Settings of each data set that can be drawn from, and its share."""
    from mlms_fenics.data import PathSettings

    counts = np.bincount(data.source[data.train], minlength=len(data.files))
    found = []
    for file, count in zip(data.files, counts, strict=True):
        sampler = file.get("sampler")
        # One that is not of the data's own grid would be of other steps than the teacher is shown.
        if not sampler or sampler.get("protocol") == "harvested" or count == 0:
            continue
        settings = PathSettings.from_dict(sampler)
        require(
            settings.steps == len(data.time) - 1 and settings.dimension == data.dimension,
            f"data set {file['file']}: its sampler makes {settings.steps} steps in "
            f"{settings.dimension}D, its histories have {len(data.time) - 1} in {data.dimension}D",
        )
        found.append((settings, float(count)))
    if not found:
        raise InputError(
            "--teacher: none of the data sets names a sampler to draw further paths from (those "
            "of the protocol harvested come from a file)"
        )
    total = sum(count for _, count in found)
    return [(settings, count / total) for settings, count in found]
