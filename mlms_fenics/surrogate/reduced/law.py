# SPDX-License-Identifier: MIT
"""The reduced polycrystal as a material law: few grains that stand for many."""

import copy
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from mlms_fenics.device import place
from mlms_fenics.errors import InputError, require
from mlms_fenics.materials.base import State, Time
from mlms_fenics.materials.by_torch import with_known_slope
from mlms_fenics.materials.polycrystal import Polycrystal
from mlms_fenics.microstructure import check_rotations
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.reduced.variations import Variations

_PLANE = slice(0, 2)


class GrainSet(nn.Module):
    """Orientations, weights and, where grains are more than crystals of the law, variations.

    Args:
        grains: how many.
        tolerance: of each grain's stress, relative to its largest deviator so far.
        systems: numbers of slip and twin systems that vary; None: grains of the law.

    Attributes:
        orientations: rotations Q, F_crystal = F Q, *Shape* `(grains, 3, 3)`, float64.
        weights: volume fractions ≥ 0 with sum 1, *Shape* `(grains,)`, float64.
        turns, resistances, strengths: where `systems` is given, as `Variations`', float64.

    Raises:
        InputError: no grain, or a tolerance outside (0, 0.1].
    """

    def __init__(
        self,
        grains: int,
        tolerance: float = 1e-4,
        systems: tuple[int, int] | list[int] | None = None,
    ) -> None:
        super().__init__()
        require(grains >= 1, f"grains {grains}: a polycrystal needs at least 1")
        require(0.0 < tolerance <= 0.1, f"tolerance {tolerance}: must lie in (0, 0.1]")
        self.options = {"grains": int(grains), "tolerance": float(tolerance)}
        self.orientations = _parameter(np.tile(np.eye(3), (grains, 1, 1)))
        self.weights = _parameter(np.full(grains, 1.0 / grains))
        if systems is not None:
            slip, twin = (int(n) for n in systems)
            self.options["systems"] = [slip, twin]
            self.turns = _parameter(np.zeros((grains, slip + twin, 3)))
            self.resistances = _parameter(np.ones((grains, slip + twin)))
            self.strengths = _parameter(np.ones((grains, slip)))

    @classmethod
    def of(
        cls,
        orientations: np.ndarray,
        weights: np.ndarray,
        tolerance: float = 1e-4,
        variations: Variations | None = None,
    ) -> Self:
        """A set with these orientations `(m, 3, 3)`, weights `(m,)` and variations."""
        own: dict[str, np.ndarray] = {"orientations": orientations, "weights": weights}
        systems = None
        if variations is not None:
            slip = variations.strengths.shape[1]
            systems = (slip, variations.resistances.shape[1] - slip)
            own |= vars(variations)
        grains = cls(len(orientations), tolerance, systems)
        with torch.no_grad():
            for name, values in own.items():
                getattr(grains, name).copy_(torch.as_tensor(values))
        return grains

    @property
    def variations(self) -> Variations | None:
        """Of the grains; None where they are of the law."""
        if "systems" not in self.options:
            return None
        names = ("turns", "resistances", "strengths")
        return Variations(*(getattr(self, name).detach().numpy() for name in names))


def _parameter(values: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.as_tensor(values, dtype=torch.float64))


class ReducedPolycrystal(LearntLaw):
    """σ = Σ w_g σ_g(U Q_g): causal, objective and dissipative as the crystal law itself.

    A grain is a crystal of the law, or a variant of it with the same elasticity.

    It is integrated in double precision whatever is asked for. The pressure is 2 λ_e (J - 1), in
    closed form.

    Raises:
        InputError: orientations that are no rotations (in plane strain: about the normal), weights
            that are negative or do not sum to 1, variations that do not fit the law.
    """

    architecture = "reduced"
    network_class: type[nn.Module] = GrainSet
    has_horizon = False

    def __init__(self, network: GrainSet, **options: Any) -> None:
        super().__init__(network, **options)
        Q = check_rotations(network.orientations.detach().numpy(), "orientations of the model")
        if self.dimension == 2:
            tilted = np.abs(Q[:, 2, 2] - 1.0).max() > 1e-6
            require(not tilted, "orientations of the model turn the crystal out of its plane")
        w = network.weights.detach().numpy()
        if not (w.min() >= 0.0 and abs(w.sum() - 1.0) < 1e-9):
            raise InputError(
                f"weights of the model: must not be negative and have the sum 1, but the smallest "
                f"is {w.min():g} and the sum {w.sum():.12g}"
            )
        variations = network.variations
        crystals = None if variations is None else variations.crystals(self.law)
        if self.dimension == 2 and variations is not None:
            tilted = np.abs(variations.turns[..., :2]).max() > 1e-6
            require(not tilted, "turns of the model take slip systems out of their plane")
        self.polycrystal = Polycrystal(
            self.law, Q, weights=w, tolerance=network.options["tolerance"], crystals=crystals
        )

    def to(
        self,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        products: str | None = None,
    ) -> Self:
        """A copy of the law that computes on another device; `dtype` is float64 in any case.

        Raises:
            InputError: `products` other than "own".
        """
        law = copy.copy(self)
        law.products = self._offered(products)
        if device is not None:
            law.device = place(device)
            law.polycrystal = self.polycrystal.to(law.device)
            law.trust = copy.deepcopy(self.trust).to(device=law.device)
        return law

    def own_state(self, n: int) -> State:
        """State of the grains: see `Polycrystal`."""
        return self.polycrystal.initial_state(n)

    def step(
        self, U: torch.Tensor, strain: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.step`."""
        full = U
        if self.dimension == 2:
            full = torch.eye(3, dtype=U.dtype, device=U.device).repeat(len(U), 1, 1)
            full[:, _PLANE, _PLANE] = U
        if U.requires_grad:
            sigma, new, slope = self.polycrystal.stress_and_slope(full.detach(), dt, state)
            sigma = with_known_slope(full, sigma, slope)
        else:
            sigma, new = self.polycrystal.stretch(full, dt, state)
        return (sigma if self.dimension == 3 else sigma[:, _PLANE, _PLANE]), new

    def fields(self, state: State) -> State:
        """`distance` as for every learnt law, and the grains' mean `slip` and `twin_fraction`."""
        return {**super().fields(state), **self.polycrystal.fields(state)}
