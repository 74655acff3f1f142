# SPDX-License-Identifier: MIT
"""What a law's own part of the C file is, by the class of its network."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from mlms_fenics.errors import InputError


@dataclass
class Cell:
    """A law's own part of the C file.

    Attributes:
        templates: names of the files in `c/` that make a step of it, in order.
        constants: C text that comes before them.
        states: names of its own state variables, in order.
        pressure: p of the p (J - 1) I that is added to its stress, GPa.
        notes: for the README.
        double_only: whether it is computed in double precision whatever is asked for.
    """

    templates: list[str]
    constants: list[str]
    states: list[str]
    pressure: float
    double_only: bool = False
    notes: list[str] = field(default_factory=list)


# class of the network: module of this package with `cell(law)`, which returns a `Cell`
_CELLS = {
    "GrainCell": "grains",
    "PCANet": "pca_net",
    "GrainSet": "reduced",
    "RecurrentCell": "recurrent",
}


def cell_of(law: Any) -> Cell:
    """The `Cell` of a learnt law.

    Raises:
        InputError: a law in plane strain, or of a kind that is not exported.
    """
    if law.dimension != 3:
        raise InputError(
            f"the model is of dimension {law.dimension}, but laws for other codes are in three "
            "dimensions: export a model that was trained on three-dimensional data"
        )
    name = type(law.network).__name__
    if name not in _CELLS:
        known = ", ".join(_CELLS)
        raise InputError(
            f"a model of architecture {law.architecture!r} ({name}) cannot be exported; "
            f"networks that can be: {known}"
        )
    return import_module(f"mlms_fenics.export.{_CELLS[name]}").cell(law)
