# SPDX-License-Identifier: MIT
"""Reading data sets."""

import json
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import torch

from mlms_fenics.data.recipe import FORMAT, FORMAT_VERSION, Recipe
from mlms_fenics.data.settings import PathSettings
from mlms_fenics.errors import InputError
from mlms_fenics.hdf5 import opened
from mlms_fenics.weights import check_weights

if TYPE_CHECKING:
    from mlms_fenics.materials import CrystalLaw

PENDING, DONE, FAILED = 0, 1, 2


class Dataset(torch.utils.data.Dataset):
    """Stress histories that belong to strain histories, read from an HDF5 file.

    A map-style torch data set over the good samples: `ds[i]` is (U, sigma), float32 tensors of
    *Shape* `(steps + 1, 6)` (3 in 2D), components 11, 22, 33, 12, 23, 13 (11, 22, 12), stress in
    GPa. May be handed to a `DataLoader` with workers. The file is plain HDF5; its layout is
    described by its attributes.

    Args:
        path: the file.

    Raises:
        InputError: no such file, not a data set, or made by a later version.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._owner = -1
        self._cache: dict[str, np.ndarray] = {}
        if not self.path.exists():
            parts = Path(f"{self.path}.parts")
            raise InputError(
                f"data set: there is no file '{self.path}'"
                + (
                    "; its generation is not finished: run the same command again to go on"
                    if parts.is_dir()
                    else ""
                )
            )
        file = self._open()
        self.attrs: dict[str, Any] = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in file.attrs.items()
        }
        missing = {"U", "sigma", "time", "status", "orientations", "substeps"} - set(file)
        if missing:
            self.close()
            raise InputError(
                f"data set '{self.path}' lacks {', '.join(sorted(missing))}: it is damaged, make "
                "it again"
            )

    def _open(self) -> h5py.File:
        """The file, opened anew in a forked worker, where the parent's handle must not be used."""
        if self._file is None or self._owner != os.getpid():
            self._file = opened(self.path, "data set", FORMAT, FORMAT_VERSION)
            self._owner = os.getpid()
        return self._file

    def close(self) -> None:
        """Close the file; it is opened again when something is read."""
        if self._file is not None and self._owner == os.getpid():
            self._file.close()
        self._file = None

    def __enter__(self) -> "Dataset":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_file": None, "_owner": -1}

    def __len__(self) -> int:
        return len(self.good)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        if not -len(self) <= i < len(self):
            raise IndexError(f"sample {i} of {len(self)}")
        row, file = int(self.good[i]), self._open()
        position = i % len(self)
        pair = (
            self._cache[name][position] if name in self._cache else file[name][row]
            for name in ("U", "sigma")
        )
        U, sigma = (torch.from_numpy(np.array(values, dtype=np.float32)) for values in pair)
        return U, sigma

    def _good_rows(self, name: str) -> np.ndarray:
        if name not in self._cache:
            values = self._open()[name][:]
            self._cache[name] = values if len(self) == len(values) else values[self.good]
        return self._cache[name]

    @property
    def U(self) -> np.ndarray:
        """Right stretch of the good samples, float32, *Shape* `(len, steps + 1, 6 | 3)`."""
        return self._good_rows("U")

    @property
    def sigma(self) -> np.ndarray:
        """Average Cauchy stress of the good samples, GPa, float32, shape of `U`."""
        return self._good_rows("sigma")

    @cached_property
    def status(self) -> np.ndarray:
        """Of all samples of the file: 0 pending, 1 done, 2 failed."""
        return self._open()["status"][:]

    @cached_property
    def good(self) -> np.ndarray:
        """Numbers of the good samples; `U[i]` is the file's sample `good[i]`."""
        return np.flatnonzero(self.status == DONE)

    @cached_property
    def failures(self) -> dict[int, str]:
        """Number and reason of each sample that failed."""
        messages = self._open()["message"]
        return {int(k): messages.asstr()[k] for k in np.flatnonzero(self.status == FAILED)}

    @cached_property
    def substeps(self) -> np.ndarray:
        """Grain-substeps (full-field cells: steps) that each good sample took."""
        return self._open()["substeps"][:][self.good]

    @cached_property
    def time(self) -> np.ndarray:
        """Times of the entries of a history, µs, *Shape* `(steps + 1,)`."""
        return self._open()["time"][:]

    @cached_property
    def orientations(self) -> np.ndarray:
        """Q (lattice to sample) of the grains, float64, *Shape* `(n_grains, d, d)`."""
        return self._open()["orientations"][:]

    @cached_property
    def weights(self) -> np.ndarray:
        """Volume fractions of the grains, sum 1, *Shape* `(n_grains,)`."""
        file, n = self._open(), len(self.orientations)
        if "weights" in file:
            return check_weights(file["weights"][:], n, f"data set '{self.path}': weights")
        if self.grains is not None:
            return np.bincount(self.grains.ravel(), minlength=n) / self.grains.size
        return check_weights(None, n)

    @cached_property
    def law(self) -> "CrystalLaw":
        """The crystal law the stress was computed with."""
        from mlms_fenics.materials import CrystalLaw

        return CrystalLaw.from_dict(json.loads(self.attrs["law"]))

    @property
    def horizon(self) -> float:
        """Duration T of the histories, µs."""
        return self.attrs["horizon"]

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return self.attrs["dimension"]

    @property
    def protocol(self) -> str:
        """Name of the strain paths' protocol."""
        return self.attrs["protocol"]

    @property
    def sampler(self) -> dict:
        """All settings of the strain paths."""
        return json.loads(self.attrs["sampler"])

    @cached_property
    def grains(self) -> np.ndarray | None:
        """Full-field cells: grain of each grid cell, int32, *Shape* the grid's; others: None."""
        file = self._open()
        return file["grains"][:] if "grains" in file else None

    @property
    def recipe(self) -> Recipe:
        """What the file was made by, and can be made by again."""
        return Recipe(
            cell=self.attrs["cell"],
            law=json.loads(self.attrs["law"]),
            orientations=self.orientations,
            paths=PathSettings.from_dict(self.sampler),
            seed=self.attrs["seed"],
            horizon=self.attrs["horizon"],
            tolerance=self.attrs["tolerance"],
            grains=self.grains,
            weights=self.weights if "weights" in self._open() else None,
            cell_settings=json.loads(self.attrs.get("cell_settings", "{}")),
        )
