# SPDX-License-Identifier: MIT
"""What went wrong in a run, and where."""

import warnings
from math import inf, sqrt

import numpy as np

from mlms_fenics.errors import SimulationError
from mlms_fenics.loop.resident import COLLAPSE, RUNAWAY
from mlms_fenics.macroscale.body import Body
from mlms_fenics.macroscale.motion import Motion
from mlms_fenics.macroscale.placed_laws import laws_of, parts_of
from mlms_fenics.macroscale.stiffness import stiffness_ratio
from mlms_fenics.materials import Material
from mlms_fenics.materials.stiffness import REFUSALS, too_stiff
from mlms_fenics.parallel import on_every_rank

# Points per rank whose law is looked at now and then.
_SAMPLE = 32
_MESH_CAUSES = (
    "a mesh too coarse for the deformation, hourglassing, or a time step too long (lower the "
    "safety factor)"
)
_LAW_CAUSES = (
    "the law was driven beyond the deformations or times that it is made for, or is itself wrong"
)


def watch_law(material: Material, body: Body, motion: Motion, before: float, limit: float) -> float:
    """Largest `stiffness_ratio` of the present state at a few points of every rank (collective).

    Other points at each call; warns, once a run, where it exceeds `limit`.

    Args:
        material: the law.
        body: of it.
        motion: at present.
        before: what the last call returned, 0 at first; no less is returned.
        limit: that the time step allows.
    """
    n = len(motion.F)
    every = max(1, n // _SAMPLE)
    rows = np.arange(motion.step_count // 7 % every, n, every)

    def look() -> tuple[float, str, str]:
        if not len(rows):
            return 0.0, "", ""
        state = {name: values[rows] for name, values in motion.state.items()}
        time, dt = motion.time + motion.dt, motion.dt
        try:
            ratio = np.nan_to_num(stiffness_ratio(material, motion.F[rows], time, dt, state), nan=0)
        except REFUSALS:  # of a step that the run does not take
            ratio = np.zeros(len(rows))
        stiffest = int(ratio.argmax())
        words = [
            name for name, _, those, _ in laws_of(material, state, len(rows)) if stiffest in those
        ]
        return float(ratio[stiffest]), place(body, motion, int(rows[stiffest])), words[0]

    largest, where, part = max(body.comm.allgather(on_every_rank(body.comm, look)))
    if before <= limit < largest and body.comm.rank == 0:
        law = parts_of(material)[part]
        warnings.warn(
            f"{where}, {_moment(motion)}: {too_stiff(law, 'there' + part, largest)}. The run "
            "goes on, but may become unstable",
            stacklevel=2,
        )
    return max(largest, before)


def failure(
    body: Body, motion: Motion, point: int | None, what: str, causes: str = _MESH_CAUSES
) -> SimulationError:
    """The error that says what happened at a point of this rank, where, when and why likely."""
    where = "" if point is None else f"{place(body, motion, point)}, "
    return SimulationError(f"{where}{_moment(motion)}: {what}. Likely causes: {causes}")


def law_failure(body: Body, motion: Motion, point: int | None, what: str) -> SimulationError:
    """`failure` of a law."""
    return failure(body, motion, point, what, _LAW_CAUSES)


def inverted(body: Body, motion: Motion, point: int | None, det: float) -> SimulationError:
    """`failure` of an element whose det F is not positive or not finite."""
    what = f"det F is {det:g}: the element is inverted or holds NaN"
    return failure(body, motion, point, what)


def not_finite(body: Body, motion: Motion, point: int) -> SimulationError:
    """`failure` of a law whose stress is not finite at a point."""
    what = "the material law returned a stress that is not finite"
    return law_failure(body, motion, point, what)


def refuse_collapse(body: Body, motion: Motion) -> None:
    """Raise `SimulationError` where the stable step is far below the first one (collective)."""
    if motion.stable_dt < COLLAPSE * motion.first_dt:
        raise SimulationError(
            f"{_moment(motion)}: the stable time step has collapsed from {motion.first_dt:.3g} to "
            f"{motion.stable_dt:.3g} µs: {crushed(body, motion)}. Likely causes: an element is "
            "crushed or hourglasses; use a coarser or better shaped mesh, or end the run earlier"
        )


def refuse_runaway(balance: float, material: Material, body: Body, motion: Motion) -> None:
    """Raise `SimulationError` where the total energy has grown beyond reason (collective).

    Args:
        balance: of `Energies`.
        material: the law.
        body: of it.
        motion: at present.
    """
    if not balance < RUNAWAY:
        raise SimulationError(
            f"{_moment(motion)}: energy has grown by {100 * balance:.0f}%: "
            f"{fastest(material, body, motion)}. Likely causes: a law stiffer than its moduli or a "
            "time step too long (lower the safety factor)"
        )


def _moment(motion: Motion) -> str:
    return f"time {motion.time:.6g} µs, step {motion.step_count}"


def crushed(body: Body, motion: Motion) -> str:
    """Element with the shortest stable step, and how it is deformed (collective)."""
    F, metric = motion.F, body.elements.metric
    inverse = np.linalg.inv(F)
    deformed = np.swapaxes(inverse, -1, -2) @ metric @ inverse
    size = np.linalg.eigvalsh(deformed)[:, -1] if len(F) else np.zeros(0)
    before = np.linalg.eigvalsh(metric)[:, -1] if len(F) else np.zeros(0)
    local = (-inf, "")
    if len(size):
        p = int(size.argmax())
        local = (
            float(size[p]),
            f"{place(body, motion, p)} is {sqrt(before[p] / size[p]):.2g} of its first size "
            f"across, det F = {np.linalg.det(F[p]):.3g}",
        )
    return max(body.comm.allgather(local))[1]


def fastest(material: Material, body: Body, motion: Motion) -> str:
    """Element whose rate of deformation is largest, and its law's stiffness (collective)."""
    elements = body.elements
    v = motion.v_values[elements.dofs]
    relative = np.linalg.norm(v - v.mean(axis=1, keepdims=True), axis=-1).max(axis=1, initial=0.0)
    local = (-inf, "")
    if len(relative):
        cell = int(np.nan_to_num(relative, nan=inf).argmax())
        local = (float(relative[cell]), place(body, motion, cell * elements.per_cell))
    where = max(body.comm.allgather(local))[1]

    def stiffest() -> float:
        time, dt = motion.time + motion.dt, motion.dt
        try:
            ratio = stiffness_ratio(material, motion.F, time, dt, motion.state)
        except REFUSALS:  # of a step that the run does not take
            return 0.0
        return float(np.nan_to_num(ratio, nan=0.0).max(initial=0.0))

    ratio = max(body.comm.allgather(on_every_rank(body.comm, stiffest)))
    return f"{where} moves most; the law is up to {ratio:.3g} times as stiff as its moduli declare"


def place(body: Body, motion: Motion, point: int) -> str:
    """Number in the mesh file and present place of the element of a point of this rank."""
    elements = body.elements
    cell = point // elements.per_cell
    nodes = elements.dofs[cell]
    x = (elements.coordinates[nodes] + motion.u_values[nodes]).mean(axis=0)
    original = int(body.mesh.topology.original_cell_index[cell])
    return f"element {original} at ({x[0]:.4g}, {x[1]:.4g}, {x[2]:.4g}) mm"
