# SPDX-License-Identifier: MIT
"""All that an explicit run needs to go on from where it is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mlms_fenics import _compat
from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.motion import Motion

Arrays = dict[str, np.ndarray]

# Numbers of the motion, by the names that they have in files.
_NUMBERS = {
    "time": "time",
    "dt": "dt",
    "stable_dt": "stable_dt",
    "step_count": "step_count",
    "_first_dt": "first_dt",
    "_initial_energy": "initial_energy",
}


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


def contents(body: Body, motion: Motion) -> Contents:
    """The present state; `copy` it to keep it, since arrays may be the motion's own."""
    n = body.owned
    nodal: Arrays = {
        "u": motion.u_values[:n],
        "v": motion.v_values[:n],
        "force": motion.force[:n],
    }
    cell: Arrays = {
        "F": motion.F,
        "sigma": motion.sigma,
        "P": motion.P_values[body.elements.points],
        "viscous": motion.viscous,
    }
    sums: Arrays = {"work": motion.work}
    common = {name: _flat(getattr(motion, own)) for name, own in _NUMBERS.items()}
    for label, part in body.parts():
        for name in part.saved_nodal:
            own = part.nodes < n
            values = np.asarray(getattr(part, name), dtype=np.float64)
            nodal[f"{label}/{name}"] = np.zeros((n, *values.shape[1:]))
            nodal[f"{label}/{name}"][part.nodes[own]] = values[own]
        cell |= {f"{label}/{name}": getattr(part, name) for name in part.saved_cell}
        sums |= {f"{label}/{name}": _flat(getattr(part, name)) for name in part.saved_sums}
        common |= {f"{label}/{name}": _flat(getattr(part, name)) for name in part.saved_common}
    for name, values in motion.state.items():
        cell[f"state/{name}"] = values.detach().cpu().numpy()
    return Contents(nodal, cell, sums, common)


def put_back(body: Body, motion: Motion, saved: Contents) -> None:
    """Set the state to `saved`, which has the names and shapes of `contents` (collective).

    Args:
        body: set up as the saved one was.
        motion: of it.
        saved: its arrays are copied.
    """
    n = body.owned
    for name, own in _NUMBERS.items():
        setattr(motion, own, _like(getattr(motion, own), saved.common[name]))
    for name, vector in (("u", motion.u.x), ("v", motion.v.x), ("force", motion.force_vector)):
        vector.array.reshape(-1, 3)[:n] = saved.nodal[name]
        vector.scatter_forward()
    motion.work[:] = saved.sums["work"]
    motion.F[:], motion.sigma[:] = saved.cell["F"], saved.cell["sigma"]
    motion.P_values[body.elements.points] = saved.cell["P"]
    motion.viscous[:] = saved.cell["viscous"]
    for label, part in body.parts():
        for name in part.saved_nodal:
            old = getattr(part, name)
            values = _with_ghosts(body, saved.nodal[f"{label}/{name}"])[part.nodes]
            setattr(part, name, values.reshape(old.shape).astype(old.dtype))
        for names, values in (
            (part.saved_cell, saved.cell),
            (part.saved_sums, saved.sums),
            (part.saved_common, saved.common),
        ):
            for name in names:
                setattr(part, name, _like(getattr(part, name), values[f"{label}/{name}"]))
    motion.state = {
        name: torch.from_numpy(saved.cell[f"state/{name}"].copy()).to(values.device)
        for name, values in motion.state.items()
    }
    motion.edits += 1


def _flat(value: Any) -> np.ndarray:
    return np.array(value, dtype=np.float64).reshape(-1)


def _like(old: Any, values: np.ndarray) -> Any:
    if isinstance(old, np.ndarray):
        return values.reshape(old.shape).astype(old.dtype)
    return type(old)(values[0])


def _with_ghosts(body: Body, owned: np.ndarray) -> np.ndarray:
    vector = _compat.vector(body.elements.space)
    array = vector.array.reshape(-1, 3)
    width = int(np.prod(owned.shape[1:]))
    array[: len(owned), :width] = owned.reshape(len(owned), width)
    vector.scatter_forward()
    return array[:, :width]
