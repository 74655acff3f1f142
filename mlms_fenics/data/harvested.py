# SPDX-License-Identifier: MIT
"""Strain paths from a user's file, e.g. harvested from a macroscale run."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.hdf5 import reading
from mlms_fenics.kinematics.tensors import from_components


@dataclass(frozen=True)
class HarvestedPaths:
    """Paths of a file.

    Attributes:
        U: float64, *Shape* `(n, steps + 1, d, d)`.
        horizon: µs, or None where the file does not say.
        digest: of the strain histories.
    """

    U: np.ndarray
    horizon: float | None
    digest: str


def read_paths(path: str | os.PathLike) -> HarvestedPaths:
    """Read strain histories, equally spaced in time.

    The file is HDF5 and holds `U`, *Shape* `(n, steps + 1, d, d)` or, by components 11, 22, 33, 12,
    23, 13 (11, 22, 12), `(n, steps + 1, 6 | 3)`, and optionally the attribute `horizon` in µs. A
    data set of this package is such a file.

    Raises:
        InputError: not such a file, or a path that does not start at I, is not symmetric, not
            finite or not positive definite; names the sample.
    """
    path = Path(path)
    with reading(path, "strain paths") as file:
        require("U" in file, f"--paths: '{path}' has no data set named U")
        raw = np.asarray(file["U"][:], dtype=np.float64)
        horizon = file.attrs.get("horizon")
    if raw.ndim == 4 and raw.shape[2:] in ((2, 2), (3, 3)):
        U = raw
    elif raw.ndim == 3 and raw.shape[2] in (3, 6):
        U = from_components(raw)
    else:
        raise InputError(
            f"--paths: U in '{path}' has the shape {raw.shape}; it must be (n, steps + 1, 6), "
            "(n, steps + 1, 3) or (n, steps + 1, d, d)"
        )
    if U.shape[0] == 0 or U.shape[1] < 2:
        raise InputError(f"--paths: U in '{path}', of shape {raw.shape}, holds no path")
    check_paths(U, str(path))
    return HarvestedPaths(
        U,
        None if horizon is None else float(horizon),
        hashlib.sha256(np.ascontiguousarray(U).tobytes()).hexdigest()[:16],
    )


def check_paths(U: np.ndarray, name: str) -> None:
    """Raise `InputError` naming the first path that is not admissible."""
    d = U.shape[-1]
    finite = np.isfinite(U).all(axis=(1, 2, 3))
    _refuse(~finite, name, "holds NaN or infinity")
    asymmetry = np.abs(U - np.swapaxes(U, -1, -2)).max(axis=(1, 2, 3))
    _refuse(asymmetry > 1e-6, name, "is not symmetric: store the right stretch U of F = R U")
    start = np.abs(U[:, 0] - np.eye(d)).max(axis=(1, 2))
    _refuse(start > 1e-6, name, "does not start at U = I")
    smallest = np.linalg.eigvalsh(U).min(axis=(1, 2))
    _refuse(smallest <= 0.0, name, "is not positive definite at all times")


def _refuse(bad: np.ndarray, name: str, reason: str) -> None:
    if bad.any():
        others = int(bad.sum()) - 1
        also = f" (so do {others} others)" if others else ""
        raise InputError(f"--paths: sample {int(np.argmax(bad))} of '{name}' {reason}{also}")
