# SPDX-License-Identifier: MIT
"""Crystals that differ from a law in their single slip and twin systems, and grains of such ones.

A variant has the law's elasticity, systems and equations, but each system may be turned (direction
and normal together, a twin's mirror with them) and have its own resistance and strength. It is as
objective and dissipative as the law, as that rests on the form of the equations alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.paths import PathResult, integrate_paths

_STRENGTHS = ("hardening", "saturation")


@dataclass(frozen=True, eq=False)
class CrystalVariant(CrystalLaw):
    """A crystal law whose systems differ one by one from those of their families.

    Attributes:
        turns: rotations R of the systems, s → R s and m → R m, slip systems first, *Shape*
            `(n_slip + n_twin, 3, 3)`.
        resistances: factors > 0 on the systems' τ_0, *Shape* `(n_slip + n_twin,)`.
        strengths: factors > 0 on the slip systems' h and σ∞, *Shape* `(n_slip,)`.
    """

    turns: np.ndarray = field(kw_only=True)
    resistances: np.ndarray = field(kw_only=True)
    strengths: np.ndarray = field(kw_only=True)

    # Arrays are not compared: each variant is itself alone.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @classmethod
    def of(
        cls, law: CrystalLaw, turns: np.ndarray, resistances: np.ndarray, strengths: np.ndarray
    ) -> "CrystalVariant":
        """A variant of `law`; arguments as the attributes.

        Raises:
            InputError: a wrong shape, or a factor that is not positive and finite.
        """
        n = law.n_slip + law.n_twin
        for name, array, shape in (
            ("turns", turns, (n, 3, 3)),
            ("resistances", resistances, (n,)),
            ("strengths", strengths, (law.n_slip,)),
        ):
            require(
                array.shape == shape,
                f"{name} of the systems of {law.name!r}: must have shape {shape}, "
                f"got {array.shape}",
            )
            positive = name == "turns" or bool((array > 0).all())
            require(
                bool(np.isfinite(array).all()) and positive,
                f"{name} of the systems of {law.name!r}: must be positive and finite",
            )
        own = {f.name: getattr(law, f.name) for f in fields(CrystalLaw)}
        return cls(**own, turns=turns, resistances=resistances, strengths=strengths)

    @cached_property
    def slip_schmid(self) -> np.ndarray:
        """s⊗m of the slip systems, *Shape* `(n_slip, 3, 3)`."""
        R = self.turns[: self.n_slip]
        # `super()` caches under the same name; what is returned here replaces it.
        return R @ super().slip_schmid @ R.swapaxes(-1, -2)

    @cached_property
    def twin_schmid(self) -> np.ndarray:
        """s⊗m of the twin systems, *Shape* `(n_twin, 3, 3)`."""
        R = self.turns[self.n_slip :]
        return R @ super().twin_schmid @ R.swapaxes(-1, -2)

    @cached_property
    def twin_normal(self) -> np.ndarray:
        """Normals of the twin planes, *Shape* `(n_twin, 3)`."""
        return np.einsum("nij,nj->ni", self.turns[self.n_slip :], super().twin_normal)

    def per_slip(self, name: str) -> np.ndarray:
        """A slip parameter of each system, *Shape* `(n_slip,)`."""
        values = super().per_slip(name)
        if name == "tau_0":
            return values * self.resistances[: self.n_slip]
        return values * self.strengths if name in _STRENGTHS else values

    def per_twin(self, name: str) -> np.ndarray:
        """A twin parameter of each system, *Shape* `(n_twin,)`."""
        values = super().per_twin(name)
        return values * self.resistances[self.n_slip :] if name == "tau_0" else values

    def to_dict(self) -> dict:
        """As `CrystalLaw.to_dict`, of the law without its variation.

        A variation is stored by whoever made it.
        """
        return CrystalLaw(**{f.name: getattr(self, f.name) for f in fields(CrystalLaw)}).to_dict()


def integrate_grains(
    crystals: Sequence[CrystalLaw],
    U: np.ndarray,
    orientations: np.ndarray,
    segments: np.ndarray,
    tolerance: float,
    **options: Any,
) -> PathResult:
    """`integrate_paths` for grains that are crystals of their own, one after the other.

    The compiled kernel works on many points of one crystal at a time, so that single points cost
    more than they do where all grains are alike.

    Args:
        crystals: law of each grain, all with the same numbers of systems.
        U, orientations, segments, tolerance, options: as of `integrate_paths`.
    """
    given = {k: v for k, v in options.items() if k in ("state", "wanted", "scale")}
    common = {k: v for k, v in options.items() if k not in given and k != "follow"}
    parts = []
    for g, crystal in enumerate(crystals):
        own = {k: None if v is None else v[:, g : g + 1] for k, v in given.items()}
        if options.get("follow") is not None:
            own["follow"] = tuple(x[:, g : g + 1] for x in options["follow"])
        Q = orientations[g : g + 1]
        parts.append(integrate_paths(crystal, U, Q, segments, tolerance, **common, **own))
    return PathResult(
        **{
            f.name: np.concatenate([getattr(part, f.name) for part in parts], axis=1)
            for f in fields(PathResult)
        }
    )
