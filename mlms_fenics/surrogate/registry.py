# SPDX-License-Identifier: MIT
"""The architectures by name; each is imported only when it is asked for."""

from importlib import import_module
from typing import Any

from mlms_fenics.errors import InputError
from mlms_fenics.surrogate.base import LearntLaw

# name: (module, law class, module with `add_arguments(parser)` and `fit(data, arguments)`)
_ARCHITECTURES = {
    "pca-net": ("pca_net.law", "PCANetLaw", "pca_net.training"),
    "grains": ("grains.law", "GrainLaw", "grains.training"),
    "quick": ("quick.law", "QuickCrystals", "quick.training"),
    "recurrent": ("recurrent.law", "RecurrentLaw", "recurrent.training"),
    "reduced": ("reduced.law", "ReducedPolycrystal", "reduced.training"),
}
# Of many unit cells, which have a command of their own (`surrogate.family`).
_FAMILIES = {"family": ("family.law", "FamilyLaw")}


def architectures() -> list[str]:
    """Names that `trainer` knows: of laws that are learnt from data of one unit cell."""
    return list(_ARCHITECTURES)


def _entry(name: str) -> tuple[str, str, str]:
    if name not in _ARCHITECTURES:
        raise InputError(f"architecture {name!r}: must be one of {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[name]


def law_class(name: str) -> type[LearntLaw]:
    """The `LearntLaw` subclass of an architecture; `InputError` for an unknown name."""
    module, name = _FAMILIES[name] if name in _FAMILIES else _entry(name)[:2]
    return getattr(import_module(f"mlms_fenics.surrogate.{module}"), name)


def trainer(name: str) -> Any:
    """The training module of an architecture.

    It has `add_arguments(parser)`, which adds its own command-line options, and
    `fit(data, arguments)`, which takes `training.TrainingData` and the parsed options (an
    `argparse.Namespace`) and returns a `LearntLaw` whose `report` holds its training record. With
    `MANY_HORIZONS` true it takes histories that last differently long.
    """
    return import_module(f"mlms_fenics.surrogate.{_entry(name)[2]}")
