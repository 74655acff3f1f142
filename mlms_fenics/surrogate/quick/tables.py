# SPDX-License-Identifier: MIT
"""A crystal law as the arrays that its sweeps need."""

from functools import lru_cache
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.strain import isometry, isometry_inverse
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.strength import PowerStrength

_ENDLESS = 1e6  # GPa, for a strength without an end


def obstacle(law: Any) -> str:
    """Why a law is none for sweeps; empty where it is one."""
    if not isinstance(law, CrystalLaw):
        return "the data come with no crystal law"
    if law.dimension != 3:
        return "the crystal law is one of plane strain"
    if law.twins:
        return "its crystal twins"
    if law.elasticity is not None and np.ptp(_volume_stress(law)) > 1e-6 * law.bulk_modulus:
        return "its elastic constants couple volume and shape"
    for family in law.slip:
        if family.flow != "power":
            return f"its slip family {family.name!r} flows by an overstress, not by a power law"
        if family.drag:
            return f"its slip family {family.name!r} has a viscous drag"
        if family.rate_exponent > 0.25:
            return f"1/m of its slip family {family.name!r} is below 4"
        hardens = family.hardening or family.saturation or family.latent
        if hardens or not isinstance(family.strength, PowerStrength | None):
            return f"the strength of its slip family {family.name!r} is not of the power type"
        if family.strength is not None and family.strength.saturates != "own":
            return f"systems of its slip family {family.name!r} saturate by others' strength"
    return ""


def _volume_stress(law: CrystalLaw) -> np.ndarray:
    """Normal stresses of a crystal under equal strains along its axes, GPa."""
    assert law.elasticity is not None  # asked for of such laws alone
    return np.einsum("iikk->i", law.elasticity.tensor()) / 3.0


def arrays(law: CrystalLaw) -> tuple[Any, ...]:
    """What `crystal.crystal_step` takes, float32, k systems.

    Returns:
        P `(k, 5)` and C P `(5, k)`; stiffness of each system 2G P·C P, GPa, and m `(k,)`; spins of
        a unit slip `(3, k)`; h₀, g∞ and the exponent of hardening `(k,)`; q_ab `(k, k)`; 2G;
        stiffness over 2G in the deviators' coordinates `(5, 5)`; reference rates, 1/µs, and first
        strengths, GPa, `(k,)`.

    Raises:
        InputError: see `obstacle`.
    """
    why = obstacle(law)
    if why:
        raise InputError(f"quick crystals: {why}: take another --architecture")
    return _arrays(law)


@lru_cache(maxsize=8)
def _arrays(law: CrystalLaw) -> tuple[Any, ...]:
    coordinates = isometry(3, deviatoric=True)
    P, W, numbers = [], [], []
    for family in law.slip:
        strength = family.strength
        hardening = (0.0, _ENDLESS, 1.0)
        if strength is not None:
            hardening = (strength.h_0, min(strength.g_inf, _ENDLESS), strength.a)
        for direction, normal in zip(family.direction, family.normal, strict=True):
            slip = np.outer(direction, normal)
            P.append(coordinates @ to_components(0.5 * (slip + slip.T)))
            spin = 0.5 * (slip - slip.T)
            W.append([spin[2, 1], spin[0, 2], spin[1, 0]])
            numbers.append((family.rate_exponent, family.rate, family.tau_0, *hardening))
    basis = from_components(isometry_inverse(3, deviatoric=True).T.copy())
    two_G = 2.0 * law.shear_modulus
    C = np.eye(5)
    if law.elasticity is not None:
        C = np.einsum("aij,ijkl,bkl->ab", basis, law.elasticity.tensor(), basis) / two_G
        C[np.abs(C) < 1e-9] = 0.0
    k = len(P)
    Q = np.array(law.interaction, float).reshape(k, k) if law.interaction else np.ones((k, k))
    exponent, rate, tau_0, slope, end, power = np.array(numbers).T
    P = np.array(P)
    CP = P @ C.T
    H = two_G * (P * CP).sum(1)

    def single(x: Any) -> np.ndarray:
        return np.ascontiguousarray(x, np.float32)

    found = (P, CP.T, H, exponent, np.transpose(W), slope, end, power, Q)
    rest = (single(C), single(rate), single(tau_0))
    return (*(single(x) for x in found), np.float32(two_G), *rest)
