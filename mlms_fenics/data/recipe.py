# SPDX-License-Identifier: MIT
"""All that the samples of a data set depend on, and how the file states it."""

import json
from dataclasses import dataclass, field

import numpy as np

from mlms_fenics import __version__, units
from mlms_fenics.data.settings import PathSettings

FORMAT = "mlms_fenics data set"
# Files of version 2 hold weights; a reader of version 1 would average without them.
FORMAT_VERSION = 2


@dataclass(frozen=True)
class Recipe:
    """What determines every sample of a data set, down to the last bit.

    Attributes:
        cell: "taylor" or another key of `mlms_fenics.data.cells.CELLS`.
        law: the crystal law's `to_dict()`.
        orientations: Q, float64, *Shape* `(n_grains, d, d)`.
        paths: settings of the strain paths.
        seed: of the strain paths.
        horizon: µs.
        tolerance: relative, on the average stress; of full-field cells, of equilibrium.
        grains: full-field cells: number of the grain of each grid cell, *Shape* the grid's.
        weights: of a Taylor average: volume fractions with sum 1, *Shape* `(n_grains,)`; None: all
            equal.
        cell_settings: full-field cells: `operator` (see `unitcell.FFTCell`); `increments`, in how
            many each step of a path is solved; `grain_seed`, of the tessellation that `grains` is,
            or None.
    """

    cell: str
    law: dict
    orientations: np.ndarray
    paths: PathSettings
    seed: int
    horizon: float
    tolerance: float
    grains: np.ndarray | None = None
    weights: np.ndarray | None = None
    cell_settings: dict = field(default_factory=dict)

    def attributes(self) -> dict:
        """The root attributes of the file."""
        return {
            "format": FORMAT,
            "format_version": 1 if self.weights is None else FORMAT_VERSION,
            "package_version": __version__,
            "unit_system": units.SYSTEM,
            "cell": self.cell,
            "dimension": self.paths.dimension,
            "horizon": self.horizon,
            "steps": self.paths.steps,
            "protocol": self.paths.protocol,
            "sampler": json.dumps(self.paths.to_dict(), sort_keys=True),
            "seed": self.seed,
            "tolerance": self.tolerance,
            "law": json.dumps(self.law, sort_keys=True),
            **(
                {"cell_settings": json.dumps(self.cell_settings, sort_keys=True)}
                if self.cell_settings
                else {}
            ),
        }

    def fingerprint(self) -> dict:
        """What must agree before samples are put together; plain JSON values."""
        return {
            "cell": self.cell,
            "seed": self.seed,
            "horizon": self.horizon,
            "tolerance": self.tolerance,
            **{f"sampler.{name}": value for name, value in self.paths.to_dict().items()},
            "law": json.loads(json.dumps(self.law)),
            "orientations": self.orientations.tolist(),
            **{f"cell.{name}": value for name, value in self.cell_settings.items()},
            **({} if self.grains is None else {"grains": self.grains.tolist()}),
            **({} if self.weights is None else {"weights": self.weights.tolist()}),
        }


def differences(have: dict, want: dict, prefix: str = "") -> list[str]:
    """Where two fingerprints differ, one phrase a field, e.g. `sampler.max_strain (0.1, not 0.5)`.

    Args:
        have: the fingerprint of what exists.
        want: the fingerprint of what was asked for.
    """
    found = []
    for name in sorted({**have, **want}):
        old, new = have.get(name), want.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{prefix}{name}.")
        elif name == "orientations":
            same = len(old or []) == len(new or [])
            found.append(
                "orientations (other rotations)"
                if same
                else f"orientations ({len(old or [])} grains, not {len(new or [])})"
            )
        elif name == "weights":
            found.append("weights (other volume fractions)")
        elif name == "grains":
            shapes = [" × ".join(map(str, np.shape(x))) for x in (old, new)]
            other = shapes[0] == shapes[1]
            found.append("grains (another map)" if other else "grid ({}, not {})".format(*shapes))
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            pairs = zip(old, new, strict=True)
            found += differences(
                *({str(i): v for i, v in enumerate(values)} for values in zip(*pairs, strict=True)),
                f"{prefix}{name}.",
            )
        else:
            found.append(f"{prefix}{name} ({_short(old)}, not {_short(new)})")
    return found


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
