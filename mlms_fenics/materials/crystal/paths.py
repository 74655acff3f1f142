# SPDX-License-Identifier: MIT
"""Crystals along given strain paths: numpy in, numpy out, on the CPU or a torch device."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch

from mlms_fenics.errors import require
from mlms_fenics.materials.crystal import engine
from mlms_fenics.materials.crystal.apart import integrate_apart
from mlms_fenics.materials.crystal.implicit_paths import (
    by_name,
    choose_implicit,
    integrate_implicitly,
)
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.tables import ERROR_PER_STEP, crystal_tables, virgin_state


@dataclass(frozen=True)
class PathResult:
    """What `integrate_paths` returns; arrays over paths p, grains g, times t.

    Attributes:
        deviator: deviatoric Cauchy stress of each grain, *Shape* `(p, g, t, 6)`, GPa.
        state: final states, *Shape* `(p, g, n_state)`: F_in⁻¹, twin fractions, slips and, where
            the law has them, strengths.
        wanted: step to go on with, µs, *Shape* `(p, g)`.
        scale: largest stress so far, GPa, *Shape* `(p, g)`.
        substeps, rejected: of each grain, *Shape* `(p, g)`.
        smallest: smallest step of each grain, µs, *Shape* `(p, g)`.
        failed_at: time of failure, µs; NaN where there was none, *Shape* `(p, g)`.
        chosen: lengths of the first K substeps, µs, *Shape* `(p, g, K)`, where asked for.
        implicit: whether the substeps were implicit, *Shape* `(p, g)`.
        solved: where asked for, of implicit ones the solutions of their stages (`implicit_slopes`),
            *Shape* `(p, g, ...)`.
    """

    deviator: np.ndarray
    state: np.ndarray
    wanted: np.ndarray
    scale: np.ndarray
    substeps: np.ndarray
    rejected: np.ndarray
    smallest: np.ndarray
    failed_at: np.ndarray
    chosen: np.ndarray
    implicit: np.ndarray
    solved: np.ndarray


def integrate_paths(
    law: CrystalLaw,
    U: np.ndarray,
    orientations: np.ndarray,
    segments: np.ndarray,
    tolerance: float,
    *,
    state: np.ndarray | None = None,
    wanted: np.ndarray | None = None,
    scale: np.ndarray | None = None,
    device: torch.device | str | None = None,
    steps: str = "automatic",
    record: int = 0,
    follow: tuple[np.ndarray, np.ndarray] | None = None,
    solutions: bool = False,
) -> PathResult:
    """Integrate every grain along every path; arguments are taken as checked.

    On the CPU the steps are explicit where accuracy bounds them, implicit where stability would
    (`choose_implicit`), path by path; a path that one of the two cannot do is tried by the other.

    Args:
        law: the crystal.
        U: deformations, *Shape* `(p, n_t + 1, 3, 3)`, linear in time between; F = U Q.
        orientations: Q, *Shape* `(g, 3, 3)`.
        segments: times between the entries of U, µs, *Shape* `(n_t,)`.
        tolerance: largest error of the grains' average stress, relative to the grains' largest
            deviator so far.
        state: states at the start, *Shape* `(p, g, n_state)`; virgin where None.
        wanted: first steps to try, µs, *Shape* `(p, g)`; where infinite, what suits the segment.
        scale: largest stress so far, GPa, *Shape* `(p, g)`; a reference stress where None.
        device: None for the compiled CPU kernel, otherwise the torch device to compute on.
        steps: "automatic", or "explicit" or "implicit" for all paths.
        record: K, the number of substeps of which the lengths are kept (on the CPU).
        follow: `chosen` and `implicit` of another result, whose substeps are taken again, whatever
            their error (on the CPU); stages of implicit ones are then solved to round-off.
        solutions: whether `solved` is kept, of K substeps; all steps of one kind.

    Raises:
        InputError: explicit steps or a torch device for a law that is not of the source's form;
            substeps to follow that are not all of them.
    """
    p, g = len(U), len(orientations)
    U = np.ascontiguousarray(U, dtype=np.float64)
    Q = np.ascontiguousarray(orientations, dtype=np.float64)
    segments = np.ascontiguousarray(segments, dtype=np.float64)
    jobs = {
        "state": None if state is None else np.array(state, dtype=np.float64),
        "wanted": np.array(
            np.full((p, g), np.inf) if wanted is None else wanted, dtype=np.float64
        ).reshape(p, g),
        "scale": np.array(
            np.full((p, g), law.least_strength) if scale is None else scale, dtype=np.float64
        ).reshape(p, g),
    }
    known = ("automatic", "explicit", "implicit")
    require(steps in known, f"steps is {steps!r}, but must be one of {', '.join(known)}")
    require(
        law.source_form or device is not None or steps != "explicit",
        f"law {law.name!r}: explicit steps are for laws of the source's form "
        "(overstress flow, no drag, isotropic elasticity); leave them out",
    )
    if device is not None:
        return _apart(law, device, U, Q, segments, tolerance, **jobs)
    implicit = np.full(p, steps == "implicit")
    if follow is not None:
        jobs["chosen"], implicit = np.array(follow[0], dtype=np.float64), follow[1][:, 0]
        length, least = segments.sum(), jobs["chosen"].sum(-1).min(initial=np.inf)
        require(
            least >= length * (1.0 - 1e-9),
            f"the substeps to follow make up {least:g} of the path's {length:g} µs: record more",
        )
    else:
        jobs["chosen"] = np.zeros((p, g, record))
    if follow is None and steps == "automatic":
        implicit = choose_implicit(law, U, segments, tolerance, jobs["scale"])

    given = follow is not None

    def run(stiff: bool, rows: np.ndarray) -> PathResult:
        own = {k: None if v is None else v[rows] for k, v in jobs.items()}
        if stiff:
            if state is None:
                own["state"] = virgin_state(law, len(rows) * g)
            found = integrate_implicitly(
                law, U[rows], Q, segments, tolerance, given=given, solutions=solutions, **own
            )
            return PathResult(**found, implicit=np.ones((len(rows), g), dtype=bool))
        return _explicitly(law, U[rows], Q, segments, tolerance, given=given, **own)

    if implicit.all() or not implicit.any():
        result = run(bool(implicit.any()), np.arange(p))
    else:
        result = _merged(
            p, [(np.flatnonzero(implicit == stiff), stiff) for stiff in (False, True)], run
        )
    failed = ~np.isnan(result.failed_at).all(axis=1)
    if failed.any() and law.source_form and steps == "automatic" and not given:
        for stiff in (False, True):
            again = np.flatnonzero(failed & (implicit != stiff))
            if again.size:
                other = run(stiff, again)
                done = np.isnan(other.failed_at).all(axis=1)
                for f in fields(PathResult):
                    getattr(result, f.name)[again[done]] = getattr(other, f.name)[done]
    return result


def _merged(p: int, parts: list, run: Callable) -> PathResult:
    """The results of disjoint sets of paths, each with what `run` needs to know, as one."""
    whole: dict[str, np.ndarray] = {}
    for rows, kind in parts:
        part = run(kind, rows)
        for f in fields(PathResult):
            found = getattr(part, f.name)
            whole.setdefault(f.name, np.empty((p, *found.shape[1:]), found.dtype))[rows] = found
    return PathResult(**whole)


def _explicitly(law, U, Q, segments, tolerance, state, wanted, scale, chosen, given) -> PathResult:
    p, g = len(U), len(Q)
    jobs = {
        "U": U,
        "Q": Q,
        "segments": segments,
        "tolerance": ERROR_PER_STEP * float(tolerance),
        "scale": scale.ravel(),
        "state": None if state is None else state.reshape(p * g, law.n_state),
        "wanted": np.where(np.isinf(wanted), 0.1 * segments[0], wanted).ravel(),
    }
    chosen = chosen.reshape(p * g, chosen.shape[-1])
    found = _compiled(law, chosen=chosen, given=given, **jobs)
    found["implicit"], found["solved"] = np.zeros(p * g, dtype=bool), np.zeros((p * g, 0))
    return PathResult(**{name: a.reshape(p, g, *a.shape[1:]) for name, a in found.items()})


def _compiled(
    law, U, Q, segments, tolerance, scale, state, wanted, chosen, given
) -> dict[str, np.ndarray]:
    n, n_t = len(U) * len(Q), len(segments)
    slip, twin = crystal_tables(law)
    virgin = state is None
    state = virgin_state(law, n) if virgin else state
    deviator = np.zeros((n, n_t + 1, 6))
    counts, steps = np.zeros((n, 2), np.int64), np.full((n, 2), np.nan)
    status = np.zeros(n, np.int8)
    engine.integrate(
        U.reshape(len(U), n_t + 1, 9),
        Q.reshape(len(Q), 9),
        segments,
        slip,
        twin,
        law.detwinning,
        law.shear_modulus,
        tolerance,
        virgin,
        given,
        state,
        wanted,
        scale,
        deviator,
        counts,
        steps,
        status,
        chosen,
    )
    steps[status == engine.OK, engine.FAILED_AT] = np.nan
    return by_name(deviator, state, wanted, scale, counts, steps, chosen)


def _apart(law, device, U, Q, segments, tolerance, **jobs) -> PathResult:
    """On a torch device, from where everything is copied back."""

    def put(array: np.ndarray | None) -> torch.Tensor | None:
        return None if array is None else torch.from_numpy(array).to(device)

    given = {name: put(array) for name, array in jobs.items()}
    found = integrate_apart(law, put(U), put(Q), put(segments), tolerance, **given)
    whole = {name: tensor.cpu().numpy() for name, tensor in found.items()}
    shape = (len(U), len(Q))
    none = np.zeros((*shape, 0))
    return PathResult(**whole, chosen=none, implicit=np.zeros(shape, dtype=bool), solved=none)
