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

That is the source's law. Beside it, each family may flow by a power law of its strength,
|γ̇| = γ̇_0 (|τ|/g)^{1/m} (a twin: λ̇ γ_t, and only forwards), g = τ_0 + what its hardening adds,
limited by a viscous drag, |τ| = g (γ̇/γ̇_0)^m + B γ̇; have a strength that evolves with the slip of
all systems (`strength`); and the elasticity may be cubic or hexagonal (`elasticity`).

(The paper's A.9 drops the inverse, its A.8 prints F_in⁻¹ for F_in⁻ᵀ.) F is in the crystal frame:
F_crystal = F Q with Q the rotation from lattice to sample.
"""

import math
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.materials.crystal.elasticity import (
    CubicElasticity,
    Elasticity,
    HexagonalElasticity,
    voigt_average,
)
from mlms_fenics.materials.crystal.families import SlipFamily, TwinFamily, check_positive
from mlms_fenics.materials.crystal.lattice import symmetry_of
from mlms_fenics.materials.crystal.strength import PowerStrength, VoceStrength


@dataclass(frozen=True)
class CrystalLaw:
    """A crystal: elastic constants, slip families, twin families.

    Attributes:
        name: of the material.
        dimension: 3, or 2 for plane strain (F_33 = 1, systems in the plane).
        shear_modulus: G, GPa.
        lambda_e: λ_e of the volumetric energy, GPa; the bulk modulus is 2 λ_e.
        density: reference mass density, mg/mm³.
        slip: the slip families.
        twins: the twin families; at most one of the source's hardening and latent hardening.
        detwinning: whether twin fractions may shrink (drive below zero).
        source: where the values of the crystal as a whole come from.
        elasticity: cubic or hexagonal constants; None: isotropic, of G and λ_e alone. With them, G
            and λ_e are those of Voigt's average (`anisotropic`), for the wave speeds.
        interaction: q_ab, what slip on system b does to the strength of system a where that
            evolves, slip systems first, *Shape* `(n, n)`, n = n_slip + n_twin; empty: all 1.
        lattice: "cubic" or "hexagonal", by which pole figures are drawn; None: what the slip
            directions tell (`symmetry`). It changes no stress and takes no part in comparisons.
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
    elasticity: Elasticity | None = None
    interaction: tuple[tuple[float, ...], ...] = ()
    lattice: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_positive(
            f"law {self.name!r}",
            shear_modulus=self.shear_modulus,
            lambda_e=self.lambda_e,
            density=self.density,
        )
        require(self.dimension in (2, 3), f"dimension must be 2 or 3, got {self.dimension}")
        require(len(self.slip) > 0, f"law {self.name!r} needs at least one slip family")
        require(
            len(self.twins) <= 1 or all(f.latent == 0.0 for f in self.twins),
            f"law {self.name!r}: of several twin families none may have latent entries k_ij",
        )
        require(
            self.lattice in (None, "cubic", "hexagonal"),
            f"law {self.name!r}: lattice is {self.lattice!r}, but must be cubic or hexagonal",
        )
        self._check_interaction()
        if self.elasticity is not None:
            bulk, shear = voigt_average(self.elasticity)
            require(
                math.isclose(bulk, self.bulk_modulus, rel_tol=1e-9)
                and math.isclose(shear, self.shear_modulus, rel_tol=1e-9),
                f"law {self.name!r}: with these elastic constants G must be {shear!r} and λ_e "
                f"{bulk / 2!r} GPa, Voigt's average; `anisotropic` puts them in",
            )
        if self.dimension == 2:
            vectors = [v for f in (*self.slip, *self.twins) for v in (*f.direction, *f.normal)]
            require(
                all(v[2] == 0.0 for v in vectors),
                f"law {self.name!r}: the systems of a plane-strain law must lie in the plane",
            )

    def _check_interaction(self) -> None:
        n = self.n_slip + self.n_twin
        q = np.array(self.interaction, dtype=float)
        require(
            q.size == 0 or q.shape == (n, n),
            f"law {self.name!r}: the interaction must have shape ({n}, {n}), got {q.shape}",
        )
        require(
            bool(np.isfinite(q).all()) and bool((q >= 0).all()),
            f"law {self.name!r}: the interaction's entries must be finite and not negative",
        )

    @classmethod
    def anisotropic(cls, elasticity: Elasticity, **values) -> "CrystalLaw":
        """A law with cubic or hexagonal constants, its G and λ_e those of Voigt's average.

        Args:
            elasticity: the constants.
            values: the other attributes.
        """
        bulk, shear = voigt_average(elasticity)
        return cls(shear_modulus=shear, lambda_e=bulk / 2.0, elasticity=elasticity, **values)

    @property
    def families(self) -> "tuple[SlipFamily | TwinFamily, ...]":
        """Slip and twin families, in the order of the systems."""
        return (*self.slip, *self.twins)

    @property
    def has_strengths(self) -> bool:
        """Whether some strength is a state of its own."""
        return any(f.strength is not None for f in self.families)

    @property
    def source_form(self) -> bool:
        """Whether the law is of the source's form throughout, so that explicit steps apply."""
        return self.elasticity is None and all(
            f.flow == "overstress" and f.drag == 0.0 and f.strength is None for f in self.families
        )

    @property
    def n_state(self) -> int:
        """Numbers of a point's state: F_in⁻¹, twin fractions, slips, evolving strengths."""
        n = self.n_slip + self.n_twin
        return 9 + n + (n if self.has_strengths else 0)

    @property
    def symmetry(self) -> str | None:
        """ "cubic" or "hexagonal"; None where neither the law nor its slip directions tell."""
        return self.lattice or symmetry_of(np.array([v for f in self.slip for v in f.direction]))

    @property
    def least_strength(self) -> float:
        """The smallest τ_0, GPa: the scale of stresses before any flow."""
        return min(float(f.tau_0) for f in self.families)

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
        values = asdict(self)
        if self.lattice is None:  # as in files from before laws could name it
            del values["lattice"]
        return values

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
            values["elasticity"] = _one_of(
                (CubicElasticity, HexagonalElasticity), values, "elasticity"
            )
            values["interaction"] = tuple(map(tuple, values.get("interaction", ())))
            return cls(**values)
        except (TypeError, KeyError) as error:
            raise InputError(f"not a crystal law's dictionary: {error}") from error


def _frozen(family: dict) -> dict:
    return {
        **family,
        "direction": tuple(map(tuple, family["direction"])),
        "normal": tuple(map(tuple, family["normal"])),
        "strength": _one_of((PowerStrength, VoceStrength), family, "strength"),
    }


def _one_of(kinds: tuple[type, ...], values: dict, name: str):
    """The parameter object that `asdict` made `values[name]` of, told by its fields."""
    given = values.get(name)
    if given is None:
        return None
    for kind in kinds:
        if set(given) == {f.name for f in fields(kind)}:
            return kind(**given)
    raise InputError(f"{name}: unknown parameters {', '.join(sorted(given))}")


def _schmid(families: tuple) -> np.ndarray:
    s = np.array([v for f in families for v in f.direction]).reshape(-1, 3)
    m = np.array([v for f in families for v in f.normal]).reshape(-1, 3)
    return s[:, :, None] * m[:, None, :]
