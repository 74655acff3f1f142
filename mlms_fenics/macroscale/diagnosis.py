# SPDX-License-Identifier: MIT
"""What went wrong in a run, and where; and whether a law is as stiff as it says."""

from math import inf, sqrt
from typing import TYPE_CHECKING

import numpy as np
import torch

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.materials import Material, State
from mlms_fenics.parallel import on_every_rank

if TYPE_CHECKING:
    from mlms_fenics.macroscale.solver import ExplicitSolver

# A step this much shorter than the first one means that an element collapses.
_COLLAPSE = 1.0e-5
# Growth of the total energy over the largest energy involved at which a run is given up.
_RUNAWAY = 0.25
_MESH_CAUSES = (
    "a mesh too coarse for the deformation, hourglassing, or a time step too long (lower the "
    "safety factor)"
)
_LAW_CAUSES = (
    "the law was driven beyond the deformations or times that it is made for, or is itself wrong"
)
_PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def stiffness_ratio(
    material: Material,
    F: np.ndarray,
    time: float,
    dt: float,
    state: State,
    strain: float = 1.0e-3,
) -> np.ndarray:
    """Largest instantaneous stiffness of a law over the one that its moduli declare.

    From each point small strains in six directions are added to F within one step of length dt;
    the ratio is the largest eigenvalue of the symmetric part of their stiffness in terms of
    λ tr(ε)² + 2G |ε|². The stable time step holds where it is at most 1; a run is unstable where it
    exceeds the square of stable step over step.

    Args:
        material: the law.
        F: deformation gradients, *Shape* `(n, 3, 3)`.
        time: at the end of the step, µs.
        dt: its length, µs.
        state: at its beginning.
        strain: size of the strains.

    Returns:
        *Shape* `(n,)`; NaN where the law's stress is not finite.
    """
    if len(F) == 0:
        return np.zeros(0)
    base = _stress(material, F, time, dt, state)
    columns = []
    for i, j in _PAIRS:
        direction = np.zeros((3, 3))
        direction[i, j] = direction[j, i] = 1.0 if i == j else 1.0 / sqrt(2.0)
        step = np.eye(3) + strain * direction
        change = np.linalg.det(step) * _stress(material, step @ F, time, dt, state) - base
        columns.append(_mandel(change) / strain)
    stiffness = np.stack(columns, axis=-1)
    trace = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    volumetric = np.outer(trace, trace) / 3.0
    root = volumetric / sqrt(3.0 * material.bulk_modulus)
    root += (np.eye(6) - volumetric) / sqrt(2.0 * material.shear_modulus)
    scaled = root @ (0.5 * (stiffness + np.swapaxes(stiffness, -1, -2))) @ root
    good = np.isfinite(scaled).all(axis=(-2, -1))
    ratio = np.full(len(F), np.nan)
    ratio[good] = np.linalg.eigvalsh(scaled[good])[:, -1]
    return ratio


def refuse_stiff_law(solver: "ExplicitSolver", limit: float) -> None:
    """Raise `InputError` where the law at rest is stiffer than `limit` times what it declares.

    Collective; all ranks raise alike.
    """
    dt = float(np.sqrt(1.0 / limit)) * solver.stable_dt

    def check() -> None:
        ratio = stiffness_ratio(solver.material, solver.F, dt, dt, solver.state)
        if not np.isfinite(ratio).all():
            raise InputError("the law returns a stress that is not finite at a strain of 0.1%")
        largest = ratio.max(initial=0.0)
        if largest > limit:
            raise InputError(
                f"the law at rest is {largest:.3g} times as stiff as its bulk_modulus "
                f"{solver.material.bulk_modulus:.4g} GPa and shear_modulus "
                f"{solver.material.shear_modulus:.4g} GPa say, from which the stable time step is "
                f"made: correct them, or give a safety factor below {largest**-0.5:.2g}"
            )

    on_every_rank(solver.comm, check)


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


def _stress(material: Material, F: np.ndarray, time: float, dt: float, state: State) -> np.ndarray:
    given = torch.from_numpy(np.ascontiguousarray(F)).to(material.device, material.dtype)
    with torch.no_grad():
        sigma, _ = material.update(given, time, dt, state)
    return sigma.detach().to("cpu", torch.float64).numpy()


def _mandel(s: np.ndarray) -> np.ndarray:
    scale = (1.0, 1.0, 1.0, sqrt(2.0), sqrt(2.0), sqrt(2.0))
    return np.stack([c * s[:, i, j] for c, (i, j) in zip(scale, _PAIRS, strict=True)], axis=-1)
