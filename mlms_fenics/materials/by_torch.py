# SPDX-License-Identifier: MIT
"""Tangents of laws that are made of torch's operations: exact, by reverse differentiation."""

from collections.abc import Callable

import torch

from mlms_fenics.kinematics.piola import piola_tangent
from mlms_fenics.materials.base import Material, State, Time

# Points recorded at a time: the memory of a recorded step is some 100 kB a point.
AT_ONCE = 4096


def linearise_by_torch(
    law: Material, F: torch.Tensor, time: Time, dt: Time, state: State
) -> tuple[torch.Tensor, State, torch.Tensor]:
    """What `Material.linearise` gives, for a law whose `update` is made of torch's operations.

    A law of one's own gets its tangent by

        def linearise(self, F, time, dt, state):
            return linearise_by_torch(self, F, time, dt, state)

    unless its `update` leaves torch (numpy, `.item()`), writes into what is recorded, or branches
    on what it looks at.

    Args:
        law, F, time, dt, state: as of `Material.linearise`.
    """
    sigma, new, slope = stress_and_slope(
        lambda moved, start: law.update(moved, time, dt, start), F, state
    )
    return sigma, new, piola_tangent(F, sigma, slope)


def stress_and_slope(
    step: Callable[[torch.Tensor, State], tuple[torch.Tensor, State]], U: torch.Tensor, state: State
) -> tuple[torch.Tensor, State, torch.Tensor]:
    """A step and the derivative of its stress.

    A point's stress depends on its own stretch alone, so that one backward pass for each component
    of the stress gives that component's derivative at all points.

    Args:
        step: from U at the end of a step, and the state at its beginning, to stress and new state,
            by operations that torch can differentiate.
        U: *Shape* `(n, d, d)`, float64.
        state: first axes n.

    Returns:
        Stress and new state of `step`, and ∂σ_ij/∂U_kl at [n, i, j, k, l], *Shape*
        `(n, d, d, d, d)`, float64.
    """
    parts = [
        _recorded(step, U[k : k + AT_ONCE], {a: b[k : k + AT_ONCE] for a, b in state.items()})
        for k in range(0, max(len(U), 1), AT_ONCE)
    ]
    sigma, slope = (torch.cat([part[k] for part in parts]) for k in (0, 2))
    new = {name: torch.cat([part[1][name] for part in parts]) for name in parts[0][1]}
    return sigma, new, slope


def _recorded(
    step: Callable, U: torch.Tensor, state: State
) -> tuple[torch.Tensor, State, torch.Tensor]:
    d = U.shape[-1]
    U = U.detach().clone().requires_grad_()
    slope = torch.zeros(len(U), d, d, d, d, dtype=U.dtype, device=U.device)
    with torch.enable_grad():
        sigma, new = step(U, state)
        for i in range(d):
            for j in range(i + 1):
                (by,) = torch.autograd.grad(sigma[:, i, j].sum(), U, retain_graph=True)
                slope[:, i, j] = slope[:, j, i] = by
    return sigma.detach(), {name: value.detach() for name, value in new.items()}, slope


def with_known_slope(U: torch.Tensor, sigma: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    """`sigma`, recorded as a function of U.

    Args:
        U: *Shape* `(n, d, d)`, whose gradient is wanted.
        sigma: stress that was computed from it outside of torch, *Shape* `(n, d, d)`.
        slope: ∂σ_ij/∂U_kl at [n, i, j, k, l], *Shape* `(n, d, d, d, d)`.
    """
    return _Known.apply(U, sigma, slope)


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(ctx, U, sigma, slope):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(slope)
        return sigma.clone()

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (slope,) = ctx.saved_tensors
        return torch.einsum("nij,nijkl->nkl", gradient, slope), None, None
