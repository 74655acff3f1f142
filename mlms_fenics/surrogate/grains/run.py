# SPDX-License-Identifier: MIT
"""Histories and steps of a `GrainCell` by its compiled kernels, in float32 on a CPU."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlms_fenics.surrogate.grains import kernel
from mlms_fenics.surrogate.grains.algebra import PATHS
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.step import step
from mlms_fenics.surrogate.recurrent.cell import FAST
from mlms_fenics.surrogate.recurrent.run import _Space

_free: list[_Space] = []


class _Run(torch.autograd.Function):
    """`GrainCell.run` and its gradient in weights, biases, orientations and shares."""

    @staticmethod
    def forward(
        ctx: Any,
        d: Tensor,
        f: Tensor,
        v: Tensor,
        dt: Tensor,
        size: float,
        learning: bool,
        *weights: Tensor,
    ) -> Tensor:  # type: ignore[override]
        n_t, _, n = d.shape
        arrays = [np.ascontiguousarray(w.detach().numpy()) for w in weights]
        (width, inputs), outputs, m = arrays[0].shape, len(arrays[4]), len(arrays[7])
        space = _free.pop() if _free else _Space()
        A = space("A", n_t + 1, m * n // PATHS, 9, PATHS)
        z = space("z", n_t + 1, inputs, m * n)
        hidden = [space(name, n_t, width, m * n) for name in ("h1", "d1", "h2", "d2")]
        flow = space("flow", n_t, outputs, m * n)
        out = np.empty((n_t, 5, n), np.float32)
        moves, factors, scales = d.numpy(), f.numpy(), (FAST * dt).numpy()
        given = (scales, np.float32(size), A, z, *hidden, flow)
        kernel.forward(*arrays, moves, factors, v.numpy(), *given, out)
        if learning:
            ctx.rest = (space, arrays, (moves, factors, *given))
        else:
            _free.append(space)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        space, (w1, _, w2, _, w3, _, _, share), given = ctx.rest
        g = np.ascontiguousarray(gradient.numpy())
        found = kernel.backward(g, w1, w2, w3, share, *given)
        _free.append(space)
        del ctx.rest
        return None, None, None, None, None, None, *(torch.from_numpy(x) for x in found)


def run(cell: GrainCell, d: Tensor, v: Tensor, dt: Tensor) -> Tensor:
    """`GrainCell.run`, compiled, differentiable in the cell's parameters; arguments as there."""
    n = d.shape[-1]
    more = (0, -n % PATHS)  # paths at rest
    d, v = (torch.nn.functional.pad(x, more).contiguous() for x in (d, v))
    f = cell.rate_factor(d, dt[:, None], axis=1)
    network = (*cell.weights(), cell.orientations().flatten(1), cell.shares())
    given = (dt, float(cell.elastic_scale), torch.is_grad_enabled())
    return _Run.apply(d, f, v, *given, *network)[..., :n]


def advance(
    cell: GrainCell, A: Tensor, y: Tensor, d: Tensor, spin: Tensor, v: Tensor, dt: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One step as `GrainCell.forward`, then turned by `spin`; compiled in float32 on a CPU.

    Args:
        cell: the grains.
        A: rotations by rows, *Shape* `(n, 9 m)`.
        y: states, *Shape* `(n, (5 + q) m)`.
        d, v, dt: see `GrainCell.forward`.
        spin: *Shape* `(n, 3, 3)`.

    Returns:
        A and y at the end, and `GrainCell.stress`.
    """
    if y.dtype != torch.float32 or y.device.type != "cpu":
        new, state = cell(A.unflatten(-1, (-1, 3, 3)), y.unflatten(-1, (cell.grains, -1)), d, v, dt)
        new = spin[:, None] @ new
        return new.flatten(1), state.flatten(1), cell.stress(new, state)
    weights, share = tuple(_array(x) for x in cell.weights()), _array(cell.shares())
    factor = cell.rate_factor(d, dt)
    given = [_array(x) for x in (d, factor[:, None], v[:, None], spin.flatten(1), A, y)]
    new_A, new_y, out = torch.empty(A.shape), torch.empty(y.shape), torch.empty(len(y), 5)
    numbers = (np.float32(FAST * float(dt)), np.float32(float(cell.elastic_scale)))
    step(weights, share, *given, *numbers, *(x.numpy() for x in (new_A, new_y, out)))
    return new_A, new_y, out


def _array(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.detach().numpy())
