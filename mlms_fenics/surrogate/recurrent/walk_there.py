# SPDX-License-Identifier: MIT
"""Whole histories of a `RecurrentCell` on a GPU, differentiable in the weights.

The loop is that of `kernel`, with its code for what is not the network: a kernel with a thread to a
path, compiled a second time for CUDA. Products are PyTorch's, and gradients of the weights are
summed over all steps at once. A step is six kernels forward and six backward, where autograd's own
are about 140.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from numba import cuda, float32
from torch import Tensor

from mlms_fenics.gpu.launch import launch
from mlms_fenics.gpu.twins import twin
from mlms_fenics.surrogate.compiled.functions import add
from mlms_fenics.surrogate.recurrent.cell import FAST, RecurrentCell
from mlms_fenics.surrogate.recurrent.flow import drives, move, move_back, speed, speed_back
from mlms_fenics.surrogate.recurrent.kernel import shorten
from mlms_fenics.surrogate.recurrent.run import network_weights

_F = float32


def walk_there(cell: RecurrentCell, e: Tensor, v: Tensor, dt: Tensor) -> Tensor:
    """Whole histories from rest, as `RecurrentCell.run`, in float32 where kernels can be launched.

    Args:
        cell: whose weights get gradients, in the state bounded as in `kernel.backward`.
        e: deviatoric strain, *Shape* `(n_t + 1, n, elastic)`, zero at first.
        v: ln J, *Shape* `(n_t + 1, n, 1)`.
        dt: of each path, over the reference time, *Shape* `(n_t, n)`.

    Returns:
        Elastic strain over elastic_scale at the ends of the steps, *Shape* `(n_t, elastic, n)`.
    """
    features = cell.features(e[:-1], e[1:], v[1:], dt[..., None]).transpose(1, 2)
    increments = (e.diff(dim=0) / cell.elastic_scale).transpose(1, 2).contiguous()
    if cell.rates is None:
        strains = FAST * dt
    else:
        strains = torch.linalg.vector_norm(increments, dim=1)
    given = increments, strains.contiguous(), dt.contiguous()
    flat = network_weights(cell)
    layers = [torch.cat(flat[k : k + 2], dim=1) for k in (0, 2, 4)]
    return _Walk.apply(features, *given, cell.branches, torch.is_grad_enabled(), *layers)


class _Walk(torch.autograd.Function):
    """The loop; layers are weights with the bias as one column more, to which one row is 1."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        features: Tensor,
        increments: Tensor,
        strains: Tensor,
        times: Tensor,
        branches: int,
        learning: bool,
        w1: Tensor,
        w2: Tensor,
        w3: Tensor,
    ) -> Tensor:
        n_t, first, n = features.shape
        elastic, states, width = increments.shape[1], len(w3) // 2, len(w1)
        ahead, _ = _kernels(branches, states)
        z = features.new_ones(n_t + 1, first + states + 1, n)
        z[:n_t, :first] = features
        z[0, first:-1].zero_()
        kept = n_t if learning else 1
        a1, a2 = (z.new_empty(kept, width, n) for _ in range(2))
        h1, h2 = (z.new_ones(kept, width + 1, n) for _ in range(2))
        flow = z.new_empty(kept, len(w3), n)
        silu = torch.ops.aten.silu.out
        for t in range(n_t):
            k = t if learning else 0
            torch.mm(w1, z[t], out=a1[k])
            silu(a1[k], out=h1[k, :width])
            torch.mm(w2, h1[k], out=a2[k])
            silu(a2[k], out=h2[k, :width])
            torch.mm(w3, h2[k], out=flow[k])
            launch(ahead, z.device, n, t, k, first, increments, strains, times, z, flow)
        if learning:
            ctx.rest = increments, strains, times, branches, (w1, w2, w3), z, a1, h1, a2, h2, flow
        own = z[1:, first : first + branches * elastic].unflatten(1, (branches, elastic))
        return own.mean(1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        increments, strains, times, branches, weights, z, a1, h1, a2, h2, flow = ctx.rest
        n_t, _, n = a1.shape
        states = flow.shape[1] // 2
        first = z.shape[1] - states - 1
        w1, w2, w3 = weights
        w1t = w1[:, first:-1].T.contiguous()
        w2t, w3t = w2[:, :-1].T.contiguous(), w3[:, :-1].T.contiguous()
        _, back = _kernels(branches, states)
        gradient = gradient.contiguous()
        limit = torch.linalg.vector_norm(gradient, dim=1).sum(0)
        g, gy = z.new_zeros(states, n), z.new_zeros(states, n)
        gf, g1, g2 = torch.empty_like(flow), torch.empty_like(a1), torch.empty_like(a2)
        steep = torch.ops.aten.silu_backward.grad_input
        for t in range(n_t - 1, -1, -1):
            launch(
                back, z.device, n, t, first, increments, strains, times, z, flow,
                gradient, limit, gy, g, gf,
            )  # fmt: skip
            torch.mm(w3t, gf[t], out=g2[t])
            steep(g2[t], a2[t], grad_input=g2[t])
            torch.mm(w2t, g2[t], out=g1[t])
            steep(g1[t], a1[t], grad_input=g1[t])
            torch.mm(w1t, g1[t], out=gy)
        pairs = ((g1, z[:n_t]), (g2, h1), (gf, h2))
        found = [_outer(a, b) for a, b in pairs]
        del ctx.rest
        return None, None, None, None, None, None, *found


def _outer(a: Tensor, b: Tensor) -> Tensor:
    """Sum over steps and paths of products, `(n_t, i, n)` and `(n_t, j, n)` to `(i, j)`."""
    return torch.bmm(a, b.transpose(1, 2)).sum(0)


@lru_cache(maxsize=16)
def _kernels(branches: int, states: int) -> tuple[Callable, Callable]:
    """What follows the network in a step, and its gradient: a thread to a path."""
    names = {"exp": math.exp}
    drive_of, speed_of, move_of, move_back_of, speed_back_of, add_to, shorter = (
        twin(f, **names) for f in (drives, speed, move, move_back, speed_back, add, shorten)
    )
    squares, driven, work = (branches, 1), (branches + 1, 1), (2 * branches + 2, 1)

    @cuda.jit
    def ahead(t, k, first, increments, strains, times, z, flow):
        p = cuda.grid(1)
        if p >= z.shape[2]:
            return
        square = cuda.local.array(squares, float32)
        drive = cuda.local.array(driven, float32)
        scale = cuda.local.array(1, float32)
        y, now = z[t, first : first + states, p : p + 1], flow[k, :, p : p + 1]
        change = increments[t, :, p : p + 1]
        drive_of(y, change, branches, square, drive)
        speed_of(now, 2 * states, strains[t, p : p + 1], times[t, p : p + 1], scale)
        new = z[t + 1, first : first + states, p : p + 1]
        move_of(y, now, change, branches, scale, square, drive, new)

    @cuda.jit
    def back(t, first, increments, strains, times, z, flow, g_out, limit, gy, g, gf):
        p = cuda.grid(1)
        if p >= z.shape[2]:
            return
        square = cuda.local.array(squares, float32)
        drive = cuda.local.array(driven, float32)
        gs = cuda.local.array(work, float32)
        scale = cuda.local.array(1, float32)
        to_scale = cuda.local.array(1, float32)
        own, out = g[:, p : p + 1], gf[t, :, p : p + 1]
        elastic = increments.shape[1]
        if t + 1 < increments.shape[0]:  # what came through the network of the step after
            add_to(own, gy[:, p : p + 1])
            shorter(own, limit[p : p + 1], scale)
        for i in range(branches * elastic):
            own[i, 0] += g_out[t, i % elastic, p] / _F(branches)
        y, now = z[t, first : first + states, p : p + 1], flow[t, :, p : p + 1]
        change, strain = increments[t, :, p : p + 1], strains[t, p : p + 1]
        drive_of(y, change, branches, square, drive)
        speed_of(now, 2 * states, strain, times[t, p : p + 1], scale)
        move_back_of(y, now, change, branches, scale, square, drive, own, out, gs, to_scale)
        speed_back_of(now, 2 * states, strain, scale, to_scale, out)

    return ahead, back
