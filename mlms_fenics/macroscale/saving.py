# SPDX-License-Identifier: MIT
"""All that an explicit run needs to go on from where it is, and what it must agree with."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mlms_fenics import _compat
from mlms_fenics.materials import Material

if TYPE_CHECKING:
    from mlms_fenics.macroscale.solver import ExplicitSolver

Arrays = dict[str, np.ndarray]

_NUMBERS = ("time", "dt", "stable_dt", "step_count", "_first_dt", "_initial_energy")


@dataclass(frozen=True)
class Contents:
    """The state of a run on one rank.

    A restored run goes on bit by bit as the saved one would have: nothing is computed again.

    Attributes:
        nodal: by name, of this rank's own nodes, *Shape* `(n_owned, ...)`.
        cell: by name, of this rank's own cells or their points (those of a cell together), *Shape*
            `(n_points, ...)`.
        sums: by name, this rank's part of sums over ranks, each `(k,)`.
        common: by name, what is the same on all ranks, each `(k,)`.
    """

    nodal: Arrays
    cell: Arrays
    sums: Arrays
    common: Arrays

    def copy(self) -> "Contents":
        """The same with arrays of its own."""
        return Contents(*({key: a.copy() for key, a in part.items()} for part in self._parts()))

    def _parts(self) -> tuple[Arrays, ...]:
        return self.nodal, self.cell, self.sums, self.common


def contents(solver: "ExplicitSolver") -> Contents:
    """The present state; `copy` it to keep it, since arrays may be the solver's own."""
    n = solver.elements.space.dofmap.index_map.size_local
    nodal: Arrays = {"u": solver._u[:n], "v": solver._v[:n], "force": solver._force[:n]}
    sums: Arrays = {"work": solver._work}
    common = {name: _flat(getattr(solver, name)) for name in _NUMBERS}
    for label, part in _parts(solver):
        own = part.nodes < n
        for name in part.saved_nodal:
            values = np.asarray(getattr(part, name), dtype=np.float64)
            nodal[f"{label}/{name}"] = np.zeros((n, *values.shape[1:]))
            nodal[f"{label}/{name}"][part.nodes[own]] = values[own]
        sums |= {f"{label}/{name}": _flat(getattr(part, name)) for name in part.saved_sums}
        common |= {f"{label}/{name}": _flat(getattr(part, name)) for name in part.saved_common}
    cell: Arrays = {
        "F": solver._F,
        "sigma": solver.sigma,
        "P": solver._P[solver.elements.points],
        "viscous": solver._viscous,
    }
    if solver._hourglass is not None:
        cell |= {"hourglass/q": solver._hourglass._q, "hourglass/k": solver._hourglass._stiffness}
        sums["hourglass/work"] = solver._hourglass._work
    for name, values in solver.state.items():
        cell[f"state/{name}"] = values.detach().cpu().numpy()
    return Contents(nodal, cell, sums, common)


def put_back(solver: "ExplicitSolver", saved: Contents) -> None:
    """Set the solver's state to `saved`, which has the names and shapes of `contents` (collective).

    Args:
        solver: set up as the saved one was.
        saved: its arrays are copied.
    """
    n = solver.elements.space.dofmap.index_map.size_local
    for name in _NUMBERS:
        setattr(solver, name, saved.common[name][0].item())
    solver.step_count = int(solver.step_count)
    for name, vector in (("u", solver.u.x), ("v", solver.v.x), ("force", solver._force_vector)):
        vector.array.reshape(-1, 3)[:n] = saved.nodal[name]
        vector.scatter_forward()
    solver._work[:] = saved.sums["work"]
    for label, part in _parts(solver):
        for name in part.saved_nodal:
            old = getattr(part, name)
            values = _with_ghosts(solver, saved.nodal[f"{label}/{name}"])[part.nodes]
            setattr(part, name, values.reshape(old.shape).astype(old.dtype))
        for names, values in (
            (part.saved_sums, saved.sums),
            (part.saved_common, saved.common),
        ):
            for name in names:
                setattr(part, name, _like(getattr(part, name), values[f"{label}/{name}"]))
    solver._F[:], solver.sigma[:] = saved.cell["F"], saved.cell["sigma"]
    solver._P[solver.elements.points] = saved.cell["P"]
    solver._viscous[:] = saved.cell["viscous"]
    if solver._hourglass is not None:
        solver._hourglass._q[:] = saved.cell["hourglass/q"]
        solver._hourglass._stiffness[:] = saved.cell["hourglass/k"]
        solver._hourglass._work[:] = saved.sums["hourglass/work"]
    device = solver.material.device
    solver.state = {
        name: torch.from_numpy(saved.cell[f"state/{name}"].copy()).to(device)
        for name in solver.state
    }


def _parts(solver: "ExplicitSolver") -> list[tuple[str, Any]]:
    parts = [(f"contact {k}", part) for k, part in enumerate(solver.contacts)]
    parts += [(f"load {k}", part) for k, part in enumerate(solver.loads)]
    return parts + [(f"constraint {k}", part) for k, part in enumerate(solver.constraints)]


def _flat(value: Any) -> np.ndarray:
    return np.array(value, dtype=np.float64).reshape(-1)


def _like(old: Any, values: np.ndarray) -> Any:
    if isinstance(old, np.ndarray):
        return values.reshape(old.shape).astype(old.dtype)
    return type(old)(values[0])


def _with_ghosts(solver: "ExplicitSolver", owned: np.ndarray) -> np.ndarray:
    vector = _compat.vector(solver.elements.space)
    array = vector.array.reshape(-1, 3)
    width = int(np.prod(owned.shape[1:]))
    array[: len(owned), :width] = owned.reshape(len(owned), width)
    vector.scatter_forward()
    return array[:, :width]


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
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
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


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
