# SPDX-License-Identifier: MIT
"""Bundles: a problem in one HDF5 file, to be run where there is no FEniCSx."""

import dataclasses
import os
from typing import Any

import h5py
import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.hdf5 import reading, writing
from mlms_fenics.loop.data import (
    CylinderData,
    DeadLoadData,
    HeldData,
    HourglassData,
    PlaneData,
    PressureData,
    Problem,
)

_FORMAT, _VERSION = "mlms_fenics bundle", 1
_KINDS = {
    kind.__name__: kind
    for kind in (CylinderData, DeadLoadData, HeldData, HourglassData, PlaneData, PressureData)
}


def write_bundle(problem: Problem, path: str | os.PathLike[str]) -> None:
    """Write a problem to a file, which takes the place of one that is there.

    Raises:
        InputError: something given is a function of the time, which no file can hold, or the file
            cannot be written.
    """
    for part in (*problem.held, *problem.loads):
        require(
            not callable(part.value),
            f"a {type(part).__name__} is a function of the time, which a bundle cannot hold: give "
            "constant velocities and loads",
        )
    with writing(path, "bundle", _FORMAT, _VERSION) as file:
        _put(file, problem)


def read_bundle(path: str | os.PathLike[str]) -> Problem:
    """The problem in a file of `write_bundle`.

    Raises:
        InputError: no such file, or no bundle.
    """
    with reading(path, "bundle", _FORMAT, _VERSION) as file:
        found = _get(file, Problem)
    return dataclasses.replace(found, viscosity=tuple(found.viscosity.tolist()))


def _put(group: h5py.Group, data: Any) -> None:
    for field in dataclasses.fields(data):
        name, value = field.name, getattr(data, field.name)
        if value is None:
            continue
        if isinstance(value, list) or dataclasses.is_dataclass(value):
            parts = value if isinstance(value, list) else [value]
            group.require_group(name).attrs["list"] = isinstance(value, list)
            for k, part in enumerate(parts):
                own = group.create_group(f"{name}/{k}")
                own.attrs["kind"] = type(part).__name__
                _put(own, part)
        elif isinstance(value, str | bool | int | float):
            group.attrs[name] = value
        else:
            values = np.asarray(value)
            packed = {"compression": "gzip", "shuffle": True} if values.size > 100 else {}
            group.create_dataset(name, data=values, **packed)


def _get(group: h5py.Group, kind: Any) -> Any:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        name = field.name
        if name in group.attrs:
            value = group.attrs[name]
            found[name] = value.item() if isinstance(value, np.generic) else value
        elif name not in group:
            found[name] = None
        elif isinstance(group[name], h5py.Group):
            those = [group[name][str(k)] for k in range(len(group[name]))]
            parts = [_get(part, _KINDS[part.attrs["kind"]]) for part in those]
            found[name] = parts if group[name].attrs["list"] else parts[0]
        else:
            found[name] = group[name][()]
    return kind(**found)
