# SPDX-License-Identifier: MIT
"""Whole histories of a `RecurrentCell` by its compiled kernel, differentiable in the weights."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlms_fenics.surrogate.recurrent import kernel
from mlms_fenics.surrogate.recurrent.cell import FAST, RecurrentCell

_free: list["_Space"] = []


class _Space:
    """Work space that is used again: fresh memory costs more than what is done in it.

    Each run holds one of its own from its forward to its backward pass.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}

    def __call__(self, name: str, *shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        if name not in self.arrays or self.arrays[name].size < size:
            self.arrays[name] = np.empty(size, np.float32)
        return self.arrays[name][:size].reshape(shape)


class _Run(torch.autograd.Function):
    """`RecurrentCell.run` and its gradient in the six weights and biases."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        increments: Tensor,
        dt: Tensor,
        branches: int,
        learning: bool,
        *weights: Tensor,
    ) -> Tensor:  # type: ignore[override]
        n_t, drivers, n = features.shape
        w1, _, _, _, w3, _ = arrays = [np.ascontiguousarray(w.detach().numpy()) for w in weights]
        states, width = w3.shape[0] // 2, w1.shape[0]
        space = _free.pop() if _free else _Space()
        z = space("z", n_t + 1, drivers + states, n)
        z[:n_t, :drivers] = features.numpy()
        z[0, drivers:] = 0.0
        names = ("h1", "d1", "h2", "d2")
        hidden = [space(name, n_t, width, n) for name in names]
        flow = space("flow", n_t, 2 * states, n)
        out = np.empty((n_t, increments.shape[1], n), np.float32)
        given = (increments.numpy(), (FAST * dt).numpy(), branches)
        kernel.forward(*arrays, *given, z, *hidden, flow, out)
        if learning:
            ctx.rest = (space, arrays, given, z, hidden, flow)
        else:
            _free.append(space)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        space, (w1, _, w2, _, w3, b3), given, z, hidden, flow = ctx.rest
        g = np.ascontiguousarray(gradient.numpy())
        found = kernel.backward(g, w1, w2, w3, b3, *given, z, *hidden, flow)
        _free.append(space)
        del ctx.rest
        return None, None, None, None, None, *(torch.from_numpy(x) for x in found)


CHUNK = 128  # points whose layers stay in a core's own cache


def advance(
    cell: RecurrentCell, y: Tensor, features: Tensor, increment: Tensor, dt: Tensor
) -> Tensor:
    """One step, as `RecurrentCell.forward`, compiled where it can be: float32 on a CPU.

    Args:
        cell: the network.
        y: state at the start, *Shape* `(n, state)`.
        features: see `RecurrentCell.features`, *Shape* `(n, 3 elastic + 1)`.
        increment: over elastic_scale, *Shape* `(n, elastic)`.
        dt: step over the reference time, *Shape* `()`.

    Returns:
        The state at the end.
    """
    compiled = y.dtype == torch.float32 and y.device.type == "cpu" and type(cell) is RecurrentCell
    if not compiled:
        return cell(y, cell.from_drivers(features), increment, dt)
    arrays = [w.detach().numpy() for w in network_weights(cell)]
    given = [np.ascontiguousarray(x.numpy()) for x in (features, y, increment)]
    new = torch.empty_like(y)
    scale = np.float32(FAST * float(dt))
    kernel.step(*arrays, *given, scale, cell.branches, min(CHUNK, len(y)), new.numpy())
    return new


def run(cell: RecurrentCell, features: Tensor, increments: Tensor, dt: Tensor) -> Tensor:
    """Whole histories from rest, as `RecurrentCell.run`, in float32 on the CPU.

    Args:
        cell: whose weights get gradients.
        features: of the strain, see `RecurrentCell.features`, *Shape* `(n_t, 3 elastic + 1, n)`.
        increments: over elastic_scale, *Shape* `(n_t, elastic, n)`, contiguous.
        dt: steps over the reference time, *Shape* `(n_t,)`.

    Returns:
        Elastic strain over elastic_scale at the ends of the steps, *Shape* `(n_t, elastic, n)`.
    """
    return _Run.apply(
        features, increments, dt, cell.branches, torch.is_grad_enabled(), *network_weights(cell)
    )


def network_weights(cell: RecurrentCell) -> tuple[Tensor, ...]:
    """w1, b1, w2, b2, w3, b3 as the kernels take them; w1 for (features, state)."""
    first = torch.cat((cell.from_drivers.weight, cell.from_state.weight), dim=1)
    rest = (cell.hidden.weight, cell.hidden.bias, cell.flow.weight, cell.flow.bias)
    return first, cell.from_drivers.bias, *rest
