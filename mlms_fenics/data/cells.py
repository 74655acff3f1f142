# SPDX-License-Identifier: MIT
"""The unit cells that the generator can ask for stress."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


class Result(Protocol):
    """What a cell's `solve` returns for a batch of n paths."""

    stress: np.ndarray
    """Average Cauchy stress, GPa, `(n, steps + 1, d, d)`."""
    status: np.ndarray
    """`(n,)`, 1 ok, 2 failed."""
    message: list[str]
    """Reason where failed, one for each path."""
    substeps: np.ndarray
    """`(n,)`."""
    rejected: np.ndarray
    """`(n,)`."""
    smallest_step: np.ndarray
    """`(n,)`, µs."""


@dataclass(frozen=True)
class CellType:
    """An entry of the table of cells.

    Attributes:
        description: for the command's help.
        build: `build(law, orientations, device)` returns an object with
            `.solve(U, horizon, tolerance) -> Result`, U float64 `(n, steps + 1, d, d)`.
        block: paths of one piece of work.
        devices: kinds of torch devices that it can use.
    """

    description: str
    build: Callable[[Any, np.ndarray, str | None], Any]
    block: int
    devices: tuple[str, ...] = ("cpu",)


def _taylor(law: Any, orientations: np.ndarray, device: str | None) -> Any:
    from mlms_fenics.unitcell import TaylorAverage

    # On a CPU the compiled kernel is far quicker than torch.
    return TaylorAverage(law, orientations, device=None if device == "cpu" else device)


CELLS = {
    "taylor": CellType(
        "Taylor average over the grains of a polycrystal", _taylor, block=8, devices=("cpu", "cuda")
    )
}
