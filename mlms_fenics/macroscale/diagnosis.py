# SPDX-License-Identifier: MIT
"""What went wrong in a run, and where."""

import warnings
from math import inf, sqrt
from typing import TYPE_CHECKING

import numpy as np

from mlms_fenics.errors import SimulationError
from mlms_fenics.macroscale.stiffness import stiffness_ratio, too_stiff

if TYPE_CHECKING:
    from mlms_fenics.macroscale.solver import ExplicitSolver

# A step this much shorter than the first one means that an element collapses.
_COLLAPSE = 1.0e-5
# Growth of the total energy over the largest energy involved at which a run is given up.
_RUNAWAY = 0.25
# Points per rank whose law is looked at now and then.
_SAMPLE = 32
_MESH_CAUSES = (
    "a mesh too coarse for the deformation, hourglassing, or a time step too long (lower the "
    "safety factor)"
)
_LAW_CAUSES = (
    "the law was driven beyond the deformations or times that it is made for, or is itself wrong"
)


def watch_law(solver: "ExplicitSolver", limit: float) -> float:
    """Largest `stiffness_ratio` of the present state at a few points of every rank (collective).

    Other points at each call; warns, once a run, where it exceeds `limit`.
    """
    n = len(solver.F)
    every = max(1, n // _SAMPLE)
    rows = np.arange(solver.step_count // 7 % every, n, every)
    local: tuple[float, str] = (0.0, "")
    if len(rows):
        state = {name: values[rows] for name, values in solver.state.items()}
        time, dt = solver.time + solver.dt, solver.dt
        try:
            ratio = stiffness_ratio(solver.material, solver.F[rows], time, dt, state)
        except Exception:  # the law may refuse a step that the run does not take
            ratio = np.zeros(len(rows))
        stiffest = int(np.nan_to_num(ratio, nan=0.0).argmax())
        local = (float(np.nan_to_num(ratio[stiffest])), place(solver, int(rows[stiffest])))
    largest, where = max(solver.comm.allgather(local))
    if solver.law_stiffness <= limit < largest and solver.comm.rank == 0:
        warnings.warn(
            f"{where}, {_moment(solver)}: {too_stiff(solver.material, 'there', largest)}. The run "
            "goes on, but may become unstable",
            stacklevel=2,
        )
    return max(largest, solver.law_stiffness)


def failure(
    solver: "ExplicitSolver", point: int | None, what: str, causes: str = _MESH_CAUSES
) -> SimulationError:
    """The error that says what happened at a point of this rank, where, when and why likely."""
    where = "" if point is None else f"{place(solver, point)}, "
    return SimulationError(f"{where}{_moment(solver)}: {what}. Likely causes: {causes}")


def law_failure(solver: "ExplicitSolver", point: int | None, what: str) -> SimulationError:
    """`failure` of a law."""
    return failure(solver, point, what, _LAW_CAUSES)


def refuse_collapse(solver: "ExplicitSolver", first: float) -> None:
    """Raise `SimulationError` where the stable step is far below the `first` one (collective)."""
    if solver.stable_dt < _COLLAPSE * first:
        raise SimulationError(
            f"{_moment(solver)}: the stable time step has collapsed from {first:.3g} to "
            f"{solver.stable_dt:.3g} µs: {crushed(solver)}. Likely causes: an element is crushed "
            "or hourglasses; use a coarser or better shaped mesh, or end the run earlier"
        )


def refuse_runaway(solver: "ExplicitSolver") -> None:
    """Raise `SimulationError` where the total energy has grown beyond reason (collective)."""
    balance = solver.energies().balance
    if not balance < _RUNAWAY:
        raise SimulationError(
            f"{_moment(solver)}: energy has grown by {100 * balance:.0f}%: {fastest(solver)}. "
            "Likely causes: a law stiffer than its moduli or a time step too long (lower the "
            "safety factor)"
        )


def _moment(solver: "ExplicitSolver") -> str:
    return f"time {solver.time:.6g} µs, step {solver.step_count}"


def crushed(solver: "ExplicitSolver") -> str:
    """Element with the shortest stable step, and how it is deformed (collective)."""
    F, metric = solver.F, solver.elements.metric
    inverse = np.linalg.inv(F)
    deformed = np.swapaxes(inverse, -1, -2) @ metric @ inverse
    size = np.linalg.eigvalsh(deformed)[:, -1] if len(F) else np.zeros(0)
    before = np.linalg.eigvalsh(metric)[:, -1] if len(F) else np.zeros(0)
    local = (-inf, "")
    if len(size):
        p = int(size.argmax())
        local = (
            float(size[p]),
            f"{place(solver, p)} is {sqrt(before[p] / size[p]):.2g} of its first size across, "
            f"det F = {np.linalg.det(F[p]):.3g}",
        )
    return max(solver.comm.allgather(local))[1]


def fastest(solver: "ExplicitSolver") -> str:
    """Element whose rate of deformation is largest, and its law's stiffness (collective)."""
    elements = solver.elements
    per_cell = len(solver.F) // max(len(elements.dofs), 1)
    v = solver.v.x.array.reshape(-1, 3)[elements.dofs]
    relative = np.linalg.norm(v - v.mean(axis=1, keepdims=True), axis=-1).max(axis=1, initial=0.0)
    local = (-inf, "")
    if len(relative):
        cell = int(np.nan_to_num(relative, nan=inf).argmax())
        local = (float(relative[cell]), place(solver, cell * per_cell))
    where = max(solver.comm.allgather(local))[1]

    def stiffest() -> float:
        try:
            ratio = stiffness_ratio(
                solver.material, solver.F, solver.time + solver.dt, solver.dt, solver.state
            )
        except Exception:  # the run has failed already; this only looks for the cause
            return 0.0
        return float(np.nan_to_num(ratio, nan=0.0).max(initial=0.0))

    ratio = max(solver.comm.allgather(stiffest()))
    return f"{where} moves most; the law is up to {ratio:.3g} times as stiff as its moduli declare"


def place(solver: "ExplicitSolver", point: int) -> str:
    """Number in the mesh file and present place of the element of a point of this rank."""
    elements = solver.elements
    cell = point * len(elements.dofs) // len(solver.F)
    nodes = elements.dofs[cell]
    u = solver.u.x.array.reshape(-1, 3)
    x = (elements.coordinates[nodes] + u[nodes]).mean(axis=0)
    original = int(solver.mesh.topology.original_cell_index[cell])
    return f"element {original} at ({x[0]:.4g}, {x[1]:.4g}, {x[2]:.4g}) mm"
