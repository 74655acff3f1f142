# SPDX-License-Identifier: MIT
"""The unit cells that the generator can ask for stress."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlms_fenics.data.recipe import Recipe
from mlms_fenics.materials import CrystalLaw


@dataclass(frozen=True)
class CellType:
    """An entry of the table of cells.

    Attributes:
        description: for the command's help.
        build: `build(recipe, device)` returns an object whose `solve(U, horizon, tolerance)`, U
            float64 `(n, steps + 1, d, d)`, gives `unitcell.PathResults`; a sample must not depend,
            to the last bit, on those it is solved with.
        block: paths of one piece of work.
        device_block: likewise on a device that is not the CPU.
        devices: kinds of torch devices that it can use.
        law: name of its default law.
        grains: its default number of grains.
        full_field: whether it has a grid, and grains on it.
    """

    description: str
    build: Callable[[Recipe, str | None], Any]
    block: int
    device_block: int = 1
    devices: tuple[str, ...] = ("cpu",)
    law: str = "magnesium"
    grains: int = 128
    full_field: bool = False


def _taylor(recipe: Recipe, device: str | None) -> Any:
    from mlms_fenics.unitcell import TaylorAverage

    law = CrystalLaw.from_dict(recipe.law)
    # On a CPU the compiled kernel is far quicker than torch.
    where = None if device == "cpu" else device
    return TaylorAverage(law, recipe.orientations, where, weights=recipe.weights)


def _full_field(recipe: Recipe, device: str | None) -> Any:
    from mlms_fenics.data.full_field import FullField

    return FullField(recipe, None if device == "cpu" else device)


CELLS = {
    "taylor": CellType(
        "Taylor average over the grains of a polycrystal",
        _taylor,
        block=8,
        device_block=512,  # a GPU has room for 65,000 grains at once, 2 GB
        devices=("cpu", "cuda"),
    ),
    # A path takes seconds to minutes: each is a piece of work, so that a kill loses little.
    "fft": CellType(
        "Full-field periodic polycrystal on a grid, solved by FFT",
        _full_field,
        block=1,
        device_block=64,
        devices=("cpu", "cuda"),
        law="two-slip",
        grains=16,
        full_field=True,
    ),
}
