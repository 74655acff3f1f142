# SPDX-License-Identifier: MIT
"""The recurrent neural operator in its own variables: deviatoric strain in, elastic strain out.

The elastic strain s (coordinates of a deviator) obeys ds/dt = de/dt − α (s − s*) and the internal
variables dξ/dt = α_ξ (ξ* − ξ). One network gives the rates α ≥ 0 and the targets s*, ξ* from the
state and the strain rate; frozen over a step, they make the equations linear and exactly solvable,
so that any time step may be taken. All rates vanish with the elastic strain: a point at rest stays
as it is, and the first response is elastic, with the crystal's own shear modulus.

Metals flow with strain, and creep with time: relaxation per step is α (|Δe| + ω Δt), with ω learnt
too, by its logarithm, and the network is told the direction of the strain's change and the
logarithm of its rate. So the same weights serve rates of many decades, where a relaxation in time
alone (`rates=None`, models of old) serves one.

Internal variables with a learnt flow: Bhattacharya, Liu, Stuart, Trautner (2023); Liu, Ocegueda,
Trautner, Stuart, Bhattacharya, J. Mech. Phys. Solids (2023).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mlms_fenics.errors import require

# Relaxation rates over the reference time are this large where the network's output is of order
# one: plastic flow at impact rates relaxes the elastic strain in about a hundredth of a history.
FAST = 100.0
# Targets are kept below this, and elastic strain above it flows whatever the network says: several
# times what training data reach (4), so that a state led far beyond them stays finite.
LARGEST = 8.0
# Elastic strain, over its typical size, below which the flow is a mere decay of it.
SMALL = 0.1
# Increments above so many elastic strains are told to the network as hardly larger than that.
LONG = 3.0
# The logarithm of the creep rate ω over the reference time: network's output times STEEP, in LOGS.
STEEP = 4.0
LOGS = (-16.0, 10.0)


def check_rates(rates: Sequence[float]) -> list[float]:
    """Lowest and highest rate as numbers; `InputError` where they are none."""
    found = [float(r) for r in rates]
    require(
        len(found) == 2 and 0.0 < found[0] < found[1],
        f"rates {rates}: must be a positive number and a larger one",
    )
    return found


def log_span(rates: Sequence[float] | None) -> float:
    """Logarithm of the highest over the lowest rate; 0 without rates."""
    return 0.0 if rates is None else math.log(rates[1] / rates[0])


def relaxation_scale(strain: Tensor, creep: Tensor, dt: Tensor) -> Tensor:
    """What all relaxation of a step goes with, |Δe| + ω Δt.

    Args:
        strain: |Δe| over elastic_scale.
        creep: the network's output for ω, broadcast against `strain`.
        dt: step over the reference time, likewise.
    """
    return strain + torch.exp((STEEP * creep).clamp(*LOGS)) * dt


class RecurrentCell(nn.Module):
    """Learnt flow of elastic strain and internal variables, with an exact exponential update.

    Args:
        elastic: number of deviatoric coordinates, 5 in 3D and 3 in plane strain.
        internal: number of internal variables ξ beside the elastic strain.
        width: of both hidden layers.
        branches: number of elastic strains, side by side like grains in a Taylor average: each
            takes the whole strain increment and flows by itself, and s is their mean.
        longest_step: largest step over the reference time that it was trained on; longer ones are
            to be divided. None: any.
        rates: lowest and highest strain rate of the training, per reference time; slower is at
            rest. None: the form of models of old, in which all relaxation is one in time.
        longest_known: longest step over the reference time of the training, with `rates`: a longer
            one counts as so long, since what flows more slowly than all that it has seen flows as
            the slowest of that. None: any.

    The buffers bring the inputs to order one: `elastic_scale` for s, `strain_scale` for e,
    `volume_scale` for ln J and `rate_scale` (strain per reference time).
    """

    def __init__(
        self,
        elastic: int,
        internal: int,
        width: int,
        branches: int = 1,
        longest_step: float | None = None,
        rates: Sequence[float] | None = None,
        longest_known: float | None = None,
    ) -> None:
        super().__init__()
        self.options = {
            "elastic": elastic,
            "internal": internal,
            "width": width,
            "branches": branches,
            "longest_step": longest_step,
            **({} if rates is None else {"rates": check_rates(rates)}),
            **({} if longest_known is None else {"longest_known": float(longest_known)}),
        }
        self.longest_known = math.inf if longest_known is None else float(longest_known)
        self.longest_step, self.rates = longest_step, self.options.get("rates")
        require(elastic in (3, 5), f"elastic {elastic}: must be 5 (3D) or 3 (plane strain)")
        require(internal >= 0, f"internal variables {internal}: must not be negative")
        require(width >= 1, f"width {width}: must be at least 1")
        require(branches >= 1, f"branches {branches}: must be at least 1")
        self.elastic, self.internal, self.branches = elastic, internal, branches
        own = branches * elastic
        self.state = state = own + internal
        more = 0 if rates is None else 1
        self.from_drivers = nn.Linear(3 * elastic + 1 + more, width)
        self.from_state = nn.Linear(state, width, bias=False)
        self.hidden = nn.Linear(width, width)
        self.flow = nn.Linear(width, 2 * state + more)
        for name in ("elastic_scale", "strain_scale", "volume_scale", "rate_scale"):
            self.register_buffer(name, torch.ones(()))
        with torch.no_grad():
            # Start from memories of many lengths, so that long ones need not be found by training.
            self.flow.bias[:own] = 2.0
            self.flow.bias[own:state] = torch.linspace(-5.0, 0.0, max(internal, 1))[:internal]

    def features(self, e0: Tensor, e1: Tensor, v1: Tensor, dt: Tensor) -> Tensor:
        """What the strain alone puts into the network, for any number of steps at once.

        Args:
            e0: deviatoric strain at the start of the step, *Shape* `(..., elastic)`.
            e1: at its end.
            v1: volumetric strain ln J at its end, *Shape* `(..., 1)`.
            dt: length of the step over the reference time, broadcast against `(..., 1)`.

        Returns:
            *Shape* `(..., 3 elastic + 1)`; with `rates` one more.
        """
        if self.rates is not None:
            return self._features_of_any_rate(e0, e1, v1, dt)
        rate = (e1 - e0) / (dt * self.rate_scale)
        # Overstress grows like a power of the rate; its square root is the better scaled input.
        rate = rate * (rate.square().sum(-1, keepdim=True) + 1e-4).pow(-0.25)
        x = (rate, (e1 - e0) / self.elastic_scale, e0 / self.strain_scale, v1 / self.volume_scale)
        return torch.cat(x, dim=-1)

    def _features_of_any_rate(self, e0: Tensor, e1: Tensor, v1: Tensor, dt: Tensor) -> Tensor:
        """Direction, increment, strain before, ln J and the rate's logarithm in [-1, 1]."""
        low, high = self.rates
        change = e1 - e0
        square = change.square().sum(-1, keepdim=True)
        least = square + (low * dt) ** 2
        far = square / (LONG * self.elastic_scale) ** 2
        rate = torch.log(least / (low * high * dt**2)) / log_span(self.rates)
        x = (
            change * least.rsqrt(),
            change / self.elastic_scale * (1.0 + far).rsqrt(),
            e0 / self.strain_scale,
            v1 / self.volume_scale,
            rate.clamp(-1.0, 1.0),
        )
        return torch.cat(x, dim=-1)

    def drivers(self, e0: Tensor, e1: Tensor, v1: Tensor, dt: Tensor) -> Tensor:
        """First layer of `features`, *Shape* `(..., width)`."""
        return self.from_drivers(self.features(e0, e1, v1, dt))

    def forward(self, y: Tensor, drivers: Tensor, increment: Tensor, dt: Tensor) -> Tensor:
        """Advance one step.

        Args:
            y: state at its start, s / elastic_scale of each branch and ξ, *Shape* `(n, state)`.
            drivers: *Shape* `(n, width)`.
            increment: (e1 − e0) / elastic_scale, *Shape* `(n, elastic)`.
            dt: step over the reference time, *Shape* `()` or `(n, 1)`.

        Returns:
            The state at its end.
        """
        h = nn.functional.silu(drivers + self.from_state(y))
        h = nn.functional.silu(self.hidden(h))
        flow = self.flow(h)
        rates, targets = flow[:, : 2 * self.state].chunk(2, dim=-1)
        if self.rates is None:
            scale = FAST * dt
        else:
            strain = torch.linalg.vector_norm(increment, dim=-1, keepdim=True)
            scale = relaxation_scale(strain, flow[:, 2 * self.state :], dt)
        own = self.branches * self.elastic
        # A power law of exponent 1/m = 2 relaxes at a rate proportional to the stress itself.
        middle = y[:, :own].unflatten(-1, (self.branches, self.elastic)) + 0.5 * increment[:, None]
        square = middle.square().sum(-1, keepdim=True)
        drive = (square + 1e-20).sqrt() - 1e-10  # zero at zero, with a finite derivative there
        every = torch.cat(
            (
                drive.expand(-1, -1, self.elastic).flatten(1),
                drive.mean(1).expand(-1, self.internal),
            ),
            dim=-1,
        )
        rates = nn.functional.softplus(rates) + nn.functional.relu(every - LARGEST)
        x = rates * (every * scale)
        gain = -torch.expm1(-x)
        mean_decay = (gain + 1e-12) / (x + 1e-12)
        targets = targets.clamp(-LARGEST, LARGEST)
        # Without stress there is nothing to flow towards: s = 0 must be a stable state of rest.
        gate = (square / (square + SMALL**2)).expand(-1, -1, self.elastic).flatten(1)
        targets = torch.cat((targets[:, :own] * gate, targets[:, own:]), dim=-1)
        moved = nn.functional.pad(increment.repeat(1, self.branches), (0, self.internal))
        return y + moved * mean_decay + (targets - y) * gain

    def elastic_strain(self, y: Tensor) -> Tensor:
        """Elastic strain s over its scale, the mean of the branches, *Shape* `(n, elastic)`."""
        own = self.branches * self.elastic
        return y[:, :own].unflatten(-1, (self.branches, self.elastic)).mean(1)

    def run(self, e: Tensor, v: Tensor, dt: Tensor) -> Tensor:
        """Whole histories from rest.

        Args:
            e: deviatoric strain, *Shape* `(n_t + 1, n, elastic)`, zero at the first entry.
            v: volumetric strain, *Shape* `(n_t + 1, n, 1)`.
            dt: steps over the reference time, *Shape* `(n_t,)`, or of each path, `(n_t, n)`.

        Returns:
            Elastic strain s at the ends of the steps, *Shape* `(n_t, n, elastic)`.
        """
        dt = dt.reshape(len(dt), -1, 1)
        drivers = self.drivers(e[:-1], e[1:], v[1:], dt).unbind(0)
        increments = ((e[1:] - e[:-1]) / self.elastic_scale).unbind(0)
        y = e.new_zeros(e.shape[1], self.state)
        out = []
        for n, step in enumerate(dt.unbind(0)):
            y = self(y, drivers[n], increments[n], step)
            out.append(self.elastic_strain(y))
        return torch.stack(out) * self.elastic_scale
