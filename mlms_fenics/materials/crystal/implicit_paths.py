# SPDX-License-Identifier: MIT
"""When implicit steps are worth their price, and crystals along paths by them (CPU)."""

import numpy as np

from mlms_fenics.materials.crystal import implicit_engine as engine
from mlms_fenics.materials.crystal.implicit_route import most_turned
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.mechanisms import mechanisms


def choose_implicit(
    law: CrystalLaw, U: np.ndarray, segments: np.ndarray, tolerance: float, scale: np.ndarray
) -> np.ndarray:
    """Whether implicit steps cost less than explicit ones, *Shape* `(p,)`.

    Explicit steps are bound by stability to a fixed fraction of ρ = G ∂γ̇/∂τ Δt per segment,
    whatever the tolerance; the number of implicit ones grows as the tolerance shrinks.

    Args:
        law, U, segments, tolerance: as of `integrate_paths`.
        scale: largest stress so far, GPa, *Shape* `(p, g)`.
    """
    always = _whatever_path(law)
    if always is not None:
        return np.full(len(U), always)
    rho = np.zeros(len(U))
    with np.errstate(over="ignore", invalid="ignore"):  # of absurd paths: explicit
        change = np.linalg.norm(np.diff(U, axis=1), axis=(-2, -1))
        strain = change.max(axis=1, initial=0.0)
        rate = (change / segments).max(axis=1, initial=0.0)
        for f in law.families:
            # Overstress in units of τ_0 when all of the strain is slip of one system.
            over = np.maximum(rate / f.rate, 1e-300) ** f.rate_exponent
            stiffness = law.shear_modulus / (f.rate_exponent * f.tau_0 * np.maximum(over, 1.0))
            rho = np.maximum(rho, stiffness * strain)
        rough = _share_of_corners(U, segments, grain_tolerance(tolerance, scale.shape[1]))
    price = max(1.0, (1e-2 / grain_tolerance(tolerance, scale.shape[1])) ** 0.4)
    if law.n_twin:
        rough = 1.0  # whose steps end at all nodes
    return rho > _WORTH * price * (_SMOOTH + (1.0 - _SMOOTH) * rough)


# In units of the time of an explicit step, as measured on random paths, and the share of that on
# paths without corners.
_WORTH, _SMOOTH = 6.7, 0.3


def _share_of_corners(U: np.ndarray, segments: np.ndarray, tolerance: float) -> np.ndarray:
    """Share of a path's nodes that are corners, see `implicit_route`, *Shape* `(p,)`."""
    if len(segments) < 2:
        return np.ones(len(U))
    rate = np.diff(U, axis=1) / segments[:, None, None]
    size = np.linalg.norm(rate, axis=(-2, -1))
    change = np.linalg.norm(np.diff(rate, axis=1), axis=(-2, -1))
    return (change > most_turned(tolerance) * np.maximum(size[:, 1:], size[:, :-1])).mean(axis=1)


def is_stiff(law: CrystalLaw, strain: float) -> bool:
    """Whether steps of `strain` are to be implicit whatever the path, as in cells."""
    always = _whatever_path(law)
    stiffness = max(1.0 / (f.rate_exponent * f.tau_0) for f in law.families)
    return law.shear_modulus * stiffness * strain > 10.0 if always is None else always


def _whatever_path(law: CrystalLaw) -> bool | None:
    """Whether a law's steps are always implicit, or never; None where it depends on the path."""
    if not law.source_form:
        return True
    return False if law.detwinning else None  # twins that come and go have no smooth step


def grain_tolerance(tolerance: float, n_grains: int) -> float:
    """Error of a grain's stress per step with which the average over grains meets `tolerance`.

    What is left in the average was measured on straight paths and random walks, 1 to 128 grains,
    1/m of 20 to 200 (see the verification tests): it falls slowly, as all grains meet a path's
    corners at once.
    """
    return tolerance * float(np.clip(0.5 * n_grains**0.3, 0.5, 2.1))


def integrate_implicitly(
    law: CrystalLaw,
    U: np.ndarray,
    Q: np.ndarray,
    segments: np.ndarray,
    tolerance: float,
    state: np.ndarray,
    wanted: np.ndarray,
    scale: np.ndarray,
    chosen: np.ndarray,
    given: bool,
    solutions: bool,
) -> dict[str, np.ndarray]:
    """As `integrate_paths`, by implicit steps: the fields of a `PathResult`, *Shape* `(p, g, ...)`.

    Args:
        law, U, segments, tolerance, state: as of `integrate_paths`.
        Q: orientations.
        wanted, scale: likewise, *Shape* `(p, g)`; infinite `wanted`: the whole segment.
        chosen: lengths of the substeps, *Shape* `(p, g, K)`: those to take where `given`, otherwise
            the first K are put there.
        solutions: whether the stages' are kept, of K substeps.
    """
    p, g, n_t = len(U), len(Q), len(segments)
    n = p * g
    of_grain = grain_tolerance(tolerance, g)
    systems = 2 * len(mechanisms(law).table)
    solved = np.zeros((n, chosen.shape[-1] if solutions else 0, 2, systems))
    found = run_engine(
        law,
        U.reshape(p, n_t + 1, 9),
        Q.reshape(g, 9),
        segments,
        of_grain,
        _EXACT if given else NEWTON_SHARE * of_grain,
        np.zeros(n, np.int64),
        state.reshape(n, law.n_state),
        wanted.ravel(),
        scale.ravel(),
        chosen.reshape(n, chosen.shape[-1]),
        given,
        solved,
    )
    found["solved"] = solved.reshape(n, solved[0].size)
    del found["errors"], found["iterations"]
    return {name: a.reshape(p, g, *a.shape[1:]) for name, a in found.items()}


NEWTON_SHARE = 0.2  # share of the tolerance that a stage's own error may take
_EXACT = 1e-11  # that error where small differences are asked for


def run_engine(
    law: CrystalLaw,
    U: np.ndarray,
    Q: np.ndarray,
    segments: np.ndarray,
    tolerance: float,
    newton: float,
    fixed: np.ndarray,
    state: np.ndarray,
    wanted: np.ndarray,
    scale: np.ndarray,
    chosen: np.ndarray | None = None,
    given: bool = False,
    solved: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The compiled engine's results, by `PathResult`'s names, `errors`, `iterations`.

    Args:
        law, segments, tolerance: of the law.
        U: *Shape* `(p, n_t + 1, 9)`; `Q` `(g, 9)`.
        newton, fixed, given: as of the engine; `chosen` and `solved` likewise, or None.
        state: *Shape* `(p g, n_state)`, `wanted` and `scale` `(p g,)`; overwritten.
    """
    n, n_t = len(state), len(segments)
    deviator = np.zeros((n, n_t + 1, 6))
    counts, steps = np.zeros((n, 3), np.int64), np.full((n, 2), np.nan)
    status, errors = np.zeros(n, np.int8), np.zeros(n)
    m, chosen = mechanisms(law), np.zeros((n, 0)) if chosen is None else chosen
    engine.integrate(
        U,
        Q,
        segments,
        m.table,
        m.n_slip,
        m.slip,
        m.twin,
        m.interaction,
        m.compliance,
        m.stiffness,
        m.coupling,
        m.shear_modulus,
        m.isotropic,
        law.detwinning,
        law.least_strength,
        tolerance,
        newton,
        fixed,
        given,
        state,
        wanted,
        scale,
        deviator,
        counts,
        steps,
        status,
        errors,
        chosen,
        np.zeros((n, 0, 2, 2 * len(m.table))) if solved is None else solved,
    )
    steps[status == engine.OK, engine.FAILED_AT] = np.nan
    errors[status != engine.OK] = np.inf
    found = by_name(deviator, state, wanted, scale, counts, steps, chosen)
    return {**found, "errors": errors, "iterations": counts[:, engine.ITERATIONS]}


def by_name(deviator, state, wanted, scale, counts, steps, chosen) -> dict[str, np.ndarray]:
    """What an engine of either kind has filled, by the names of `PathResult`'s fields."""
    return {
        "deviator": deviator,
        "state": state,
        "wanted": wanted,
        "scale": scale,
        "substeps": counts[:, engine.SUBSTEPS],
        "rejected": counts[:, engine.REJECTED],
        "smallest": steps[:, engine.SMALLEST],
        "failed_at": steps[:, engine.FAILED_AT],
        "chosen": chosen,
    }
