# SPDX-License-Identifier: MIT
"""Whole histories of a `GrainCell` on a GPU, differentiable in its parameters.

The loop is that of `kernel`, with its code for what is not the network: a kernel with a thread to a
grain of a path, compiled a second time for CUDA. It ends one step and begins the next, so that a
step is six kernels forward and six backward, where autograd's own are about 300.
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
from mlms_fenics.surrogate.compiled.network_there import NetworkThere
from mlms_fenics.surrogate.grains.algebra import (
    inward,
    outward,
    symmetric,
    times,
    times_symmetric,
    turn,
    turn_back,
)
from mlms_fenics.surrogate.grains.cell import DRIVERS, ELASTIC, GrainCell
from mlms_fenics.surrogate.grains.flow import flow, flow_back
from mlms_fenics.surrogate.recurrent.cell import FAST

_E, _D = ELASTIC, DRIVERS
_TWO = float32(2.0)


def walk_there(cell: GrainCell, d: Tensor, v: Tensor, dt: Tensor) -> Tensor:
    """`GrainCell.run` in float32 where kernels can be launched; arguments as there."""
    n_t, _, n = d.shape
    intervals = dt.reshape(n_t, -1)
    factors = cell.rate_factor(d, intervals, axis=1).expand(n_t, n).contiguous()
    intervals = intervals.expand(n_t, n).contiguous()
    if cell.rates is None:
        strains = FAST * intervals
    else:
        strains = torch.linalg.vector_norm(d, dim=1)
    flat = cell.weights()
    given = d.contiguous(), factors, v.contiguous(), strains, intervals
    given += (cell.elastic_scale.reshape(1),)
    layers = [torch.cat(flat[k : k + 2], dim=1) for k in (0, 2, 4)]
    A0 = cell.orientations().flatten(1)
    stress = _Walk.apply(given, cell.internal, torch.is_grad_enabled(), A0, *layers)
    return (stress.unflatten(2, (cell.grains, n)) * cell.shares()[:, None]).sum(2)


class _Walk(torch.autograd.Function):
    """Stress of each grain `(n_t, 5, m n)`; layers are weights and, beside them, biases."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, given: tuple[Tensor, ...], q: int, learning: bool, A0: Tensor, *layers: Tensor
    ) -> Tensor:
        d = given[0]
        (n_t, _, n), m = d.shape, len(A0)
        inputs = _D + _E + q
        network = NetworkThere(layers, n_t if learning else 1, m, n)
        z = network.inputs(n_t + 1, inputs)
        z[0, _D:inputs].zero_()
        A = d.new_empty(n_t + 1, 9, m * n)
        A[0] = A0.T[:, :, None].expand(-1, -1, n).flatten(1)
        stress = d.new_empty(n_t, _E, m * n)
        ahead, _ = _kernels(q, len(layers[2]))
        for t in range(-1, n_t):
            if t >= 0:
                network.forward(z[t], t)
            k = t if learning else 0
            launch(ahead, d.device, m * n, t, k, *given, A, z, network.out, stress)
        if learning:
            ctx.rest = given, q, A, z, network
        return stress

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        given, q, A, z, network = ctx.rest
        n_t, n, columns = len(given[0]), given[0].shape[2], A.shape[2]
        _, back = _kernels(q, network.out.shape[1])
        gradient = gradient.contiguous()
        gp, G, gs = (z.new_zeros(rows, columns) for rows in (_E, 9, _E + q))
        gz = network.begin_backward(0, _D + _E + q)
        for t in range(n_t - 1, -2, -1):
            launch(
                back, z.device, columns, t, *given, A, z, network.out,
                gradient, gz, gp, G, gs, network.to_out,
            )  # fmt: skip
            if t >= 0:
                network.backward(t)
        to_A0 = G.unflatten(1, (-1, n)).sum(2).T
        found = network.gradients(z[:n_t])
        del ctx.rest
        return None, None, None, to_A0, *found


@lru_cache(maxsize=1)
def _one_column() -> Callable:
    """`algebra.columns` of a thread's own column."""
    return cuda.jit(device=True)(lambda x: 1)


@lru_cache(maxsize=16)
def _kernels(q: int, outputs: int) -> tuple[Callable, Callable]:
    """What is between the networks of two steps, and its gradient."""
    names = {"exp": math.exp, "_N": 1, "columns": _one_column()}
    symmetric_of, times_of, times_symmetric_of, inward_of, outward_of = (
        twin(f, **names) for f in (symmetric, times, times_symmetric, inward, outward)
    )
    turn_of, turn_back_of, flow_of, flow_back_of = (
        twin(f, **names) for f in (turn, turn_back, flow, flow_back)
    )
    states, end, driven = _E + q, _D + _E + q, 2 * _E
    six, nine, five = (6, 1), (9, 1), (_E, 1)
    spins, four, three, own_rows = (12, 1), (4, 1), (3, 1), (states, 1)

    @cuda.jit
    def ahead(t, k, d, f, v, strains, intervals, size, A, z, o, stress):
        j = cuda.grid(1)
        if j >= z.shape[2]:
            return
        p = j % d.shape[2]
        D = cuda.local.array(six, float32)
        M = cuda.local.array(nine, float32)
        if t >= 0:
            w = cuda.local.array(spins, float32)
            amount = cuda.local.array(four, float32)
            new, after = z[t + 1, _D:end, j : j + 1], A[t + 1, :, j : j + 1]
            flow_of(
                z[t, _E:end, j : j + 1], o[k, :, j : j + 1], strains[t, p : p + 1],
                intervals[t, p : p + 1], size[0], q, new, amount, w,
            )  # fmt: skip
            turn_of(A[t, :, j : j + 1], w, after)
            symmetric_of(new, D)
            times_symmetric_of(after, D, M)
            outward_of(after, M, stress[t, :, j : j + 1])
        s = t + 1
        if s < d.shape[0]:
            now, moved = A[s, :, j : j + 1], z[s, _E:driven, j : j + 1]
            symmetric_of(d[s, :, p : p + 1], D)
            times_of(D, now, M)
            inward_of(now, M, moved)
            for i in range(_E):
                z[s, i, j] = moved[i, 0] * f[s, p]
            z[s, driven, j] = v[s, p]

    @cuda.jit
    def back(t, d, f, v, strains, intervals, size, A, z, o, g_out, gz, gp, G, gs, go):
        j = cuda.grid(1)
        if j >= z.shape[2]:
            return
        p = j % d.shape[2]
        D = cuda.local.array(six, float32)
        M = cuda.local.array(nine, float32)
        K = cuda.local.array(nine, float32)
        c = cuda.local.array(five, float32)
        own, turned = gs[:, j : j + 1], G[:, j : j + 1]
        s = t + 1
        if s < d.shape[0]:  # what came through the network of the step after
            for i in range(_E):
                c[i, 0] = gp[i, j] + gz[_E + i, j] + gz[i, j] * f[s, p]
            for i in range(states):
                own[i, 0] += gz[_D + i, j]
            symmetric_of(d[s, :, p : p + 1], D)
            times_of(D, A[s, :, j : j + 1], M)
            symmetric_of(c, D)
            times_symmetric_of(M, D, K)
            for i in range(9):
                turned[i, 0] += _TWO * K[i, 0]
        if t >= 0:
            w = cuda.local.array(spins, float32)
            amount = cuda.local.array(four, float32)
            work = cuda.local.array(four, float32)
            gw = cuda.local.array(three, float32)
            new = cuda.local.array(own_rows, float32)
            pull, moved = z[t, _E:end, j : j + 1], o[t, :, j : j + 1]
            now, after = A[t, :, j : j + 1], A[t + 1, :, j : j + 1]
            strain = strains[t, p : p + 1]
            flow_of(pull, moved, strain, intervals[t, p : p + 1], size[0], q, new, amount, w)
            turn_of(now, w, M)
            # Through the stress: 2 H A S and Aᵀ H A.
            symmetric_of(g_out[t, :, j : j + 1], D)
            times_of(D, after, M)
            inward_of(after, M, c)
            for i in range(_E):
                own[i, 0] += c[i, 0]
            symmetric_of(new, D)
            times_symmetric_of(M, D, K)
            for i in range(9):
                turned[i, 0] += _TWO * K[i, 0]
            turn_back_of(now, w, turned, gw, K)
            flow_back_of(
                pull, moved, strain, size[0], q, new, amount, gw, own, go[t, :, j : j + 1],
                gp[:, j : j + 1], work,
            )  # fmt: skip

    return ahead, back
