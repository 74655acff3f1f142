# SPDX-License-Identifier: MIT
"""Files of a generation under way: finished shards, and the data set they are put together to.

While FILE.h5 is being made, every finished block of samples is a small file of its own in
FILE.h5.parts/, written beside and renamed, so that a process killed at any moment leaves only
whole blocks. When no sample is missing they become FILE.h5, again written beside and renamed.
"""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from mlms_fenics.data.dataset import FAILED, PENDING, Dataset
from mlms_fenics.data.recipe import Recipe, differences
from mlms_fenics.errors import InputError
from mlms_fenics.files import replacing
from mlms_fenics.locking import Lock

FIELDS = {
    "U": np.float32,
    "sigma": np.float32,
    "status": np.int8,
    "substeps": np.int64,
    "rejected": np.int64,
    "smallest_step": np.float64,
}


@dataclass
class Block:
    """Finished samples: their numbers and, by the names of `FIELDS`, their values."""

    index: np.ndarray
    values: dict[str, np.ndarray]
    message: list[str]


class Store:
    """The files of one generation, used by rank 0; other ranks only call `write_block`.

    Args:
        path: the data set to be, FILE.h5.
        recipe: what its samples are made by.
    """

    def __init__(self, path: str | os.PathLike, recipe: Recipe) -> None:
        self.path = Path(path)
        self.parts = Path(f"{self.path}.parts")
        self.recipe = recipe
        self._lock: Lock | None = None

    def check(self) -> None:
        """Raise `InputError` where `path` cannot be written or holds other data; writes nothing."""
        folder = self.path.absolute().parent
        if self.path.is_dir():
            raise InputError(f"--out '{self.path}' is a folder; name a file in it")
        if not folder.is_dir():
            raise InputError(f"--out: there is no folder '{folder}'; make it first")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"--out: the folder '{folder}' is not writable")
        if self.path.exists():
            with Dataset(self.path) as dataset:
                self._compare(dataset.recipe.fingerprint(), self.path)
        settings = self.parts / "settings.json"
        if settings.exists():
            self._compare(json.loads(settings.read_text()), self.parts)

    def _compare(self, have: dict, where: Path) -> None:
        differing = differences(have, self.recipe.fingerprint())
        if differing:
            raise InputError(
                f"'{where}' was made with other settings: {'; '.join(differing)}. "
                "Take the same settings, another --out, or remove it"
            )

    def open(self) -> None:
        """Make the folder of shards, for this process alone, and remove what a killed one left.

        Raises:
            InputError: another process is making the same file, or the folder cannot be made.
        """
        try:
            self.parts.mkdir(exist_ok=True)
            self._lock = Lock(self.parts / "lock")
        except BlockingIOError as error:
            raise InputError(
                f"another process is making '{self.path}' ({error.strerror}): wait for it, or "
                "take another --out"
            ) from None
        except OSError as error:
            raise InputError(f"--out: cannot write in '{self.parts}': {error.strerror}") from error
        self.check()
        settings = self.parts / "settings.json"
        left_over = self.path.parent.glob(f".[0-9]*.{self.path.name}")
        for left in (*self.parts.glob("*.tmp"), *self.parts.glob(".[0-9]*"), *left_over):
            left.unlink(missing_ok=True)
        if not settings.exists():
            with replacing(settings) as beside:
                beside.write_text(json.dumps(self.recipe.fingerprint()))

    def write_block(self, block: Block) -> None:
        """Write a finished block, whole or not at all; any rank."""
        name = f"{block.index[0]:09d}-{block.index[-1]:09d}.h5"
        # No name of a shard: whoever counts shards must not see it yet.
        temporary = self.parts / f"{name}.{os.getpid()}.tmp"
        with h5py.File(temporary, "w") as file:
            file["index"] = block.index
            for field, dtype in FIELDS.items():
                file[field] = block.values[field].astype(dtype)
            file.create_dataset("message", data=block.message, dtype=h5py.string_dtype())
        os.replace(temporary, self.parts / name)

    def finished(self, samples: int) -> np.ndarray:
        """Whether each of the first `samples` samples is in the file or in a shard."""
        done = np.zeros(samples, dtype=bool)
        if self.path.exists():
            with Dataset(self.path) as dataset:
                done[: len(dataset.status)] = dataset.status[:samples] != PENDING
        for shard in self._shards():
            with h5py.File(shard, "r") as file:
                index = file["index"][:]
            done[index[index < samples]] = True
        return done

    def in_file(self) -> int:
        """Number of samples in the finished file, 0 where there is none."""
        if not self.path.exists():
            return 0
        with Dataset(self.path) as dataset:
            return len(dataset.status)

    def _shards(self) -> list[Path]:
        """Readable shards in the order of their samples; damaged ones are removed."""
        good = []
        for shard in sorted(self.parts.glob("*.h5")):
            try:
                with h5py.File(shard, "r") as file:
                    whole = "message" in file
            except OSError:
                whole = False
            if whole:
                good.append(shard)
            else:
                shard.unlink()
        return good

    def assemble(self, samples: int) -> None:
        """Put the finished file and the shards together to the file of `samples` samples."""
        settings = self.recipe.paths
        shape = (samples, settings.steps + 1, 3 if settings.dimension == 2 else 6)
        with replacing(self.path) as beside, h5py.File(beside, "w") as file:
            file.attrs.update(self.recipe.attributes())
            file["orientations"] = self.recipe.orientations
            if self.recipe.weights is not None:
                file["weights"] = self.recipe.weights
            if self.recipe.grains is not None:
                file["grains"] = self.recipe.grains.astype(np.int32)
            file["time"] = np.linspace(0.0, self.recipe.horizon, settings.steps + 1)
            for field, dtype in FIELDS.items():
                full = shape if field in ("U", "sigma") else shape[:1]
                file.create_dataset(field, shape=full, dtype=dtype)
            file.create_dataset("message", shape=shape[:1], dtype=h5py.string_dtype())
            sources = [self.path] if self.path.exists() else []
            for source in (*sources, *self._shards()):
                with h5py.File(source, "r") as part:
                    index = part["index"][:] if "index" in part else np.arange(len(part["status"]))
                    _copy(part, file, index[index < samples])

    def clear(self) -> None:
        """Remove the shards, which the finished file has made superfluous."""
        # The settings go last: shards must never lie there without saying what they are.
        for shard in self.parts.glob("*.h5"):
            shard.unlink()
        (self.parts / "settings.json").unlink(missing_ok=True)
        self.close()
        with contextlib.suppress(OSError):
            self.parts.rmdir()  # unless the next one has begun there

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _copy(part: h5py.File, file: h5py.File, index: np.ndarray) -> None:
    """Copy the samples of `part`, whose numbers `index` increase, in runs of neighbours."""
    if len(index) == 0:  # all of them beyond the number that the file shall hold
        return
    runs = np.split(np.arange(len(index)), np.flatnonzero(np.diff(index) != 1) + 1)
    for run in runs:
        source = slice(run[0], run[-1] + 1)
        target = slice(index[run[0]], index[run[-1]] + 1)
        for field in FIELDS:
            file[field][target] = part[field][source]
        failed = np.flatnonzero(part["status"][source] == FAILED)
        for k in failed:
            file["message"][index[run[0]] + k] = part["message"].asstr()[run[0] + k]
