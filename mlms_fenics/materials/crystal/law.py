# SPDX-License-Identifier: MIT
"""Parameters of a crystal-plasticity law with twinning, and its energies.

The law (Liu et al. 2022, Appendix, after Chang & Kochmann 2015), with A = F F_in⁻¹ and J = det A:

- W_e = G/2 (tr AᵀA / J^{2/3} - 3) + λ_e (J - 1)²; Mandel stress M = Aᵀ ∂W_e/∂A;
- W_p = ½ e·H e + Σ σ∞ (e + σ∞/h exp(-h e/σ∞)); strength g = ∂W_p/∂e;
- W_t = λ·K λ + Σ ½ h_β λ_β²;
- slip α is driven by τ_α = M_eff : s_α⊗m_α, M_eff = (1 - Σλ) M + Σ_β λ_β R_β M R_β (R_β the mirror
  in twin plane β): the same as driving system α and its mirror images in each twin, weighted by
  their volume fractions; |γ̇_α| = γ̇_0 (⟨|τ_α| - g_α⟩/τ_0)^{1/m}, ė_α = |γ̇_α|;
- twin β: λ̇_β = λ̇_0 (⟨γ_t M : s_β⊗m_β - ∂W_t/∂λ_β⟩/τ_0)^{1/m} while Σλ < 1;
- Ḟ_in F_in⁻¹ = (1 - Σλ) L_0 + Σ_β λ_β R_β L_0 R_β + Σ_β λ̇_β γ_t s_β⊗m_β, L_0 = Σ γ̇_α s_α⊗m_α.

(The paper's A.9 drops the inverse, its A.8 prints F_in⁻¹ for F_in⁻ᵀ.) F is in the crystal frame:
F_crystal = F Q with Q the rotation from lattice to sample.
"""

import math
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np

from mlms_fenics.errors import InputError, require

Vectors = tuple[tuple[float, float, float], ...]


def _positive(owner: str, **values: float) -> None:
    for name, value in values.items():
        require(
            math.isfinite(value) and value > 0,
            f"{owner}: {name} = {value} must be positive and finite",
        )


def _not_negative(owner: str, **values: float) -> None:
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

    def __post_init__(self) -> None:
        owner = f"slip family {self.name!r}"
        _positive(owner, tau_0=self.tau_0, rate=self.rate)
        _not_negative(
            owner, hardening=self.hardening, saturation=self.saturation, latent=self.latent
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

    def __post_init__(self) -> None:
        owner = f"twin family {self.name!r}"
        _positive(owner, tau_0=self.tau_0, rate=self.rate, shear=self.shear)
        _not_negative(owner, hardening=self.hardening, latent=self.latent)
        _check_family(self)


@dataclass(frozen=True)
class CrystalLaw:
    """A crystal: elastic constants, slip families, at most one twin family.

    Attributes:
        name: of the material.
        dimension: 3, or 2 for plane strain (F_33 = 1, systems in the plane).
        shear_modulus: G, GPa.
        lambda_e: λ_e of the volumetric energy, GPa; the bulk modulus is 2 λ_e.
        density: reference mass density, mg/mm³.
        slip: the slip families.
        twins: the twin families, none or one.
        detwinning: whether twin fractions may shrink (drive below zero).
        source: where the values of the crystal as a whole come from.
    """

    name: str
    dimension: int
    shear_modulus: float
    lambda_e: float
    density: float
    slip: tuple[SlipFamily, ...]
    twins: tuple[TwinFamily, ...] = ()
    detwinning: bool = False
    source: str = field(default="")

    def __post_init__(self) -> None:
        _positive(
            f"law {self.name!r}",
            shear_modulus=self.shear_modulus,
            lambda_e=self.lambda_e,
            density=self.density,
        )
        require(self.dimension in (2, 3), f"dimension must be 2 or 3, got {self.dimension}")
        require(len(self.slip) > 0, f"law {self.name!r} needs at least one slip family")
        require(len(self.twins) <= 1, f"law {self.name!r}: at most one twin family is supported")
        if self.dimension == 2:
            vectors = [v for f in (*self.slip, *self.twins) for v in (*f.direction, *f.normal)]
            require(
                all(v[2] == 0.0 for v in vectors),
                f"law {self.name!r}: the systems of a plane-strain law must lie in the plane",
            )

    @property
    def bulk_modulus(self) -> float:
        """2 λ_e, GPa: the pressure part of σ is 2 λ_e (J - 1)."""
        return 2.0 * self.lambda_e

    @property
    def n_slip(self) -> int:
        """Number of slip systems."""
        return sum(len(f.direction) for f in self.slip)

    @property
    def n_twin(self) -> int:
        """Number of twin systems."""
        return sum(len(f.direction) for f in self.twins)

    @cached_property
    def slip_schmid(self) -> np.ndarray:
        """s⊗m of the slip systems, *Shape* `(n_slip, 3, 3)`."""
        return _schmid(self.slip)

    @cached_property
    def twin_schmid(self) -> np.ndarray:
        """s⊗m of the twin systems, *Shape* `(n_twin, 3, 3)`."""
        return _schmid(self.twins)

    @cached_property
    def twin_normal(self) -> np.ndarray:
        """Normals of the twin planes, *Shape* `(n_twin, 3)`."""
        return np.array([v for f in self.twins for v in f.normal]).reshape(-1, 3)

    def per_slip(self, name: str) -> np.ndarray:
        """A slip family parameter repeated for each system, *Shape* `(n_slip,)`."""
        return np.array([getattr(f, name) for f in self.slip for _ in f.direction], dtype=float)

    def per_twin(self, name: str) -> np.ndarray:
        """A twin family parameter repeated for each system, *Shape* `(n_twin,)`."""
        return np.array([getattr(f, name) for f in self.twins for _ in f.direction], dtype=float)

    def initial_state(self, n: int) -> dict[str, np.ndarray]:
        """State of `n` virgin points: F_in `(n, 3, 3)`, slip `(n, n_slip)`, twin_fraction."""
        return {
            "F_in": np.broadcast_to(np.eye(3), (n, 3, 3)).copy(),
            "slip": np.zeros((n, self.n_slip)),
            "twin_fraction": np.zeros((n, self.n_twin)),
        }

    def to_dict(self) -> dict:
        """All parameters as plain numbers, strings, lists and dicts (JSON); see `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "CrystalLaw":
        """The law of a dict made by `to_dict`, also after a round trip through JSON.

        Raises:
            InputError: a field is missing, unknown or out of range.
        """
        try:
            values = dict(values)
            values["slip"] = tuple(SlipFamily(**_frozen(f)) for f in values["slip"])
            values["twins"] = tuple(TwinFamily(**_frozen(f)) for f in values.get("twins", ()))
            return cls(**values)
        except (TypeError, KeyError) as error:
            raise InputError(f"not a crystal law's dictionary: {error}") from error


def _frozen(family: dict) -> dict:
    return {
        **family,
        "direction": tuple(map(tuple, family["direction"])),
        "normal": tuple(map(tuple, family["normal"])),
    }


def _schmid(families: tuple) -> np.ndarray:
    s = np.array([v for f in families for v in f.direction]).reshape(-1, 3)
    m = np.array([v for f in families for v in f.normal]).reshape(-1, 3)
    return s[:, :, None] * m[:, None, :]
