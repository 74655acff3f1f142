# SPDX-License-Identifier: MIT
"""When implicit steps are worth their price, and crystals along paths by them (CPU)."""

import numpy as np

from mlms_fenics.materials.crystal import implicit_engine as engine
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
    if not law.source_form:
        return np.ones(len(U), dtype=bool)
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
    price = max(1.0, (1e-2 / grain_tolerance(tolerance, scale.shape[1])) ** 0.4)
    return rho > _WORTH * price


# Both in units of the time of an explicit step, as measured on straight and on random paths.
_WORTH = 6.7


def grain_tolerance(tolerance: float, n_grains: int) -> float:
    """Error of a grain's stress per step with which the average over grains meets `tolerance`.

    The grains' errors are largely independent; measured on straight paths and random walks, 1/m of
    20 to 100 (see the verification tests).
    """
    return tolerance * float(np.clip(np.sqrt(n_grains) / 6.0, 0.3, 2.0))


def integrate_implicitly(
    law: CrystalLaw,
    U: np.ndarray,
    Q: np.ndarray,
    segments: np.ndarray,
    tolerance: float,
    state: np.ndarray | None,
    wanted: np.ndarray,
    scale: np.ndarray,
) -> dict[str, np.ndarray]:
    """As `integrate_paths`, by implicit steps: the fields of a `PathResult`, *Shape* `(p, g, ...)`.

    Args:
        law, U, segments, tolerance, state: as of `integrate_paths`.
        Q: orientations.
        wanted, scale: likewise, *Shape* `(p, g)`; infinite `wanted`: the whole segment.
    """
    p, g, n_t = len(U), len(Q), len(segments)
    n = p * g
    if state is None:
        state = np.zeros((n, law.n_state))
        state[:, [0, 4, 8]] = 1.0
    state, wanted, scale = state.reshape(n, law.n_state), wanted.ravel(), scale.ravel()
    deviator = np.zeros((n, n_t + 1, 6))
    counts, steps = np.zeros((n, 3), np.int64), np.full((n, 2), np.nan)
    status = np.zeros(n, np.int8)
    m = mechanisms(law)
    engine.integrate(
        U.reshape(p, n_t + 1, 9),
        Q.reshape(g, 9),
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
        grain_tolerance(tolerance, g),
        state,
        wanted,
        scale,
        deviator,
        counts,
        steps,
        status,
    )
    steps[status == engine.OK, engine.FAILED_AT] = np.nan
    found = {
        "deviator": deviator,
        "state": state,
        "wanted": wanted,
        "scale": scale,
        "substeps": counts[:, engine.SUBSTEPS],
        "rejected": counts[:, engine.REJECTED],
        "smallest": steps[:, engine.SMALLEST],
        "failed_at": steps[:, engine.FAILED_AT],
    }
    return {name: a.reshape(p, g, *a.shape[1:]) for name, a in found.items()}
