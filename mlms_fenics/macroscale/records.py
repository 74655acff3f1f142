# SPDX-License-Identifier: MIT
"""Descriptions of laws and settings, by which a restart knows whether it is of the same run."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mlms_fenics.materials import Material
from mlms_fenics.weights import check_weights

# Names that laws had in earlier versions.
_RENAMED = {"TaylorMaterial": "Polycrystal"}


def record(value: Any, depth: int = 6) -> Any:
    """A JSON-able description of a law or of settings; arrays and networks by their digest.

    Equal records mean the same run. Functions and mesh tags cannot be compared and are recorded by
    their kind; the device of a law does not matter.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, torch.dtype):
        return str(value)
    if isinstance(value, torch.Tensor):
        return record(value.detach().cpu().numpy())
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{value.dtype} array {list(value.shape)} {digest[:16]}"
    if isinstance(value, torch.nn.Module):
        weights = {key: record(weight) for key, weight in value.state_dict().items()}
        digest = hashlib.sha256(json.dumps(weights, sort_keys=True).encode()).hexdigest()
        return f"{type(value).__name__} {digest[:16]}"
    if isinstance(value, Mapping):
        return {str(key): record(entry, depth - 1) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [record(entry, depth - 1) for entry in value]
    name = type(value).__name__
    if callable(value) and not isinstance(value, Material):
        return "a function"
    if dataclasses.is_dataclass(value) and depth > 0:
        kept = (f.name for f in dataclasses.fields(value) if f.compare)
        fields = {key: getattr(value, key) for key in kept}
    elif isinstance(value, Material) and depth > 0:
        fields = {key: entry for key, entry in vars(value).items() if not key.startswith("_")}
        fields["dtype"] = value.dtype
        fields.pop("device", None)
    else:
        return name
    return {"class": name, **{key: record(entry, depth - 1) for key, entry in fields.items()}}


def differences(saved: Any, present: Any, where: str) -> list[str]:
    """What differs between two records, one line each, such as "law, young: 117 then, 110 now"."""
    if isinstance(saved, dict) and isinstance(present, dict):
        lines = []
        for key in sorted(saved.keys() | present.keys()):
            inner = (saved.get(key, "nothing"), present.get(key, "nothing"))
            lines += differences(*inner, f"{where}, {key}")
        return lines
    if isinstance(saved, list) and isinstance(present, list) and len(saved) == len(present):
        pairs = enumerate(zip(saved, present, strict=True))
        return [line for k, pair in pairs for line in differences(*pair, f"{where} {k}")]
    if repr(saved) == repr(present):
        return []
    return [f"{where}: {_short(saved)} then, {_short(present)} now"]


def upgraded(law: dict[str, Any]) -> dict[str, Any]:
    """The record of a law, of this or an earlier version, as this version writes it."""
    law = {**law, "class": _RENAMED.get(law["class"], law["class"])}
    grains = re.match(r"float64 array \[(\d+), 3, 3\]", str(law.get("orientations", "")))
    if grains and "weights" not in law:  # before grains had weights they were equal
        law["weights"] = record(check_weights(None, int(grains[1])))
    return law


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
