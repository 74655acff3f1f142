# SPDX-License-Identifier: MIT
"""Saved models: one HDF5 file with everything needed to use and to remake a learnt law."""

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from mlms_fenics import units
from mlms_fenics.device import chosen
from mlms_fenics.errors import InputError, require
from mlms_fenics.hdf5 import reading, writing
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.registry import law_class
from mlms_fenics.surrogate.trust import TrustMeasure
from mlms_fenics.weights import are_equal

FORMAT = "mlms_fenics model"
# Models of version 2 hold weights of their grains, which a reader of version 1 would not see.
FORMAT_VERSION = 2
DEFAULT_MODEL = Path(__file__).with_name("magnesium_many_rates.h5")
# What is shipped, by name: magnesium over rates of five decades, for histories of 1 µs alone, and
# of many textures (see `surrogate.family`).
SHIPPED = {
    "default": DEFAULT_MODEL,
    "many-rates": DEFAULT_MODEL,
    "one-microsecond": DEFAULT_MODEL.with_name("magnesium_one_microsecond.h5"),
    "textures": DEFAULT_MODEL.with_name("magnesium_textures.h5"),
}


def save_model(law: LearntLaw, path: str | os.PathLike[str]) -> None:
    """Write a learnt law to `path`, atomically (beside it, then renamed).

    Raises:
        InputError: the folder does not exist or cannot be written.
    """
    # Who knows nothing of weights reads a file that has none.
    version = 1 if are_equal(law.weights) else FORMAT_VERSION
    with writing(path, "model", FORMAT, version) as file:
        file.attrs["architecture"] = law.architecture
        file.attrs["options"] = json.dumps(law.network.options)
        file.attrs["law"] = json.dumps(law.law.to_dict())
        file.attrs["dimension"] = law.dimension
        file.attrs["horizon"] = law.horizon
        # A data set, since an attribute is limited to 64 KiB.
        file["report"] = json.dumps(law.report)
        file["orientations"] = law.orientations
        if not are_equal(law.weights):
            file["weights"] = law.weights
        for group, module in (("network", law.network), ("trust", law.trust)):
            for name, value in module.state_dict().items():
                _write(file, f"{group}/{name}", value.cpu().numpy())


def _write(file: h5py.File, name: str, values: np.ndarray) -> None:
    # Bases of single components are mostly zeros: compression pays for large arrays.
    packed = {"compression": "gzip", "shuffle": True} if values.size > 10_000 else {}
    file.create_dataset(name, data=values, **packed)


def load_model(
    path: str | os.PathLike[str] | None = None,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    products: str | None = None,
) -> LearntLaw:
    """Read a learnt law.

    Args:
        path: of the model file, or a name of `SHIPPED`; None: "default".
        device: "cpu" (also None), "cuda", "cuda:1", ..., or "auto", see `device.chosen`.
        dtype: None: torch.float32.
        products: None or "bfloat16", see `LearntLaw.to`.

    Raises:
        InputError: no such file, not a model, another format version or unit system, truncated, a
            missing or misshapen data set, NaN among the weights.
    """
    require(
        path is not None or DEFAULT_MODEL.is_file(),
        "no model is shipped with this installation: train one and name its file",
    )
    path = DEFAULT_MODEL if path is None else SHIPPED.get(str(path), Path(path))
    device = chosen(device)
    try:
        with reading(path, "model", FORMAT, FORMAT_VERSION) as file:
            law = _read(file, path)
    except InputError:
        raise
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"model {path} is damaged: {error}") from error
    dtype = torch.float32 if dtype is None else dtype
    return law.to(device=device, dtype=dtype, products=products)


def _read(file: h5py.File, path: Path) -> LearntLaw:
    unit_system = file.attrs["unit_system"]
    require(
        unit_system == units.SYSTEM,
        f"model {path} is in units {unit_system!r}, not {units.SYSTEM!r}",
    )
    cell = _law_from_json(file.attrs["law"])
    dimension, horizon = int(file.attrs["dimension"]), float(file.attrs["horizon"])
    require(
        dimension == cell.dimension,
        f"model {path} says dimension {dimension}, its crystal law {cell.dimension}",
    )
    require(np.isfinite(horizon) and horizon > 0, f"model {path} has the horizon {horizon} µs")
    orientations = file["orientations"][()]
    require(
        orientations.ndim == 3 and orientations.shape[1:] == (dimension, dimension),
        f"model {path}: orientations have shape {orientations.shape}, "
        f"not (n, {dimension}, {dimension})",
    )
    require(bool(np.isfinite(orientations).all()), f"model {path}: NaN in orientations")
    kind = law_class(str(file.attrs["architecture"]))
    network = kind.network_class(**json.loads(file.attrs["options"]))
    # Models of the first kind carry a measure without memory.
    groups = len(file["trust/lag_mean"]) if "lag_size" in file["trust"] else 0
    times = file["trust/lag_times"][()].tolist() if "lag_times" in file["trust"] else None
    trust = TrustMeasure(dimension, horizon, groups, times)
    _load_weights(network, file["network"], path)
    _load_weights(trust, file["trust"], path)
    return kind(
        network,
        law=cell,
        orientations=orientations,
        weights=file["weights"][()] if "weights" in file else None,
        horizon=horizon,
        trust=trust,
        report=json.loads(file["report"].asstr()[()]),
    )


def _law_from_json(text: str) -> Any:
    from mlms_fenics.materials.crystal.law import CrystalLaw

    return CrystalLaw.from_dict(json.loads(text))


def _load_weights(module: nn.Module, group: h5py.Group, path: Path) -> None:
    """Fill `module` in the stored precision, checking each array's presence, shape and values."""
    weights = {}
    for name, value in module.state_dict().items():
        if name not in group:
            raise InputError(f"model {path} is incomplete: {group.name}/{name} is missing")
        stored = group[name][()]
        if stored.shape != tuple(value.shape):
            raise InputError(
                f"model {path}: {group.name}/{name} has shape {stored.shape}, "
                f"its architecture needs {tuple(value.shape)}"
            )
        if not np.isfinite(stored).all():
            raise InputError(f"model {path}: NaN or infinity in {group.name}/{name}")
        weights[name] = torch.as_tensor(stored)
    module.load_state_dict(weights, assign=True)
