# SPDX-License-Identifier: MIT
"""Whole histories of a `RecurrentCell` on a GPU, differentiable in the weights.

The loop is that of `kernel`, with its code for what is not the network: a kernel with a thread to a
path, compiled a second time for CUDA. The network is `compiled.network_there`. A step is six
kernels forward and six backward, where autograd's own are about 140.
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
from mlms_fenics.surrogate.compiled.network_there import NetworkThere
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
    return _Walk.apply(features, given, cell.branches, torch.is_grad_enabled(), *layers)


class _Walk(torch.autograd.Function):
    """The loop; layers are weights with the bias as one column more."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        features: Tensor,
        given: tuple[Tensor, ...],
        branches: int,
        learning: bool,
        *layers: Tensor,
    ) -> Tensor:
        n_t, first, n = features.shape
        own, states = branches * given[0].shape[1], len(layers[2]) // 2
        network = NetworkThere(layers, n_t if learning else 1, 1, n)
        z = network.inputs(n_t + 1, first + states)
        z[:n_t, :first] = features
        z[0, first : first + states].zero_()
        ahead, _ = _kernels(branches, states)
        for t in range(n_t):
            network.forward(z[t], t)
            k = t if learning else 0
            launch(ahead, z.device, n, t, k, first, *given, z, network.out)
        if learning:
            ctx.rest = given, branches, first, z, network
        return z[1:, first : first + own].unflatten(1, (branches, -1)).mean(1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        given, branches, first, z, network = ctx.rest
        n_t, n, states = len(given[0]), z.shape[2], network.out.shape[1] // 2
        _, back = _kernels(branches, states)
        gradient = gradient.contiguous()
        limit = torch.linalg.vector_norm(gradient, dim=1).sum(0)
        g, gy = z.new_zeros(states, n), network.begin_backward(first, first + states)
        for t in range(n_t - 1, -1, -1):
            launch(
                back, z.device, n, t, first, *given, z, network.out,
                gradient, limit, gy, g, network.to_out,
            )  # fmt: skip
            network.backward(t)
        found = network.gradients(z[:n_t])
        del ctx.rest
        return None, None, None, None, *found


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
