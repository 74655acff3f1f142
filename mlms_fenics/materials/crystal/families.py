# SPDX-License-Identifier: MIT
"""Families of slip and of twin systems that share their parameters."""

import math
from dataclasses import dataclass

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.materials.crystal.strength import Strength

FLOWS = ("overstress", "power")
Vectors = tuple[tuple[float, float, float], ...]


def check_positive(owner: str, **values: float) -> None:
    for name, value in values.items():
        require(
            math.isfinite(value) and value > 0,
            f"{owner}: {name} = {value} must be positive and finite",
        )


def check_not_negative(owner: str, **values: float) -> None:
    for name, value in values.items():
        require(
            math.isfinite(value) and value >= 0,
            f"{owner}: {name} = {value} must not be negative",
        )


def _check_family(family: "SlipFamily | TwinFamily") -> None:
    owner = f"family {family.name!r}"
    require(
        0 < family.rate_exponent <= 1,
        f"{owner}: rate_exponent m = {family.rate_exponent} must lie in (0, 1] "
        "(the paper's Table 1 prints 1/m)",
    )
    require(
        family.flow in FLOWS,
        f"{owner}: unknown flow {family.flow!r}: take one of {', '.join(FLOWS)}",
    )
    require(
        family.strength is None
        or family.hardening == family.latent == getattr(family, "saturation", 0.0) == 0.0,
        f"{owner}: hardening, saturation and latent are the source's; with a strength of its own "
        "they must be left out",
    )
    s, m = np.array(family.direction, dtype=float), np.array(family.normal, dtype=float)
    require(
        s.ndim == 2 and s.shape == m.shape and s.shape[1] == 3 and len(s) > 0,
        f"{owner}: direction and normal must both have shape (n, 3), got {s.shape}, {m.shape}",
    )
    wrong = np.abs(
        np.stack(((s * s).sum(1) - 1.0, (m * m).sum(1) - 1.0, (s * m).sum(1)), axis=1)
    ).max(1)
    require(
        bool((wrong < 1e-12).all()),
        f"{owner}: system {int(wrong.argmax())}: direction and normal must be orthonormal",
    )


def as_vectors(v: np.ndarray) -> Vectors:
    """An array of *Shape* `(n, 3)` as the tuple of tuples that a family holds."""
    return tuple(tuple(float(c) for c in row) for row in v)


@dataclass(frozen=True)
class SlipFamily:
    """Slip systems that share their parameters.

    Attributes:
        name: of the family.
        direction, normal: unit vectors s, m of the systems in the crystal frame, n of them.
        tau_0: reference stress τ_0 of the rate law, GPa.
        rate: reference rate γ̇_0, 1/µs.
        rate_exponent: m in (0, 1].
        hardening: initial slope h of the saturating strength, GPa; 0 for none.
        saturation: σ∞, GPa; 0 for none.
        latent: off-diagonal entries h_ij of H between systems of the family, GPa.
        source: where the values come from.
        flow: "overstress", the source's, or "power".
        drag: B, GPa µs; 0 for none.
        strength: how the strength evolves; None: by hardening, saturation and latent.
    """

    name: str
    direction: Vectors
    normal: Vectors
    tau_0: float
    rate: float
    rate_exponent: float
    hardening: float = 0.0
    saturation: float = 0.0
    latent: float = 0.0
    source: str = ""
    flow: str = "overstress"
    drag: float = 0.0
    strength: Strength | None = None

    def __post_init__(self) -> None:
        owner = f"slip family {self.name!r}"
        check_positive(owner, tau_0=self.tau_0, rate=self.rate)
        check_not_negative(
            owner,
            hardening=self.hardening,
            saturation=self.saturation,
            latent=self.latent,
            drag=self.drag,
        )
        _check_family(self)


@dataclass(frozen=True)
class TwinFamily:
    """Twin systems that share their parameters.

    Attributes:
        name, direction, normal, tau_0, rate, rate_exponent, source: as `SlipFamily`'s; the rate is
            that of the volume fraction, λ̇_0.
        shear: twinning shear γ_t.
        hardening: h_β, GPa.
        latent: off-diagonal entries k_ij of K between systems of the family, GPa.
        flow, drag, strength: as `SlipFamily`'s; in the power law the rate is that of the shear,
            γ_t λ̇.
    """

    name: str
    direction: Vectors
    normal: Vectors
    tau_0: float
    rate: float
    rate_exponent: float
    shear: float
    hardening: float = 0.0
    latent: float = 0.0
    source: str = ""
    flow: str = "overstress"
    drag: float = 0.0
    strength: Strength | None = None

    def __post_init__(self) -> None:
        owner = f"twin family {self.name!r}"
        check_positive(owner, tau_0=self.tau_0, rate=self.rate, shear=self.shear)
        check_not_negative(owner, hardening=self.hardening, latent=self.latent, drag=self.drag)
        _check_family(self)
