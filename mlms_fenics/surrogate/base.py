# SPDX-License-Identifier: MIT
"""What every learnt law shares: frames, state, trust, and driving it along a history."""

import copy
import math
import warnings
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from mlms_fenics.checks import check_paths, real_array
from mlms_fenics.device import at_hand, place
from mlms_fenics.errors import InputError, require
from mlms_fenics.gpu.launch import usable
from mlms_fenics.kinematics.piola import rotated_tangent
from mlms_fenics.kinematics.strain import log_strain
from mlms_fenics.kinematics.tensors import polar, turned
from mlms_fenics.materials.base import Material, State, Time
from mlms_fenics.materials.by_torch import stress_and_slope
from mlms_fenics.numbers import check_positive
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.parts import (
    LONGEST_STRAIN,
    MOST_SUBSTEPS,
    coarsest_step,
    in_parts,
    longest_strain,
    substep_ends,
)
from mlms_fenics.surrogate.trust import TrustMeasure
from mlms_fenics.weights import check_weights

# Histories of so many training horizons pass without a word: the shipped law of one rate, stretched
# by 10%, is right to 1% over one horizon and 34% wrong over three.
LONGEST = 1.5


class LearntLaw(Material):
    """A material law learnt from histories of a unit cell.

    A subclass names its `network_class`, a torch module whose constructor arguments are JSON-able
    and kept in its attribute `options`, and whose parameters and buffers (normalisation included)
    are all that has to be saved. It implements `own_state` and `step`, and may name a
    `compiled_step`, a `CompiledStep` that does all of a step in float32 on a CPU, and a
    `step_there`, a `StepThere` that does so on a GPU.

    A network with an attribute `longest_step`, over the horizon, is given longer steps in equal
    parts, U linear over them, at most `MOST_SUBSTEPS`. To one with an attribute `longest_known`,
    over the horizon, longer steps are as long as that. One with an attribute `rates` is given each
    point's step in parts that strain by `longest_strain` at most, see `parts`.

    Args:
        network: the trained module.
        law: the `CrystalLaw` of the unit cell.
        orientations: of its grains, *Shape* `(n_grains, d, d)`.
        weights: volume fractions of its grains, *Shape* `(n_grains,)`; None: all equal.
        horizon: length of the training histories, µs.
        trust: fitted to the training histories.
        report: JSON-able record of how it was made, with its errors.
    """

    architecture: ClassVar[str]
    network_class: ClassVar[type[nn.Module]]
    has_horizon: ClassVar[bool] = False
    compiled_step: ClassVar[Any] = None
    step_there: ClassVar[Any] = None
    offers: ClassVar[tuple[str, ...]] = ("own",)
    products: str = "own"
    _parts: int = 1  # of a step whose length is a tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        law: Any,
        orientations: np.ndarray,
        horizon: float,
        trust: TrustMeasure,
        report: dict[str, Any] | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        self.network, self.trust = network.eval().requires_grad_(False), trust
        self.law = law
        self.orientations = np.asarray(orientations, dtype=np.float64)
        self.weights = check_weights(weights, len(self.orientations))
        self.horizon = float(horizon)
        self.report = {} if report is None else report
        self.density = law.density
        self.bulk_modulus = law.bulk_modulus
        self.shear_modulus = law.shear_modulus
        self.dimension = int(law.dimension)
        parameter = next(network.parameters())
        self.dtype, self.device = parameter.dtype, parameter.device
        self.trust.to(device=self.device, dtype=self.dtype)

    @classmethod
    def trained(cls, network: nn.Module, data: TrainingData, report: dict[str, Any]) -> Self:
        """The law of a network that was fitted to `data`, on the CPU."""
        # Data sets of one protocol that differ in size or rate also vouch for what lies between;
        # but not those of horizons that differ by orders.
        lasting = [data.time_of(source)[-1] for source in range(len(data.files))]
        kinds = np.array(
            [
                f"{file.get('protocol', '')} {round(math.log10(horizon))}"
                for file, horizon in zip(data.files, lasting, strict=True)
            ]
        )
        return cls(
            network.cpu(),
            law=data.law,
            orientations=data.orientations,
            weights=data.weights,
            horizon=data.horizon,
            trust=TrustMeasure(data.dimension, data.horizon).fit(
                data.strain[data.train],
                data.time,
                kinds[data.source[data.train]],
                durations=data.durations[data.train],
            ),
            report={
                **report,
                "longest_history": float(data.durations.max()),
                "longest_strain": longest_strain(data.strain[data.train]),
            },
        )

    def to(
        self,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        products: str | None = None,
    ) -> Self:
        """A copy of the law on another device or in another precision.

        Args:
            device: None: as it is.
            dtype: likewise.
            products: of the hidden layers' matrices, where the law offers a choice (PCA-Net):
                "own", in `dtype`; or "bfloat16", with sums in float32: about twice as fast on
                processors that have such instructions, and rounded to three digits in each layer;
                or "tf32" (recurrent), likewise, on a GPU: elsewhere it is "own".

        Raises:
            InputError: products that the law does not offer.
        """
        law = copy.copy(self)
        law.products = self._offered(products)
        law.device = self.device if device is None else place(device)
        law.dtype = self.dtype if dtype is None else dtype
        law.network = copy.deepcopy(self.network).to(device=law.device, dtype=law.dtype)
        law.trust = copy.deepcopy(self.trust).to(device=law.device, dtype=law.dtype)
        return law

    def _offered(self, products: str | None) -> str:
        """`products`, or those of the law; `InputError` where it does not offer them."""
        chosen = self.products if products is None else products
        require(
            chosen in self.offers,
            f"products {products!r}: a {self.architecture} model offers {', '.join(self.offers)}",
        )
        return chosen

    @abstractmethod
    def own_state(self, n: int) -> State:
        """The architecture's state of `n` virgin points (first axis n, `self.dtype`)."""

    @abstractmethod
    def step(
        self, U: torch.Tensor, strain: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """Stress belonging to U at the end of a step, and the architecture's own new state.

        Args:
            U: right stretch at the end, *Shape* `(n, d, d)`, float64.
            strain: components of log U at the end, *Shape* `(n, 6)` or `(n, 3)`, `self.dtype`.
            time: at the end, µs; as of `Material.update`.
            dt: µs, > 0; likewise.
            state: at the beginning: `own_state`'s entries and "strain", log U at the beginning.

        Returns:
            Cauchy stress, *Shape* `(n, d, d)`, GPa, and new values of `own_state`'s entries.
        """

    def initial_state(self, n: int) -> State:
        """State of `n` virgin points at F = I."""
        options = {"dtype": self.dtype, "device": self.device}
        memory = self.trust.start(n)
        return {
            **self.own_state(n),
            **({} if memory is None else {"trust": memory}),
            "strain": torch.zeros(6 if self.dimension == 3 else 3, n, **options).mT,
            "distance": torch.zeros(n, **options),
        }

    @torch.no_grad()
    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `Material.update`; in 2D F and the stress are `(n, 2, 2)` (plane strain)."""
        if self.compiles():
            step = self._prepared(self.compiled_step)
            return self._in_parts(lambda F, s, n: step(F, float(dt), s, n), F, dt, state)
        if self.has_kernels():
            return self._prepared(self.step_there)(F, dt, state, self.substeps(dt))
        R, U = polar(F.double())
        sigma, new = self._by_torch(U, time, dt, state, look=at_hand(self.device))
        return turned(R.to(sigma.dtype), sigma), new

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`; the derivative is exact, through the network and all else.

        It is computed in the law's `dtype`: Newton's method comes as far as that lets it, so that
        implicit solvers want `law.to(dtype=torch.float64)`.
        """
        R, U = polar(F.detach().double())

        def recorded(V: torch.Tensor, start: State, n: int) -> tuple:
            return stress_and_slope(lambda W, s: self._equal_parts(W, time, dt, s, n), V, start)

        sigma, new, slope = self._in_parts(recorded, U, dt, state)
        A = rotated_tangent(R, U, sigma, slope)
        R = R.to(sigma.dtype)
        return R @ sigma @ R.mT, new, A

    @torch.no_grad()
    def stretch(
        self, U: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """`update` for a deformation without rotation, F = U."""
        step = self.update if self.compiles() or self.has_kernels() else self._by_torch
        return step(U, time, dt, state)

    def _by_torch(
        self, U: torch.Tensor, time: Time, dt: Time, state: State, look: bool = True
    ) -> tuple[torch.Tensor, State]:
        """`stretch` by the operations of torch; `look`: at how much it strains, and so wait."""
        if not look:
            return self._equal_parts(U, time, dt, state, self.substeps(dt))
        return self._in_parts(lambda V, s, n: self._equal_parts(V, time, dt, s, n), U, dt, state)

    def _in_parts(self, take: Callable[..., tuple], F: torch.Tensor, dt: Time, state: State) -> Any:
        """`parts.in_parts` where the network wants it so; else all points in equally many."""
        n = self.substeps(dt)
        if not self.by_strain:
            return take(F, state, n)
        return in_parts(take, F, state, n, self.longest_strain)

    def _equal_parts(
        self, U: torch.Tensor, time: Time, dt: Time, state: State, n: int
    ) -> tuple[torch.Tensor, State]:
        """`stretch` in `n` parts."""
        U = U.double()
        own, before = state, state["strain"]
        for k, end in enumerate([*substep_ends(before, U, n), U], 1):
            strain = log_strain(end).to(self.dtype)
            at = time - dt * (n - k) / n
            sigma, new = self.step(end, strain, at, self._known(dt / n), {**own, "strain": before})
            own, before = {**own, **new}, strain
        now, memory = self.trust(strain, state["strain"], dt, state.get("trust"))
        new = new if memory is None else {**new, "trust": memory}
        distance = torch.maximum(state["distance"], now)
        return sigma, {**new, "strain": strain, "distance": distance}

    def _known(self, dt: Time) -> Time:
        """`dt`, or the longest step that the network knows where that is shorter, µs."""
        longest = getattr(self.network, "longest_known", math.inf) * self.horizon
        return dt.clamp(max=longest) if isinstance(dt, torch.Tensor) else min(dt, longest)

    @property
    def by_strain(self) -> bool:
        """Whether a point's step is taken in parts where it strains by much."""
        return getattr(self.network, "rates", None) is not None

    @property
    def longest_strain(self) -> float:
        """Strain of a step that a law which divides steps by strain takes whole."""
        return self.report.get("longest_strain", LONGEST_STRAIN)

    @property
    def longest_history(self) -> float:
        """How long the longest of the training histories lasts, µs."""
        return max(self.horizon, self.report.get("longest_history", 0.0))

    @property
    def longest_tensor_step(self) -> float:
        """See `Material`: infinite where the network has no longest step."""
        return self._parts * self._longest_part

    @property
    def _longest_part(self) -> float:
        """The network's longest step, µs."""
        longest = getattr(self.network, "longest_step", None)
        return math.inf if longest is None else longest * self.horizon

    def for_steps(self, longest: float) -> Self:
        """See `Material`; a copy, whose `substeps` of a tensor are those of `longest`."""
        law = copy.copy(self)
        law._parts = self.substeps(float(longest))
        return law

    def substeps(self, dt: Time) -> int:
        """Number of equal parts that the network takes a step of `dt`, µs, in; see `for_steps`."""
        if isinstance(dt, torch.Tensor):
            return self._parts
        wanted = max(1, math.ceil(dt / self._longest_part - 1e-6))
        return min(wanted, MOST_SUBSTEPS)

    def compiles(self) -> bool:
        """Whether the compiled step is used: one is there, for float32 on a CPU in 3D."""
        return self._fits(self.compiled_step) and at_hand(self.device)

    def has_kernels(self) -> bool:
        """Whether the GPU's step is used: one is there, for float32 in 3D, and numba compiles."""
        return self._fits(self.step_there) and usable(self.device)

    def _fits(self, step: Any) -> bool:
        return (
            step is not None
            and type(self.network) is step.network_class
            and (self.dtype, self.dimension) == (torch.float32, 3)
            and self.trust.groups > 0
        )

    def _prepared(self, kind: Any) -> Any:
        """The step of a kind, prepared anew where weights have changed."""
        step = getattr(self, "_step", None)
        if type(step) is not kind or step.stale(self):
            self._step = step = kind(self)
        return step

    def fields(self, state: State) -> State:
        """`distance`: largest distance from the training data so far; above 1 is outside them."""
        return {"distance": state["distance"]}

    def check_end_time(self, end_time: float) -> None:
        """Raise `InputError` where the law has a horizon and `end_time` (µs) lies beyond it."""
        if self.has_horizon and end_time > self.horizon * (1.0 + 1e-9):
            raise InputError(
                f"end time {end_time:g} µs: this {self.architecture} model was trained for "
                f"histories of {self.horizon:g} µs and knows nothing beyond; shorten the run "
                "or use a model with a longer horizon"
            )

    def stress(self, U: np.ndarray, horizon: float) -> np.ndarray:
        """Stress along stretch histories, step by step, knowing nothing of the future.

        Args:
            U: *Shape* `(..., n_t + 1, d, d)`, piecewise linear over `horizon`, first entry I.
            horizon: µs.

        Returns:
            Cauchy stress, float64, U's shape, GPa; zero at the first entry.

        Raises:
            InputError: shape, first entry, non-finite or inverted U, or beyond the model's horizon.

        Warns:
            UserWarning: once a law, where a history leaves the training data, lasts far longer, or
                has steps that are too long for the law.
        """
        sigma, distance = self.stress_and_distance(U, horizon)
        if getattr(self, "_warned", False):
            return sigma
        worst = float(np.max(distance, initial=0.0))
        reasons = []
        if not worst <= 1.0:
            reasons.append(f"goes {worst:.3g} times as far as the edge of the training data")
        longest = self.longest_history
        if horizon > LONGEST * longest:
            reasons.append(
                f"lasts {horizon / longest:.3g} times as long as the training histories "
                f"({longest:g} µs)"
            )
        coarsest = coarsest_step(U) if self.by_strain else 0.0
        if coarsest > MOST_SUBSTEPS * self.longest_strain:
            reasons.append(f"strains by {coarsest:.0%} in a step, which is to be divided")
        if reasons:
            self._warned = True
            warnings.warn(
                f"a history over {float(horizon):g} µs {' and '.join(reasons)}: its stress is not "
                "to be trusted (`stress_and_distance` tells histories apart)",
                stacklevel=2,
            )
        return sigma

    def stress_and_distance(self, U: np.ndarray, horizon: float) -> tuple[np.ndarray, np.ndarray]:
        """`stress`, and the largest distance from the training data along each history `(...)`."""
        U, horizon = self.check_history(U, horizon), float(horizon)
        flat = torch.tensor(U.reshape(-1, *U.shape[-3:]), device=self.device)
        n_t = U.shape[-3] - 1
        sigma = torch.zeros(flat.shape, dtype=torch.float64)
        state = self.initial_state(len(flat))
        for n in range(1, n_t + 1):
            value, state = self.stretch(flat[:, n], horizon * n / n_t, horizon / n_t, state)
            sigma[:, n] = value.to("cpu", torch.float64)
        distance = state["distance"].to("cpu", torch.float64).numpy()
        return sigma.numpy().reshape(U.shape), distance.reshape(U.shape[:-3])

    def check_history(self, U: np.ndarray, horizon: float) -> np.ndarray:
        """`U` as a float64 array, or `InputError` naming what is wrong with it."""
        U, d = real_array("U", U), self.dimension
        require(U.shape[-2:] == (d, d), f"U has shape {U.shape}: must be (..., n_t + 1, {d}, {d})")
        check_positive("horizon", horizon, "µs")
        self.check_end_time(horizon)
        return check_paths(U, d)[..., :d, :d].reshape(U.shape)
