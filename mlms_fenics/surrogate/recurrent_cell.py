# SPDX-License-Identifier: MIT
"""The recurrent neural operator in its own variables: deviatoric strain in, elastic strain out.

The elastic strain s (coordinates of a deviator) obeys ds/dt = de/dt − α (s − s*) and the internal
variables dξ/dt = α_ξ (ξ* − ξ). One network gives the rates α ≥ 0 and the targets s*, ξ* from the
state and the strain rate; frozen over a step, they make the equations linear and exactly solvable,
so that any time step may be taken. All rates vanish with the elastic strain: a point at rest stays
as it is, and the first response is elastic, with the crystal's own shear modulus.

Internal variables with a learnt flow: Bhattacharya, Liu, Stuart, Trautner (2023); Liu, Ocegueda,
Trautner, Stuart, Bhattacharya, J. Mech. Phys. Solids (2023).
"""

import torch
from torch import Tensor, nn

from mlms_fenics.errors import require

# Relaxation rates over the reference time are this large where the network's output is of order
# one: plastic flow at impact rates relaxes the elastic strain in about a hundredth of a history.
FAST = 100.0
# Elastic strain, over its typical size, below which the flow is a mere decay of it.
SMALL = 0.1


class RecurrentCell(nn.Module):
    """Learnt flow of elastic strain and internal variables, with an exact exponential update.

    Args:
        elastic: number of deviatoric coordinates, 5 in 3D and 3 in plane strain.
        internal: number of internal variables ξ beside the elastic strain.
        width: of both hidden layers.

    The buffers bring the inputs to order one: `elastic_scale` for s, `strain_scale` for e,
    `volume_scale` for ln J and `rate_scale` (strain per reference time).
    """

    def __init__(self, elastic: int, internal: int, width: int) -> None:
        super().__init__()
        self.options = {"elastic": elastic, "internal": internal, "width": width}
        require(elastic in (3, 5), f"elastic {elastic}: must be 5 (3D) or 3 (plane strain)")
        require(internal >= 0, f"internal variables {internal}: must not be negative")
        require(width >= 1, f"width {width}: must be at least 1")
        self.elastic, self.internal = elastic, internal
        state = elastic + internal
        self.from_drivers = nn.Linear(3 * elastic + 1, width)
        self.from_state = nn.Linear(state, width, bias=False)
        self.hidden = nn.Linear(width, width)
        self.flow = nn.Linear(width, 2 * state)
        for name in ("elastic_scale", "strain_scale", "volume_scale", "rate_scale"):
            self.register_buffer(name, torch.ones(()))
        with torch.no_grad():
            # Start from memories of many lengths, so that long ones need not be found by training.
            self.flow.bias[:elastic] = 2.0
            self.flow.bias[elastic:state] = torch.linspace(-5.0, 0.0, max(internal, 1))[:internal]

    def drivers(self, e0: Tensor, e1: Tensor, v1: Tensor, dt: Tensor) -> Tensor:
        """What the strain alone puts into the first layer, for any number of steps at once.

        Args:
            e0: deviatoric strain at the start of the step, *Shape* `(..., elastic)`.
            e1: at its end.
            v1: volumetric strain ln J at its end, *Shape* `(..., 1)`.
            dt: length of the step over the reference time, broadcast against `(..., 1)`.

        Returns:
            *Shape* `(..., width)`.
        """
        rate = (e1 - e0) / (dt * self.rate_scale)
        # Overstress grows like a power of the rate; its square root is the better scaled input.
        rate = rate * (rate.square().sum(-1, keepdim=True) + 1e-4).pow(-0.25)
        x = (rate, (e1 - e0) / self.elastic_scale, e0 / self.strain_scale, v1 / self.volume_scale)
        return self.from_drivers(torch.cat(x, dim=-1))

    def forward(self, y: Tensor, drivers: Tensor, increment: Tensor, dt: Tensor) -> Tensor:
        """Advance one step.

        Args:
            y: state at its start, s / elastic_scale and ξ, *Shape* `(n, elastic + internal)`.
            drivers: *Shape* `(n, width)`.
            increment: (e1 − e0) / elastic_scale, *Shape* `(n, elastic)`.
            dt: step over the reference time, *Shape* `()`.

        Returns:
            The state at its end.
        """
        h = nn.functional.silu(drivers + self.from_state(y))
        h = nn.functional.silu(self.hidden(h))
        rates, targets = self.flow(h).chunk(2, dim=-1)
        # A power law of exponent 1/m = 2 relaxes at a rate proportional to the stress itself.
        middle = y[..., : self.elastic] + 0.5 * increment
        square = middle.square().sum(-1, keepdim=True)
        drive = (square + 1e-20).sqrt() - 1e-10  # zero at zero, with a finite derivative there
        x = nn.functional.softplus(rates) * (FAST * drive * dt)
        gain = -torch.expm1(-x)
        mean_decay = (gain + 1e-12) / (x + 1e-12)
        # Without stress there is nothing to flow towards: s = 0 must be a stable state of rest.
        towards = targets[..., : self.elastic] * (square / (square + SMALL**2))
        targets = torch.cat((towards, targets[..., self.elastic :]), dim=-1)
        moved = nn.functional.pad(increment, (0, self.internal))
        return y + moved * mean_decay + (targets - y) * gain

    def run(self, e: Tensor, v: Tensor, dt: Tensor) -> Tensor:
        """Whole histories from rest.

        Args:
            e: deviatoric strain, *Shape* `(n_t + 1, n, elastic)`, zero at the first entry.
            v: volumetric strain, *Shape* `(n_t + 1, n, 1)`.
            dt: steps over the reference time, *Shape* `(n_t,)`.

        Returns:
            Elastic strain s at the ends of the steps, *Shape* `(n_t, n, elastic)`.
        """
        drivers = self.drivers(e[:-1], e[1:], v[1:], dt[:, None, None]).unbind(0)
        increments = ((e[1:] - e[:-1]) / self.elastic_scale).unbind(0)
        y = e.new_zeros(e.shape[1], self.elastic + self.internal)
        out = []
        for n, step in enumerate(dt.unbind(0)):
            y = self(y, drivers[n], increments[n], step)
            out.append(y[:, : self.elastic])
        return torch.stack(out) * self.elastic_scale
