# SPDX-License-Identifier: MIT
"""A polycrystal of few grains with one learnt flow law: what a `GrainLaw` computes in a step.

Each grain has a lattice rotation A, an elastic strain s and internal variables ξ in its lattice's
frame. All take the whole strain increment (Taylor); in the lattice's frame one small network gives
the rates α and targets s* of the elastic strain, ds/dt = de/dt − α (s − s*), the spin of the
lattice per plastic strain and the flow of ξ with plastic strain. As in `RecurrentCell`, relaxation
per step is α (|Δe| + ω Δt) with a learnt creep rate ω of each grain, so that the same weights serve
rates of many decades (`rates=None`, models of old: one in time alone). Orientations at rest and
weights of the grains are learnt with it, and biases of each grain's own, since a grain stands for a
cluster of crystals. As in `RecurrentCell` the frozen linear equations are solved exactly; the
lattice turns by a Cayley rotation, which is one however large the spin is.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import isometry_inverse
from mlms_fenics.kinematics.tensors import from_components, product, turned
from mlms_fenics.surrogate.recurrent.cell import (
    FAST,
    LARGEST,
    SMALL,
    check_rates,
    log_span,
    relaxation_scale,
)

ELASTIC = 5
# Inputs of the network that are not state: scaled rate, increment, ln J.
DRIVERS = 2 * ELASTIC + 1
# Internal variables change by e-folds over plastic strains of 1/HARDENING and more.
HARDENING = 10.0
# Plastic strain of a step, over the elastic strain's scale, below which it counts as none.
STILL = 1e-4


class GrainCell(nn.Module):
    """Learnt grains.

    Args:
        grains: their number m.
        width: of both hidden layers.
        internal: number of internal variables ξ of each grain.
        longest_step: largest step over the reference time that it was trained on; longer ones are
            to be divided. None: any.
        rates: lowest and highest strain rate of the training, per reference time; None: the form
            of models of old.

    The buffers bring the inputs to order one: `elastic_scale` for s, `volume_scale` for ln J and
    `rate_scale` (strain per reference time).
    """

    def __init__(
        self,
        grains: int,
        width: int,
        internal: int,
        longest_step: float | None = None,
        rates: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("grains", grains, 1),
            ("width", width, 1),
            ("internal variables", internal, 0),
        ):
            require(value >= least, f"{name} {value}: must be at least {least}")
        self.options = {
            "grains": grains,
            "width": width,
            "internal": internal,
            "longest_step": longest_step,
            **({} if rates is None else {"rates": check_rates(rates)}),
        }
        self.grains, self.internal, self.longest_step = grains, internal, longest_step
        self.rates = self.options.get("rates")
        outputs = 2 * ELASTIC + 3 + 2 * internal + (0 if rates is None else 1)
        self.turns = nn.Parameter(torch.randn(grains, 4))
        self.logits = nn.Parameter(torch.zeros(grains))
        self.first = nn.Linear(DRIVERS + ELASTIC + internal, width)
        self.hidden = nn.Linear(width, width)
        self.flow = nn.Linear(width, outputs)
        self.own_first = nn.Parameter(0.1 * torch.randn(width, grains))
        self.own_hidden = nn.Parameter(torch.zeros(width, grains))
        self.own_flow = nn.Parameter(torch.zeros(outputs, grains))
        for name in ("elastic_scale", "volume_scale", "rate_scale"):
            self.register_buffer(name, torch.ones(()))
        with torch.no_grad():
            self.flow.bias[:ELASTIC] = 2.0
            self.flow.weight[2 * ELASTIC : 2 * ELASTIC + 3] *= 0.1
            # Start from memories of many lengths, so that long ones need not be found by training.
            rates = slice(2 * ELASTIC + 3, 2 * ELASTIC + 3 + internal)
            self.flow.bias[rates] = torch.linspace(-3.0, 0.0, max(internal, 1))[:internal]

    def orientations(self) -> Tensor:
        """Lattice rotations at rest, from quaternions of any length, *Shape* `(m, 3, 3)`."""
        w, x, y, z = nn.functional.normalize(self.turns).unbind(1)
        rows = (
            1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
            2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
            2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
        )  # fmt: skip
        return torch.stack(rows, 1).unflatten(1, (3, 3))

    def shares(self) -> Tensor:
        """Weights of the grains, positive with sum 1, *Shape* `(m,)`."""
        return torch.softmax(self.logits, 0)

    def weights(self) -> tuple[Tensor, ...]:
        """w1, b1, w2, b2, w3, b3: matrices `(out, in)` and, for each grain, biases `(out, m)`."""
        pairs = (
            (self.first, self.own_first),
            (self.hidden, self.own_hidden),
            (self.flow, self.own_flow),
        )
        return tuple(x for layer, own in pairs for x in (layer.weight, layer.bias[:, None] + own))

    def rate_factor(self, d: Tensor, dt: Tensor, axis: int = -1) -> Tensor:
        """Network's rate input over `d`.

        It grows like the square root of the strain rate or, with `rates`, its logarithm: from 0
        far below the lowest to 2 at the highest.

        Args:
            d: increments of strain over elastic_scale, coordinates along `axis`.
            dt: steps over the reference time, broadcast against the result.
            axis: of `d`.
        """
        if self.rates is not None:
            square = d.square().sum(axis) + 1e-30
            ratio = square * (self.elastic_scale / (self.rates[0] * dt)).square()
            return torch.log1p(ratio) * square.rsqrt() / log_span(self.rates)
        factor = self.elastic_scale / (dt * self.rate_scale)
        return (d.square().sum(axis) * factor.square() + 1e-4).pow(-0.25) * factor

    def start(self, n: int) -> tuple[Tensor, Tensor]:
        """Rotations `(n, m, 3, 3)` and states s / elastic_scale and ξ `(n, m, 5 + q)` at rest."""
        A = self.orientations().expand(n, -1, -1, -1)
        return A, A.new_zeros(n, self.grains, ELASTIC + self.internal)

    def forward(
        self, A: Tensor, y: Tensor, d: Tensor, v: Tensor, dt: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Advance one step.

        Args:
            A: lattice rotations at its start, *Shape* `(n, m, 3, 3)`.
            y: states, *Shape* `(n, m, 5 + q)`.
            d: increment of strain over elastic_scale, *Shape* `(n, 5)`.
            v: ln J / volume_scale at the end, *Shape* `(n,)`.
            dt: step over the reference time, *Shape* `()` or `(n,)`.

        Returns:
            A and y at the end; what turns the material as a whole is not in this A.
        """
        q, w = self.internal, self.weights()
        basis = _basis(d.dtype, d.device)
        D = (d @ basis).unflatten(-1, (3, 3))[:, None]
        moved = turned(A.mT, D).flatten(-2) @ basis.T
        volume = v[:, None, None].expand(-1, self.grains, -1)
        x = torch.cat((moved * self.rate_factor(d, dt)[:, None, None], moved, volume, y), dim=-1)
        h = nn.functional.silu(x @ w[0].T + w[1].T)
        h = nn.functional.silu(h @ w[2].T + w[3].T)
        out = h @ w[4].T + w[5].T
        rates, targets, spin, slow, goals = out[..., : 13 + 2 * q].split((5, 5, 3, q, q), dim=-1)
        if self.rates is None:
            scale = FAST * dt
        else:
            strain = torch.linalg.vector_norm(d, dim=-1)[:, None, None]
            scale = relaxation_scale(strain, out[..., 13 + 2 * q :], dt.reshape(-1, 1, 1))
        s, xi = y[..., :ELASTIC], y[..., ELASTIC:]
        # A power law of exponent 1/m = 2 relaxes at a rate proportional to the stress itself.
        square = (s + 0.5 * moved).square().sum(-1, keepdim=True)
        drive = (square + 1e-20).sqrt() - 1e-10  # zero at zero, with a finite derivative there
        rates = nn.functional.softplus(rates) + nn.functional.relu(drive - LARGEST)
        x = rates * (drive * scale)
        gain = -torch.expm1(-x)
        # Without stress there is nothing to flow towards: s = 0 must be a stable state of rest.
        targets = targets.clamp(-LARGEST, LARGEST) * (square / (square + SMALL**2))
        change = moved * ((gain + 1e-12) / (x + 1e-12)) + (targets - s) * gain
        plastic = (moved - change).square().sum(-1, keepdim=True)
        plastic = ((plastic + STILL**2).sqrt() - STILL) * self.elastic_scale
        gain = -torch.expm1(-nn.functional.softplus(slow) * HARDENING * plastic)
        xi = xi + (goals.clamp(-LARGEST, LARGEST) - xi) * gain
        return product(A, cayley(spin * plastic)), torch.cat((s + change, xi), dim=-1)

    def stress(self, A: Tensor, y: Tensor) -> Tensor:
        """Mean elastic strain of the grains over its scale, coordinates, *Shape* `(n, 5)`."""
        basis = _basis(y.dtype, y.device)
        S = (y[..., :ELASTIC] @ basis).unflatten(-1, (3, 3))
        return (turned(A, S) * self.shares()[:, None, None]).sum(1).flatten(-2) @ basis.T

    def run(self, d: Tensor, v: Tensor, dt: Tensor) -> Tensor:
        """Whole histories from rest, in the frame that turns with the material.

        Args:
            d: increments of strain over elastic_scale, *Shape* `(n_t, 5, n)`.
            v: ln J / volume_scale at the ends of the steps, *Shape* `(n_t, n)`.
            dt: steps over the reference time, *Shape* `(n_t,)`, or of each path, `(n_t, n)`.

        Returns:
            Stress as in `stress`, *Shape* `(n_t, 5, n)`.
        """
        A, y = self.start(d.shape[-1])
        out = []
        for now, volume, step in zip(d.unbind(0), v.unbind(0), dt.unbind(0), strict=True):
            A, y = self(A, y, now.T, volume, step)
            out.append(self.stress(A, y).T)
        return torch.stack(out)


def cayley(w: Tensor) -> Tensor:
    """Rotations about w by 2 arctan(|w|/2), *Shape* `(..., 3)` -> `(..., 3, 3)`."""
    x, y, z = (w / 2.0).unbind(-1)
    zero = torch.zeros_like(x)
    C = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).unflatten(-1, (3, 3))
    k = 2.0 / (1.0 + x * x + y * y + z * z)
    return torch.eye(3, dtype=w.dtype, device=w.device) + k[..., None, None] * (C + product(C, C))


@lru_cache(maxsize=16)
def _basis(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Deviators of the coordinates, *Shape* `(5, 9)`."""
    tensors = from_components(isometry_inverse(3, deviatoric=True).T.copy())
    return torch.as_tensor(tensors.reshape(ELASTIC, 9), dtype=dtype, device=device)
